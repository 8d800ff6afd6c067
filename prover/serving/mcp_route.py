"""MCP at a path of the HTTP server, with the same key, log and Lean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from .http_key import key_fault
from .http_middleware import RequestLog
from .lean_start import LeanStart, ServedLean
from .mcp_app import ProofServer


class McpRoute:
    """An HTTP server that serves MCP at /mcp too.

    Args:
        app: everything else.
        tools: those of MCP.
        host: the address that it listens at; on loopback, requests for other hosts are refused.
        key: what clients must send as `Authorization: Bearer KEY`; None: nothing.
        body_bytes: of one request; larger ones are refused with status 413.
    """

    def __init__(
        self, app: FastAPI, tools: ProofServer, *, host: str, key: str | None, body_bytes: int
    ) -> None:
        self._app = app
        self._mcp = tools.server.streamable_http_app(host=host, max_request_body_size=body_bytes)
        self._logged = RequestLog(self._serve, lambda _, status: self._count(status))
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"] != "/mcp":
            await self._app(scope, receive, send)
        else:
            await self._logged(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if fault := key_fault(request.headers, self._key):
            request.state.why = fault
            await JSONResponse({"detail": fault}, 401)(scope, receive, send)
        else:
            await self._mcp(scope, receive, send)

    def _count(self, status: int) -> None:
        self._app.state.service.count("/mcp", status)


@asynccontextmanager
async def lean_with_mcp(tools: ProofServer, start: LeanStart) -> AsyncIterator[ServedLean]:
    """The Lean of an HTTP server that serves MCP too: both have the same queue."""
    async with tools.server.session_manager.run():
        yield await start.lean()
        await tools.finish()
