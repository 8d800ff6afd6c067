"""Trains a model by the method of its kind: checkpoints, the clock, what is held out, its folder.

The trainers themselves are those of trl and transformers; what a kind of model needs of its own,
sft.py, dpo.py and classifier.py say.
"""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from ...data.errors import EnvironmentFault, UsageError
from ..models.checkpoint import Checkpoint, HuggingFaceOptions, first_line, require
from .classifier import CriticMethod
from .config import CRITIC, DRAFTS, PREFERENCES, TACTICS, TrainingConfig
from .dpo import PreferenceMethod
from .examples import TrainingData
from .method import TrainerParts, TrainingMethod
from .sft import SupervisedMethod

METHODS: Mapping[str, type[TrainingMethod]] = {
    TACTICS: SupervisedMethod,
    DRAFTS: SupervisedMethod,
    CRITIC: CriticMethod,
    PREFERENCES: PreferenceMethod,
}

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets")
KEPT_EVERY_S = 60.0
"""Seconds between two checkpoints, from which a training goes on that was broken off."""

CHECKPOINTS = "checkpoints"
"""Folder in the model's folder, until the training is over."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came of a training.

    held_out: the loss on the held-out examples before and after; None where there are none.
    measures: what else was measured there, before and after. too_long: examples that were left
    out for their length. losses: of the training, each with its step. tokens: seen, prompts
    included.
    """

    steps: int
    tokens: int
    wall_s: float
    losses: tuple[tuple[int, float], ...]
    held_out: tuple[float, float] | None
    measures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    too_long: int = 0

    @property
    def as_json(self) -> dict[str, Any]:
        """For the record of the model."""
        return asdict(self)


OnStep = Callable[[int, int, float | None], None]
"""Told of the steps done, of how many, and the latest loss."""


def train_model(
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
    method = METHODS[config.kind](config)
    checkpoint = Checkpoint(config.base, HuggingFaceOptions())
    tokenizer = checkpoint.tokenizer()
    method.check(checkpoint, tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    train, held_out = (method.rows(tokenizer, part) for part in (data.train, data.held_out))
    if not train:
        raise UsageError(f"every example is too long for {config.tokens} tokens: raise --tokens")
    with machine_faults(config.out):
        model = method.load(checkpoint).train()
        rows = _dataset(train), _dataset(held_out) if held_out else None
        trainer = method.trainer(TrainerParts(model, tokenizer, shared_arguments(config), *rows))
        trainer.remove_callback(import_module("transformers").PrinterCallback)
        watch = _watch(config, on_step, kept_every_s)
        trainer.add_callback(watch)
        before = trainer.evaluate() if held_out else {}
        began = time.monotonic()
        trainer.train(resume_from_checkpoint=_latest(config.out))
        wall_s = time.monotonic() - began
        after = trainer.evaluate() if held_out else {}
        _save(trainer, tokenizer, config.out)
    pairs = {
        word: (float(before[f"eval_{key}"]), float(after[f"eval_{key}"]))
        for key, word in {"loss": "loss", **method.measures}.items()
        if held_out
    }
    return TrainingResult(
        steps=trainer.state.global_step,
        tokens=int(trainer.state.num_input_tokens_seen),
        wall_s=wall_s,
        losses=watch.losses,
        held_out=pairs.pop("loss", None),
        measures=pairs,
        too_long=len(data.train) + len(data.held_out) - len(train) - len(held_out),
    )


def _dataset(rows: list[dict[str, Any]]) -> Any:
    datasets = import_module("datasets")
    datasets.disable_progress_bars()
    return datasets.Dataset.from_list(rows)


def shared_arguments(config: TrainingConfig) -> dict[str, Any]:
    """What all trainers are told."""
    for name in ("transformers", "trl", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    on_gpu = import_module("torch").cuda.is_available()
    return {
        "output_dir": str(config.out / CHECKPOINTS),
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": config.batch,
        "per_device_eval_batch_size": config.batch,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "bf16": on_gpu,
        "use_cpu": not on_gpu,
        "seed": config.seed,
        "data_seed": config.seed,
        "logging_steps": 1,
        "save_strategy": "no",
        "save_total_limit": 1,
        "include_num_input_tokens_seen": True,
        "report_to": [],
        "disable_tqdm": True,
    }


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


_OF_THE_MACHINE = ("memory", "PytorchStreamWriter", "inline_container")
"""Words of torch's errors where memory is short, or the disk takes nothing more."""


@contextmanager
def machine_faults(out: Path) -> Any:
    """Turn what a full disk or too little memory raises into one line."""
    torch, unwritten = import_module("torch"), import_module("safetensors").SafetensorError
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, MemoryError, torch.OutOfMemoryError, unwritten) as error:
        is_of_disk = isinstance(error, (OSError, unwritten))
        hint = "" if is_of_disk else "; a smaller --batch or --tokens needs less"
        raise EnvironmentFault(f"training into {out}: {first_line(error)}{hint}") from error
    except RuntimeError as error:
        if not any(word in str(error) for word in _OF_THE_MACHINE):
            raise
        raise EnvironmentFault(f"training into {out}: {first_line(error)}") from error
