"""Tactics for functions of the file and of the library: unfold what is named, split, close.

Each template has a name, so that what it proves can be counted on several sets of problems
(benchmarks/templates.py). None looks at more than the names in the goal and in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..policy.base import Proposal
from .file_context import Scope
from .goal_text import GoalText, mentions


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of tactic. texts: what it proposes for a goal in its file, each with that prior."""

    name: str
    prior: float
    texts: Callable[[GoalText, Scope], Iterator[str]]


def _split_all(shape: GoalText, scope: Scope) -> Iterator[str]:
    """Unfold every definition that the goal names, then split all that branches."""
    if scope.mentioned:
        unfold = f"unfold {' '.join(scope.mentioned)} at *"
        yield f"{unfold}; (repeat' split) <;> (try simp_all) <;> (try grind)"


def _ranges(shape: GoalText, scope: Scope) -> Iterator[str]:
    """Follow a sum over a range by induction on its bound."""
    if "range" not in shape.text:
        return
    lemmas = ", ".join(["List.range_succ", *scope.mentioned])
    for h in [h for h in shape.objects if h.type == "Nat" and mentions(shape.target, h.name)]:
        yield f"induction {h.name} <;> simp_all [{lemmas}] <;> grind"


def _recursion(shape: GoalText, scope: Scope) -> Iterator[str]:
    """Go along the recursive functions below the goal's programs; the worker finds how."""
    if scope.mentioned:
        yield LOOP_INDUCTION


LOOP_INDUCTION = "loop_induction?"
"""A search of the worker, see LeanEnv/LoopInduction.lean; what it finds takes its place."""

TEMPLATES = (
    Template("split all", 0.7, _split_all),
    Template("recursion", 0.6, _recursion),
    Template("ranges", 0.3, _ranges),
)


def programs(shape: GoalText, scope: Scope) -> Iterator[Proposal]:
    """Yield the templates that fit the goal."""
    for template in TEMPLATES:
        for text in template.texts(shape, scope):
            yield Proposal(text, template.prior)
