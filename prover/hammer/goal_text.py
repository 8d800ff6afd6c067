"""Reads a goal's printed text: binders, connectives, variables, facts, and fresh names.

Only text, so a guess may be wrong; then Lean rejects the tactic made from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...data.records import Goal, Hypothesis

DAGGER = "✝"
_OPEN, _CLOSE = "([{⟨⟦", ")]}⟩⟧"
_RELATION = re.compile(r"[=≠<>≤≥∧∨¬∣↔∀∃∈⊆]|\bTrue\b|\bFalse\b")
_CONNECTIVE = re.compile(r"[∧∨↔∃→]")
_SORT = re.compile(r"(Prop|Type|Sort)\b( [\w()+]+)?")
BINDERS = re.compile(r"∀ ((?:[({⦃\[][^()]*?[)}⦄\]]\s*)+|[^,()]*?), ", re.DOTALL)
_GROUP = re.compile(r"[({⦃\[]([^()]*?)[)}⦄\]]")
NUMBERS = {"Nat": "Nat", "ℕ": "Nat", "Int": "Int", "ℤ": "Int"}
"""Types of discrete numbers as printed, and their names in core Lean."""


def split_top(text: str, symbol: str) -> list[str]:
    """Split at a symbol where it stands in no bracket."""
    parts, depth, last, i = [], 0, 0, 0
    while i < len(text):
        depth += (text[i] in _OPEN) - (text[i] in _CLOSE)
        if depth == 0 and text.startswith(symbol, i):
            parts.append(text[last:i].strip())
            last = i = i + len(symbol)
        else:
            i += 1
    return [*parts, text[last:].strip()]


def mentions(text: str, name: str) -> bool:
    """Whether the name stands in the text as a word of its own, or behind a dot."""
    if name not in text:
        return False
    return re.search(rf"(?<![\w'✝]){re.escape(name)}(?![\w'✝])", text) is not None


def fresh(wanted: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number that makes it new."""
    used = set(taken)
    if wanted not in used:
        return wanted
    return next(name for i in range(1, len(used) + 2) if (name := f"{wanted}{i}") not in used)


def is_fact(hypothesis: Hypothesis) -> bool:
    """Whether it looks like a proof rather than an object."""
    text = hypothesis.type
    if hypothesis.value is not None or _SORT.fullmatch(split_top(text, "→")[-1]):
        return False
    return _RELATION.search(text) is not None or hypothesis.name.startswith("h")


@dataclass(frozen=True, slots=True)
class GoalText:
    """One goal, read. Names that cannot be written (`✝`) are only in `hidden` and `taken`."""

    goal: Goal

    @property
    def target(self) -> str:
        """The target as printed."""
        return self.goal.target

    @property
    def taken(self) -> list[str]:
        """All names in use, accessible or not."""
        return [h.name for h in self.goal.hypotheses]

    @property
    def hidden(self) -> list[Hypothesis]:
        """Hypotheses whose names cannot be written."""
        return [h for h in self.goal.hypotheses if DAGGER in h.name]

    @property
    def named(self) -> list[Hypothesis]:
        """Hypotheses whose names can be written, in order."""
        return [h for h in self.goal.hypotheses if DAGGER not in h.name]

    @property
    def facts(self) -> list[Hypothesis]:
        """Named hypotheses that look like proofs."""
        return [h for h in self.named if is_fact(h)]

    @property
    def objects(self) -> list[Hypothesis]:
        """Named hypotheses that look like data."""
        return [h for h in self.named if not is_fact(h) and h.value is None]

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """Variables of type Nat or Int, each with its type's name in core Lean."""
        return [(h.name, NUMBERS[h.type]) for h in self.objects if h.type in NUMBERS]

    @property
    def text(self) -> str:
        """Target and named facts, a line each."""
        return "\n".join([*(h.type for h in self.facts), self.target])


def introductions(target: str, taken: Iterable[str]) -> list[str]:
    """Names for everything that `intro` can introduce, after the binders; [] if nothing."""
    used = list(taken)
    names: list[str] = []

    def add(wanted: str) -> None:
        name = fresh(wanted, used)
        used.append(name)
        names.append(name)

    rest = target.strip()
    while True:
        if match := BINDERS.match(rest):
            for name in _bound(match.group(1)):
                add(name)
            rest = rest[match.end() :].strip()
        elif rest.startswith("¬"):
            add("h")
            return names
        elif len(sides := split_top(rest, " → ")) > 1 and not rest.startswith(("∃", "∀", "fun")):
            if len(split_top(rest, " ↔ ")) > 1:
                return names
            add("h")
            rest = rest[rest.index(sides[0]) + len(sides[0]) :].lstrip().removeprefix("→").strip()
        elif len(split_top(rest, " ≠ ")) == 2 and not _CONNECTIVE.search(rest):
            add("h")
            return names
        else:
            return names


def _bound(binders: str) -> list[str]:
    """Names bound by `(a b : T) {c : U}`, `a b`, `x ∈ s` (which binds a fact too)."""
    groups = _GROUP.findall(binders)
    if groups:
        return [n for g in groups for n in (g.split(" : ")[0].split() if " : " in g else ["inst"])]
    if match := re.match(r"(\w+) ([∈<>≤≥≠]) ", binders):
        return [match.group(1), "h"]
    return binders.split(" : ")[0].split()
