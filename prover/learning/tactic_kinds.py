"""Kinds of tactics: what tactics have in common that differ only in names and numbers.

`induction xs <;> simp_all` and `induction n <;> simp_all` are of one kind, and of one family with
every other induction.
"""

from __future__ import annotations

import re

from ...data.records import Goal
from .features import local_types, tokens

LONGEST = 80
"""Characters of the longest kind; what stands behind them makes no difference."""

_NAME = re.compile(r"[^\W\d][\w'!?✝]*(?:\.[^\W\d][\w'!?✝]*)*")
_NUMBER = re.compile(r"(?<![\w.])\d+")
_SHORT = re.compile(r"[a-z]{1,2}\d*'*|h[a-z]?_\w*")
_WORDS = {"rw", "at", "by"}
_MANY = re.compile(r"_(?:[ ,|]+_)+")
_FIRST = re.compile(r"[\w?!]+")


def names_of(goal: Goal) -> frozenset[str]:
    """The names that a goal speaks of; each local one also with the dot behind which fields are."""
    local = local_types(goal)
    spoken = {*local, *(f"{name}." for name in local), *tokens(goal.target)}
    for h in goal.hypotheses:
        spoken.update(tokens(h.type))
    return frozenset(spoken)


def kind_of(tactic: str, names: frozenset[str]) -> str:
    """The tactic without names of the goal, short new names and numbers. names: of the goal."""

    def shown(match: re.Match[str]) -> str:
        name = match[0]
        is_new = _SHORT.fullmatch(name) and name not in _WORDS
        return "_" if is_new or name in names or f"{name.partition('.')[0]}." in names else name

    text = _NUMBER.sub("#", _NAME.sub(shown, " ".join(tactic.split())))
    return _MANY.sub("_", text)[:LONGEST]


def family_of(kind: str) -> str:
    """The first word of each tactic that a kind is made of: `induction <;> simp_all`."""
    parts = [found[0] for part in kind.split("<;>") if (found := _FIRST.search(part))]
    return " <;> ".join(parts) or kind
