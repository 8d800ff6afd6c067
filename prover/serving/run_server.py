"""Serves an app at a socket until a signal comes."""

from __future__ import annotations

import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

DRAIN_S = 60
"""Seconds that requests under way get when the server is told to end."""
KEEP_ALIVE_S = 75
"""Seconds that a connection stays open without a request: clients think between tactics."""


class _Server(uvicorn.Server):
    """Ends at a signal, and leaves the rest of the process to those who run it."""

    was_interrupted = False

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Meanwhile, a signal ends the server; it is not raised again, as uvicorn does."""
        signals = signal.SIGINT, signal.SIGTERM
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; at a second Ctrl-C, at once."""
        self.was_interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)


async def run_server(app: ASGIApp, listener: socket.socket) -> int:
    """Serve; the exit code. In the main thread."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config)
    await server.serve(sockets=[listener])
    if server.was_interrupted:
        return 130
    return 0 if server.started else 3
