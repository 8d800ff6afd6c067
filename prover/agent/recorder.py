"""Who observes a run as it happens: the store, a live display, what is learned from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...data.records import Attempt, Expansion, Theorem
from ...data.turns import Turn


class AttemptObserver(Protocol):
    """Observes attempts; a subclass overrides what it wants to know of."""

    def start_attempt(self, theorem: Theorem) -> None:
        """Work on a theorem begins: the first call about it."""
        return

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """States were expanded; in the order in which the search gets them."""
        return

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """A model was asked about a theorem at work, and answered."""
        return

    def proof_found(self, attempt: Attempt) -> None:
        """A proof passed in its place; `finish_attempt` follows when its file has been checked."""
        return

    def finish_attempt(self, attempt: Attempt) -> None:
        """Work on a theorem is over: the last call about it."""
        return


class NoObserver(AttemptObserver):
    """Observes nothing."""


class ObserverList(AttemptObserver):
    """Passes everything on to several observers, in order."""

    def __init__(self, observers: Sequence[AttemptObserver]) -> None:
        self._observers = observers

    def start_attempt(self, theorem: Theorem) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.start_attempt(theorem)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Pass them on."""
        for observer in self._observers:
            observer.expansions(theorem, expansions)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Pass them on."""
        for observer in self._observers:
            observer.turns(theorem, turns)

    def proof_found(self, attempt: Attempt) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.proof_found(attempt)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.finish_attempt(attempt)
