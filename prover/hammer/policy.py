"""A policy without a model: tactics by the shape of the goal, priors from common sense.

Cheap closing tactics first, then introductions and case splits, then uses of hypotheses and of
the file's definitions and theorems. With Mathlib imported its own closing tactics join.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...data.records import Goal, ProofState, Theorem
from ..policy.base import PolicyOutput, Proposal, Query
from .arithmetic import arithmetic
from .file_context import Scope
from .goal_text import GoalText, fresh, introductions, mentions, split_top
from .predicates import predicates
from .programs import LOOP_INDUCTION, programs
from .recurrences import recurrences
from .structures import structures
from .witnesses import by_parts, chosen, diagonal, witnesses

LIBRARY = "library?"
"""A search of the worker, see LeanEnv/LibrarySearch.lean; what it finds takes its place."""

CLOSING = (
    ("rfl", 1.0),
    ("assumption", 0.95),
    ("contradiction", 0.9),
    ("decide", 0.85),
    ("omega", 0.8),
    ("trivial", 0.7),
    ("simp_all", 0.66),
    ("grind", 0.62),
    ("decide +kernel", 0.55),
    ("norm_cast", 0.3),
    ("ac_rfl", 0.3),
    ("simp", 0.3),
    ("exact?", 0.3),
    (LIBRARY, 0.5),
    ("exact Classical.em _", 0.02),
)
"""Tried at every state of core Lean, cheapest and most often right first."""

CLOSING_MATHLIB = (
    ("norm_num", 0.8),
    ("ring", 0.72),
    ("linarith", 0.7),
    ("positivity", 0.64),
    ("nlinarith", 0.5),
    ("aesop", 0.4),
    ("field_simp", 0.3),
    ("push_cast", 0.2),
    ("ring_nf", 0.15),
    ("norm_num at *", 0.15),
    ("tauto", 0.3),
)
"""Joined where the file imports Mathlib."""

MAX_PROPOSALS = 120
"""Most tactics proposed for one state."""

SEARCH_DEPTH = 2
"""The worker's searches, which cost most, are tried fewer steps than this below a theorem."""


class Hammer:
    """Proposes a fixed portfolio for each shape of goal; deterministic."""

    name = "hammer"

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query with up to MAX_PROPOSALS tactics, best prior first."""
        return [
            PolicyOutput(tuple(_suited(q.state, portfolio(q.theorem, q.state.goals))))
            for q in queries
        ]


def _suited(state: ProofState, found: Sequence[Proposal]) -> list[Proposal]:
    """With the worker's searches near the theorem only; that of the library waits below it."""
    depth = len(state.recipe)
    if depth >= SEARCH_DEPTH:
        return [p for p in found if p.tactic not in (LIBRARY, LOOP_INDUCTION)]
    return [replace(p, waits=True) if depth and p.tactic == LIBRARY else p for p in found]


def portfolio(theorem: Theorem, goals: Sequence[Goal]) -> list[Proposal]:
    """The tactics for the first of the goals, each once, best prior first (ties as written)."""
    if not goals:
        return []
    shape = GoalText(goals[0])
    best: dict[str, float] = {}
    for proposal in _all(
        shape, Scope(theorem.context, shape.goal, theorem.source), _has_mathlib(theorem.source)
    ):
        best[proposal.tactic] = max(proposal.prior, best.get(proposal.tactic, 0.0))
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return [Proposal(tactic, prior) for tactic, prior in ranked[:MAX_PROPOSALS]]


def _has_mathlib(source: str) -> bool:
    return re.search(r"^\s*(public )?import Mathlib\b", source, re.MULTILINE) is not None


