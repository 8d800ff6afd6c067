"""The pipes of a process: whole lines of stdout, the last of stderr, the end told once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from ..data.errors import ToolchainError
from .worker_command import WorkerCommand

LINE_LIMIT_BYTES = 64 * 2**20
STDERR_LINES = 40
STDERR_LINE_CHARACTERS = 400


class ProcessPipes(asyncio.SubprocessProtocol):
    """What a process says.

    Args:
        on_line: takes each line of stdout, without its end.
        on_overlong: told of a line over LINE_LIMIT_BYTES.
        on_end: told once, when the process has ended and its pipes are closed.
    """

    def __init__(
        self,
        on_line: Callable[[bytes], None],
        on_overlong: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_line = on_line
        self._on_overlong = on_overlong
        self._on_end = on_end
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._stderr_rest = ""
        self._is_over = False
        self.pid = 0
        self.exit_status: int | None = None

    async def spawn(self, command: WorkerCommand) -> None:
        """Start the process. Raises ToolchainError when the system cannot."""
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *command.argv,
                env=dict(command.env),
                cwd=command.cwd,
                start_new_session=True,
            )
        except OSError as error:
            text = f"cannot start Lean ({command.argv[0]}): {error.strerror}"
            raise ToolchainError(text) from error

    @property
    def stderr_tail(self) -> tuple[str, ...]:
        """The last lines of stderr, oldest first."""
        last = [self._stderr_rest] if self._stderr_rest else []
        return (*self._stderr, *last)

    @property
    def tail_text(self) -> str:
        """The last line of stderr, ready to end a message."""
        tail = self.stderr_tail
        return f"; stderr ends: {tail[-1]}" if tail else ""

    def write(self, data: bytes) -> None:
        """Queue bytes for the process's stdin; a dead process is told of by `on_end`."""
        self._stdin.write(data)

    def end_input(self) -> None:
        """Close the process's stdin."""
        if not self._is_over:
            self._stdin.close()

    def kill(self) -> None:
        """Kill the whole process group."""
        if not self._is_over:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's call: the process was started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """asyncio's call: the process wrote to stdout or stderr."""
        if fd == 2:
            self._keep_stderr(data)
            return
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = b"".join((*self._parts, data[start:end])) if self._parts else data[start:end]
            self._parts.clear()
            self._parts_bytes = 0
            start = end + 1
            self._on_line(line)
        if start < len(data):
            self._parts.append(data[start:])
            self._parts_bytes += len(data) - start
            if self._parts_bytes > LINE_LIMIT_BYTES:
                self._parts.clear()
                self._parts_bytes = 0
                self._on_overlong()

    def process_exited(self) -> None:
        """asyncio's call: the process ended; its pipes may stay open a while."""
        self.exit_status = self._transport.get_returncode()
        self.kill()
        asyncio.get_running_loop().call_later(1.0, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's call: process and pipes have ended."""
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._transport.close()
            self._on_end()

    def _keep_stderr(self, data: bytes) -> None:
        *lines, rest = (self._stderr_rest + data.decode(errors="replace")).split("\n")
        for line in lines[-STDERR_LINES:]:
            self._stderr.append(line[:STDERR_LINE_CHARACTERS])
        self._stderr_rest = rest[:STDERR_LINE_CHARACTERS]
