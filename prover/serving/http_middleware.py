"""What every HTTP request passes: the limit of its size, the count, the log line of a refusal.

And what ends it when its client is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("lakatos.serve")

CLIENT_GONE = 499
"""The status that is counted where nobody waits for an answer."""


class BodyLimit:
    """Refuses bodies that are too large, also those that do not say their length."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413, f"a request may have {self._most:,} bytes")
            return message

        await self._app(scope, limited, send)


class RequestLog:
    """Counts requests, and logs one line for each that is refused.

    count: told the route's path and the status of each. A line has the client, the request, the
    status, and `scope["state"]["why"]` where a handler put it.
    """

    def __init__(self, app: ASGIApp, count: Callable[[str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_noted = False

        async def noted(message: Message) -> None:
            nonlocal is_noted
            if message["type"] == "http.response.start":
                is_noted = True  # before whoever reads the answer can look for it
                self._note(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except BaseException:
            if not is_noted:
                self._note(scope, 500)
            raise
        if not is_noted:
            self._note(scope, CLIENT_GONE)

    def _note(self, scope: Scope, status: int) -> None:
        self._count(getattr(scope.get("route"), "path", "unknown"), status)
        if status >= 400:
            client = scope["client"][0] if scope.get("client") else "?"
            why = scope.get("state", {}).get("why", "")
            why = "the client is gone" if status == CLIENT_GONE else " ".join(str(why).split())
            log.warning("%s %s %s: %d %s", client, scope["method"], _shown(scope), status, why)


class EndWithClient:
    """Cancels what is done for a request when its client is gone before the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: asyncio.Queue[Message] = asyncio.Queue(1)
        is_answered = is_gone = False

        async def noted(message: Message) -> None:
            nonlocal is_answered
            await send(message)
            is_answered = message["type"] == "http.response.body" and not message.get("more_body")

        async def listen() -> None:
            nonlocal is_gone
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                await received.put(message)
            if not is_answered:
                is_gone = True
                work.cancel()

        work = asyncio.create_task(self._serve(scope, received.get, noted))
        listening = asyncio.create_task(listen())
        try:
            await work
        except asyncio.CancelledError:
            if not is_gone:
                raise
        finally:
            work.cancel()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _shown(scope: Scope) -> str:
    """The path of a request; of a session's only its route, for the id is a secret."""
    route = getattr(scope.get("route"), "path", None)
    path = str(scope["path"])
    return str(route) if route and "{name}" in route else path[:200]
