"""Tactics for inductive predicates of the file: take a proof apart, go along it, build one."""

from __future__ import annotations

from collections.abc import Iterator

from ...data.records import Hypothesis
from ..policy.base import Proposal
from .file_context import Scope
from .goal_text import GoalText

MAX_FACTS = 4
"""Most hypotheses that are taken apart, the latest first."""


def predicates(shape: GoalText, scope: Scope) -> Iterator[Proposal]:
    """Yield inversions of and inductions on hypotheses, and constructors for the target."""
    if not scope.predicates:
        return
    known = {name.rpartition(".")[2] for name in scope.predicates} | set(scope.predicates)
    facts = [h for h in shape.named if h.type.split(" ")[0] in known]
    for h in facts[::-1][:MAX_FACTS]:
        yield from _apart(h, scope)
    if shape.target.split(" ")[0] in known:
        yield Proposal("constructor <;> assumption", 0.3)
        for rule in scope.rules:
            yield Proposal(f"apply {rule} <;> first | assumption | grind{scope.grind}", 0.15)
            yield Proposal(f"apply {rule}", 0.12)


def _apart(fact: Hypothesis, scope: Scope) -> Iterator[Proposal]:
    """A proof by each case of a hypothesis, and what is left of the cases."""
    for way, prior in (("induction", 0.35), ("cases", 0.3)):
        yield Proposal(f"{way} {fact.name} <;> grind{scope.grind}", prior)
        if scope.theorems:
            yield Proposal(f"{way} {fact.name} <;> grind{scope.grind_with_theorems}", prior - 0.05)
        yield Proposal(f"{way} {fact.name} <;> simp_all", prior - 0.1)
        yield Proposal(f"{way} {fact.name}", prior - 0.2)
