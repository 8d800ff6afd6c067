"""What every HTTP request passes: the limit of its size, the count, the log line of a refusal.

And what ends it when its client is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http.client import responses

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("lakatos.serve")

LOOK_AFTER_S = 0.02
"""When it is looked whether the client of a request still waits."""

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
    status, and `scope["state"]["why"]` where a handler put it, else the status in words.
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
            told = scope.get("state", {}).get("why") or responses.get(status, "")
            why = "the client is gone" if status == CLIENT_GONE else " ".join(str(told).split())
            log.warning("%s %s %s: %d %s", client, scope["method"], _shown(scope), status, why)


class EndWithClient:
    """Cancels what is done for a request when its client is gone before the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return
        waiting = _WaitingClient(receive, send, task)
        try:
            await self._app(scope, waiting.receive, waiting.send)
            if waiting.is_gone:
                await asyncio.sleep(0)  # the cancellation comes here, where it did not before
        except asyncio.CancelledError:
            if not waiting.is_gone or task.uncancel():  # or somebody else cancels too
                raise
        finally:
            await waiting.stop()


class _WaitingClient:
    """A client that waits for an answer. work: what is cancelled when it is gone.

    Most answers are there before it is worth a task of its own to look.
    """

    def __init__(self, receive: Receive, send: Send, work: asyncio.Task[None]) -> None:
        self._receive = receive
        self._send = send
        self._work = work
        self._is_answered = False
        self._looking: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self.is_gone = False

    async def receive(self) -> Message:
        """Its next message. When it has sent all, somebody looks whether it is still there."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._leave()
        elif not message.get("more_body") and self._soon is None:
            loop = asyncio.get_running_loop()
            self._soon = loop.call_later(LOOK_AFTER_S, self._look)
        return message

    async def send(self, message: Message) -> None:
        """Send it a part of the answer, where it is still there."""
        if self.is_gone:
            return  # as when half a body came: an answer of 400 would be counted and logged
        await self._send(message)
        self._is_answered = message["type"] == "http.response.body" and not message.get("more_body")

    async def stop(self) -> None:
        """Look no more."""
        if self._soon is not None:
            self._soon.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _look(self) -> None:
        self._looking = asyncio.create_task(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        if not (self._is_answered or self.is_gone):
            self.is_gone = True
            self._work.cancel()


def _shown(scope: Scope) -> str:
    """The path of a request; of a session's only its route, for the id is a secret."""
    route = getattr(scope.get("route"), "path", None)
    path = str(scope["path"])
    return str(route) if route and "{name}" in route else path[:200]
