"""Who is served next: clients in turn, so that one with many requests delays no other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class QueueFull(Exception):
    """So many wait already that a new request is refused."""


class FairQueue:
    """Places for work, given to the clients in turn.

    Args:
        places: how much is done at once.
        most: how many requests may wait, those of all clients together.
    """

    def __init__(self, places: int, most: int) -> None:
        self._free = places
        self._most = most
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return sum(len(each) for each in self._waiting.values())

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """A place, when the client's turn comes. Raises QueueFull at once when too many wait."""
        await self._take(client)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, client: str) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._most:
            raise QueueFull
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # its turn came, and nobody is there any more
            else:
                self._remove(client, turn)
            raise

    def _remove(self, client: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting[client]
        turns.remove(turn)
        if not turns:
            del self._waiting[client]

    def _give_back(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        client, turns = self._waiting.popitem(last=False)
        turns.popleft().set_result(None)
        if turns:
            self._waiting[client] = turns  # behind all others
