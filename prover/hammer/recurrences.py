"""Sequences given by a recurrence and first values, asked for far out: find the period, prove it.

The values are computed here with exact fractions; Lean proves by induction that they repeat.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ...data.records import Hypothesis
from ..policy.base import Proposal
from .goal_text import GoalText

MAX_PERIOD = 40
"""Longest period looked for."""

_RULE = re.compile(
    r"∀ (?:\((?P<a>\w+) : [^()]+\)|(?P<b>\w+)(?: ≥ (?P<k>\d+))?), (?:\w+ ≥ (?P<m>\d+) → )?"
    r"(?P<f>\w+) (?:(?P<n>\w+)|\(\w+ \+ (?P<d>\d+)\)) = (?P<body>.+)"
)
_BINARY: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class _Sequence:
    """f by the fact `rule`: f (n + shift) = body. start: first known index; values from there."""

    name: str
    rule: str
    guarded: bool
    shift: int
    order: int
    start: int
    period: int
    values: dict[int, Fraction]

    def instance(self, at: str, index: int) -> str:
        """The rule's proof for the term at offset `index` from `at`, a multiple of the period."""
        n = f"({at}{index - self.shift})"
        return f"{self.rule} {n} (by omega)" if self.guarded else f"{self.rule} {n}"

    def steps(self, at: str, first: int, last: int, known: list[str]) -> list[str]:
        """Lines that prove the terms first..last from `known`, each named `b` and its offset."""
        lines = []
        for i in range(first, last + 1):
            tail = f"simp [{', '.join(known[-self.order :])}] at hb; first | exact hb | grind"
            claim = f"{self.name} ({at}{i}) = {_literal(self.values[i])}"
            lines.append(f"have b{i} : {claim} := by")
            lines.append(f"  have hb := {self.instance(at, i)}; {tail}")
            known.append(f"b{i}")
        return lines


def recurrences(shape: GoalText) -> Iterator[Proposal]:
    """Yield one tactic for each sequence of the goal that is found to repeat."""
    for h in shape.facts:
        if (found := _read(h, shape)) and (text := _proof(found, shape)):
            yield Proposal(text, 0.75)


def _read(rule: Hypothesis, shape: GoalText) -> _Sequence | None:
    """The sequence a rule defines, with its period; None where there is none to be found."""
    match = _RULE.fullmatch(rule.type)
    if match is None:
        return None
    name, variable = match["f"], match["a"] or match["b"]
    shift = int(match["d"] or 0)
    values = _first_values(name, shape)
    try:
        body = ast.parse(
            re.sub(rf"\b{name} (\w+|\([^()]*\))", r"F(\1)", match["body"]), mode="eval"
        )
        if not values:
            return None
        known = max(values)
        order = known - min(values) + 1
        for index in range(known + 1, known + 1 + MAX_PERIOD + order):
            values[index] = _evaluate(body.body, variable, index - shift, values)
    except (SyntaxError, ValueError, KeyError, ZeroDivisionError):
        return None
    start = min(values)
    window = [values.get(start + j) for j in range(order)]
    for p in range(1, MAX_PERIOD + 1):
        if [values[start + p + j] for j in range(order)] == window:
            guarded = (match["k"] or match["m"]) is not None
            return _Sequence(name, rule.name, guarded, shift, order, start, p, values)
    return None


def _first_values(name: str, shape: GoalText) -> dict[int, Fraction]:
    """The facts `f 3 = 5`, kept only if their indices follow each other."""
    found = {}
    for h in shape.facts:
        if match := re.fullmatch(rf"{name} (\d+) = (-?\d+)(?: / (\d+))?", h.type):
            found[int(match[1])] = Fraction(int(match[2]), int(match[3] or 1))
    gaps = found and max(found) - min(found) + 1 != len(found)
    return {} if gaps else found


def _evaluate(node: ast.expr, variable: str, n: int, values: dict[int, Fraction]) -> Fraction:
    """Exact value of a rule's body at n; ValueError for anything but + - * / and terms of f."""

    def value(part: ast.expr) -> Fraction:
        match part:
            case ast.Constant(value=int(number)):
                return Fraction(number)
            case ast.Name(id=name) if name == variable:
                return Fraction(n)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -value(inner)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](value(left), value(right))
            case ast.Call(args=[index]):
                return values[int(value(index))]
        raise ValueError("not arithmetic")

    return value(node)


def _literal(value: Fraction) -> str:
    if value.denominator == 1:
        return f"({value})" if value < 0 else str(value)
    return f"({value.numerator} / {value.denominator})"


def _proof(seq: _Sequence, shape: GoalText) -> str | None:
    """The whole tactic text: the period by induction, then the terms that the target names."""
    asked = [int(i) for i in re.findall(rf"\b{seq.name} (\d+)", shape.target)]
    if not asked or min(asked) < seq.start or max(asked) < 8 or len(asked) > 8:
        return None
    terms = [_term(seq, number, index) for number, index in enumerate(dict.fromkeys(asked))]
    names = ", ".join(f"t{number}" for number in range(len(terms)))
    end = f"rw [{names}]\nfirst | rfl | decide +kernel | grind"
    return "\n".join([_period_fact(seq), *terms, end])


def _period_fact(seq: _Sequence) -> str:
    """`key`: a window of terms is the same after every turn of the period."""
    p, window = seq.period, range(seq.start, seq.start + seq.order)
    claims = [f"{seq.name} ({p} * n + {i}) = {_literal(seq.values[i])}" for i in window]
    known = [f"b{i}" for i in window]
    ends = [
        f"(by rw [show {p} * (n + 1) + {i} = {p} * n + {i + p} by omega]; exact b{i + p})"
        for i in window
    ]
    steps = [
        f"obtain {_tuple(known)} := ih",
        *seq.steps(f"{p} * n + ", window.stop, window.stop + p - 1, list(known)),
        f"exact {_tuple(ends)}",
    ]
    return "\n".join(
        [
            f"have key : ∀ n : Nat, {' ∧ '.join(claims)} := by",
            "  intro n",
            "  induction n with",
            "  | zero => simp_all",
            "  | succ n ih =>",
            *(f"    {line}" for line in steps),
        ]
    )


def _term(seq: _Sequence, number: int, index: int) -> str:
    """`t0`, `t1`, ...: one term far out, from `key` at its turn."""
    turn, rest = divmod(index - seq.start, seq.period)
    offset, window = seq.start + rest, range(seq.start, seq.start + seq.order)
    known = [f"b{i}" for i in window]
    lines = [
        f"obtain {_tuple(known)} := key {turn}",
        *seq.steps(f"{seq.period} * {turn} + ", window.stop, offset, list(known)),
        f"exact b{offset}",
    ]
    head = f"have t{number} : {seq.name} {index} = {_literal(seq.values[offset])} := by"
    return "\n".join([head, *(f"  {line}" for line in lines)])


def _tuple(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"⟨{', '.join(parts)}⟩"
