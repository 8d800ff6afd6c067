"""Features of a goal, blind to the names of its hypotheses: symbols, and short walks through them.

After TacticToe (Gauthier et al., JAR 2021) and Tactician (Blaauwbroek et al., CICM 2020):
what a goal speaks of, and which symbols stand beside each other. Read from the printed goal, so it
costs no question to Lean. A local name counts as its type's first symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...data.records import Goal

TOKEN = re.compile(r"[^\W\d][\w.'!?]*✝?\w*|\d+|[^\s\w()\[\]{},⟨⟩✝]+")
"""Names, numbers and operators; brackets only group."""

WALK = 3
"""Symbols in the longest walk."""

SMALL = ("0", "1", "2")
"""Numbers that count as themselves; all others are one."""


def tokens(text: str) -> list[str]:
    """The symbols of a printed expression, in order."""
    return TOKEN.findall(text)


def local_types(goal: Goal) -> dict[str, str]:
    """What each local name counts as: the first symbol of its type."""
    return {h.name: f"·{next(iter(tokens(h.type)), '')}" for h in goal.hypotheses}


def symbols(text: str, names: dict[str, str]) -> Iterator[str]:
    """The symbols of an expression. names: what each local name counts as."""
    for token in tokens(text):
        head, dot, field = token.partition(".")
        if token in names:
            yield names[token]
        elif dot and head in names:  # `xs.length`
            yield names[head]
            yield f".{field}"
        elif token.isdecimal() and token not in SMALL:
            yield "#"
        else:
            yield token


def features(goal: Goal) -> frozenset[str]:
    """The features of a goal; those of its hypotheses apart from those of its target."""
    names = local_types(goal)
    found = set(_walks("⊢", list(symbols(goal.target, names))))
    for h in goal.hypotheses:
        found.update(_walks(":", list(symbols(h.type, names))))
    return frozenset(found)


def _walks(place: str, path: Sequence[str]) -> Iterator[str]:
    for length in range(1, WALK + 1):
        for start in range(len(path) - length + 1):
            yield place + " ".join(path[start : start + length])
