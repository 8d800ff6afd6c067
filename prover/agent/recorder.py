"""Who hears of a run as it happens: what the store, a live display and tests keep to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...data.records import Attempt, Expansion, Theorem
from ...data.turns import Turn


class AttemptObserver(Protocol):
    """Hears of everything as it happens: a store, a live display."""

    def start_attempt(self, theorem: Theorem) -> None:
        """The first call about a theorem."""
        ...

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Expansions in the order in which the search is told of them."""
        ...

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Turns of conversations about a theorem at work."""
        ...

    def finish_attempt(self, attempt: Attempt) -> None:
        """The last call about a theorem."""
        ...


class NoObserver:
    """A recorder that keeps nothing."""

    def start_attempt(self, theorem: Theorem) -> None:
        """Ignore it."""

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Ignore them."""

    def finish_attempt(self, attempt: Attempt) -> None:
        """Ignore it."""

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Ignore them."""


class ObserverList:
    """A recorder that tells several, in order."""

    def __init__(self, recorders: Sequence[AttemptObserver]) -> None:
        self._recorders = recorders

    def start_attempt(self, theorem: Theorem) -> None:
        """Tell all."""
        for recorder in self._recorders:
            recorder.start_attempt(theorem)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Tell all."""
        for recorder in self._recorders:
            recorder.expansions(theorem, expansions)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Tell all."""
        for recorder in self._recorders:
            recorder.finish_attempt(attempt)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Tell all."""
        for recorder in self._recorders:
            recorder.turns(theorem, turns)
