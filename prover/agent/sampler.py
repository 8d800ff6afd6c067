"""Whole-proof samples for the searches that learn from them: RMaxTS and plain sampling.

A sample is drawn proposal by proposal, each from the policy's distribution, until Lean rejects one,
nothing is left to prove, or the sample has reached its greatest length. A proposal of several
tactics, such as a whole proof, is checked as a whole or a few tactics at a time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from ...data.records import Advanced, Expansion, ProofState
from ..concurrency import run_all
from ..policy.answers import pieces
from ..policy.base import PolicyOutput, Proposal
from .expander import Expander, to_expansion


class Sampler:
    """Draws samples; the same seed and number give the same draws, whatever the timing.

    Args:
        expander: asks the policy, and tries tactics.
        most_steps: checks of one sample.
        seed: of all draws.
        granularity: tactics in one check; 0: a whole proposal.
    """

    def __init__(
        self, expander: Expander, most_steps: int, seed: str, granularity: int = 1
    ) -> None:
        self._expander = expander
        self._most_steps = most_steps
        self._seed = seed
        self._granularity = granularity

    async def __call__(
        self, states: Sequence[ProofState], numbers: Sequence[int]
    ) -> list[list[Expansion]]:
        """One sample from each state, in order. numbers: name the samples of this search."""
        pairs = zip(states, numbers, strict=True)
        return await run_all([self._sample(state, number) for state, number in pairs])

    async def _sample(self, start: ProofState, number: int) -> list[Expansion]:
        draw = random.Random(f"{self._seed}:{number}")
        goals = [start]
        drawn: list[Proposal] = []
        sample: list[Expansion] = []
        while goals:
            state = goals.pop(0)
            advice = PolicyOutput()
            if len(sample) < self._most_steps and not drawn:
                advice = await self._expander.propose(state, number)
                drawn = self._draw(draw, advice.proposals)
            if len(sample) == self._most_steps or not drawn:
                sample.append(to_expansion(state, (), advice))
                break
            step = await self._expander.step(state, drawn.pop(0))
            sample.append(to_expansion(state, (step,), advice))
            if not isinstance(step.outcome, Advanced):
                break
            goals[:0] = step.outcome.states
        return sample

    def _draw(self, draw: random.Random, proposals: Sequence[Proposal]) -> list[Proposal]:
        """One of the proposals, cut into what is checked at once; nothing if there is none."""
        if not proposals:
            return []
        chosen = draw.choices(proposals, [p.prior for p in proposals])[0]
        parts = pieces(chosen.tactic, self._granularity)
        return [Proposal(part, chosen.prior if i == 0 else 1.0) for i, part in enumerate(parts)]


def split_samples(expansions: Iterable[Expansion]) -> list[list[Expansion]]:
    """Split expansions that a search got in a row into the samples that they came from."""
    samples: list[list[Expansion]] = []
    goals: list[str] = []
    for expansion in expansions:
        key = expansion.state.key
        if key not in goals:
            samples.append([])
            goals = [key]
        samples[-1].append(expansion)
        goals.remove(key)
        ran = [s.outcome for s in expansion.steps if isinstance(s.outcome, Advanced)]
        goals = goals + [s.key for outcome in ran for s in outcome.states] if ran else []
    return samples
