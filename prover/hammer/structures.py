"""Tactics for what a structure or a hypothesis says of all its elements: groups, orders, lattices.

`grind` uses such a law where the goal shows a term that it speaks of. What a calculation passes
through on its way is not in the goal; so equations are stated at small terms before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..policy.base import Proposal
from .file_context import Scope
from .goal_text import BINDERS, GoalText, split_top

INSTANCES = (27, 64)
"""Most instances of one law: few first, which take `grind` an eighth of the heartbeats."""
MAX_VARIABLES = 4
"""Most variables of a law that is stated at terms."""

_GROUP = re.compile(r"[({⦃\[]([^(){}\[\]⦃⦄:]+) : ([^(){}\[\]⦃⦄:]+)[)}⦄\]]")


@dataclass(frozen=True, slots=True)
class _Law:
    """A fact on all elements of a type. name: as it is written; type: of its variables."""

    name: str
    type: str
    variables: int
    is_equation: bool


def structures(shape: GoalText, scope: Scope) -> Iterator[Proposal]:
    """Yield `grind` with all laws at hand, alone and after equations at small terms."""
    laws = [*_fields(shape, scope), *_facts(shape)]
    if not laws:
        return
    names = [law.name for law in laws if "." in law.name]
    closing = f"grind [{', '.join(names)}]" if names else "grind"
    if names:
        yield Proposal(closing, 0.5)
        yield Proposal(f"simp_all [{', '.join(names)}]", 0.2)
    for most in INSTANCES:
        lines: list[str] = []
        for law in laws:
            if law.is_equation:
                lines += _instances(law, _terms(law.type, shape, scope), most, len(lines))
        if lines:
            yield Proposal("\n".join([*lines, closing]), 0.25)


def _instances(law: _Law, terms: list[str], room: int, first: int) -> Iterator[str]:
    """Lines that state a law at terms, as many of these as there is room for."""
    most = max((n for n in range(len(terms) + 1) if n**law.variables <= room), default=0)
    for number, chosen in enumerate(product(terms[:most], repeat=law.variables)):
        yield f"have law{first + number} := {law.name} {' '.join(chosen)}"


def _facts(shape: GoalText) -> Iterator[_Law]:
    """Universal hypotheses on one type."""
    for h in shape.facts:
        if found := BINDERS.match(h.type):
            groups = _GROUP.findall(found[0]) or _GROUP.findall(f"({found[1]})")
            yield from _law(h.name, groups, h.type[found.end() :])


def _fields(shape: GoalText, scope: Scope) -> Iterator[_Law]:
    """The laws of each structure at hand, on its carrier."""
    for name, type_, arguments in _at_hand(shape):
        for field in scope.fields.get(type_, ()):
            text = " ".join(field.type.split())
            found = BINDERS.match(text)
            if found is None:
                continue
            groups = _GROUP.findall(found[0])
            own = [i for i, (_, kind) in enumerate(groups) if kind.split(" ")[0] == type_]
            if not own:
                continue
            parameters = [each for names, _ in groups[: own[0]] for each in names.split()]
            known = dict(zip(parameters, arguments, strict=False))
            rest = [(names, known.get(kind, kind)) for names, kind in groups[own[0] + 1 :]]
            last = field.name.rpartition(".")[2]
            yield from _law(f"{name}.{last}", rest, text[found.end() :])


def _law(name: str, groups: list[tuple[str, str]], claim: str) -> Iterator[_Law]:
    types = {kind for _, kind in groups}
    count = sum(len(names.split()) for names, _ in groups)
    if len(types) == 1 and count <= MAX_VARIABLES:
        is_equation = len(split_top(claim, " = ")) == 2 and "→" not in claim
        yield _Law(name, types.pop(), count, is_equation)


def _at_hand(shape: GoalText) -> Iterator[tuple[str, str, list[str]]]:
    """Each hypothesis that may be a structure: its name, the structure's, its arguments."""
    for h in shape.named:
        head, *arguments = h.type.split(" ")
        yield h.name, head, arguments


def _terms(type_: str, shape: GoalText, scope: Scope) -> list[str]:
    """Small terms of a type: variables, constants of structures, and what maps them to others."""
    terms = [h.name for h in shape.objects if h.type == type_]
    unary: list[str] = []
    for name, structure, arguments in _at_hand(shape):
        for operation in scope.operations.get(structure, ()):
            parts = split_top(" ".join(operation.type.split()), " → ")
            own = [i for i, part in enumerate(parts) if part.split(" ")[0] == structure]
            if not own or type_ not in arguments:
                continue
            last = f"{name}.{operation.name.rpartition('.')[2]}"
            places = parts[own[0] + 1 :]
            if len(set(places)) == 1 and len(places) == 1:
                terms.append(last)
            elif len(set(places)) == 1 and len(places) == 2:
                unary.append(last)
    once = [f"({f} {term})" for f in unary for term in terms if "." not in term]
    twice = [f"({f} {term})" for f in unary for term in once]
    return [*terms, *once, *twice]
