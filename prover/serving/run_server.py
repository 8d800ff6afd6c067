"""Listens, says where, and serves until a signal comes."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from ...data.errors import UsageError

DRAIN_S = 60
"""Seconds that requests under way get when the server is told to end."""
KEEP_ALIVE_S = 75
"""Seconds that a connection stays open without a request: clients think between tactics."""


def run_server(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> int:
    """Serve; the exit code. ready: told the address. Raises UsageError where it cannot listen."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(info[4][:2], family=info[0])
    except OSError as error:
        raise UsageError(f"cannot listen at {host}:{port}: {error.strerror or error}") from None
    with listener:
        # the head and the body of an answer are two writes: the second must not wait for an
        # acknowledgement, which takes 40 ms; asyncio sees to that only for sockets of its own
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
    return 0 if server.started else 3
