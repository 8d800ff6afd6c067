"""A tactic of one goal, written for another: local names become those of the other goal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ...data.records import Goal
from .features import local_types, symbols

_NAME = re.compile(r"(?<![\w.'!?✝«])[^\W\d][\w'!?✝]*")
"""A name, or its first part."""


def renamed(tactic: str, old: Goal, new: Goal) -> str | None:
    """The tactic for another goal; None where that has nothing for a name that it needs.

    A hypothesis becomes the one whose type looks most like its own; of equals, in their order.
    """
    known = {local.name: local for local in _locals(old)}
    needed = [known[name] for name in dict.fromkeys(_NAME.findall(tactic)) if name in known]
    if not needed:
        return tactic
    if any("✝" in local.name for local in needed):
        return None
    pairs = [
        (-_likeness(local.shape, other.shape), abs(local.rank - other.rank), local.name, other.name)
        for local in needed
        for other in _locals(new)
        if "✝" not in other.name
    ]
    found: dict[str, str] = {}
    for unlike, _, name, other_name in sorted(pairs):
        if unlike and name not in found and other_name not in found.values():
            found[name] = other_name
    if len(found) < len(needed):
        return None
    return _NAME.sub(lambda match: found.get(match[0], match[0]), tactic)


@dataclass(frozen=True, slots=True)
class _Local:
    """A hypothesis. shape: what its type looks like; rank: how many of that shape are above it."""

    name: str
    shape: tuple[str, ...]
    rank: int


def _locals(goal: Goal) -> Iterator[_Local]:
    types, seen = local_types(goal), Counter[tuple[str, ...]]()
    for h in goal.hypotheses:
        shape = tuple(symbols(h.type, types))
        yield _Local(h.name, shape, seen[shape])
        seen[shape] += 1


def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """How alike two types look, in [0, 1]: the same, or so much in common."""
    if one == other:
        return 1.0
    a, b = set(one), set(other)
    return 0.9 * len(a & b) / len(a | b) if a | b else 0.0
