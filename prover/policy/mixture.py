"""Policies made of policies: a mixture that shares the prior mass, one with a critic's values."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from ..concurrency import run_all
from ..policy.base import distribution
from .base import Policy, PolicyOutput, Query
from .critic import Critic


class Mixture:
    """Asks several policies at once and mixes their distributions by shares.

    The value is that of the first policy that gives one.
    """

    def __init__(self, policies: Sequence[tuple[Policy, float]]) -> None:
        self.name = "+".join(policy.name for policy, _ in policies)
        self.parts = tuple(policy for policy, _ in policies)
        self._policies = policies

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query with the proposals of all."""
        answers = await run_all([policy.propose(queries) for policy, _ in self._policies])
        return [self._mix(each) for each in zip(*answers, strict=True)]

    def _mix(self, advice: Sequence[PolicyOutput]) -> PolicyOutput:
        mixed = [
            replace(proposal, prior=proposal.prior * share)
            for each, (_, share) in zip(advice, self._policies, strict=True)
            for proposal in distribution(each.proposals)
        ]
        values = [each.value for each in advice if each.value is not None]
        tokens = sum(each.tokens for each in advice)
        return PolicyOutput(tuple(distribution(mixed)), values[0] if values else None, tokens)


class CriticPolicy:
    """A policy with the values of a critic instead of its own."""

    def __init__(self, policy: Policy, critic: Critic) -> None:
        self.name = policy.name
        self.parts = (policy,)
        self._policy = policy
        self._critic = critic

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query as the policy does, with the critic's value."""
        try:
            async with asyncio.TaskGroup() as group:
                advice = group.create_task(self._policy.propose(queries))
                values = group.create_task(self._critic.value(queries))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        pairs = zip(advice.result(), values.result(), strict=True)
        return [replace(each, value=value) for each, value in pairs]
