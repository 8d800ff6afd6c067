"""What a proof state looks like, in a few words that many states share."""

from __future__ import annotations

from ...data.records import Goal
from ..hammer.goal_text import GoalText, split_top
from .features import local_types, symbols

_QUANTIFIED = ("∀", "∃", "¬")
_CONNECTIVES = (" ↔ ", " → ", " ∨ ", " ∧ ")
_RELATIONS = (" = ", " ≠ ", " ≤ ", " < ", " ≥ ", " > ", " ∈ ", " ∉ ", " ∣ ", " ~ ", " <+ ", " ⊆ ")


def head_of(goal: Goal) -> str:
    """The head symbol of the target: a quantifier, a connective, a relation, or its first name."""
    target = goal.target.strip()
    if target.startswith(_QUANTIFIED):
        return target[0]
    for symbol in (*_CONNECTIVES, *_RELATIONS):
        if len(split_top(target, symbol)) > 1:
            return symbol.strip()
    return next(iter(symbols(target, local_types(goal))), "")


def subject_of(goal: Goal) -> str:
    """The type of the first hypothesis that is data: what the goal is about."""
    objects = GoalText(goal).objects
    kinds = [h.type.split(" ")[0] for h in objects if not h.type.startswith(("Type", "Sort"))]
    return kinds[-1] if kinds else ""


def shape_of(goal: Goal, is_root: bool) -> str:
    """Subject, shape of the hypotheses and place: all that is told of a state besides its head."""
    facts = [h.type for h in GoalText(goal).facts]
    marks = {
        "∧": any(" ∧ " in each or each.startswith("∃") for each in facts),
        "∨": any(" ∨ " in each for each in facts),
        "∀": any(each.startswith("∀") or " → " in each for each in facts),
        "=": any(" = " in each for each in facts),
    }
    shown = "".join(mark for mark, is_there in marks.items() if is_there) or ("h" * bool(facts))
    return f"{subject_of(goal)};{shown};{'root' if is_root else 'below'}"
