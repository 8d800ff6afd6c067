"""Tactics that led to proofs, found again by the likeness of goals: k nearest neighbours.

Likeness: the weight of common features by the weight of all of both (Jaccard, weighted by inverse
document frequency), as Tactician has it (Blaauwbroek, Urban, Geuvers, CICM 2020, section 3.1).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from heapq import nlargest
from math import log
from typing import NamedTuple

from ...data.records import Goal
from .features import features

MOST = 5_000
"""Most tactics that are remembered."""


class StoredStep(NamedTuple):
    """A step as files keep it: theorem is the key of the statement whose proof has it."""

    goal: Goal
    tactic: str
    theorem: str


@dataclass(frozen=True, slots=True)
class ProofStep:
    """A tactic that led from a goal to its proof. theorem: where, so that it can be left out."""

    goal: Goal
    tactic: str
    theorem: str
    features: frozenset[str]


class TacticMemory:
    """Grows as proofs are found. most: tactics that it keeps; the oldest are forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[int, ProofStep] = OrderedDict()
        self._places: dict[str, set[int]] = defaultdict(set)
        self._known: set[tuple[frozenset[str], str]] = set()
        self._last = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, goal: Goal, tactic: str, theorem: str) -> None:
        """Remember a step of a proof; one that looks the same is there once."""
        found = ProofStep(goal, tactic, theorem, features(goal))
        if (found.features, tactic) in self._known:
            return
        self._last += 1
        self._kept[self._last] = found
        self._known.add((found.features, tactic))
        for feature in found.features:
            self._places[feature].add(self._last)
        if len(self._kept) > self._most:
            self._forget()

    def nearest(self, goal: Goal, k: int, theorem: str) -> list[tuple[float, ProofStep]]:
        """The k most like a goal, each with its likeness in (0, 1], best first, latest of equals.

        theorem: whose own steps are left out.
        """
        wanted = features(goal)
        weights = {feature: self._weight(feature) for feature in wanted}
        shared: defaultdict[int, float] = defaultdict(float)
        for feature in sorted(wanted):
            for number in self._places.get(feature, ()):
                shared[number] += weights[feature]
        total = sum(weights[feature] for feature in sorted(wanted))
        scored = []
        for number, common in nlargest(8 * k, shared.items(), key=lambda item: (item[1], item[0])):
            each = self._kept[number]
            if each.theorem != theorem:
                own = sum(self._weight(feature) for feature in sorted(each.features))
                scored.append((common / (total + own - common), number))
        best = nlargest(k, scored)
        return [(likeness, self._kept[number]) for likeness, number in best]

    def _weight(self, feature: str) -> float:
        return log((len(self._kept) + 2) / (len(self._places.get(feature, ())) + 1))

    def _forget(self) -> None:
        number, oldest = self._kept.popitem(last=False)
        self._known.discard((oldest.features, oldest.tactic))
        for feature in oldest.features:
            self._places[feature].discard(number)
            if not self._places[feature]:
                del self._places[feature]
