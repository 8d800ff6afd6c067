"""Trains a model of tactics: the loss counts on the tactic alone, its prompt is masked.

trl's SFTTrainer does the work, with peft's LoRA (Hu et al., arXiv:2106.09685) unless all weights
are trained.
"""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ...data.errors import EnvironmentFault, UsageError
from ..models.checkpoint import Checkpoint, HuggingFaceOptions, first_line, require
from ..policy.prompts import format_named
from .config import TrainingConfig
from .examples import TacticExample, TrainingData

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets")
KEPT_EVERY_S = 60.0
"""Seconds between two checkpoints, from which a training goes on that was broken off."""

LORA_TARGETS = "all-linear"
CHECKPOINTS = "checkpoints"
"""Folder in the model's folder, until the training is over."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came of a training.

    held_out: the loss on the held-out examples before and after; None where there are none.
    losses: of the training, each with its step. tokens: seen, prompts included.
    """

    steps: int
    tokens: int
    wall_s: float
    losses: tuple[tuple[int, float], ...]
    held_out: tuple[float, float] | None

    @property
    def as_json(self) -> dict[str, Any]:
        """For the record of the model."""
        return asdict(self)


OnStep = Callable[[int, int, float | None], None]
"""Told of the steps done, of how many, and the latest loss."""


def train_tactics(
    config: TrainingConfig,
    data: TrainingData,
    on_step: OnStep,
    *,
    kept_every_s: float = KEPT_EVERY_S,
) -> TrainingResult:
    """Train, and write the model into the folder of the configuration.

    What was broken off there goes on, from a checkpoint that is kept every so many seconds.
    Raises UsageError for what the caller can correct, ModelUnavailable for a base model that cannot
    be fetched, EnvironmentFault for a full disk or too little memory.
    """
    require("lakatos train", PACKAGES, "'lakatos[train]'")
    checkpoint = Checkpoint(config.base, HuggingFaceOptions())
    tokenizer = checkpoint.tokenizer()
    if tokenizer.eos_token_id is None:
        raise UsageError(f"{config.base}: its tokenizer has no token that ends a text")
    model = checkpoint.model("AutoModelForCausalLM").train()
    encoded = ExampleEncoder(tokenizer, config)
    with machine_faults(config.out):
        trainer = _trainer(config, model, tokenizer, encoded, data)
        watch = _watch(config, on_step, kept_every_s)
        trainer.add_callback(watch)
        before = _loss(trainer) if data.held_out else None
        began = time.monotonic()
        trainer.train(resume_from_checkpoint=_latest(config.out))
        wall_s = time.monotonic() - began
        after = _loss(trainer) if data.held_out else None
        _save(trainer, tokenizer, config.out)
    held_out = (before, after) if before is not None and after is not None else None
    tokens = int(trainer.state.num_input_tokens_seen)
    return TrainingResult(trainer.state.global_step, tokens, wall_s, watch.losses, held_out)


class ExampleEncoder:
    """Examples as token ids: the prompt as a policy asks it, then the tactic and an end."""

    def __init__(self, tokenizer: Any, config: TrainingConfig) -> None:
        self._tokenizer = tokenizer
        self._text = format_named(config.prompt).text
        self._most = config.tokens

    def rows(self, examples: Iterable[TacticExample]) -> Any:
        """A dataset of input_ids and completion_mask. An overlong prompt loses its beginning."""
        made = [self._row(example) for example in examples]
        return import_module("datasets").Dataset.from_list(made)

    def _row(self, example: TacticExample) -> dict[str, list[int]]:
        prompt = self._tokenizer(self._text.replace("{state}", example.state))["input_ids"]
        tactic = self._tokenizer(example.tactic, add_special_tokens=False)["input_ids"]
        tactic = [*tactic[: self._most - 2], self._tokenizer.eos_token_id]
        prompt = prompt[-(self._most - len(tactic)) :]
        mask = [0] * len(prompt) + [1] * len(tactic)
        return {"input_ids": [*prompt, *tactic], "completion_mask": mask}


def _trainer(
    config: TrainingConfig, model: Any, tokenizer: Any, encoded: ExampleEncoder, data: TrainingData
) -> Any:
    trl, torch = import_module("trl"), import_module("torch")
    for name in ("transformers", "trl", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import_module("datasets").disable_progress_bars()
    on_gpu = torch.cuda.is_available()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    arguments = trl.SFTConfig(
        output_dir=str(config.out / CHECKPOINTS),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch,
        per_device_eval_batch_size=config.batch,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        max_length=config.tokens,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        seed=config.seed,
        data_seed=config.seed,
        logging_steps=1,
        save_strategy="no",
        save_total_limit=1,
        include_num_input_tokens_seen=True,
        report_to=[],
        disable_tqdm=True,
    )
    lora = None
    if config.lora:
        settings = {"r": config.lora, "lora_alpha": 2 * config.lora}
        peft = import_module("peft")
        lora = peft.LoraConfig(**settings, target_modules=LORA_TARGETS, task_type="CAUSAL_LM")
    trainer = trl.SFTTrainer(
        model=model,
        args=arguments,
        processing_class=tokenizer,
        train_dataset=encoded.rows(data.train),
        eval_dataset=encoded.rows(data.held_out) if data.held_out else None,
        peft_config=lora,
    )
    trainer.remove_callback(import_module("transformers").PrinterCallback)
    return trainer


def _watch(config: TrainingConfig, on_step: OnStep, kept_every_s: float) -> Any:
    """A callback: tells of steps, asks for checkpoints, ends the training when its time is over."""

    class Watch(import_module("transformers").TrainerCallback):  # type: ignore[misc]
        """Watches a training. losses: each with its step."""

        losses: tuple[tuple[int, float], ...] = ()
        began = kept = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            """Note a loss, and tell."""
            loss = (more.get("logs") or {}).get("loss")
            if loss is not None:
                self.losses = (*self.losses, (state.global_step, float(loss)))
                on_step(state.global_step, state.max_steps, float(loss))

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            """Look at the clock."""
            now = time.monotonic()
            if now - self.kept > kept_every_s:
                self.kept = now
                control.should_save = True
            if config.minutes is not None and now - self.began > 60 * config.minutes:
                control.should_training_stop = True

    return Watch()


def _loss(trainer: Any) -> float:
    return float(trainer.evaluate()["eval_loss"])


def _latest(out: Path) -> str | None:
    """The last checkpoint of a training that was broken off."""
    find = import_module("transformers.trainer_utils").get_last_checkpoint
    place = out / CHECKPOINTS
    found: str | None = find(str(place)) if place.is_dir() else None
    return found


def _save(trainer: Any, tokenizer: Any, out: Path) -> None:
    """Write the model, LoRA matrices merged into its weights, as one that `hf:` reads."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    if hasattr(model.config, "quantization_config"):  # of a GGUF file, which was read as floats
        del model.config.quantization_config
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


@contextmanager
def machine_faults(out: Path) -> Any:
    """Turn what a full disk or too little memory raises into one line."""
    torch = import_module("torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, MemoryError, torch.OutOfMemoryError) as error:
        hint = "" if isinstance(error, OSError) else "; a smaller --batch or --tokens needs less"
        raise EnvironmentFault(f"training into {out}: {first_line(error)}{hint}") from error
    except RuntimeError as error:
        if "memory" not in str(error).lower():
            raise
        raise EnvironmentFault(f"training into {out}: {first_line(error)}") from error
