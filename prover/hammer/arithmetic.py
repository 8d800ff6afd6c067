"""Tactics for Nat and Int goals in core Lean, where Mathlib's `interval_cases` is missing.

Residues, powers modulo a number, finite search between bounds that Lean proves itself, casts.
Each is a template over names and numbers read from the goal; Lean checks every claim in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from math import gcd

from ..policy.base import Proposal
from .finite_search import finite_search
from .goal_text import GoalText, mentions

MAX_MODULUS = 13
"""Residues are tried one by one up to this modulus."""
MAX_PERIOD = 12
"""Longest period of b ^ n modulo m that is split into cases."""

_TERM = r"(\w+|\([^()]*\))"
_GCD = re.compile(rf"{_TERM}\.gcd {_TERM} ≤ (\d+)")
_TERM = r"(\w+|\([^()]*\))"
_GCD = re.compile(rf"{_TERM}\.gcd {_TERM} ≤ (\d+)")
_MODULUS = re.compile(r"% (\d+)|(?<![\w^.*] )(?<!\w)(\d+) ∣")
_POWER = re.compile(r"(?<![\w.^])(\d+) \^ (\(?[^\d\s()]+)")


def arithmetic(shape: GoalText) -> Iterator[Proposal]:
    """Yield the templates that fit the goal."""
    if not shape.numbers or shape.hidden:
        return
    yield from _casts(shape)
    yield from _modular(shape)
    yield from _powers(shape)
    yield from _gcd(shape)
    yield from _squares(shape)
    yield from finite_search(shape)


def _moduli(shape: GoalText) -> list[int]:
    found = [int(a or b) for a, b in _MODULUS.findall(shape.text)]
    return [m for m in dict.fromkeys(found) if m > 1]


def _casts(shape: GoalText) -> Iterator[Proposal]:
    """Solve for a cast variable in the field it is cast to, then come back."""
    match = re.fullmatch(r"(\w+) = (\d+)", shape.target)
    if match and f"↑{match.group(1)}" in shape.text:
        name, value = match.groups()
        for field in ("Rat", "Int"):
            have = f"have key : ({name} : {field}) = {value} := by grind"
            yield Proposal(f"{have}\nexact_mod_cast key", 0.12)


def _modular(shape: GoalText) -> Iterator[Proposal]:
    """Powers and products modulo a literal: by rewriting, and by cases on residues."""
    moduli = _moduli(shape)
    if not moduli or not re.search(r"[\^*]", shape.text):
        return
    facts = "".join(f", {h.name}" for h in shape.facts if "%" in h.type)
    kinds = list(dict.fromkeys(kind for _, kind in shape.numbers))
    rules = {
        "Nat": "Nat.dvd_iff_mod_eq_zero, Nat.pow_succ, Nat.add_mod, Nat.mul_mod",
        "Int": "Int.dvd_iff_emod_eq_zero, Int.pow_succ, Int.add_emod, Int.sub_emod, Int.mul_emod",
    }
    for kind in kinds:
        yield Proposal(f"simp [{rules[kind]}{facts}]", 0.2)
    if "Nat" in kinds and "^" in shape.text:
        more = "Nat.dvd_iff_mod_eq_zero, Nat.pow_add, Nat.pow_mul, Nat.add_mod, Nat.mul_mod"
        yield Proposal(f"simp [{more}, Nat.pow_mod{facts}]", 0.2)
    for name, kind in shape.numbers[:3]:
        for m in [m for m in moduli if m <= MAX_MODULUS][:2]:
            if mentions(shape.text, name):
                simp = f"(simp [{rules[kind]}, hm{facts}] <;> omega)"
                yield Proposal(
                    f"{_residues(name, m, 'hm')} <;> first | {simp} | omega | grind", 0.15
                )


def _residues(name: str, modulus: int, fact: str) -> str:
    """Lean text that splits into the residues of a variable, ready for `<;>`."""
    cases = " ∨ ".join(f"{name} % {modulus} = {r}" for r in range(modulus))
    names = " | ".join([fact] * modulus)
    return f"have {fact} : {cases} := by omega\nrcases {fact} with {names}"


def _powers(shape: GoalText) -> Iterator[Proposal]:
    """Literal ^ variable modulo a literal: the powers repeat, split by the period."""
    bases = dict.fromkeys(int(b) for b, _ in _POWER.findall(shape.text))
    exponents = [n for n, k in shape.numbers if k == "Nat" and mentions(shape.text, n)]
    for base in [b for b in bases if b > 1][:2]:
        for name in exponents[:2]:
            for m in _moduli(shape)[:2]:
                yield Proposal(f"have hp := Nat.pow_mod {base} {name} {m}\nsimp at hp\nomega", 0.15)
                if gcd(base, m) == 1 and (period := _period(base, m)):
                    yield Proposal(_by_period(base, name, m, period, shape), 0.12)


def _period(base: int, modulus: int) -> int | None:
    """The least p > 0 with base ^ p = 1 modulo modulus."""
    return next((p for p in range(1, MAX_PERIOD + 1) if pow(base, p, modulus) == 1), None)


def _by_period(base: int, name: str, modulus: int, period: int, shape: GoalText) -> str:
    """Write `name` as period * q + r everywhere; (base ^ period) ^ q is 1 modulo modulus."""
    places = [h.name for h in shape.facts if mentions(h.type, name)]
    if mentions(shape.target, name):
        places.append("⊢")
    parts = [
        "rw [hm] at hd",
        f"rw [← hd] at {' '.join(places)}",
        f"have hp := Nat.pow_mod ({base} ^ {period}) ({name} / {period}) {modulus}",
        "simp [Nat.pow_add, Nat.pow_mul] at *",
        "omega",
    ]
    start = f"have hd := Nat.div_add_mod {name} {period}\n{_residues(name, period, 'hm')}"
    return " <;> ".join([start, *parts])


def _squares(shape: GoalText) -> Iterator[Proposal]:
    """Inequalities of products: that squares of differences are not negative, then `grind`."""
    if not re.search(r"[≤<≥>]", shape.target) or not re.search(r"\*|\^", shape.target):
        return
    used = [(name, kind) for name, kind in shape.numbers if mentions(shape.target, name)]
    integers = [name for name, kind in used if kind == "Int"][:4]
    values = list(dict.fromkeys(["1", "2", "3", *re.findall(r"(?<![\w.])\d+", shape.target)]))[:6]
    terms = [f"({a} - {b})" for a, b in combinations(integers, 2)]
    terms = terms or [*integers, *(f"({name} - {n})" for name in integers for n in values)]
    if terms:
        lines = [
            f"have sq{i} : 0 ≤ {term} * {term} := by generalize {term} = x; cases x <;> grind"
            for i, term in enumerate(terms)
        ]
        yield Proposal("\n".join([*lines, "grind"]), 0.2)
    naturals = [name for name, kind in used if kind == "Nat"]
    if len(naturals) == 2:
        cases = f"rcases Nat.le_total {' '.join(naturals)} with h | h"
        more = "obtain ⟨k, rfl⟩ := Nat.exists_eq_add_of_le h"
        yield Proposal(f"{cases} <;> {more} <;> grind", 0.1)


def _gcd(shape: GoalText) -> Iterator[Proposal]:
    """Bound a gcd of terms by what it divides: a small combination of them."""
    match = _GCD.fullmatch(shape.target)
    if match is None:
        return
    a, b, bound = match.groups()
    for i, j in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)):
        for big, small, x, y in ((a, b, "left", "right"), (b, a, "right", "left")):
            one = f"(Nat.dvd_mul_left_of_dvd (Nat.gcd_dvd_{x} {a} {b}) {i})"
            two = f"(Nat.dvd_mul_left_of_dvd (Nat.gcd_dvd_{y} {a} {b}) {j})"
            difference = f"{i} * {big} - {j} * {small} = {bound}"
            use = f"rwa [show {difference} by omega] at h"
            yield Proposal(
                f"exact Nat.le_of_dvd (by decide) (by have h := Nat.dvd_sub {one} {two}; {use})",
                0.02,
            )
