"""What every HTTP request passes: the limit of its size, the count, the log line of a refusal."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("lakatos.serve")


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
        status = 500  # of one that ends in an exception

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._count(getattr(scope.get("route"), "path", "unknown"), status)
            if status >= 400:
                client = scope["client"][0] if scope.get("client") else "?"
                why = scope.get("state", {}).get("why", "")
                asked = f"{scope['method']} {_shown(scope)}"
                log.warning("%s %s: %d %s", client, asked, status, " ".join(str(why).split()))


def _shown(scope: Scope) -> str:
    """The path of a request; of a session's only its route, for the id is a secret."""
    route = getattr(scope.get("route"), "path", None)
    path = str(scope["path"])
    return str(route) if route and "{name}" in route else path[:200]
