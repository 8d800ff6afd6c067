"""Requests of leanprover-community/repl from a stream, answers to another, until the first ends."""

from __future__ import annotations

import asyncio
import json
import select
import threading
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from .repl_session import ReplSession


async def serve_stream(
    session: ReplSession, stream: BinaryIO, write: Callable[[str], None]
) -> None:
    """Answer the requests of a stream in order. Raises EnvironmentFault, and what `write` does."""
    async for text in requests(lines_of(stream)):
        answer = await session.answer(text)
        write(json.dumps(answer, ensure_ascii=False) + "\n\n")


async def requests(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Each request: lines up to an empty one or the end. Those that begin with # or -- are none."""
    kept: list[str] = []
    async for line in lines:
        if line.strip():
            kept.append(line.rstrip())
            continue
        if kept and not kept[0].startswith(("#", "--")):
            yield "".join(kept)
        kept = []
    if kept and not kept[0].startswith(("#", "--")):
        yield "".join(kept)


async def lines_of(stream: BinaryIO) -> AsyncIterator[str]:
    """Lines as they come. A thread reads, which ends with the process where nothing comes."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        line = b"-"
        while line:
            line = stream.readline()
            try:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            except RuntimeError:  # the loop is closed: nobody waits for it
                return

    threading.Thread(target=read, daemon=True).start()
    while line := await queue.get():
        yield line.decode(errors="replace")


def watch_reader(descriptor: int, gone: Callable[[], None]) -> None:
    """Call `gone` when nobody reads the pipe or socket that we write to, even while Lean works."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)  # errors only
        poll.poll()
        try:
            loop.call_soon_threadsafe(gone)
        except RuntimeError:
            return

    if hasattr(select, "poll"):
        threading.Thread(target=watch, daemon=True).start()
