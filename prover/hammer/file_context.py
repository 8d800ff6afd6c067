"""What the file above a theorem offers the hammer: definitions to unfold, theorems to use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...data.records import Declaration, Goal
from ..policy.base import Proposal
from .goal_text import mentions

MAX_DEFINITIONS = 8
"""Most definitions unfolded at once."""
MAX_THEOREMS = 6
"""Most theorems of the file tried one by one."""

_GENERATED = re.compile(
    r"(^|\.)(_|inst[A-Z]|match_\d|eq_\d|eq_def|rec$|recOn$|casesOn$|below$|brecOn$|noConfusion"
    r"|noConfusionType$|sizeOf_spec|injEq$|inj$|ctorIdx$|toCtorIdx|induct|proof_)"
)
_SYNTAX = re.compile(r"Lean\.(Trailing)?ParserDescr|Lean\.Macro|Lean\.\w+\.Unexpander|«")
_REDUCIBLE = re.compile(
    r"(?:@\[[^\]]*\breducible\b[^\]]*\]\s*(?:(?:private|protected|noncomputable)\s+)*def|\babbrev)"
    r"\s+([^\s({\[:]+)"
)
_WORD = re.compile(r"[^\W\d][\w'.]*")

_NATURAL = re.compile(r": (Nat|ℕ)\b")
ABOUT_DIVISIBILITY = ("Nat.dvd_mul_right", "Nat.dvd_mul_left", "Nat.dvd_mod_iff", "Nat.dvd_refl")
"""What `grind` does not know of `∣`, given to it beside definitions of the file."""


class Scope:
    """The declarations above one theorem that concern one of its goals."""

    def __init__(self, context: Sequence[Declaration], goal: Goal, source: str = "") -> None:
        own = [d for d in context if not _GENERATED.search(d.name) and not _SYNTAX.search(d.type)]
        self._text = goal.pretty
        definitions = [d.name for d in own if d.kind == "definition"]
        near = [name for name in definitions if self._has(name)]
        self.definitions = near or definitions[-MAX_DEFINITIONS:]
        self.definitions = self.definitions[:MAX_DEFINITIONS]
        self.mentioned = near
        seen_through = _reducible(source)
        self.for_grind = [n for n in self.definitions if _last(n) not in seen_through]
        stated = {d.name for d in own if d.kind == "definition" and d.type.endswith("Prop")}
        self.propositions = [name for name in near if name in stated]
        inductive = [d for d in own if d.kind == "inductive"]
        self.inductives = {word for d in inductive for word in (d.name, _last(d.name))}
        found = [d.name for d in inductive if d.type.endswith("Prop") and self._has(d.name)]
        self.predicates = found[:MAX_DEFINITIONS]
        self.for_grind += self.predicates
        rules = [d.name for d in own if d.kind == "constructor"]
        self.rules = [name for name in rules if name.rpartition(".")[0] in self.predicates]
        constants = {d.name for d in own if d.kind not in ("theorem", "field")}
        theorems = [d for d in own if d.kind in ("theorem", "field", "axiom")]
        words = {_last(name) for name in constants if self._has(name)}
        ranked = sorted(enumerate(theorems), key=lambda it: (-self._common(it[1], words), -it[0]))
        used = [d.name for i, d in ranked if self._common(d, words) or i >= len(theorems) - 2]
        self.theorems = used[:MAX_THEOREMS]

    def _has(self, name: str) -> bool:
        return mentions(self._text, _last(name))

    @staticmethod
    def _common(theorem: Declaration, words: set[str]) -> int:
        return len({_last(word) for word in _WORD.findall(theorem.type)} & words)

    @property
    def _unfold(self) -> str:
        return ", ".join(self.definitions)

    @property
    def grind(self) -> str:
        """Parameters of `grind`: definitions that it takes, and predicates; with a space before."""
        known = ABOUT_DIVISIBILITY if "∣" in self._text and _NATURAL.search(self._text) else ()
        return _params([*self.for_grind, *known] if self.for_grind else ())

    def closers(self) -> list[str]:
        """Tactics to end the cases of an induction that know the file."""
        found = []
        if self.definitions:
            found += [f"simp_all [{self._unfold}]"]
        if self.for_grind:
            found.append(f"grind{self.grind}")
        if self.definitions:
            found.append(f"simp_all [{self._unfold}] <;> omega")
            found.append(f"simp_all [{self._unfold}] <;> grind")
        if self.theorems:
            names = ", ".join([*self.mentioned, *self.theorems])
            found.append(f"simp_all [{names}]")
            found.append(f"grind{self.grind_with_theorems}")
        return found

    @property
    def grind_with_theorems(self) -> str:
        """The same, and the theorems of the file."""
        near = {*self.mentioned, *self.predicates}
        known = [name for name in self.for_grind if name in near]
        return _params([*known, *self.theorems])

    def proposals(self) -> Iterator[Proposal]:
        """Yield uses of the definitions and theorems at the goal itself."""
        if self.for_grind:  # before what unfolds: a proof in one word is the better one
            yield Proposal(f"grind{self.grind}", 0.72 if self.mentioned else 0.3)
        if self.definitions:
            yield Proposal(f"simp [{self._unfold}]", 0.3)
            yield Proposal(f"simp_all [{self._unfold}]", 0.25)
            yield Proposal(f"simp [{self._unfold}] at *", 0.12)
            yield Proposal(f"simp [{self._unfold}] <;> omega", 0.15)
            yield Proposal(f"simp [{self._unfold}] <;> grind", 0.12)
            yield Proposal(f"simp_all [{self._unfold}] <;> omega", 0.12)
        if self.propositions:
            yield Proposal(f"unfold {' '.join(self.propositions)} at *", 0.35)
        for name in self.mentioned[:4]:
            yield Proposal(f"unfold {name}", 0.1)
            yield Proposal(f"rw [{name}]", 0.06)
            yield Proposal(f"fun_induction {name} <;> simp_all [{self._unfold}]", 0.08)
            yield Proposal(f"fun_induction {name} <;> grind{self.grind}", 0.31)
        for name in self.theorems:
            yield Proposal(f"exact {name} ..", 0.12)
            yield Proposal(f"apply {name}", 0.08)
            yield Proposal(f"rw [{name}]", 0.08)
            yield Proposal(f"simp [{name}]", 0.08)
            yield Proposal(f"grind [{name}]", 0.06)
        if self.theorems:
            names = ", ".join([*self.mentioned, *self.theorems])
            yield Proposal(f"simp [{names}]", 0.08)
            yield Proposal(f"grind{self.grind_with_theorems}", 0.08)


def _params(names: Sequence[str]) -> str:
    return f" [{', '.join(names)}]" if names else ""


def _reducible(source: str) -> set[str]:
    """The last parts of the names that a file declares reducible: `grind` refuses those."""
    return {_last(name) for name in _REDUCIBLE.findall(source)}


def _last(name: str) -> str:
    return name.rpartition(".")[2]
