"""Negations: a theorem's own, stated as a theorem beside it, and False from its hypotheses.

The negation stands right after the theorem's command, in its scope, as
`theorem fresh : Not (type_of% @name) := by sorry`, so it says exactly what Lean understood. A
proof of it that uses the theorem itself rests on that `sorry`, and the verifier refuses it.
One false instance refutes, so universe parameters are 0 where the theorem has up to three.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Protocol

from ...data.errors import UsageError
from ...data.records import Accepted, Advanced, Hypothesis, ProofState, ProofTree, Status, Theorem
from ...lean_env.pool import OpenedFile
from ...lean_env.verification.rewrite import EXAMPLE_NAME, Edit, examples, name_example, rewrite
from ...lean_env.verification.script import script
from ...search.best_first import BestFirst
from .deferred import ProofChecker
from .expander import Expander, TacticRunner

_MOST_UNIVERSES = 3
_UNIVERSES = re.compile(r"\b(Type|Sort|universe)\s+[\w*(]|\b(Type|Sort)\*|\.\{")
NEGATION = "lakatos_negation"
HYPOTHESES_CONTRADICT = "its hypotheses contradict each other: False follows from them"
EXFALSO = "intros\nexfalso"
_VACUOUS_EXPANSIONS = 6
_FALSE_EXPANSIONS = 4


class Opener(Protocol):
    """The part of a pool that opens files."""

    async def open(self, path: str, source: str) -> OpenedFile:
        """Elaborate a whole file; each hole becomes a theorem."""
        ...


async def negation(pool: Opener, theorem: Theorem) -> Theorem | None:
    """The negation as a theorem of a file made from the theorem's.

    Returns None if the negation cannot be stated: the declaration has several holes, is not a
    proposition, or Lean rejects the statement.
    """
    edits, name = _named(theorem)
    if not name or not theorem.command_stop:
        return None
    begin = theorem.source.encode()[: theorem.command_stop].decode()
    many = range(1, _MOST_UNIVERSES + 1) if _UNIVERSES.search(begin) else ()
    for levels in [f".{{{', '.join('0' * n)}}}" for n in many] + [""]:
        if stated := await _stated(pool, theorem, edits, f"@{name}{levels}"):
            return stated
    return None


async def _stated(
    pool: Opener, theorem: Theorem, edits: list[Edit], constant: str
) -> Theorem | None:
    fresh = NEGATION
    while fresh in theorem.source:
        fresh += "_"
    text = f"\n\ntheorem _root_.{fresh} : Not (type_of% {constant}) := by\n  sorry\n"
    end = theorem.command_stop
    source = rewrite(theorem.source, [*edits, Edit(end, end, text)])
    try:
        opened = await pool.open(theorem.path, source)
    except UsageError:
        return None
    begin = theorem.command_start
    inside = [t for t in opened.theorems if t.declaration != fresh and t.command_start == begin]
    stated = next((t for t in opened.theorems if t.declaration == fresh), None)
    if stated is None or len(inside) != 1 or any(g.hypotheses for g in stated.state.goals):
        return None
    span = range(stated.command_start, stated.command_stop)
    if any(m.severity == "error" and m.start in span for m in opened.messages):
        return None
    return replace(stated, name=f"¬ {theorem.name}", negates=theorem.name)


def _named(theorem: Theorem) -> tuple[list[Edit], str]:
    """What gives the theorem's declaration a name, and the name; empty when it has none."""
    if theorem.declaration is not None:
        is_private = theorem.declaration.startswith("_private.")
        return [], "" if is_private else f"_root_.{theorem.declaration}"
    span = range(theorem.command_start, theorem.command_stop)
    for number, example in enumerate(examples(theorem.source), 1):
        if example.keyword in span:
            name = f"{EXAMPLE_NAME}{number}"
            return name_example(example, name, "include"), f"_root_.{name}"
    return [], ""


