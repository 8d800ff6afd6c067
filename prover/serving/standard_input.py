"""Standard input that can be ended from here, though a thread waits for its next line."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class InterruptibleInput:
    """In `with`, file descriptor 0 gives what standard input gives, until that or `end` ends it.

    A thread that reads a pipe cannot be woken, and a program does not end before its threads.
    """

    def __init__(self) -> None:
        self._given = os.dup(0)
        self._ours, theirs = socket.socketpair()
        os.dup2(theirs.fileno(), 0)
        theirs.close()

    def end(self) -> None:
        """Let its reader see the end. Once more does nothing."""
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    def _relay(self) -> None:
        with suppress(OSError):
            while some := os.read(self._given, 2**16):
                self._ours.sendall(some)
        self.end()

    def __enter__(self) -> Self:
        threading.Thread(target=self._relay, name="standard-input", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
