"""Whole-proof samples for the searches that learn from them: RMaxTS and plain sampling.

With a policy of tactics a sample is drawn tactic by tactic, each from the policy's distribution,
until one does not run, nothing is left to prove, or it is as long as it may be.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from ..data.records import Advanced, Expansion, ProofState
from .expander import NEUTRAL_VALUE, Expander, together


class Sampler:
    """Draws samples; the same seed and number give the same draws, whatever the timing."""

    def __init__(self, expander: Expander, most_steps: int, seed: str) -> None:
        self._expander = expander
        self._most_steps = most_steps
        self._seed = seed

    async def __call__(
        self, states: Sequence[ProofState], numbers: Sequence[int]
    ) -> list[list[Expansion]]:
        """One sample from each state, in order. numbers: name the samples of this search."""
        pairs = zip(states, numbers, strict=True)
        return await together([self._sample(state, number) for state, number in pairs])

    async def _sample(self, start: ProofState, number: int) -> list[Expansion]:
        draw = random.Random(f"{self._seed}:{number}")
        goals = [start]
        told: list[Expansion] = []
        while goals:
            state = goals.pop(0)
            proposals = (await self._expander.propose([state]))[0]
            if not proposals or len(told) == self._most_steps:
                told.append(Expansion(state, (), NEUTRAL_VALUE))
                break
            chosen = draw.choices(proposals, [p.prior for p in proposals])[0]
            step = await self._expander.step(state, chosen)
            told.append(Expansion(state, (step,), NEUTRAL_VALUE))
            if not isinstance(step.outcome, Advanced):
                break
            goals[:0] = step.outcome.states
        return told


def split_samples(expansions: Iterable[Expansion]) -> list[list[Expansion]]:
    """Take apart what was told in a row into the samples it was told by."""
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
