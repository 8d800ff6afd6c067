"""How a model is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...data.errors import UsageError
from ..policy.prompts import format_of_folder

TACTICS, DRAFTS, CRITIC, PREFERENCES = "tactics", "drafts", "critic", "preferences"

PROMPTS = {
    TACTICS: "bfs-prover",  # the state and a mark, nothing else
    DRAFTS: "deepseek-prover",  # the file up to the proof; any model can go on with that
    CRITIC: "state",
    PREFERENCES: "bfs-prover",
}
"""What is trained, and the prompt format in which it is asked."""

RATES = {PREFERENCES: (5e-5, 5e-6)}
"""Learning rates for LoRA and for all weights, where they are not the usual ones."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """What is trained, on what, for how long.

    Args:
        base: the model to start from: a folder, a GGUF file or a name on the hub.
        data: datasets of `lakatos extract`.
        out: the folder of the trained model.
        kind: one of PROMPTS.
        epochs: how often every example is seen.
        minutes: at most so long; None: no limit.
        rate: the learning rate; None: 2e-4 for LoRA, 2e-5 for all weights; for preferences a
            quarter of that.
        lora: the rank of the LoRA matrices; 0 trains all weights.
        batch: examples for one step of the optimiser.
        tokens: of the longest example; longer ones lose the beginning of their prompt.
        beta: for preferences: how strongly the model is held to the one that is started from.
        seed: of every draw.
    """

    base: str
    data: tuple[Path, ...]
    out: Path
    kind: str = TACTICS
    epochs: float = 3.0
    minutes: float | None = None
    rate: float | None = None
    lora: int = 16
    batch: int = 16
    tokens: int = 1024
    beta: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "minutes", "rate", "batch", "tokens", "beta"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be above 0, not {value:g}")
        if self.lora < 0:
            raise UsageError(f"lora must be 0 or more, not {self.lora}")

    @property
    def learning_rate(self) -> float:
        """The learning rate that is used."""
        for_lora, for_all = RATES.get(self.kind, (2e-4, 2e-5))
        return self.rate or (for_lora if self.lora else for_all)

    @property
    def prompt(self) -> str:
        """The name of the prompt format; preferences are learned in the one that BASE knows.

        Raises UsageError when BASE knows one that asks for no tactic.
        """
        if self.kind != PREFERENCES:
            return PROMPTS[self.kind]
        own = format_of_folder(Path(self.base).expanduser())
        if own and own.is_whole_proof:
            raise UsageError(f"{self.base} writes whole proofs; preferences are among tactics")
        return own.name if own else PROMPTS[self.kind]

    @property
    def as_json(self) -> dict[str, Any]:
        """For the record of the model."""
        paths = {"data": [str(path) for path in self.data], "out": str(self.out)}
        return asdict(self) | paths | {"prompt": self.prompt}
