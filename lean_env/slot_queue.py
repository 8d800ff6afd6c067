"""Who gets which worker of a pool: first come, first served, the one that suits best.

A file that is slow to open is waited for where it is open, but no longer than it takes to open it
once more: what runs there may take much longer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ..data.errors import UsageError
from .handles import Recipe
from .slot import WorkerSlot


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits. digest: of a file that the slot must have; empty: any will do."""

    slot: asyncio.Future[WorkerSlot]
    digest: str


class SlotQueue:
    """The slots of a pool that nobody uses, and who waits for one.

    slow: how many seconds it takes to open such files, by digest.
    """

    def __init__(self, slots: Sequence[WorkerSlot]) -> None:
        self._slots = slots
        self._waiting: deque[_Waiting] = deque()
        self.free = list(slots)
        self.slow: dict[str, float] = {}

    def close(self, error: UsageError) -> None:
        """Tell everybody who waits."""
        while self._waiting:
            waiter = self._waiting.popleft().slot
            if not waiter.done():
                waiter.set_exception(error)

    async def take(self, root: str, recipe: Recipe | None) -> WorkerSlot:
        """A slot for work on a root, or on any file when that is empty."""
        digest = _digest(root) if _digest(root) in self.slow else ""
        if fitting := [slot for slot in self.free if self._fits(slot, digest)]:
            slot = max(fitting, key=lambda slot: _affinity(slot, root, recipe))
            self.free.remove(slot)
            return slot
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[WorkerSlot] = loop.create_future()
        waiting = _Waiting(waiter, digest)
        self._waiting.append(waiting)
        patience = loop.call_later(self.slow[digest], self._take_any, waiting) if digest else None
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())
            raise
        finally:
            if patience is not None:
                patience.cancel()

    def _take_any(self, waiting: _Waiting) -> None:
        """Give whoever waits any slot from now on."""
        waiting.digest = ""
        if self.free and waiting in self._waiting and not waiting.slot.done():
            self._waiting.remove(waiting)
            waiting.slot.set_result(self.free.pop())

    def take_without(self, digest: str) -> list[WorkerSlot]:
        """The free slots that have not got a file."""
        taken = [slot for slot in self.free if not slot.handles.has_file(digest)]
        self.free = [slot for slot in self.free if slot not in taken]
        return taken

    def give_back(self, slot: WorkerSlot) -> None:
        """Give a slot to the first who can use it."""
        self._waiting = deque(each for each in self._waiting if not each.slot.done())
        for waiting in self._waiting:
            if self._fits(slot, waiting.digest):
                self._waiting.remove(waiting)
                waiting.slot.set_result(slot)
                return
        self.free.append(slot)

    def _fits(self, slot: WorkerSlot, digest: str) -> bool:
        """Whether a slot has a file, or none has it any more."""
        if not digest or slot.handles.has_file(digest):
            return True
        return not any(each.handles.has_file(digest) for each in self._slots)


def _affinity(slot: WorkerSlot, root: str, recipe: Recipe | None) -> int:
    """How well a slot suits a state: it holds it, has its file open, runs at all."""
    if not slot.is_running:
        return 0
    if recipe is not None and recipe in slot.handles:
        return 3
    return 2 if slot.handles.has_file(_digest(root)) else 1


def _digest(root: str) -> str:
    """Of the file of a root, by its name."""
    return root.partition(":")[0].partition("=")[0]
