"""What proposes tactics: the protocol every policy keeps.

A policy knows theorems and states as records; it sees no Lean process and no search.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from ...data.records import ProofState, Theorem

NEUTRAL_VALUE = 0.5
"""The value of a state in [0, 1] when no critic judges it."""

LEAN_SEARCH = re.compile(r"(exact|apply|rw|try)\?")
"""Lean's tactics that search the library, which is indexed at the first time."""

SEARCHING = re.compile(rf"{LEAN_SEARCH.pattern}|(loop_induction|library)\?")
"""All tactics that search; what they find takes their place."""

_DRAWS = 64
"""Expansions of one state for which the draws of different seeds differ."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One tactic to try. prior: in (0, 1], relative to the other proposals of its state.

    waits: whether it is so unlikely that it waits for the second limit, as if the first had not
    been enough for it. cost: the time that it takes Lean, relative to the others.
    """

    tactic: str
    prior: float
    waits: bool = False
    cost: float = 1.0

    @property
    def gain(self) -> float:
        """What it promises for its cost: tactics are tried in the order of falling gain."""
        return self.prior / self.cost


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a policy: what to try at `state` of `theorem`?

    sample: None asks for all candidates; an integer asks for one independent sample, and the same
    integer must give the same sample. again: how often this state was expanded before; a policy
    that samples uses it to draw new candidates.
    """

    theorem: Theorem
    state: ProofState
    sample: int | None = None
    again: int = 0


@dataclass(frozen=True, slots=True)
class PolicyOutput:
    """A policy's answer; no proposals: nothing to try.

    value: P(provable) in [0, 1], where the policy can tell. tokens: what a model wrote for it.
    """

    proposals: tuple[Proposal, ...] = ()
    value: float | None = None
    tokens: int = 0


class Policy(Protocol):
    """Anything that proposes tactics for a batch of states."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    def propose(self, queries: Sequence[Query]) -> Coroutine[Any, Any, list[PolicyOutput]]:
        """Answer each query, in order."""
        ...


ProofSteps = Sequence[tuple[ProofState, str]]
"""The steps of a proof: each a state, and the tactic that was right there."""


@runtime_checkable
class LearningPolicy(Protocol):
    """What learns from proofs."""

    def learn(self, theorem: str, steps: ProofSteps) -> None:
        """Take note of a proof. theorem: the key of its root state."""
        ...


def learners(policy: object) -> list[LearningPolicy]:
    """The policies that learn, of a policy and those it is made of."""
    if isinstance(policy, LearningPolicy):
        return [policy]
    parts: Sequence[object] = getattr(policy, "parts", ())
    return [found for part in parts for found in learners(part)]


class SeededPolicy:
    """A policy with draws of its own for one seed. samples: completions drawn at once."""

    def __init__(self, policy: Policy, seed: int, samples: int) -> None:
        self.parts = (policy,)
        self._policy = policy
        self._again = (seed & 0xFFFF) * _DRAWS
        self._sample = self._again * samples

    @property
    def name(self) -> str:
        """The policy's own."""
        return self._policy.name

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query, by draws of this seed."""
        return await self._policy.propose([self._shifted(query) for query in queries])

    def _shifted(self, query: Query) -> Query:
        if query.sample is None:
            return replace(query, again=query.again + self._again)
        return replace(query, sample=query.sample + self._sample)


def distribution(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Merge equal tactics, scale priors to sum 1, order by falling gain (ties as proposed)."""
    mass: dict[str, float] = {}
    last: dict[str, Proposal] = {}
    for proposal in proposals:
        tactic = proposal.tactic.strip()
        if tactic:
            mass[tactic] = mass.get(tactic, 0.0) + proposal.prior
            waits = proposal.waits and (tactic not in last or last[tactic].waits)
            last[tactic] = replace(proposal, tactic=tactic, waits=waits)
    total = sum(mass.values())
    scaled = [replace(last[tactic], prior=prior / total) for tactic, prior in mass.items()]
    return sorted(scaled, key=lambda proposal: -proposal.gain)
