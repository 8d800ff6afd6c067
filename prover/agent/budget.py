"""What one search may still spend: expansions, steps, time in Lean, model tokens, wall time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

from ...data.records import Expansion, StopReason
from ..config import ProverConfig
from .ladder import is_cut_off, is_replaced, is_unsent

Clock = Callable[[], float]
"""Seconds from any fixed origin, such as `time.monotonic`."""

LEAST_WAIT_S = 0.05
"""Seconds between two looks at a clock that may stand still."""


class Budget:
    """The budgets of one search, a share of what the configuration gives a theorem.

    Expansions are taken when a search asks for them, everything else is spent when they are
    made. The clock runs within `running` only.

    taken: expansions asked for. expansions, steps, lean_s, tokens: what was spent.
    """

    def __init__(self, config: ProverConfig, clock: Clock, share: float = 1.0) -> None:
        self._clock = clock
        self._since: float | None = None
        self._before_s = 0.0
        self._wall_s = config.wall_s * share
        self._steps = inf if config.steps is None else config.steps * share
        self._lean_s = inf if config.lean_s is None else config.lean_s * share
        self._tokens = inf if config.tokens is None else config.tokens * share
        self._expansions = max(1, round(config.expansions * share))
        self.taken = 0
        self.expansions = 0
        self.steps = 0
        self.lean_s = 0.0
        self.tokens = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock run."""
        self._since = self._clock()
        try:
            yield
        finally:
            self._before_s = self.spent_s
            self._since = None

    @property
    def spent_s(self) -> float:
        """Seconds spent at work."""
        now_s = 0.0 if self._since is None else self._clock() - self._since
        return max(0.0, self._before_s + now_s)

    @property
    def left_s(self) -> float:
        """Seconds still to spend, never below 0."""
        return max(0.0, self._wall_s - self.spent_s)

    @property
    def expansions_left(self) -> int:
        """Expansions still to ask for; a sample that went on past the last makes it negative."""
        return self._expansions - self.taken

    def spend(self, expansions: Sequence[Expansion]) -> None:
        """Count what expansions cost that were made."""
        self.expansions += len(expansions)
        self.tokens += sum(expansion.tokens for expansion in expansions)
        for step in (step for expansion in expansions for step in expansion.steps):
            self.steps += not (is_cut_off(step) or is_unsent(step) or is_replaced(step))
            self.lean_s += step.elapsed_ms / 1e3

    @property
    def exhausted(self) -> StopReason | None:
        """Which budget is spent; None while all have something left."""
        if self.left_s <= 0:
            return StopReason.WALL_TIME
        if self.lean_s >= self._lean_s:
            return StopReason.LEAN_TIME
        if self.steps >= self._steps:
            return StopReason.STEPS
        if self.tokens >= self._tokens:
            return StopReason.TOKENS
        return None if self.expansions_left > 0 else StopReason.EXPANSIONS


async def in_time(task: asyncio.Task[Any], budget: Budget) -> bool:
    """Whether a task ends before the time is spent. The clock may stand still while it waits."""
    while not task.done() and budget.left_s > 0:
        await asyncio.wait([task], timeout=max(budget.left_s, LEAST_WAIT_S))
    return task.done()


def rounds(config: ProverConfig) -> list[int]:
    """Expansions that a theorem may have used by the end of each round; the last is its budget."""
    limits = [config.first_round]
    while limits[-1] < config.expansions:
        limits.append(limits[-1] * config.growth)
    return [*limits[:-1], config.expansions]
