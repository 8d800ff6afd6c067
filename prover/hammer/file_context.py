"""What the file above a theorem offers the hammer: definitions to unfold, theorems to use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

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
_HEAD = re.compile(r"^(?=\S)(?!\|)", re.MULTILINE)
_NAMED = re.compile(r"\b(?:def|abbrev)\s+([^\s({\[:]+)")

_NATURAL = re.compile(r": (Nat|ℕ)\b")
ABOUT_DIVISIBILITY = ("Nat.dvd_mul_right", "Nat.dvd_mul_left", "Nat.dvd_mod_iff", "Nat.dvd_refl")
"""What `grind` does not know of `∣`, given to it beside definitions of the file."""


class Scope:
    """The declarations above one theorem that concern one of its goals."""

    def __init__(self, context: Sequence[Declaration], goal: Goal, source: str = "") -> None:
        own = [d for d in context if not _GENERATED.search(d.name) and not _SYNTAX.search(d.type)]
        self._text = goal.pretty
        self._types = {h.name: _last(h.type.split(" ")[0]) for h in goal.hypotheses}
        bodies = _bodies(source)
        inductive = [d for d in own if d.kind == "inductive"]
        self.inductives = {word for d in inductive for word in (d.name, _last(d.name))}
        definitions = [
            d.name
            for d in own
            if d.kind == "definition" and not self._is_projection(d.name, bodies)
        ]
        near = [name for name in definitions if self._has(name)]
        found = [d.name for d in inductive if d.type.endswith("Prop") and self._has(d.name)]
        self.predicates = found[:MAX_DEFINITIONS]
        self.constructors = [d for d in own if d.kind == "constructor"]
        rules = [d for d in self.constructors if d.name.rpartition(".")[0] in self.predicates]
        self.rules = [d.name for d in rules]
        self.fields = _by_prefix(d for d in own if d.kind == "field")
        self.operations = _by_prefix(d for d in own if d.kind == "definition")
        below = [d.type for d in rules] + [_body(name, bodies) or "" for name in near]
        helpers = [
            name
            for name in definitions
            if name not in near
            and any(mentions(text, _last(name)) for text in below)
            and (body := _body(name, bodies)) is not None
            and not mentions(body, _last(name))
        ]
        self.definitions = self.near = [*near, *helpers][:MAX_DEFINITIONS]
        if not self.definitions and not found:
            self.definitions = definitions[-MAX_DEFINITIONS:]
        self.mentioned = near
        seen_through = _reducible(source)
        self.for_grind = [n for n in self.definitions if _last(n) not in seen_through]
        stated = {d.name for d in own if d.kind == "definition" and d.type.endswith("Prop")}
        self.propositions = [name for name in near if name in stated]
        self.for_grind += self.predicates
        constants = {d.name for d in own if d.kind not in ("theorem", "field")}
        theorems = [d for d in own if d.kind in ("theorem", "field", "axiom")]
        words = {_last(name) for name in constants if self._has(name)}
        ranked = sorted(enumerate(theorems), key=lambda it: (-self._common(it[1], words), -it[0]))
        used = [d.name for i, d in ranked if self._common(d, words) or i >= len(theorems) - 2]
        self.theorems = used[:MAX_THEOREMS]

    def is_inductive(self, type_: str) -> bool:
        """Whether there is induction on values of a type: numbers, lists, types of the file."""
        head = type_.split(" ")[0]
        return head in ("Nat", "ℕ", "List") or head in self.inductives

    def _has(self, name: str) -> bool:
        """Whether the goal may speak of it: `c.exec s` does of the `exec` of the type of `c`."""
        prefix, _, last = name.rpartition(".")
        if last not in self._text:
            return False
        used = rf"(?:([\w'✝]+|[)\]⟩])\.)?(?<![\w'✝]){re.escape(last)}(?![\w'✝])"
        owners = {match[1] for match in re.finditer(used, self._text)}
        return any(self._may_own(owner, _last(prefix)) for owner in owners)

    def _may_own(self, owner: str | None, wanted: str) -> bool:
        """Whether what stands before a dot may be of a type, or be its name. None: nothing does."""
        if owner is None or not owner[0].isalpha():
            return True
        if owner in self._types:
            kind = self._types[owner]
            return not kind[:1].isalpha() or kind == wanted
        return owner == wanted or owner[0].islower()

    def _is_projection(self, name: str, bodies: dict[str, str]) -> bool:
        """Whether a structure made it: its name stands below that, and no `def` has it."""
        is_below = name.rpartition(".")[0] in self.inductives
        return is_below and bool(bodies) and _body(name, bodies) is None

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
            names = ", ".join([*self.near, *self.theorems])
            found.append(f"simp_all [{names}]")
            found.append(f"grind{self.grind_with_theorems}")
        return found

    @property
    def grind_with_theorems(self) -> str:
        """The same, and the theorems of the file."""
        near = {*self.near, *self.predicates}
        known = [name for name in self.for_grind if name in near]
        return _params([*known, *self.theorems])

    def proposals(self) -> Iterator[Proposal]:
        """Yield uses of the definitions and theorems at the goal itself."""
        if self.for_grind:  # before what unfolds: a proof in one word is the better one
            yield Proposal(f"grind{self.grind}", 0.72 if self.mentioned else 0.3)
            if near := [name for name in self.for_grind if name in self.mentioned]:
                yield Proposal(f"grind{_params([*near, *self.predicates])}", 0.7)
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
            names = ", ".join([*self.near, *self.theorems])
            yield Proposal(f"simp [{names}]", 0.08)
            yield Proposal(f"grind{self.grind_with_theorems}", 0.08)


def _params(names: Sequence[str]) -> str:
    return f" [{', '.join(names)}]" if names else ""


def _reducible(source: str) -> set[str]:
    """The last parts of the names that a file declares reducible: `grind` refuses those."""
    return {_last(name) for name in _REDUCIBLE.findall(source)}


def _by_prefix(declarations: Iterable[Declaration]) -> dict[str, list[Declaration]]:
    """They by the name that they stand below: fields by their structure."""
    found: dict[str, list[Declaration]] = defaultdict(list)
    for each in declarations:
        found[each.name.rpartition(".")[0]].append(each)
    return found


@lru_cache(maxsize=4)
def _bodies(source: str) -> dict[str, str]:
    """The texts of a file's definitions behind their names, by the names as written there."""
    found = {}
    for text in _HEAD.split(source):
        if match := _NAMED.search(text):
            found[match[1]] = text[match.end() :]
    return found


def _body(name: str, bodies: dict[str, str]) -> str | None:
    """The text of a definition, which may have been written without its namespaces."""
    parts = name.split(".")
    written = (".".join(parts[i:]) for i in range(len(parts)))
    return next((bodies[each] for each in written if each in bodies), None)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