async def is_vacuous(
    theorem: Theorem, expander: Expander, pool: TacticRunner, verifier: ProofChecker
) -> bool:
    """Whether a short search derives False from the hypotheses alone, and the verifier agrees.

    A theorem whose conclusion is False is about its contradiction, so never vacuous.
    """
    intros = (await pool.apply(theorem.state, ["intros"]))[0].outcome
    states = [theorem.state, *(intros.states if isinstance(intros, Advanced) else ())]
    if any(goal.target == "False" for state in states for goal in state.goals):
        return False
    step = (await pool.apply(theorem.state, [EXFALSO]))[0]
    if not isinstance(step.outcome, Advanced) or len(step.outcome.states) != 1:
        return False
    search = BestFirst(step.outcome.states[0])
    for _ in range(_VACUOUS_EXPANSIONS):
        if search.status is not Status.OPEN or not (states := search.ask(1)):
            break
        search.tell(await expander(states))
    if search.status is not Status.PROVED:
        return False
    block = script(ProofTree(theorem.state, EXFALSO, (search.proof(),)))
    return isinstance((await verifier.verify(theorem, block)).verdict, Accepted)


_CONTRARY = "refine (show ∀ {G : Prop}, ¬G → G → G from fun _ g => g) ?_ ?_"


async def contrary(pool: TacticRunner, state: ProofState) -> ProofState | None:
    """The negation of a state of one goal, with all its hypotheses as universal variables.

    For a search that is to learn where not to look, not for a verdict. Returns None if Lean rejects
    the statement.
    """
    if len(state.goals) != 1:
        return None
    names = [h.name for h in state.goals[0].hypotheses]
    hidden = [f"h_{n}" for n, name in enumerate(names) if "✝" in name]
    fresh = iter(hidden)
    shown = [next(fresh) if "✝" in name else name for name in names]
    lines = [f"rename_i {' '.join(hidden)}"] if hidden else []
    lines += [f"revert {' '.join(shown)}"] if shown else []
    step = (await pool.apply(state, ["\n".join([*lines, _CONTRARY])]))[0]
    states = step.outcome.states if isinstance(step.outcome, Advanced) else ()
    return states[0] if len(states) == 2 else None


async def is_false(state: ProofState, expander: Expander, pool: TacticRunner) -> bool:
    """Whether a short search finds that a state cannot be proved, whatever it rests on."""
    root = await contrary(pool, state)
    if root is None:
        return False
    instances = counterexamples(state.goals[0].hypotheses)
    if instances and (await pool.apply(root, [instances]))[0].outcome == Advanced(()):
        return True
    search = BestFirst(root)
    for _ in range(_FALSE_EXPANSIONS):
        if search.status is not Status.OPEN or not (states := search.ask(1)):
            break
        search.tell(await expander(states))
    return search.status is Status.PROVED


VALUES = {
    "Prop": ("False", "True"),
    "Bool": ("false", "true"),
    "Nat": ("0", "1", "2", "3", "5"),
    "Int": ("0", "1", "(-1)", "2", "5"),
    "List Nat": ("[]", "[0]", "[1]", "[0, 1]", "[1, 0]"),
    "Type": ("Nat",),
}
"""Values to refute a statement with, by type as Lean prints it."""
_MOST_INSTANCES = 150


def counterexamples(hypotheses: Sequence[Hypothesis]) -> str:
    """A tactic that tries the negation of a state at small values of its first variables."""
    values: list[tuple[str, ...]] = []
    for hypothesis in hypotheses:
        if hypothesis.type not in VALUES or hypothesis.value is not None:
            break
        values.append(VALUES[hypothesis.type])
    while prod(map(len, values)) > _MOST_INSTANCES:
        longest = max(values, key=len)
        values[values.index(longest)] = longest[:-1]
    tried = [" ".join(each) for each in product(*values)] if values else []
    lines = [f"| (have c := h {each}; revert c; first | decide | (simp; done))" for each in tried]
    return "intro h\nfirst\n  " + "\n  ".join(lines) if lines else ""