def _all(shape: GoalText, scope: Scope, mathlib: bool) -> Iterator[Proposal]:
    closing = (*CLOSING, *CLOSING_MATHLIB) if mathlib else CLOSING
    yield from (Proposal(tactic, prior) for tactic, prior in closing)
    yield from _hidden(shape)
    yield from _target(shape)
    yield from _cases(shape)
    yield from _use(shape)
    yield from chosen(shape)
    yield from diagonal(shape)
    yield from _instantiate(shape)
    yield from _induction(shape, scope)
    yield from scope.proposals()
    yield from predicates(shape, scope)
    yield from structures(shape, scope)
    yield from programs(shape, scope)
    yield from arithmetic(shape)
    yield from recurrences(shape)


def _hidden(shape: GoalText) -> Iterator[Proposal]:
    """Name what cannot be written; `rename_i` takes the last ones, in order."""
    if shape.hidden:
        names = list(shape.taken)
        for h in shape.hidden:
            base = re.sub(r"✝.*", "", h.name)
            base = base if re.fullmatch(r"[^\W\d]\w*", base) else "h"
            names.append(fresh(base, names))
        yield Proposal(f"rename_i {' '.join(names[len(shape.taken) :])}", 0.5)


def _target(shape: GoalText) -> Iterator[Proposal]:
    """Steps that the target's head asks for."""
    target = shape.target
    if names := introductions(target, shape.taken):
        yield Proposal(f"intro {' '.join(names)}", 0.9)
        if len(names) > 1:
            yield Proposal(f"intro {names[0]}", 0.2)
        return
    if len(split_top(target, " ↔ ")) == 2:
        yield Proposal("constructor", 0.6)
    elif target.startswith("∃"):
        yield from witnesses(shape)
    elif len(split_top(target, " ∨ ")) > 1:
        yield from (Proposal("left", 0.3), Proposal("right", 0.3))
        yield from by_parts(shape)
        yield Proposal("apply Classical.byContradiction\nintro hc", 0.1)
    elif len(split_top(target, " ∧ ")) > 1:
        yield Proposal("constructor", 0.6)
        yield Proposal("refine ⟨?_, ?_⟩ <;> first | omega | simp_all | grind", 0.3)
    elif len(split_top(target, " = ")) == 2:
        yield from _equation(shape)
    elif target != "False":
        yield Proposal("apply Classical.byContradiction\nintro hc", 0.12)
        yield Proposal("constructor", 0.1)
    if re.search(r"\bif\b|\bmatch\b", target):
        yield Proposal("split", 0.5)
        yield Proposal("split <;> simp_all", 0.3)
        yield Proposal("split <;> omega", 0.3)
    if target == "False":
        for h in shape.facts:
            if h.type.startswith("¬") or h.type.endswith("→ False") or " ≠ " in h.type:
                yield Proposal(f"apply {h.name}", 0.3)


def _equation(shape: GoalText) -> Iterator[Proposal]:
    name = fresh("x", shape.taken)
    yield Proposal(f"funext {name}", 0.12)
    yield Proposal("ext <;> simp <;> omega", 0.06)
    yield Proposal("ext <;> grind", 0.06)
    yield Proposal("apply propext\nconstructor", 0.03)
    yield Proposal("congr", 0.05)
    if re.search(r"-|<|>|≤|≥", shape.text):
        yield Proposal("apply Nat.le_antisymm", 0.03)
        yield Proposal("apply Int.le_antisymm", 0.03)


