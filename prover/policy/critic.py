"""What judges a state before it is proved: values in [0, 1], by a model or without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Protocol

from ..models.base import Completion, Generated, LanguageModel, Prompt, Sampling
from ..policy.base import NEUTRAL_VALUE
from .base import Query


class Critic(Protocol):
    """Anything that judges how provable states are."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    async def value(self, queries: Sequence[Query]) -> list[float]:
        """P(provable) of each state, in order, in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantCritic:
    """Judges every state alike."""

    level: float = NEUTRAL_VALUE
    name: str = "constant"

    async def value(self, queries: Sequence[Query]) -> list[float]:
        """The level, for each."""
        return [self.level for _ in queries]


class ModelCritic:
    """Judges states by what a model says of their prompts: `value_of` its answers.

    With the default sampling the model only reads: a value head or a classifier judges. Asked
    with the policy's own prompt and sampling, a batched model answers both from one pass.
    """

    def __init__(
        self,
        model: LanguageModel,
        write: Callable[[Query], Prompt],
        sampling: Sampling | None = None,
    ) -> None:
        self._model = model
        self._write = write
        self._sampling = sampling or Sampling(n=0)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    async def value(self, queries: Sequence[Query]) -> list[float]:
        """Judge all states in one call of the model."""
        prompts = [self._write(query) for query in queries]
        answers = await self._model.generate(prompts, self._sampling)
        return [value_of(answer) for answer in answers]


def value_of(generated: Generated) -> float:
    """The value of a state by a model's answer: its head's, else by how sure it was of itself."""
    if generated.value is not None:
        return min(1.0, max(0.0, generated.value))
    return likelihood(generated.completions)


def likelihood(completions: Sequence[Completion]) -> float:
    """The geometric mean of the probabilities of all tokens: a model is surer where it is right.

    That is exp of the mean token log-probability over all completions (BFS-Prover's
    length-normalised score, arXiv:2502.03438, of the whole proposal). NEUTRAL_VALUE where no
    log-probability is known.
    """
    scored = [c for c in completions if c.log_prob is not None and c.tokens > 0]
    if not scored:
        return NEUTRAL_VALUE
    tokens = sum(completion.tokens for completion in scored)
    return exp(min(0.0, sum(completion.log_prob or 0.0 for completion in scored) / tokens))
