"""Gives the tactics of another policy other priors: learned ones, or chance ones to learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..policy.base import Policy, PolicyOutput, Proposal, Query
from .files import NONE, RANDOM, SHIPPED, read_priors
from .priors import OF_KIND, PriorTable, StateWords, levels

TRUSTED = 20
"""A kind that was tried so often is judged half by what came of it, half by the policy's prior."""

KEPT_OF_PRIOR = 0.3
"""The power of the policy's own prior in a chance one: what it thinks likely comes earlier."""


class LearnedPriors:
    """A policy whose tactics are tried by their chance to prove the state for the time they take.

    So tried one after the other until one proves it, they take the least time that can be expected
    (Smith, Naval Research Logistics Quarterly 1956: by falling ratio of weight to time).

    Tactics of a kind that the table has seldom seen stay where the policy has them: theorems with
    other names do not speak of it.
    """

    def __init__(self, policy: Policy, table: PriorTable) -> None:
        self.name = policy.name
        self.parts = (policy,)
        self._policy = policy
        self._table = table

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query as the policy does, with learned priors; of equals its order stays."""
        answers = await self._policy.propose(queries)
        return [self._ranked(q, each) for q, each in zip(queries, answers, strict=True)]

    def _ranked(self, query: Query, answer: PolicyOutput) -> PolicyOutput:
        if not query.state.goals:
            return answer
        state = StateWords.of(query.state.goals[0], is_root=query.state.origin is None)
        keys = [levels(each.tactic, state) for each in answer.proposals]
        chances = [self._table.chances(each).proves for each in keys]
        own = sum(each.prior for each in answer.proposals)
        scale = sum(chances) / own if own else 0.0
        judged = [
            self._judged(each, chance, scale * each.prior, key)
            for each, chance, key in zip(answer.proposals, chances, keys, strict=True)
        ]
        ranked = sorted(_of_usual_cost(judged), key=lambda each: -each.gain)
        return replace(answer, proposals=tuple(ranked))

    def _judged(
        self, proposal: Proposal, chance: float, own: float, keys: Sequence[str]
    ) -> Proposal:
        """own: the chance as the policy's prior has it; keys: `levels` of the tactic."""
        tried = self._table.tried(keys[OF_KIND])
        trust = tried / (tried + TRUSTED)
        prior = chance**trust * own ** (1 - trust)
        found = replace(proposal, prior=prior, cost=self._table.cost_ms(keys))
        is_hopeless = tried >= TRUSTED and found.gain < self._table.wait_below
        return replace(found, waits=proposal.waits or is_hopeless)


def _of_usual_cost(proposals: Sequence[Proposal]) -> list[Proposal]:
    """With costs that are 1 on average, as those of policies are with which they may be mixed."""
    whole = sum(each.prior for each in proposals)
    usual = sum(each.prior * each.cost for each in proposals) / whole if whole else 1.0
    return [replace(each, cost=each.cost / usual) for each in proposals]


class RandomPriors:
    """A policy whose tactics are tried in an order drawn for each state, and each attempt.

    Outcomes counted on it say how good a tactic is, and not only where those before it failed.
    """

    def __init__(self, policy: Policy, seed: int) -> None:
        self.name = policy.name
        self.parts = (policy,)
        self._policy = policy
        self._seed = seed

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query as the policy does, in an order of its own."""
        answers = await self._policy.propose(queries)
        return [self._shuffled(q, each) for q, each in zip(queries, answers, strict=True)]

    def _shuffled(self, query: Query, answer: PolicyOutput) -> PolicyOutput:
        drawn = [
            replace(each, prior=each.prior**KEPT_OF_PRIOR * self._draw(query, each.tactic))
            for each in answer.proposals
        ]
        return replace(answer, proposals=tuple(sorted(drawn, key=lambda each: -each.prior)))

    def _draw(self, query: Query, tactic: str) -> float:
        words = f"{self._seed}\0{query.again}\0{query.state.key}\0{tactic}"
        digest = hashlib.sha256(words.encode()).digest()
        return (int.from_bytes(digest[:8]) + 1) / (2**64 + 1)


def with_priors(policy: Policy, word: str | None, seed: int, lean: str = "") -> Policy:
    """A policy with the priors of `--priors`. lean: the version that runs here, if known.

    Raises UsageError for a wrong file.
    """
    if word is None or word == NONE:
        return policy
    if word == RANDOM or word.startswith(f"{RANDOM}+"):
        rest = word[len(RANDOM) + 1 :] or None
        return RandomPriors(with_priors(policy, rest, seed, lean), seed)
    return LearnedPriors(policy, read_priors(None if word == SHIPPED else Path(word), lean))
