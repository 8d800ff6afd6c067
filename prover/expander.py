"""Turns states into expansions: the one file where a policy's tactics meet Lean.

Search calls it through `Expand` and knows nothing of what is behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from ..data.records import Advanced, Expansion, ProofState, Step, Theorem
from .policy import Policy, Proposal, Query

T = TypeVar("T")

Expand = Callable[[Sequence[ProofState]], Awaitable[list[Expansion]]]
"""One expansion for each state, in order."""

NEUTRAL_VALUE = 0.5
"""The value of a state in [0, 1] when no critic judges it."""

CHUNK = 6
"""Tactics sent to Lean in one go; after a chunk with a proof of the state no more are sent."""


class TacticRunner(Protocol):
    """The part of a pool that an expander needs."""

    async def apply(self, state: ProofState, tactics: Sequence[str]) -> list[Step]:
        """Try each tactic at the state; one step for each, in order."""
        ...


async def together(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once and give their results in order.

    The first error cancels the rest and is raised as itself, not in a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(c) for c in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def distribution(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Merge equal tactics, scale priors to sum 1, order by falling prior (ties as proposed)."""
    mass: dict[str, float] = {}
    for proposal in proposals:
        tactic = proposal.tactic.strip()
        if tactic:
            mass[tactic] = mass.get(tactic, 0.0) + proposal.prior
    total = sum(mass.values())
    ranked = sorted(mass.items(), key=lambda item: -item[1])
    return [Proposal(tactic, prior / total) for tactic, prior in ranked]


def _closes(step: Step) -> bool:
    return isinstance(step.outcome, Advanced) and not step.outcome.states


class Expander:
    """`Expand` for the states of one theorem.

    banned: (key of a state, tactic) never to be tried; may grow meanwhile.
    """

    def __init__(
        self,
        theorem: Theorem,
        policy: Policy,
        pool: TacticRunner,
        banned: Collection[tuple[str, str]] = (),
    ) -> None:
        self._theorem = theorem
        self._policy = policy
        self._pool = pool
        self._banned = banned

    async def __call__(self, states: Sequence[ProofState]) -> list[Expansion]:
        """Ask the policy about all states in one call, then try its tactics, states in parallel.

        The tactics of a state go by falling prior; none after the first that proves it is kept.
        """
        proposed = await self.propose(states)
        return await together([self._expand(*pair) for pair in zip(states, proposed, strict=True)])

    async def propose(self, states: Sequence[ProofState]) -> list[list[Proposal]]:
        """The policy's distribution for each state, without what is banned."""
        answers = await self._policy.propose([Query(self._theorem, state) for state in states])
        return [
            distribution([p for p in found if (state.key, p.tactic.strip()) not in self._banned])
            for state, found in zip(states, answers, strict=True)
        ]

    async def step(self, state: ProofState, proposal: Proposal) -> Step:
        """Try one proposal."""
        tried = (await self._pool.apply(state, [proposal.tactic]))[0]
        return Step(tried.tactic, proposal.prior, tried.outcome, tried.elapsed_ms)

    async def _expand(self, state: ProofState, proposals: list[Proposal]) -> Expansion:
        steps: list[Step] = []
        for i in range(0, len(proposals), CHUNK):
            chunk = proposals[i : i + CHUNK]
            tried = await self._pool.apply(state, [p.tactic for p in chunk])
            for proposal, step in zip(chunk, tried, strict=True):
                steps.append(Step(step.tactic, proposal.prior, step.outcome, step.elapsed_ms))
                if _closes(step):
                    return Expansion(state, tuple(steps), NEUTRAL_VALUE)
        return Expansion(state, tuple(steps), NEUTRAL_VALUE)
