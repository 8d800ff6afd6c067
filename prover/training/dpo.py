"""Trains a model of tactics by pairs of them: direct preference optimisation by trl's DPOTrainer.

Rafailov et al., arXiv:2305.18290; on a proof's tactic against one that failed at the same state,
after BFS-Prover (arXiv:2502.03438).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stderr
from importlib import import_module
from typing import Any, ClassVar

from ..policy.prompts import format_named
from .method import TrainerParts, TrainingMethod


class PreferenceMethod(TrainingMethod):
    """By pairs of a better and a worse answer."""

    measures: ClassVar = {
        "rewards/margins": "margin of the better tactic",
        "rewards/accuracies": "pairs moved the right way",
    }

    def rows(self, tokenizer: Any, examples: Iterable[Any]) -> list[dict[str, Any]]:
        """Texts, which the trainer encodes; a pair that does not fit as a whole is left out."""
        text = format_named(self.config.prompt).text
        rows = []
        for each in examples:
            prompt = text.replace("{state}", each.state)
            pair = each.chosen, each.rejected
            longest = max(len(tokenizer(prompt + tactic)["input_ids"]) for tactic in pair)
            if longest < self.config.tokens:
                rows.append({"prompt": prompt, "chosen": pair[0], "rejected": pair[1]})
        return rows

    def trainer(self, parts: TrainerParts) -> Any:
        """trl's DPOTrainer; what BASE thinks of each pair is computed once, before the training."""
        trl = import_module("trl")
        arguments = trl.DPOConfig(
            **parts.arguments,
            max_length=self.config.tokens,
            beta=self.config.beta,
            precompute_ref_log_probs=True,
        )
        with redirect_stderr(io.StringIO()):  # its progress bar heeds no setting
            return trl.DPOTrainer(
                model=parts.model,
                args=arguments,
                processing_class=parts.tokenizer,
                train_dataset=parts.train,
                eval_dataset=parts.held_out,
                peft_config=self.lora("CAUSAL_LM"),
            )
