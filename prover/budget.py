"""What one theorem may still spend: expansions and wall time, by a clock passed in."""

from __future__ import annotations

from collections.abc import Callable

from ..data.records import StopReason

Clock = Callable[[], float]
"""Seconds from any fixed origin, never going back; `time.monotonic` in earnest."""


class Budget:
    """The two budgets of one theorem; its time runs from construction."""

    def __init__(self, expansions: int, wall_s: float, clock: Clock) -> None:
        self._clock = clock
        self._start = clock()
        self._wall_s = wall_s
        self.expansions_left = expansions

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def left_s(self) -> float:
        """Seconds still to spend, never below 0."""
        return max(0.0, self._wall_s - self.spent_s)

    def spend(self, expansions: int) -> None:
        """Take this many expansions from the budget."""
        self.expansions_left -= expansions

    @property
    def exhausted(self) -> StopReason | None:
        """Which budget is spent; None while both have something left."""
        if self.left_s <= 0:
            return StopReason.WALL_TIME
        return None if self.expansions_left > 0 else StopReason.EXPANSIONS
