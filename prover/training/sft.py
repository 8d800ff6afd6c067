"""Trains a model of tactics or of drafts: the loss counts on the answer, the prompt is masked.

trl's SFTTrainer does the work, with peft's LoRA (Hu et al., arXiv:2106.09685) unless all weights
are trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from ..policy.prompts import format_named
from .config import TrainingConfig
from .draft_examples import DraftExample
from .method import TrainerParts, TrainingMethod
from .step_examples import TacticExample


class ExampleEncoder:
    """Examples as token ids: the prompt as a policy asks it, then the answer and an end."""

    def __init__(self, tokenizer: Any, config: TrainingConfig) -> None:
        self._tokenizer = tokenizer
        self._text = format_named(config.prompt).text
        self._most = config.tokens

    def rows(self, examples: Iterable[TacticExample | DraftExample]) -> list[dict[str, list[int]]]:
        """Rows of input_ids and completion_mask. An overlong prompt loses its beginning.

        A whole proof that takes more than half of the tokens is left out.
        """
        rows = []
        for each in examples:
            if isinstance(each, TacticExample):
                prompt = self._text.replace("{state}", each.state)
                answer = self._tokens_of(each.tactic)[: self._most - 2]
                rows.append(self._row(prompt, answer))
                continue
            answer = self._tokens_of(each.proof)
            if 2 * len(answer) < self._most:
                rows.append(self._row(each.prompt, answer))
        return rows

    def _tokens_of(self, answer: str) -> list[int]:
        found: list[int] = self._tokenizer(answer, add_special_tokens=False)["input_ids"]
        return found

    def _row(self, text: str, answer: list[int]) -> dict[str, list[int]]:
        prompt = self._tokenizer(text)["input_ids"]
        answer = [*answer, self._tokenizer.eos_token_id]
        prompt = prompt[-(self._most - len(answer)) :]
        mask = [0] * len(prompt) + [1] * len(answer)
        return {"input_ids": [*prompt, *answer], "completion_mask": mask}


class SupervisedMethod(TrainingMethod):
    """By the right answers."""

    def rows(self, tokenizer: Any, examples: Iterable[Any]) -> list[dict[str, Any]]:
        """Token ids, and which of them are the answer."""
        return ExampleEncoder(tokenizer, self.config).rows(examples)

    def trainer(self, parts: TrainerParts) -> Any:
        """trl's SFTTrainer."""
        trl = import_module("trl")
        arguments = trl.SFTConfig(
            **parts.arguments,
            max_length=self.config.tokens,
            completion_only_loss=True,  # else the mask of rows that are token ids is passed over
        )
        return trl.SFTTrainer(
            model=parts.model,
            args=arguments,
            processing_class=parts.tokenizer,
            train_dataset=parts.train,
            eval_dataset=parts.held_out,
            peft_config=self.lora("CAUSAL_LM"),
        )
