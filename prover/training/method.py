"""How one kind of model is trained: which class of transformers, which rows, which trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from ...data.errors import UsageError
from ..models.checkpoint import Checkpoint
from .config import TrainingConfig

LORA_TARGETS = "all-linear"


@dataclass(frozen=True, slots=True)
class TrainerParts:
    """What a trainer is made of. arguments: those that all trainers share; held_out: may be None"""

    model: Any
    tokenizer: Any
    arguments: Mapping[str, Any]
    train: Any
    held_out: Any


class TrainingMethod(ABC):
    """One way to train."""

    measures: ClassVar[Mapping[str, str]] = {}
    """What the trainer says of the held-out examples besides their loss, and in our words."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def check(self, checkpoint: Checkpoint, tokenizer: Any) -> None:
        """Raise UsageError for a base model that cannot be trained so."""
        base, config = self.config.base, checkpoint.part("AutoConfig")
        if config.is_encoder_decoder:
            raise UsageError(f"{base}: an encoder with a decoder ({config.model_type}); {_WANTED}")
        if any("SequenceClassification" in name for name in config.architectures or ()):
            raise UsageError(f"{base}: a classifier, which writes nothing; {_WANTED}")
        masked = import_module("transformers.models.auto.modeling_auto")
        if config.model_type in masked.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
            raise UsageError(f"{base}: an encoder ({config.model_type}); {_WANTED}")
        if tokenizer.eos_token_id is None:
            raise UsageError(f"{base}: its tokenizer has no token that ends a text")

    def load(self, checkpoint: Checkpoint) -> Any:
        """The model. Raises UsageError, ModelUnavailable."""
        return checkpoint.model("AutoModelForCausalLM")

    @abstractmethod
    def rows(self, tokenizer: Any, examples: Iterable[Any]) -> list[dict[str, Any]]:
        """The examples as the trainer takes them, without those that are too long."""

    @abstractmethod
    def trainer(self, parts: TrainerParts) -> Any:
        """A trainer of transformers or trl."""

    def lora(self, task: str) -> Any:
        """The LoRA matrices of a task of peft; None where all weights are trained."""
        if not self.config.lora:
            return None
        rank = {"r": self.config.lora, "lora_alpha": 2 * self.config.lora}
        peft = import_module("peft")
        return peft.LoraConfig(**rank, target_modules=LORA_TARGETS, task_type=task)


_WANTED = "a language model that continues text is needed"
