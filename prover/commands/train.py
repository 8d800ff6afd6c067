"""Trains a model, and shows how it goes."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..training.config import TrainingConfig
from ..training.examples import read_examples
from ..training.model_folder import check_folder, held_out_words, use_of, write_record
from ..training.trainer import TrainingResult, train_model
from . import console


def train(config: TrainingConfig) -> int:
    """Train a model; the exit code. Raises as `read_examples` and `train_model`."""
    data = read_examples(config.data, config.kind, config.seed)
    console.note(
        f"examples: {len(data.train):,} to train on, {len(data.held_out):,} held out, "
        f"{data.left_out:,} left out"
    )
    check_folder(config, data)
    with _bar() as bar:
        job = bar.add_task("training", total=None, loss="")

        def on_step(done: int, total: int, loss: float | None) -> None:
            text = "" if loss is None else f"loss {loss:.3f}"
            bar.update(job, completed=done, total=total, loss=text)

        result = train_model(config, data, on_step)
    write_record(config, data, result)
    console.standard_output().print(_summary(config, result), markup=False, soft_wrap=True)
    return 0


def _bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[loss]}")
    quiet = not console.err.is_terminal
    return Progress(
        *columns, TimeRemainingColumn(), console=console.err, transient=True, disable=quiet
    )


def _summary(config: TrainingConfig, result: TrainingResult) -> str:
    held = "".join(f", held-out {words}" for words in held_out_words(result))
    left_out = f", {result.too_long:,} examples too long" if result.too_long else ""
    return (
        f"{result.steps:,} steps, {result.tokens:,} tokens, {result.wall_s:.1f} s{held}{left_out}\n"
        f"written to: {config.out}; use it with {use_of(config)}"
    )
