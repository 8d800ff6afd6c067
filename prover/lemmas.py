"""Lemmas proved while theorems are at work, shared by all their holes, by the key of the state.

A key is blind to the names of hypotheses, so a proof is kept with the state it was written for,
and renames its hypotheses first. That it applies where it is remembered, Lean says each time.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..data.records import Attempt, ProofState, ProofTree, Theorem
from ..lean_env.script import script
from .policy import Advice, Policy, Proposal, Query

Known = Callable[[Theorem], str | None]
"""The text that an earlier run proved a `sorry` by, if any."""

FIRST = 2.0
"""Prior of a known proof, above that of anything else."""


def unknown(theorem: Theorem) -> str | None:
    """Know nothing."""
    return None


@dataclass(frozen=True, slots=True)
class Lemma:
    """A proved state, and a tactic block at column 0 that proves it."""

    state: ProofState
    block: str

    def at(self, state: ProofState) -> str:
        """The block for a state of the same key, with the names of that one."""
        return script(ProofTree(state, self.block, (), self.state))


class Lemmas:
    """What was proved, and what was given up. known: what earlier runs proved."""

    def __init__(self, known: Known = unknown) -> None:
        self._known = known
        self._proved: dict[str, Lemma] = {}
        self._given_up: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._proved)

    def learn(self, attempt: Attempt) -> None:
        """Keep what came of a search for a hole."""
        hole = attempt.theorem
        if hole.others:
            return
        if attempt.is_proved and attempt.proof:
            self._proved.setdefault(
                hole.state.key, Lemma(hole.state, as_tactic(hole, attempt.proof))
            )
        elif attempt.expansions:
            spent = max(attempt.expansions, self._given_up.get(hole.state.key, 0))
            self._given_up[hole.state.key] = spent

    def block(self, theorem: Theorem, state: ProofState) -> str | None:
        """A tactic block that should prove a state of a theorem, if one is known."""
        if lemma := self._proved.get(state.key):
            return lemma.at(state)
        if state.key == theorem.state.key and (text := self._known(theorem)):
            return as_tactic(theorem, text)
        return None

    def is_given_up(self, hole: Theorem, expansions: int) -> bool:
        """Whether a search of at least so many expansions has failed at such a hole."""
        return not hole.others and self._given_up.get(hole.state.key, 0) >= expansions


class Recalling:
    """Proposes the known proof of a state before what another policy does."""

    def __init__(self, base: Policy, lemmas: Lemmas) -> None:
        self.name = base.name
        self._base = base
        self._lemmas = lemmas

    async def propose(self, queries: Sequence[Query]) -> list[Advice]:
        """Answer each query: what is known first."""
        answers = await self._base.propose(queries)
        return [self._with(*pair) for pair in zip(queries, answers, strict=True)]

    def _with(self, query: Query, advice: Advice) -> Advice:
        block = self._lemmas.block(query.theorem, query.state)
        if block is None:
            return advice
        return replace(advice, proposals=(Proposal(block, FIRST), *advice.proposals))


def as_tactic(hole: Theorem, text: str) -> str:
    """What replaces a `sorry`, as a tactic block at column 0."""
    if hole.mode == "term":
        return f"exact {text}"
    if text.startswith("\n"):
        return textwrap.dedent(text).strip()
    return re.sub(rf"\n {{0,{hole.column}}}", "\n", text).strip()