def _cases(shape: GoalText) -> Iterator[Proposal]:
    """Take hypotheses apart: all ∧ and ∃ in one go, each ∨ by cases."""
    used = list(shape.taken)
    parts: list[str] = []
    for h in shape.facts:
        pattern = _pattern(h.type, h.name, used)
        if pattern != h.name:
            parts.append(f"obtain {pattern} := {h.name}")
        if len(split_top(h.type, " ∨ ")) > 1 and not h.type.startswith(("∀", "∃")):
            names = " | ".join([h.name] * len(split_top(h.type, " ∨ ")))
            yield Proposal(f"rcases {h.name} with {names}", 0.5)
        if len(split_top(h.type, " ↔ ")) == 2 and not h.type.startswith("∀"):
            yield Proposal(f"by_cases hb : {split_top(h.type, ' ↔ ')[0]} <;> simp_all", 0.1)
        if re.search(r"\bif\b|\bmatch\b", h.type):
            yield Proposal(f"split at {h.name}", 0.3)
        if re.fullmatch(r"\w+ = .+|.+ = \w+", h.type):
            yield Proposal(f"subst {h.name}", 0.2)
    if parts:
        yield Proposal("\n".join(parts), 0.6)
    for h in shape.objects:
        if h.type == "Prop":
            yield Proposal(f"by_cases h{h.name} : {h.name} <;> simp_all", 0.1)
        elif h.type in ("Bool", "Unit") or h.type.startswith(("Option ", "Fin ", "Sum ", "Prod ")):
            yield Proposal(f"cases {h.name} <;> simp_all", 0.2)
        elif " × " in h.type and "→" not in h.type:
            a, b = fresh("a", shape.taken), fresh("b", shape.taken)
            yield Proposal(f"obtain ⟨{a}, {b}⟩ := {h.name}", 0.3)


def _pattern(text: str, name: str, used: list[str]) -> str:
    """The pattern that takes a conjunction or an existential apart; the name if it is neither."""
    text = text.strip()
    match = re.match(r"∃ (\w+)(?: : [^,]+)?, ", text)
    if match:
        witness = fresh(match.group(1), used)
        used.append(witness)
        return f"⟨{witness}, {_pattern(text[match.end() :], name, used)}⟩"
    sides = [] if text.startswith(("∀", "∃", "¬")) else split_top(text, " ∧ ")
    if len(sides) < 2 or len(split_top(text, " → ")) > 1 or len(split_top(text, " ↔ ")) > 1:
        return name
    if len(split_top(text, " ∨ ")) > 1:
        return name
    names = []
    for _ in sides:
        names.append(fresh(name, used))
        used.append(names[-1])
    return f"⟨{', '.join(names)}⟩"


def _use(shape: GoalText) -> Iterator[Proposal]:
    """Apply, rewrite and simplify with each hypothesis, the latest first."""
    facts = [h for h in shape.facts if h.type != "True"][::-1][:8]
    goal_is_fact = shape.target != "False"
    for h in facts:
        conclusion = split_top(h.type, " → ")[-1]
        body = re.sub(r"^∀ [^,]*, ", "", conclusion)
        if h.type.startswith(("∀", "¬")) or "→" in h.type:
            yield Proposal(f"apply {h.name}", 0.25)
            yield Proposal(f"exact {h.name} _ (by assumption)", 0.05)
        if len(split_top(body, " = ")) == 2 or len(split_top(body, " ↔ ")) == 2:
            yield Proposal(f"rw [{h.name}]", 0.15)
            yield Proposal(f"rw [← {h.name}]", 0.08)
            yield Proposal(f"simp [{h.name}]", 0.1)
        if goal_is_fact and len(split_top(h.type, " ↔ ")) == 2:
            yield Proposal(f"exact {h.name}.mp (by assumption)", 0.1)
            yield Proposal(f"exact {h.name}.mpr (by assumption)", 0.1)
        if h.type.startswith("¬"):
            yield Proposal(f"exact absurd (by assumption) {h.name}", 0.1)
            yield Proposal(f"exact ({h.name} (by first | assumption | simp_all | omega)).elim", 0.1)
    if facts:
        names = ", ".join(h.name for h in facts[::-1])
        yield Proposal(f"simp [{names}]", 0.1)
        yield Proposal("simp at *", 0.1)
        yield Proposal("simp_all <;> omega", 0.12)
        yield Proposal("simp_all <;> grind", 0.06)
        yield Proposal("subst_vars <;> decide", 0.06)


