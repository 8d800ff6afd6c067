"""Problems that say nearly the same: what is measured on must not be trained on in other words.

Two statements are near duplicates where most of the short walks through their symbols are common
to both (Jaccard, as deduplication of texts is done: Broder 1997); names of variables, of the
theorem and white space make no difference.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation import Problem

NEAR = 0.9
"""Statements with at least this share of their walks in common are near duplicates."""

WALK = 3
"""Symbols of a walk."""

_TOKEN = re.compile(r"[^\W\d][\w'!?]*(?:\.[^\W\d][\w'!?]*)*|\d+|[^\s\w]")
_BINDERS = re.compile(r"[({\[⦃]\s*([^\s:()\[\]{}⦃⦄][^:()\[\]{}⦃⦄]*?)\s*:(?!=)")
_BOUND = re.compile(r"(?:∀|∃|λ|fun)\s+([^,:(){}=>↦∈<≤]+)")
_HEAD = re.compile(r"\b(?:theorem|lemma|example|instance)\s+(?:[^\s:(){}\[\]⦃]+)?")


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A problem that is left out. like: the name of the one that it repeats; share: of walks."""

    problem: Problem
    like: str
    share: float


def walks(problem: Problem) -> frozenset[str]:
    """The short walks through a statement, blind to names of variables."""
    text = _HEAD.sub("", problem.statement, count=1)
    names = {
        name
        for pattern in (_BINDERS, _BOUND)
        for group in pattern.findall(text)
        for name in group.split()
    }
    path = []
    for token in _TOKEN.findall(text):
        head, dot, rest = token.partition(".")
        path.append(f"_{dot}{rest}" if head in names else token)
    return frozenset(
        " ".join(path[start : start + WALK]) for start in range(max(1, len(path) - WALK + 1))
    )


def near_duplicates(
    problems: Sequence[Problem], held_out: Sequence[Problem], near: float = NEAR
) -> list[NearDuplicate]:
    """Those of the problems that are, or nearly are, one that is held out; each once."""
    held = [(each, walks(each)) for each in held_out]
    places: dict[str, list[int]] = defaultdict(list)
    for number, (_, own) in enumerate(held):
        for walk in own:
            places[walk].append(number)
    found = []
    for problem in problems:
        mine = walks(problem)
        shared: dict[int, int] = defaultdict(int)
        for walk in mine:
            for number in places.get(walk, ()):
                shared[number] += 1
        likest = max(
            ((common / len(mine | held[n][1]), -n) for n, common in shared.items()), default=(0, 0)
        )
        if likest[0] >= near:
            like = held[-likest[1]][0].name
            found.append(NearDuplicate(problem, like, likest[0]))
    return found
