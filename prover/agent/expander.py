"""Turns states into expansions: the one file where a policy's tactics meet Lean.

The loop calls it through `Expand`; a search knows neither policy nor Lean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from ...data.records import Advanced, Expansion, ProofState, Step, Theorem
from ..concurrency import run_all
from ..policy.base import NEUTRAL_VALUE, Policy, PolicyOutput, Proposal, Query, distribution
from .rejections import Rejections

Expand = Callable[[Sequence[ProofState]], Awaitable[list[Expansion]]]
"""One expansion for each state, in order."""

CHUNK = 6
"""Tactics sent to Lean in one go; after a chunk with a proof of the state no more are sent."""


class TacticRunner(Protocol):
    """The part of a pool that an expander needs."""

    async def apply(self, state: ProofState, tactics: Sequence[str]) -> list[Step]:
        """Try each tactic at the state; one step for each, in order."""
        ...


def _closes(step: Step) -> bool:
    return isinstance(step.outcome, Advanced) and not step.outcome.states


class Expander:
    """`Expand` for the states of one theorem.

    Args:
        theorem: whose states they are.
        policy: proposes tactics.
        pool: tries them.
        banned: pairs of a state's key and a tactic that must not be tried; may grow.
        rejections: what Lean rejected before and is not sent again; grows.
    """

    def __init__(
        self,
        theorem: Theorem,
        policy: Policy,
        pool: TacticRunner,
        banned: Collection[tuple[str, str]] = (),
        rejections: Rejections | None = None,
    ) -> None:
        self._theorem = theorem
        self._policy = policy
        self._pool = pool
        self._banned = banned
        self._rejections = Rejections() if rejections is None else rejections

    async def __call__(
        self, states: Sequence[ProofState], again: Sequence[int] = ()
    ) -> list[Expansion]:
        """Ask the policy about all states in one call, then try its tactics, states in parallel.

        The tactics of a state are tried by falling prior, up to the first that proves it. again:
        how often each state was expanded before.
        """
        pairs = zip(states, again or [0] * len(states), strict=True)
        advised = await self._ask([Query(self._theorem, s, again=n) for s, n in pairs])
        return await run_all([self._expand(*pair) for pair in zip(states, advised, strict=True)])

    async def propose(self, state: ProofState, sample: int) -> PolicyOutput:
        """What the policy proposes for one sample, as a distribution without banned tactics."""
        return (await self._ask([Query(self._theorem, state, sample)]))[0]

    async def step(self, state: ProofState, proposal: Proposal) -> Step:
        """Try one proposal."""
        return (await self._try(state, [proposal]))[0]

    async def _ask(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        answers = await self._policy.propose(queries)
        return [
            replace(advice, proposals=tuple(distribution(self._allowed(query.state, advice))))
            for query, advice in zip(queries, answers, strict=True)
        ]

    def _allowed(self, state: ProofState, advice: PolicyOutput) -> list[Proposal]:
        return [p for p in advice.proposals if (state.key, p.tactic.strip()) not in self._banned]

    async def _expand(self, state: ProofState, advice: PolicyOutput) -> Expansion:
        steps: list[Step] = []
        for i in range(0, len(advice.proposals), CHUNK):
            for step in await self._try(state, advice.proposals[i : i + CHUNK]):
                steps.append(step)
                if _closes(step):
                    return to_expansion(state, steps, advice)
        return to_expansion(state, steps, advice)

    async def _try(self, state: ProofState, proposals: Sequence[Proposal]) -> list[Step]:
        """One step for each, in order; Lean is not sent what it rejected before."""
        await self._rejections.load(state)
        known = self._rejections.at(state)
        new = [p.tactic for p in proposals if p.tactic not in known]
        tried = iter(await self._pool.apply(state, new) if new else [])
        steps = [
            Step(p.tactic, p.prior, known[p.tactic])
            if p.tactic not in new
            else replace(next(tried), prior=p.prior)
            for p in proposals
        ]
        self._rejections.add(state, steps)
        return steps


def to_expansion(state: ProofState, steps: Sequence[Step], advice: PolicyOutput) -> Expansion:
    """The expansion of a state by the steps tried there, valued as the policy values it."""
    value = NEUTRAL_VALUE if advice.value is None else advice.value
    return Expansion(state, tuple(steps), value, advice.tokens)
