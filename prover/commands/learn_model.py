"""Trains the language model of a policy in the rounds of `lakatos learn`.

Each round starts again from the model that the policy names, and trains on the proofs of all rounds
so far (BFS-Prover, arXiv:2502.03438).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from ...data.errors import UsageError
from ..policy_spec import TransformersSpec, parse_policy
from ..training.config import TrainingConfig
from ..training.examples import TrainingData
from ..training.model_folder import check_folder, is_trained, write_record
from ..training.step_examples import TacticExample
from ..training.trainer import TrainingResult, train_model
from . import console

MODEL = "model"
"""The folder of a round's model."""

Train = Callable[[TrainingConfig, TrainingData], TrainingResult]


def train_here(config: TrainingConfig, data: TrainingData) -> TrainingResult:
    """Train in this process, until Ctrl-C."""
    task = asyncio.current_task()

    def on_step(done: int, total: int, loss: float | None) -> None:
        if task is not None and task.cancelling():
            raise asyncio.CancelledError

    return train_model(config, data, on_step)


@dataclass(frozen=True)
class ModelRounds:
    """The model that is trained in each round.

    base: its name in the policy. minutes: of one training, at most.
    """

    base: str
    minutes: float
    train: Train = train_here

    @classmethod
    def of(cls, policy: str, minutes: float) -> ModelRounds:
        """Of a policy. Raises UsageError when it has no model that can be trained, or several."""
        found = [s.name for s in parse_policy(policy).specs if isinstance(s, TransformersSpec)]
        if len(found) != 1:
            raise UsageError(f"--train-model trains one hf: model; the policy is {policy}")
        return cls(found[0], minutes)

    def learn(self, folder: Path, examples: Iterable[TacticExample], lean: str) -> None:
        """Train the model of a round, or go on with it; none where no proof was found.

        folder: of the round. Raises as `train_model`.
        """
        config = TrainingConfig(self.base, (), folder / MODEL, minutes=self.minutes)
        ordered = sorted(set(examples), key=astuple)  # whatever was proved first
        data = TrainingData(tuple(ordered), (), 0, lean)
        if is_trained(config.out) or not data.train:
            return
        check_folder(config, data)
        console.note(f"training {self.base} on {len(data.train):,} steps of proofs")
        write_record(config, data, self.train(config, data))

    def policy(self, words: str, rounds: Iterable[Path]) -> str:
        """The words of a policy with the model of the last of these rounds that has one."""
        trained = [each / MODEL for each in rounds if is_trained(each / MODEL)]
        return words.replace(f"hf:{self.base}", f"hf:{trained[-1]}", 1) if trained else words
