"""Proofs and failures of holes, shared by all holes and drafts of the theorems at work.

Lemmas are found by the key of the state. The key ignores the names of hypotheses, so a proof is
stored with the state it was written for, and hypotheses are renamed before it is applied; Lean
checks each use. What Lean rejected at a state of a theorem is not tried again.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...data.records import Attempt, Expansion, ProofState, ProofTree, Rejected, Theorem
from ...lean_env.verification.script import script
from ..agent.recorder import AttemptObserver
from ..agent.rejections import StoredRejections
from ..policy.base import Policy, PolicyOutput, Proposal, Query

KnownProof = Callable[[Theorem], str | None]
"""The text that an earlier run proved a `sorry` by, if any."""

FIRST = 8.0
"""Prior of a known proof, above that of anything else."""

MOST_ALIKE = 3
"""Proofs of the same goal from other hypotheses that are tried."""


def unknown(theorem: Theorem) -> str | None:
    """Know nothing."""
    return None


_StateKey = tuple[str, int, str, str]


def _key(hole: Theorem, state: ProofState) -> _StateKey:
    return hole.path, hole.command_start, state.key, state.pretty


@dataclass(frozen=True, slots=True)
class Lemma:
    """A proved state, and a tactic block at column 0 that proves it."""

    state: ProofState
    block: str

    def at(self, state: ProofState) -> str:
        """The block for a state of the same key, with the names of that one."""
        return script(ProofTree(state, self.block, (), self.state))


class LemmaCache(AttemptObserver):
    """What was proved, rejected and given up; it learns by observing the searches for holes.

    known: what earlier runs proved.
    """

    def __init__(self, known: KnownProof = unknown) -> None:
        self._known = known
        self._proved: dict[str, Lemma] = {}
        self._by_goal: dict[str, list[str]] = defaultdict(list)
        self._given_up: dict[str, int] = {}
        self._rejected: dict[_StateKey, dict[str, Rejected]] = defaultdict(dict)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Keep what came of a search for a hole."""
        hole = attempt.theorem
        if hole.others:
            return
        if attempt.is_proved and attempt.proof:
            lemma = Lemma(hole.state, as_tactic(hole, attempt.proof))
            self._proved.setdefault(hole.state.key, lemma)
            alike = self._by_goal[hole.state.goals[0].target]
            if lemma.block not in alike:
                alike.append(lemma.block)
        elif attempt.expansions:
            spent = max(attempt.expansions, self._given_up.get(hole.state.key, 0))
            self._given_up[hole.state.key] = spent

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Keep what Lean rejected."""
        for expansion in expansions:
            key = _key(theorem, expansion.state)
            for step in expansion.steps:
                if isinstance(step.outcome, Rejected):
                    self._rejected[key][step.tactic] = step.outcome

    def rejected(self, hole: Theorem) -> StoredRejections:
        """What Lean rejected, at states of any hole of the same command."""
        return lambda state: self._rejected.get(_key(hole, state), {})

    def blocks(self, theorem: Theorem, state: ProofState) -> list[str]:
        """Tactic blocks that should prove a state of a theorem, surest first.

        At its root those too that proved the same goal from other hypotheses.
        """
        found = [lemma.at(state)] if (lemma := self._proved.get(state.key)) else []
        if state.key == theorem.state.key:
            text = self._known(theorem)
            found += [as_tactic(theorem, text)] if text else []
            found += self._by_goal.get(state.goals[0].target, [])[-MOST_ALIKE:]
        return list(dict.fromkeys(found))

    def is_given_up(self, hole: Theorem, expansions: int) -> bool:
        """Whether a search of at least so many expansions has failed at such a hole."""
        return not hole.others and self._given_up.get(hole.state.key, 0) >= expansions


class LemmaCachePolicy:
    """Proposes the known proof of a state before what another policy does."""

    def __init__(self, base: Policy, lemmas: LemmaCache) -> None:
        self.name = base.name
        self._base = base
        self._lemmas = lemmas

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query: what is known first."""
        answers = await self._base.propose(queries)
        return [self._with(*pair) for pair in zip(queries, answers, strict=True)]

    def _with(self, query: Query, advice: PolicyOutput) -> PolicyOutput:
        blocks = self._lemmas.blocks(query.theorem, query.state)
        known = [Proposal(block, FIRST / (n + 1)) for n, block in enumerate(blocks)]
        return replace(advice, proposals=(*known, *advice.proposals))


def as_tactic(hole: Theorem, text: str) -> str:
    """What replaces a `sorry`, as a tactic block at column 0."""
    if hole.mode == "term":
        return f"exact {text}"
    if text.startswith("\n"):
        return textwrap.dedent(text).strip()
    return re.sub(rf"\n {{0,{hole.column}}}", "\n", text).strip()
