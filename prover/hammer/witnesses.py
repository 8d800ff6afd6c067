"""Tactics for what exists: values for a target, functions from facts, and the diagonal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..policy.base import Proposal
from .goal_text import GoalText, fresh, split_top

_SMALL_LISTS = ("[]", "[0]", "[1, 0]")


def witnesses(shape: GoalText) -> Iterator[Proposal]:
    """Values for an existential: what is at hand, then small numbers, then a hole."""
    for h in shape.objects[-4:]:
        yield Proposal(f"refine ⟨{h.name}, ?_⟩", 0.2)
        yield Proposal(f"exact ⟨{h.name}, by first | omega | simp_all | grind⟩", 0.2)
    yield from _quotients(shape)
    small = " | ".join(f"exact ⟨{i}, by decide⟩" for i in range(31))
    yield Proposal(f"first | {small}", 0.25)
    pairs = " | ".join(f"exact ⟨{i}, {j}, by decide⟩" for i in range(7) for j in range(7))
    if re.match(r"∃ (\(\w+ \w+|\w+ \w+)", shape.target):
        yield Proposal(f"first | {pairs}", 0.1)
    if "List" in shape.text or ".length" in shape.target:
        values = [*_SMALL_LISTS, "0", "1", "2"]
        both = [f"{a}, {b}" for a in values for b in values]
        tries = " | ".join(f"exact ⟨{each}, by decide⟩" for each in (*_SMALL_LISTS, *both))
        yield Proposal(f"first | {tries}", 0.2)
    numbers = dict.fromkeys([*re.findall(r"(?<![\w.])\d+", shape.text)[:4], "0", "1"])
    yield from (Proposal(f"refine ⟨{n}, ?_⟩", 0.06) for n in numbers)
    yield Proposal("refine ⟨fun x => x, ?_⟩", 0.02)
    yield Proposal("refine ⟨_, ?_⟩", 0.05)
    yield Proposal("apply Classical.byContradiction\nintro hc", 0.1)
    yield Proposal("simp", 0.3)


_MULTIPLE = re.compile(
    r"∃ (\w+)(?: : [^,]+)?, (.+) = (?:(\d+) \* (\w+)|(\w+) \* (\d+))((?: \+ \d+)?)"
)
"""That a number is a multiple, or a number more: `∃ k, n = 2 * k + 1`."""


def _quotient(claim: str) -> tuple[str, str, str] | None:
    """The number that is claimed to be a multiple, by what, and the rest; None for other claims."""
    bare = claim[1:-1] if claim.startswith("(") and claim.endswith(")") else claim
    match = _MULTIPLE.fullmatch(bare)
    if match is None:
        return None
    variable, number, factor, name, other, right, rest = match.groups()
    if variable != (name or other) or re.search(rf"\b{variable}\b", number):
        return None
    return number, factor or right, rest


def _quotients(shape: GoalText) -> Iterator[Proposal]:
    """The quotient as the witness of a multiple."""
    if found := _quotient(shape.target):
        number, factor, _ = found
        yield Proposal(f"exact ⟨({number}) / {factor}, by first | omega | grind⟩", 0.4)


def by_parts(shape: GoalText) -> Iterator[Proposal]:
    """Yield, for multiples of one number with several rests, the case of each rest."""
    parts = [_quotient(part) for part in split_top(shape.target, " ∨ ")]
    if len(parts) != 2 or None in parts:
        return
    sides = [
        f"exact {side} ⟨({part[0]}) / {part[1]}, by omega⟩"
        for side, part in zip(("Or.inl", "Or.inr"), parts, strict=True)
        if part
    ]
    number, factor, rest = parts[0] or ("", "", "")
    case = f"by_cases hm : ({number}) % {factor} = {rest.removeprefix(' + ') or 0}"
    yield Proposal(f"{case} <;> first | {' | '.join(sides)}", 0.4)


def chosen(shape: GoalText) -> Iterator[Proposal]:
    """Yield a function for each fact that there is something for everything."""
    for h in [h for h in shape.facts if re.match(r"∀ [^,]*, ∃ ", h.type)][-3:]:
        used = shape.taken
        function = fresh("g", used)
        fact = fresh(f"h{function}", [*used, function])
        yield Proposal(f"obtain ⟨{function}, {fact}⟩ := Classical.axiomOfChoice {h.name}", 0.2)


_RELATION = re.compile(r"(\w+) → \(?\1 → (Prop|Bool)\)?")


def diagonal(shape: GoalText) -> Iterator[Proposal]:
    """Yield what a relation misses, as the witness or at hand: those not related to themselves."""
    for h in [h for h in shape.objects if _RELATION.fullmatch(h.type)][-2:]:
        missed = f"(fun x => {'!' if 'Bool' in h.type else '¬ '}{h.name} x x)"
        if shape.target.startswith("∃"):
            yield Proposal(f"refine ⟨{missed}, ?_⟩", 0.15)
        for fact in [each for each in shape.facts if each.type.startswith("∀")][-2:]:
            name = fresh("hd", shape.taken)
            yield Proposal(f"have {name} := {fact.name} {missed}", 0.1)
    for fact in [each for each in shape.facts if re.search(r" = fun \w+ => ", each.type)][-2:]:
        for point in [each.name for each in shape.objects][-2:]:
            name = fresh("hp", shape.taken)
            yield Proposal(f"have {name} := congrFun {fact.name} {point}\ngrind", 0.15)
