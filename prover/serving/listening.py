"""The socket that a server listens at."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ...data.errors import UsageError


@contextmanager
def listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """Listen there; the socket, and its address as a URL. Raises UsageError where that cannot be.

    port: 0 takes a free one.
    """
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
        yield listener, f"http://{name}:{listener.getsockname()[1]}"
