"""Tactics for inductive predicates of the file: take a proof apart, go along it, build one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...data.records import Declaration, Hypothesis
from ..policy.base import Proposal
from .file_context import Scope
from .goal_text import BINDERS, GoalText, fresh, mentions, split_top

MAX_FACTS = 4
"""Most hypotheses that are taken apart, the latest first."""
MAX_DEPTH = 4
"""How often what came of one is taken apart again."""
MAX_PATTERNS = 12
"""Most forms of a proof that are taken apart again and again."""

_BOUND = re.compile(r"[({\[⦃]([^(){}\[\]⦃⦄:]+) : ([^\s(){}\[\]⦃⦄]*)")
_VARIABLE = re.compile(r"[^\W\d][\w']*")


def predicates(shape: GoalText, scope: Scope) -> Iterator[Proposal]:
    """Yield inversions of and inductions on hypotheses, and constructors for the target."""
    if not scope.predicates:
        return
    known = {name.rpartition(".")[2] for name in scope.predicates} | set(scope.predicates)
    facts = [h for h in shape.named if h.type.split(" ")[0] in known]
    ends = _ends(scope)
    for h in facts[::-1][:MAX_FACTS]:
        yield from _apart(h, shape, scope, ends)
    if shape.target.split(" ")[0] in known:
        yield Proposal("constructor <;> assumption", 0.3)
        for rule in scope.rules:
            yield Proposal(f"apply {rule} <;> first | assumption | grind{scope.grind}", 0.15)
            yield Proposal(f"apply {rule}", 0.12)
        yield from _along_values(shape, scope, ends)
    if len(split_top(shape.target, " ↔ ")) == 2:
        yield Proposal(f"constructor <;> intro {fresh('h', shape.taken)} <;> {ends}", 0.6)
    else:
        yield Proposal(ends, 0.4)


def _apart(fact: Hypothesis, shape: GoalText, scope: Scope, ends: str) -> Iterator[Proposal]:
    """A proof by each case of a hypothesis, and what is left of the cases."""
    others = [
        h.name
        for h in shape.named
        if h.name != fact.name and not mentions(fact.type, h.name) and _varies(h, shape)
    ]
    general = f"induction {fact.name} generalizing {' '.join(others)}"
    for way, prior in (
        (general, 0.36),
        (f"induction {fact.name}", 0.35),
        (f"cases {fact.name}", 0.3),
    ):
        if way == general and not others:
            continue
        yield Proposal(f"{way} <;> grind{scope.grind}", prior)
        if scope.theorems:
            yield Proposal(f"{way} <;> grind{scope.grind_with_theorems}", prior - 0.05)
        yield Proposal(f"{way} <;> {ends}", prior - 0.08)
        yield Proposal(f"{way} <;> simp_all", prior - 0.1)
        yield Proposal(way, prior - 0.2)


def _along_values(shape: GoalText, scope: Scope, ends: str) -> Iterator[Proposal]:
    """A proof for each way to make a value that the target speaks of, for all other values."""
    values = [h for h in shape.named if _varies(h, shape)]
    written = f"simp_all [{', '.join(scope.definitions)}]" if scope.definitions else "simp_all"
    for h in [h for h in values if scope.is_inductive(h.type)][:2]:
        others = [each.name for each in values if each.name != h.name]
        way = f"induction {h.name}" + (f" generalizing {' '.join(others)}" if others else "")
        yield Proposal(f"{way} <;> (try {written}) <;> {ends}", 0.25)


def _varies(h: Hypothesis, shape: GoalText) -> bool:
    """Whether an induction may need the claim for other values of it: data of the target."""
    return h in shape.objects and mentions(shape.target, h.name)


def _ends(scope: Scope) -> str:
    """Take proofs of composed things apart, as long as there are any; then build what is asked."""
    rules = ", ".join(scope.rules)
    forms = [form for d in scope.constructors if (form := _form(d, scope))]
    forms = list(dict.fromkeys(forms))[:MAX_PATTERNS]
    # `repeat'` would not end in a file: there Lean goes on where the last of them fails
    apart = f"iterate {MAX_DEPTH} all_goals try first | {' | '.join(f'cases ‹{f}›' for f in forms)}"
    build = f"first | solve_by_elim [{rules}] | (simp_all; done) | grind{scope.grind}"
    if scope.theorems:
        build += f" | grind{scope.grind_with_theorems}"
    return f"({apart}) <;> ({build})" if forms else f"({build})"


def _form(rule: Declaration, scope: Scope) -> str | None:
    """What a rule of a predicate proves, with `_` for its variables: `Ev (_ + 2)`.

    None where no argument is composed: proofs of that form could be taken apart for ever.
    """
    if rule.name not in scope.rules:
        return None
    bound = _BOUND.findall(rule.type)
    variables = {name: kind for names, kind in bound for name in names.split()}
    claim = split_top(BINDERS.sub("", " ".join(rule.type.split()), count=1), " → ")[-1]
    head, *arguments = split_top(claim.partition(" fun ")[0], " ")
    arguments += ["_"] * (" fun " in claim)
    shown = [_argument(text, variables, scope.constructors) for text in arguments]
    if all(text == "_" for text in shown):
        return None
    return " ".join([head, *shown])


def _argument(text: str, variables: dict[str, str], constructors: list[Declaration]) -> str:
    """An argument as a pattern; `_` for one that is no constructor's. variables: their types."""
    inside = text[1:-1] if text.startswith("(") else text
    head = inside.split(" ")[0]
    start, _, method = head.rpartition(".")
    if start in variables:  # x.add y
        name = f"{variables[start]}.{method}"
        made = [d.name for d in constructors if f".{d.name}".endswith(f".{name}")]
        return f"({made[0]} ..)" if made else "_"
    if any(d.name == head for d in constructors):
        return f"({head} ..)" if " " in inside else head
    if inside in variables or not re.search(r"::|\[|\+ \d|^\d+$|\b(some|none)\b", inside):
        return "_"
    shown = _VARIABLE.sub(lambda word: "_" if word[0] in variables else word[0], inside)
    return f"({shown})" if text.startswith("(") else shown
