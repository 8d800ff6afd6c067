"""Trains a critic: a classifier of transformers with one label, the value of a state.

Its score goes through a sigmoid to a value in [0, 1], as `--critic hf:MODEL` reads it, and the loss
is the cross-entropy with the value that is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, ClassVar

from ...data.errors import UsageError
from ..models.checkpoint import Checkpoint
from ..policy.prompts import format_named
from .method import TrainerParts, TrainingMethod

MOST_COMPARED = 2_000
"""States whose order is looked at."""


class CriticMethod(TrainingMethod):
    """By the values of states."""

    measures: ClassVar = {"ordered": "pairs of states in the right order"}

    def check(self, checkpoint: Checkpoint, tokenizer: Any) -> None:
        """Take encoders too, and models that classify."""
        config = checkpoint.part("AutoConfig")
        if config.is_encoder_decoder:
            base = f"{self.config.base}: an encoder with a decoder ({config.model_type})"
            raise UsageError(f"{base}; a decoder or an encoder alone is needed")
        if tokenizer.pad_token is None and tokenizer.eos_token is None:
            raise UsageError(f"{self.config.base}: its tokenizer has no token to fill rows with")

    def load(self, checkpoint: Checkpoint) -> Any:
        """The model, with a head of one label that is drawn by the seed."""
        import_module("transformers").set_seed(self.config.seed)
        head = {"num_labels": 1, "problem_type": "multi_label_classification"}
        return checkpoint.model("AutoModelForSequenceClassification", **head)

    def rows(self, tokenizer: Any, examples: Iterable[Any]) -> list[dict[str, Any]]:
        """Token ids and the value. An overlong state loses its beginning."""
        text = format_named(self.config.prompt).text
        rows = []
        for each in examples:
            tokens = tokenizer(text.replace("{state}", each.state))["input_ids"]
            rows.append({"input_ids": tokens[-self.config.tokens :], "labels": [each.value]})
        return rows

    def trainer(self, parts: TrainerParts) -> Any:
        """transformers' Trainer."""
        transformers, model = import_module("transformers"), parts.model
        model.config.pad_token_id = parts.tokenizer.pad_token_id
        if lora := self.lora("SEQ_CLS"):
            model = import_module("peft").get_peft_model(model, lora)
        return transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(**parts.arguments, label_names=["labels"]),
            processing_class=parts.tokenizer,
            data_collator=transformers.DataCollatorWithPadding(parts.tokenizer),
            train_dataset=parts.train,
            eval_dataset=parts.held_out,
            compute_metrics=_measured,
        )


def _measured(found: Any) -> dict[str, float]:
    scores, values = found.predictions.reshape(-1), found.label_ids.reshape(-1)
    return {"ordered": ordered_share(scores[:MOST_COMPARED], values[:MOST_COMPARED])}


def ordered_share(scores: Any, values: Any) -> float:
    """Of the pairs of different value, the share whose better one has the higher score.

    scores, values: arrays of one number a state. 0.5 where no two values differ.
    """
    is_better = values[:, None] > values[None, :]
    pairs = int(is_better.sum())
    right = int((is_better & (scores[:, None] > scores[None, :])).sum())
    return right / pairs if pairs else 0.5
