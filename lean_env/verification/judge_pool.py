"""Judges for checks side by side: who gets which, and when another one is started."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from .judge import Judge


class JudgePool:
    """Judges, each started when all others are busy and the machine has room for one more.

    most: so many at once; has_room: asked before each but the first.
    """

    def __init__(
        self, make: Callable[[], Judge], most: int, has_room: Callable[[], bool] = lambda: True
    ) -> None:
        self._make = make
        self._most = most
        self._has_room = has_room
        self._judges: list[Judge] = []
        self._homes: dict[str, Judge] = {}
        self._free: list[Judge] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self, source: str, *, is_short: bool = False) -> AsyncIterator[Judge]:
        """A judge of one's own for a while: one that has this file open, if there is a choice.

        is_short: what it is for takes less than to open the file once more; it waits for the judge
        that was given this file first.
        """
        home = self._homes.get(source) if is_short else None
        while not (home in self._free if home else self._free or self._grow()):
            await self._wait()
        judge = home or next((j for j in self._free if j.has_open(source)), self._free[-1])
        if is_short:
            self._homes.setdefault(source, judge)
        self._free.remove(judge)
        try:
            yield judge
        finally:
            self._free.append(judge)
            self._wake_all()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # the judge that was for this one
            raise

    def _wake_all(self) -> None:
        """Let each look whether the judge that it may have is free."""
        for _ in range(len(self._waiting)):
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _grow(self) -> bool:
        count = len(self._judges)
        if count and (count >= self._most or not self._has_room()):
            return False
        self._judges.append(self._make())
        self._free.append(self._judges[-1])
        return True

    async def close(self) -> None:
        """End all of them."""
        async with asyncio.TaskGroup() as group:
            for judge in self._judges:
                group.create_task(judge.close())