def _instantiate(shape: GoalText) -> Iterator[Proposal]:
    """Universal facts at the numbers and terms that occur in the goal."""
    numbers = list(dict.fromkeys(re.findall(r"(?<![\w.])\d+(?![\w.])", shape.text)))[:6]
    terms = [h.name for h in shape.objects if mentions(shape.target, h.name)][-3:]
    for h in [h for h in shape.facts if h.type.startswith("∀")][:3]:
        for term in [*terms, *(n for n in ("0", "1", "2") if n not in numbers), *numbers]:
            name = fresh("hi", shape.taken)
            yield Proposal(f"have {name} := {h.name} {term}", 0.04)
        few = list(dict.fromkeys(["0", "1", "2", "3", *terms]))[:6]
        lines = [f"have hi{i} := {h.name} {t}" for i, t in enumerate(few)]
        steps = "\n".join(f"try {line}" for line in lines)
        yield Proposal(f"{steps}\nfirst | omega | grind", 0.06)
        yield Proposal(f"{steps}\nsimp_all", 0.05)


def _induction(shape: GoalText, scope: Scope) -> Iterator[Proposal]:
    """Induction on natural numbers, lists and the file's own types, open or closed at once."""
    if not re.search(r"[^\s]", shape.target):
        return
    closers = ["simp_all", "grind", "omega", *scope.closers()]
    for h in [h for h in shape.objects if scope.is_inductive(h.type)][:3]:
        relevant = mentions(shape.text, h.name)
        weight = 1.0 if relevant else 0.1
        others = [
            o.name for o in shape.objects if o.name != h.name and mentions(shape.target, o.name)
        ]
        for closer in closers:
            yield Proposal(f"induction {h.name} <;> {closer}", 0.16 * weight)
        yield Proposal(_structured(h.name, h.type, shape), 0.14 * weight)
        if h.type in ("Nat", "ℕ") and relevant:
            strong = f"induction {h.name} using Nat.strongRecOn"
            yield Proposal(f"{strong} <;> grind{scope.grind}", 0.15)
            ih = fresh("ih", [n for n in shape.taken if n != h.name])
            yield Proposal(f"{strong} with | _ {h.name} {ih} => ?_", 0.1)
        if others and relevant:
            names = " ".join(others)
            for closer in closers[:2] + closers[3:]:
                yield Proposal(f"induction {h.name} generalizing {names} <;> {closer}", 0.08)
        if scope.mentioned and relevant:
            for o in [o for o in shape.objects if o.name in others and scope.is_inductive(o.type)]:
                both = f"induction {h.name} generalizing {o.name} <;> cases {o.name}"
                yield Proposal(f"{both} <;> grind{scope.grind}", 0.1)
        yield Proposal(f"cases {h.name} <;> simp_all", 0.1 * weight)
        yield Proposal(f"cases {h.name} <;> simp_all [Nat.pow_succ] <;> omega", 0.05 * weight)
        if h.type in ("Nat", "ℕ") and relevant:
            power = f"have hp := @Nat.lt_two_pow_self {h.name}"
            yield Proposal(_growth(h.name, power, shape), 0.08)


def _structured(name: str, type_: str, shape: GoalText) -> str:
    taken = [n for n in shape.taken if n != name]
    ih = fresh("ih", taken)
    if type_ in ("Nat", "ℕ"):
        return f"induction {name} with\n| zero => ?_\n| succ {name} {ih} => ?_"
    if type_.startswith("List "):
        x = fresh("x", taken)
        return f"induction {name} with\n| nil => ?_\n| cons {x} {name} {ih} => ?_"
    return f"induction {name}"


def _growth(name: str, power: str, shape: GoalText) -> str:
    ih = fresh("ih", [n for n in shape.taken if n != name])
    step = f"have hp := @Nat.lt_two_pow_self ({name} + 1); simp_all [Nat.pow_succ]; omega"
    return f"induction {name} with\n| zero => simp_all\n| succ {name} {ih} => {step}"
