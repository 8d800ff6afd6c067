"""How a model is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import UsageError

PROMPT = "bfs-prover"
"""The prompt format of trained models: the state and a mark, nothing else."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """What is trained, on what, for how long.

    Args:
        base: the model to start from: a folder, a GGUF file or a name on the hub.
        data: datasets of `lakatos extract`.
        out: the folder of the trained model.
        epochs: how often every example is seen.
        minutes: at most so long; None: no limit.
        rate: the learning rate; None: 2e-4 for LoRA, 2e-5 for all weights.
        lora: the rank of the LoRA matrices; 0 trains all weights.
        batch: examples for one step of the optimiser.
        tokens: of the longest example; longer ones lose their end.
        seed: of every draw.
    """

    base: str
    data: tuple[Path, ...]
    out: Path
    epochs: float = 3.0
    minutes: float | None = None
    rate: float | None = None
    lora: int = 16
    batch: int = 16
    tokens: int = 1024
    seed: int = 0
    prompt: str = field(default=PROMPT, init=False)

    def __post_init__(self) -> None:
        for name in ("epochs", "minutes", "rate", "batch", "tokens"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be above 0, not {value:g}")
        if self.lora < 0:
            raise UsageError(f"lora must be 0 or more, not {self.lora}")

    @property
    def learning_rate(self) -> float:
        """The learning rate that is used."""
        return self.rate or (2e-4 if self.lora else 2e-5)

    @property
    def as_json(self) -> dict[str, Any]:
        """For the record of the model."""
        return asdict(self) | {"data": [str(path) for path in self.data], "out": str(self.out)}
