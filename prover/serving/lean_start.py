"""One Lean for the clients of a server, started in the background, and what is kept for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

from ...data.errors import LakatosError, UsageError
from ...lean_env.closing import Closing
from ..concurrency import ended
from ..lean_parts import LeanParts
from ..retrieval.base import Lexical
from .fair_queue import FairQueue, QueueFull
from .kept_states import KeptStates
from .snippets import SnippetChecker

OpenParts = Callable[[], AbstractAsyncContextManager[LeanParts]]
"""Starts a Lean, and ends it."""


WARM = "theorem warm (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩\n"
"""A text that a new Lean checks: the first one takes longer than those after it."""


@dataclass(frozen=True)
class ServedLean:
    """A Lean and what is kept of its clients' texts."""

    parts: LeanParts
    checker: SnippetChecker
    kept: KeptStates
    queue: FairQueue
    lexical: Lexical

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """A place for work, when the client's turn comes. Raises UsageError when too many wait."""
        try:
            async with self.queue.place(client):
                yield
        except QueueFull:
            raise UsageError(f"busy: {self.queue.waiting} requests wait; ask again later") from None


class LeanStart(Closing):
    """Starts a Lean in the background; in `async with`, which ends it.

    Args:
        open_parts: starts it.
        most_waiting: requests that may wait for a worker.
        judge: whether texts without an error go to the judge too.
    """

    def __init__(
        self, open_parts: OpenParts, *, most_waiting: int = 256, judge: bool = True
    ) -> None:
        self._open_parts = open_parts
        self._most_waiting = most_waiting
        self._judge = judge
        self._stack = AsyncExitStack()
        self._starting: asyncio.Task[ServedLean] | None = None

    async def lean(self) -> ServedLean:
        """The Lean, when it is there. Raises what its start raised; the next call starts anew."""
        if self._starting is None or _has_failed(self._starting):
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[ServedLean]:
        """The Lean, for a server that began before or begins with it; it is not ended here."""
        yield await self.lean()

    async def _start(self) -> ServedLean:
        async with AsyncExitStack() as stack:
            parts = await stack.enter_async_context(self._open_parts())
            checker = SnippetChecker(parts, judge=self._judge)
            kept = KeptStates(checker)
            stack.push_async_callback(kept.close)
            stack.push_async_callback(ended, asyncio.create_task(_warm(parts, checker)))
            self._stack = stack.pop_all()
        queue = FairQueue(parts.pool.workers, self._most_waiting)
        return ServedLean(parts, checker, kept, queue, Lexical(parts.premises))

    async def __aenter__(self) -> Self:
        self._starting = asyncio.create_task(self._start())
        return self

    async def close(self) -> None:
        """End it, or its start."""
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError, LakatosError):
                await self._starting
        await self._stack.aclose()


async def _warm(parts: LeanParts, checker: SnippetChecker) -> None:
    """Have a worker and a judge at hand, both started at once, that have done such work before.

    What hinders them is told where they are needed.
    """
    with suppress(LakatosError):
        await asyncio.gather(parts.pool.open("warm.lean", ""), parts.verifier.open_ahead(""))
        await checker.check(WARM, 60.0)


def _has_failed(task: asyncio.Task[ServedLean]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
