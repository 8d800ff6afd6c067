"""Finite search in core Lean: bound every number of the goal, then try all values.

The tactic text proves its own bounds (by omega, by divisors of a product, by powers below a
number) and ends in the kernel's evaluation or in omega for each value of one variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..policy.base import Proposal
from .goal_text import GoalText, fresh, mentions, split_top

LADDER = {1: (12, 60, 300, 1200), 2: (12, 30, 75), 3: (6, 12)}
"""Bounds tried one after the other for each variable, by the number of variables."""
SPLIT_LADDER = (12, 30, 100)
"""Bounds tried where one variable is split into its values and Lean decides each case."""
EVALUATE = "set_option synthInstance.maxSize 4096 in decide +kernel"
"""The kernel's evaluation; one instance has to be found for all bounds and facts together."""
MAX_PRODUCT = 2_000
"""Products up to this value are split by the divisors of the value."""

_QUANTIFIED = re.compile(r"[∀∃→λ∑∏]|\bfun\b")
_FACTOR = re.compile(r"\w+|\([^()]*\)|\w+ \^ \w+")
_POWER = re.compile(r"(\d+) \^ (\w+)")


class _Plan:
    """What a finite search of one goal needs: variables, usable facts, divisor equations."""

    def __init__(self, shape: GoalText) -> None:
        self.shape = shape
        objects = [h.name for h in shape.objects]
        self.dropped = [h.name for h in shape.facts if _QUANTIFIED.search(h.type)]
        self.facts = [h for h in shape.facts if h.name not in self.dropped]
        self.defined: list[str] = []
        for fact in self.facts:
            name, _, value = fact.type.partition(" = ")
            if name in dict(shape.numbers) and not mentions(value, name) and " = " not in value:
                self.defined.append(fact.name)
                break
        text = "\n".join([*(h.type for h in self.facts), shape.target])
        gone = [h.type.partition(" = ")[0] for h in self.facts if h.name in self.defined]
        self.facts = [h for h in self.facts if h.name not in self.defined]
        self.variables = [(n, k) for n, k in shape.numbers if n not in gone and mentions(text, n)]
        strange = [n for n in objects if n not in dict(shape.numbers) and mentions(text, n)]
        self.fits = not strange and 1 <= len(self.variables) <= 3
        self.fits = self.fits and not _QUANTIFIED.search(shape.target)
        self.products = [
            (h.name, factors, int(value))
            for h in self.facts
            for left, value in [_equation(h.type)]
            if value.isdigit() and len(factors := _factors(left)) > 1
        ]

    def opening(self) -> list[str]:
        """Substitute what is defined, turn the goal into a fact, drop what cannot be decided."""
        lines = [f"subst {name}" for name in self.defined]
        if self.dropped:
            lines.append(f"clear {' '.join(self.dropped)}")
        if self.shape.target != "False":
            lines += ["apply Classical.byContradiction", "intro hc"]
        return lines

    def facts_found(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Lines that add what omega cannot see in products; the divisors found, each named."""
        lines: list[str] = []
        names: list[tuple[str, str]] = []
        kinds = dict(self.shape.numbers)
        for i, (u, _) in enumerate(self.variables):
            for v, _ in self.variables[i:]:
                if kinds[u] == kinds[v] == "Int" and _multiplied(self.shape.text, u, v):
                    name = f"hp{len(lines)}"
                    positive = f"(show 0 < {u} by omega) (show 0 < {v} by omega)"
                    lines.append(f"try have {name} := Int.mul_pos {positive}")
        for fact, factors, value in self.products:
            if any(kinds[n] == "Int" and mentions(f, n) for n in kinds for f in factors):
                continue  # these go by absolute values, see _by_divisors
            for j, factor in enumerate(factors):
                if factor not in kinds and not _POWER.fullmatch(factor):
                    continue
                name = f"hd{len(names)}"
                others = " * ".join(factors[:j] + factors[j + 1 :])
                proof = f"⟨{others}, {fact}.symm.trans (by ac_rfl)⟩"
                lines += [f"have {name} : {factor} ∣ {value} := {proof}"]
                lines += self._from_divisor(name, factor, value)
                names.append((name, factor))
        return lines, names

    def _from_divisor(self, name: str, factor: str, value: int) -> list[str]:
        """Bounds that follow from a divisor: of an exponent, or of the factor itself."""
        if power := _POWER.fullmatch(factor):
            base, exponent = int(power.group(1)), power.group(2)
            bound = next(n for n in range(value + 2) if base < 2 or base**n > value)
            small = f"Nat.lt_of_le_of_lt (Nat.le_of_dvd (by decide) {name}) (by decide)"
            mp = f"(Nat.pow_lt_pow_iff_right (a := {base}) (by decide)).mp"
            return [f"try have hb_{exponent} : {exponent} < {bound} := {mp} ({small})"]
        return [f"have hl_{name} := Nat.le_of_dvd (by decide) {name}"]

    def bound(self, ladder: tuple[int, ...], index: int) -> str:
        """One line that bounds a variable by the first rung that omega proves."""
        name, kind = self.variables[index]
        if kind == "Nat":
            rungs = [f"(have hb_{name} : {name} < {b} := by omega)" for b in ladder]
        else:
            k = fresh(f"{name}'", self.shape.taken)
            rungs = []
            for low, width in [*((0, b) for b in ladder), *((b, 2 * b) for b in ladder)]:
                value = f"({k} : Int) - {low}" if low else f"({k} : Int)"
                inside = f"have hi : 0 ≤ {name} + {low} ∧ {name} + {low} < {width} := (by omega)"
                where = f"∃ {k} : Nat, {k} < {width} ∧ {name} = {value}"
                witness = f"⟨({name} + {low}).toNat, by omega, by omega⟩"
                found = f"obtain ⟨{k}, hb_{name}, rfl⟩ : {where} := {witness}"
                rungs.append(f"({inside}; {found}; clear hi)")
        return f"first | {' | '.join(rungs)}"

    def written(self, index: int) -> str:
        """The Nat variable that stands for variable `index` once it is bounded."""
        name, kind = self.variables[index]
        return name if kind == "Nat" else fresh(f"{name}'", self.shape.taken)


def finite_search(shape: GoalText) -> Iterator[Proposal]:
    """Yield the tactics that bound and try all values, where the goal is decidable."""
    plan = _Plan(shape)
    if not plan.fits:
        return
    yield Proposal(_by_kernel(plan), 0.1)
    if len(plan.variables) == 1 and plan.variables[0][1] == "Int":
        yield from _by_divisors(plan)
    yield from _by_factors(plan)
    if len(plan.variables) > 1:
        for index in range(len(plan.variables)):
            yield Proposal(_by_cases(plan, index), 0.05)


def _by_kernel(plan: _Plan) -> str:
    """All variables bounded, all facts packed into one implication, evaluated by the kernel."""
    lines, divisors = plan.facts_found()
    ladder = LADDER[len(plan.variables)]
    bounds = [plan.bound(ladder, i) for i in range(len(plan.variables))]
    if any(_POWER.fullmatch(f) for _, factors, _ in plan.products for f in factors):
        bounds = []
    pack = [h.name for h in sorted(plan.facts, key=lambda h: (" = " not in h.type, len(h.type)))]
    if plan.shape.target != "False":
        pack.append("hc")
    lines = [*plan.opening(), *lines, *bounds]
    for name, factor in divisors:
        lines.append(f"replace {name} := {name}")
        if not _POWER.fullmatch(factor):
            lines.append(f"clear hl_{name}")
    lines += [f"have hall := {_conjunction(pack)}", f"clear {' '.join(pack)}", "revert hall"]
    lines += [f"revert {plan.written(i)}" for i in reversed(range(len(plan.variables)))]
    return "\n".join([*lines, EVALUATE])


def _by_factors(plan: _Plan) -> Iterator[Proposal]:
    """A Nat factor of a number is one of its divisors; each case by omega or grind."""
    for fact, factors, value in plan.products:
        for j, factor in enumerate(factors):
            if (factor, "Nat") not in plan.variables or not 0 < value <= MAX_PRODUCT:
                continue
            others = " * ".join(factors[:j] + factors[j + 1 :])
            divisors = [d for d in range(1, value + 1) if value % d == 0]
            cases = " ∨ ".join(f"k = {d}" for d in divisors)
            lines = [
                f"have hd : {factor} ∣ {value} := ⟨{others}, {fact}.symm.trans (by ac_rfl)⟩",
                "have hl := Nat.le_of_dvd (by decide) hd",
                f"have hall : ∀ k < {value + 1}, k ∣ {value} → {cases} := by",
                f"  {EVALUATE}",
                f"rcases hall _ (by omega) hd with {' | '.join(['rfl'] * len(divisors))}",
                "all_goals first | omega | grind",
            ]
            yield Proposal("\n".join(lines), 0.12)


def _by_divisors(plan: _Plan) -> Iterator[Proposal]:
    """An Int that divides a number is plus or minus one of its divisors; the kernel tries all."""
    name, _ = plan.variables[0]
    k = fresh(f"{name}'", plan.shape.taken)
    pack = [h.name for h in plan.facts] + ["hc"] * (plan.shape.target != "False")
    for fact, factors, value in plan.products:
        if name not in factors or value == 0:
            continue
        rest = list(factors)
        rest.remove(name)
        signs = f"({name} = ({k} : Int) ∨ {name} = -({k} : Int))"
        where = f"{k} < {value + 1} ∧ {value} % {k} = 0 ∧ {signs}"
        lines = [
            *plan.opening(),
            f"have hd : {name} ∣ {value} := ⟨{' * '.join(rest)}, {fact}.symm.trans (by ac_rfl)⟩",
            f"have hk : {name}.natAbs ∣ {value} := Int.natAbs_dvd_natAbs.mpr hd",
            "have hl := Nat.le_of_dvd (by decide) hk",
            f"obtain ⟨{k}, hb, hs, h⟩ : ∃ {k} : Nat, {where} :=",
            f"  ⟨{name}.natAbs, by omega, Nat.mod_eq_zero_of_dvd hk, by omega⟩",
            f"have hall := {_conjunction(pack)}",
            f"clear hk hl hd {' '.join(pack)}",
            f"rcases h with rfl | rfl <;> revert hall <;> revert {k} <;> decide +kernel",
        ]
        yield Proposal("\n".join(lines), 0.1)


def _by_cases(plan: _Plan, index: int) -> str:
    """One variable split into its values, each case by omega or grind."""
    name = plan.variables[index][0]
    split = f"Nat.lt_succ_iff_lt_or_eq.mp hb_{name} with hb_{name} | rfl"
    return "\n".join(
        [
            *plan.opening(),
            *plan.facts_found()[0],
            plan.bound(SPLIT_LADDER, index),
            f"repeat (rcases {split})",
            "all_goals first | omega | grind",
        ]
    )


def _conjunction(names: list[str]) -> str:
    text = names[-1]
    for name in reversed(names[:-1]):
        text = f"And.intro {name} {text if ' ' not in text else f'({text})'}"
    return text


def _equation(text: str) -> tuple[str, str]:
    sides = text.split(" = ")
    return (sides[0], sides[1]) if len(sides) == 2 else (text, "")


def _factors(product: str) -> list[str]:
    """The factors of a product; [] where something else than a product stands at the top."""
    factors = split_top(product, " * ")
    return factors if all(_FACTOR.fullmatch(f) for f in factors) else []


def _multiplied(text: str, u: str, v: str) -> bool:
    pair = rf"(?<!\w){re.escape(u)} \* {re.escape(v)}(?!\w)"
    turned = rf"(?<!\w){re.escape(v)} \* {re.escape(u)}(?!\w)"
    return re.search(f"{pair}|{turned}", text) is not None
