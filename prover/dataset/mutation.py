"""New theorems from known ones: one is rewritten by another, or asks for what implies a hypothesis.

The two mutations of Alchemy (Wu et al. 2024). Lean itself rewrites and applies; what comes out is
text, which is a theorem only once Lean has taken it with its proof.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from random import Random

from ...data.errors import UsageError
from ...data.problems.families import Candidate
from ...data.records import Advanced, Premise, ProofState, Theorem
from ...lean_env.pool import LeanPool
from ...lean_env.queries.premises import Premises

TRIED = 8
"""Lemmas tried on one theorem."""

LEAST_SHARED = 4000
"""A constant of more conclusions than that says nothing of what fits."""

BASE = "theorem base : True := by sorry\n"
_NAMED = re.compile(r"\((\w+) : ")


class Mutator:
    """Mutations of the theorems that every file has at hand."""

    def __init__(self, pool: LeanPool, random: Random) -> None:
        self._pool = pool
        self._random = random
        self._premises = Premises(pool)
        self._theorems: list[Premise] = []
        self._about: dict[str, list[Premise]] = defaultdict(list)

    async def candidates(self) -> AsyncIterator[Candidate]:
        """One after the other, without end. Raises WorkerDied, ProtocolError."""
        base = (await self._pool.open("base.lean", BASE)).theorems[0]
        for each in await self._premises.library(base):
            if each.kind == "theorem" and each.conclusion:
                self._theorems.append(each)
                for constant in each.conclusion:
                    self._about[constant].append(each)
        while True:
            known = self._random.choice(self._theorems)
            (text,) = await self._premises.texts(base, [known])
            try:
                async for candidate in self._mutations(known, text):
                    yield candidate
            except UsageError:  # what Lean prints it does not always read
                continue

    async def _mutations(self, known: Premise, text: str) -> AsyncIterator[Candidate]:
        binders, type_ = split_signature(text)
        if not type_:
            return
        lemmas = self._near(known)
        if (theorem := await self._pose(f"{binders} : {type_}")) is not None:
            async for found in self._rewritten(theorem, known, binders, type_, lemmas):
                yield found
        for name, start, stop in hypotheses(binders):
            binder = binders[start:stop]
            before = binders[: start - len(f"({name} : ")]
            theorem = await self._pose(f"{before} : {binder}")
            if theorem is not None and theorem.is_prop:
                async for weaker, lemma in self._implying(theorem, lemmas):
                    given = f"{binders[:start]}{weaker}{binders[stop:]}"
                    proof = (
                        f"by\n  replace {name} : {binder} := by\n    apply {lemma} <;> exact {name}"
                        f"\n  {_by(known.name)}"
                    )
                    yield _candidate("applied", f"{given} : {type_}", proof)

    def _near(self, known: Premise) -> list[Premise]:
        """Some theorems whose conclusion has a telling constant of this one's."""
        telling = [c for c in known.conclusion if 1 < len(self._about[c]) < LEAST_SHARED]
        found = {each.name: each for c in telling for each in self._about[c] if each != known}
        names = sorted(found)
        return [found[n] for n in self._random.sample(names, min(TRIED, len(names)))]

    async def _pose(self, signature: str) -> Theorem | None:
        """The statement with its binders as hypotheses; None when Lean does not read it."""
        opened = await self._pool.open("mutation.lean", f"theorem base{signature} := by sorry\n")
        self._pool.close_file(opened)
        if any(message.severity == "error" for message in opened.messages):
            return None
        return opened.theorems[0] if opened.theorems else None

    async def _rewritten(
        self,
        theorem: Theorem,
        known: Premise,
        binders: str,
        type_: str,
        lemmas: Sequence[Premise],
    ) -> AsyncIterator[Candidate]:
        rules = [f"{sign}{each.name}" for each in lemmas for sign in ("", "← ")]
        steps = await self._apply(theorem, [f"rw [{rule}]" for rule in rules])
        for rule, target in zip(rules, steps, strict=True):
            if target is not None:
                first = f"by\n  have h : {type_} := by {_by(known.name)}"
                proof = f"{first}\n  rw [{rule}] at h\n  exact h"
                yield _candidate("rewritten", f"{binders} : {target}", proof)

    async def _implying(
        self, theorem: Theorem, lemmas: Sequence[Premise]
    ) -> AsyncIterator[tuple[str, str]]:
        targets = await self._apply(theorem, [f"apply {each.name}" for each in lemmas])
        for each, target in zip(lemmas, targets, strict=True):
            if target is not None:
                yield target, each.name

    async def _apply(self, theorem: Theorem, tactics: Sequence[str]) -> list[str | None]:
        """The target that each tactic leaves alone, with the same hypotheses; or None."""
        source = theorem.source
        opened = await self._pool.open(theorem.path, source)
        try:
            state = opened.theorems[0].state
            steps = await self._pool.apply(state, tactics)
        finally:
            self._pool.close_file(opened)
        return [
            _left(state, step.outcome.states) if isinstance(step.outcome, Advanced) else None
            for step in steps
        ]


def _left(before: ProofState, states: Sequence[ProofState]) -> str | None:
    if len(states) != 1 or len(states[0].goals) != 1:
        return None
    goal = states[0].goals[0]
    same = goal.hypotheses == before.goals[0].hypotheses
    return goal.target if same and "?" not in goal.target and "✝" not in goal.target else None


def _by(name: str) -> str:
    return f"first | exact {name} .. | (apply {name} <;> assumption)"


def _candidate(family: str, signature: str, proof: str) -> Candidate:
    return Candidate(family, signature, f"theorem evidence{signature} := {proof}", "", proof)


def split_signature(text: str) -> tuple[str, str]:
    """Binders and type of `(n : Nat) : n = n`; the type is empty when there is no colon."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{⦃⟨") - (sign in ")]}⦄⟩")
        if sign == ":" and not depth and text[place + 1 : place + 2] != "=":
            binders = text[:place].strip()
            return (f" {binders}" if binders else ""), text[place + 1 :].strip()
    return text, ""


def hypotheses(binders: str) -> list[tuple[str, int, int]]:
    """Explicit binders of one name: the name, and where its type starts and ends."""
    found = []
    for match in _NAMED.finditer(binders):
        depth, place = 1, match.end()
        while place < len(binders) and depth:
            depth += (binders[place] in "([{⦃⟨") - (binders[place] in ")]}⦄⟩")
            place += 1
        outside = sum((c in "([{⦃⟨") - (c in ")]}⦄⟩") for c in binders[: match.start()])
        if not outside:
            found.append((match.group(1), match.end(), place - 1))
    return found
