"""Values at which a theorem is false: looked for before a search, and named after a disproof.

Before: the worker evaluates the statement at small values (LeanEnv/Counterexample.lean), which
takes a tenth of a second. After: Lean tries values for the theorem's variables, those that occur
in the disproof first. Either way the disproof is the evidence, and the verifier checks it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, product

from ...data.records import Accepted, Advanced, Rejected, Rejection, Theorem
from .deferred import JudgedProof, ProofChecker, judge
from .expander import TacticRunner
from .negation import VALUES, negation
from .task import Pool

SEARCH = "counterexample?"
"""A search of the worker. It rejects a goal as false, with values, and closes a negation."""
SEARCH_HEARTBEATS = 100
"""In thousands; a true statement costs that much."""
_MOST_TRIED = 60
_AT_ONCE = 12
_MOST_S = 10.0
_BINDERS = re.compile(r"∀ (?:\(([^():]+) : ([^()]+)\)|([^():,]+) : ([^,]+)), ")
_NUMBER = re.compile(r"(?<![\w.'])\d+(?![\w.'])")
_MOST_DIGITS = 4


async def disproof_at_values(
    pool: Pool, verifier: ProofChecker, theorem: Theorem, left_s: float
) -> tuple[str, JudgedProof] | None:
    """`false: n = 5` and a disproof that the verifier accepts, if the worker finds such values."""
    (step,) = await pool.apply(theorem.state, [SEARCH], heartbeats=SEARCH_HEARTBEATS)
    found = step.outcome
    if not isinstance(found, Rejected) or found.kind is not Rejection.FALSE:
        return None
    stated = await negation(pool, theorem)
    if stated is None:
        return None
    try:
        (step,) = await pool.apply(stated.state, [SEARCH], heartbeats=SEARCH_HEARTBEATS)
        if step.outcome != Advanced(()):
            return None
        checked = await judge(verifier, stated, step.tactic, left_s)
    finally:
        await pool.forget(stated)
    return (f"false: {found.message}", checked) if isinstance(checked.verdict, Accepted) else None


async def counterexample(
    pool: TacticRunner, theorem: Theorem, negation: Theorem, disproof: str
) -> str:
    """`false: n = 5`, if values are found at which Lean decides that the theorem is false.

    negation: the theorem's, as Lean stated it. disproof: a proof of it, in which the values may
    occur. Returns an empty text if no values are found.
    """
    names, candidates = _candidates(theorem, disproof)
    tried = islice(candidates, _MOST_TRIED)
    try:
        async with asyncio.timeout(_MOST_S):
            while batch := list(islice(tried, _AT_ONCE)):
                steps = await pool.apply(negation.state, [_refutation(v) for v in batch])
                for values, step in zip(batch, steps, strict=True):
                    if step.outcome == Advanced(()):
                        return _summary(names, values)
    except TimeoutError:
        return ""
    return ""


def _summary(names: Sequence[str], values: Sequence[str]) -> str:
    assignments = (f"{n} = {v.strip('()')}" for n, v in zip(names, values, strict=True))
    return f"false: {', '.join(assignments)}"


def _refutation(values: Sequence[str]) -> str:
    return f"intro h\nhave c := h {' '.join(values)}\nrevert c\nfirst | decide | (simp; done)"


def _candidates(theorem: Theorem, disproof: str) -> tuple[list[str], Iterator[tuple[str, ...]]]:
    """The theorem's first variables, and values to try for them."""
    variables = list(_variables(theorem))
    numbers = [n for n in _NUMBER.findall(disproof) if len(n) <= _MOST_DIGITS]
    found = [_values(kind, numbers) for _, kind in variables]
    known = [_values(kind, []) for _, kind in variables]
    names = [name for name, _ in variables]
    return names, chain(product(*found), product(*known)) if variables else iter(())


def _values(kind: str, numbers: Sequence[str]) -> list[str]:
    """The numbers of the disproof, from the lowest; then small values."""
    own = sorted(set(numbers), key=int) if kind in ("Nat", "Int") else []
    return list(dict.fromkeys([*own, *VALUES[kind]]))


def _variables(theorem: Theorem) -> Iterator[tuple[str, str]]:
    """Name and type of the first variables, while they are of types that have values."""
    goal = theorem.state.goals[0]
    for hypothesis in goal.hypotheses:
        if hypothesis.type not in VALUES or hypothesis.value is not None:
            return
        yield hypothesis.name, hypothesis.type
    text = goal.target
    while found := _BINDERS.match(text):
        kind = (found[2] or found[4]).strip()
        if kind not in VALUES:
            return
        for name in (found[1] or found[3]).split():
            yield name, kind
        text = text[found.end() :]
