"""What a trained model's folder says of itself: its prompt format, its data, its training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ...data.errors import UsageError
from ...data.files import write_whole
from ..policy.prompts import RECORD
from .config import CRITIC, DRAFTS, PREFERENCES, TACTICS, TrainingConfig
from .examples import TrainingData
from .trainer import CHECKPOINTS, TrainingResult

CARD = "README.md"

TITLES = {
    TACTICS: "A model of Lean 4 tactics",
    DRAFTS: "A model of whole Lean 4 proofs",
    CRITIC: "A critic of Lean 4 proof states",
    PREFERENCES: "A model of Lean 4 tactics that prefers what proves",
}


def check_folder(config: TrainingConfig, data: TrainingData) -> None:
    """Begin a training, or go on with the same one.

    Raises UsageError for a folder of other use, and for a base model of another Lean than the data.
    """
    out = config.out
    _check_lean(config.base, data.lean)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be made: {error.strerror}") from error
    names = {path.name for path in out.iterdir()}
    if names and RECORD not in names:
        raise UsageError(f"{out} is not empty, and no training of a model was begun there")
    begun = _begun(config, data)
    if RECORD in names:
        before = json.loads((out / RECORD).read_text("utf-8"))
        if before.get("result"):
            raise UsageError(f"{out} has a trained model already")
        is_other = any(before.get(name) != value for name, value in begun.items())
        if is_other and any((out / CHECKPOINTS).glob("*")):
            raise UsageError(f"{out} has another training that was broken off: remove it first")
    write_whole(out / RECORD, _text(begun))


def is_trained(folder: Path) -> bool:
    """Whether a model was trained into a folder, to its end."""
    try:
        return bool(json.loads((folder / RECORD).read_text("utf-8")).get("result"))
    except (OSError, ValueError, AttributeError):
        return False


def _check_lean(base: str, lean: str) -> None:
    """Raise UsageError for a model that was trained here on what another Lean had checked."""
    try:
        before = json.loads((Path(base).expanduser() / RECORD).read_text("utf-8")).get("lean", "")
    except (OSError, ValueError, AttributeError):
        return
    if lean and before and lean != before:
        raise UsageError(f"{base} was trained on proofs of Lean {before}, the data are of {lean}")


def write_record(config: TrainingConfig, data: TrainingData, result: TrainingResult) -> None:
    """Write what `--policy hf:FOLDER` needs to know, and a card for people."""
    record = _begun(config, data) | {"prompt": config.prompt, "result": result.as_json}
    write_whole(config.out / CARD, _card(config, data, result).encode())
    write_whole(config.out / RECORD, _text(record))


def hash_of(data: TrainingData) -> str:
    """Names the examples, in order."""
    digest = hashlib.sha256()
    for example in (*data.train, *data.held_out):
        digest.update("".join(f"{each}\0" for each in astuple(example)).encode())
    return digest.hexdigest()


def use_of(config: TrainingConfig) -> str:
    """The option that takes the model."""
    return f"--{'critic' if config.kind == CRITIC else 'policy'} hf:{config.out}"


def held_out_words(result: TrainingResult) -> list[str]:
    """What was measured on held-out examples, before and after."""
    pairs = {"loss": result.held_out, **result.measures} if result.held_out else {}
    return [f"{name} {pair[0]:.3f} -> {pair[1]:.3f}" for name, pair in pairs.items() if pair]


def _begun(config: TrainingConfig, data: TrainingData) -> dict[str, Any]:
    return {"training": config.as_json, "data_sha256": hash_of(data), "lean": data.lean}


def _text(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"


def _card(config: TrainingConfig, data: TrainingData, result: TrainingResult) -> str:
    losses = result.losses
    shown = losses[:: max(1, len(losses) // 20)]
    held = "no theorem was held out"
    if words := held_out_words(result):
        held = f"on {len(data.held_out):,} held-out examples: {', '.join(words)}"
    how = f"LoRA of rank {config.lora}" if config.lora else "all weights"
    lines = [
        f"# {TITLES[config.kind]}, trained from {config.base}",
        "",
        f"Use it: `lakatos prove FILE.lean {use_of(config)}`",
        "",
        f"- {how}, learning rate {config.learning_rate:g}, {result.steps:,} steps of "
        f"{config.batch} examples, {result.tokens:,} tokens, {result.wall_s:.0f} s",
        f"- examples: {len(data.train):,} trained on; {data.left_out:,} left out, because a "
        f"held-out theorem has their state; {result.too_long:,} of all for their length",
        f"- Lean: {data.lean or 'unknown'}",
        f"- {held}",
        f"- prompt format: {config.prompt}",
        "",
        "| step | loss |",
        "|---|---|",
        *(f"| {step} | {loss:.3f} |" for step, loss in shown),
        "",
    ]
    return "\n".join(lines)
