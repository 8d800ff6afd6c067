"""What a trained model's folder says of itself: its prompt format, its data, its training."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ...data.errors import UsageError
from ...data.files import write_whole
from ..policy.prompts import RECORD
from .config import TrainingConfig
from .examples import TrainingData
from .sft import CHECKPOINTS, TrainingResult

CARD = "README.md"


def check_folder(config: TrainingConfig, data_hash: str) -> None:
    """Begin a training, or go on with the same one. Raises UsageError for a folder of other use."""
    out = config.out
    if not out.exists():
        out.mkdir(parents=True)
    names = {path.name for path in out.iterdir()}
    if names and RECORD not in names:
        raise UsageError(f"{out} is not empty, and no training of a model was begun there")
    begun = _begun(config, data_hash)
    if RECORD in names:
        before = json.loads((out / RECORD).read_text("utf-8"))
        if before.get("result"):
            raise UsageError(f"{out} has a trained model already")
        is_other = any(before.get(name) != value for name, value in begun.items())
        if is_other and any((out / CHECKPOINTS).glob("*")):
            raise UsageError(f"{out} has another training that was broken off: remove it first")
    write_whole(out / RECORD, _text(begun))


def write_record(
    config: TrainingConfig, data: TrainingData, data_hash: str, result: TrainingResult
) -> None:
    """Write what `--policy hf:FOLDER` needs to know, and a card for people."""
    record = _begun(config, data_hash) | {"prompt": config.prompt, "result": result.as_json}
    write_whole(config.out / CARD, _card(config, data, result).encode())
    write_whole(config.out / RECORD, _text(record))


def hash_of(data: TrainingData) -> str:
    """Names the examples, in order."""
    digest = hashlib.sha256()
    for example in (*data.train, *data.held_out):
        digest.update(f"{example.theorem}\0{example.state}\0{example.tactic}\0".encode())
    return digest.hexdigest()


def _begun(config: TrainingConfig, data_hash: str) -> dict[str, Any]:
    return {"training": config.as_json, "data_sha256": data_hash}


def _text(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"


def _card(config: TrainingConfig, data: TrainingData, result: TrainingResult) -> str:
    losses = result.losses
    shown = losses[:: max(1, len(losses) // 20)]
    held = "no theorem was held out"
    if result.held_out:
        before, after = result.held_out
        held = f"loss on {len(data.held_out):,} held-out examples: {before:.3f} -> {after:.3f}"
    how = f"LoRA of rank {config.lora}" if config.lora else "all weights"
    lines = [
        f"# A model of Lean 4 tactics, trained from {config.base}",
        "",
        f"Use it: `lakatos prove FILE.lean --policy hf:{config.out}`",
        "",
        f"- {how}, learning rate {config.learning_rate:g}, {result.steps:,} steps of "
        f"{config.batch} examples, {result.tokens:,} tokens, {result.wall_s:.0f} s",
        f"- examples: {len(data.train):,} trained on; {data.left_out:,} left out, because a "
        "held-out theorem has their state",
        f"- {held}",
        f"- prompt format: {config.prompt}",
        "",
        "| step | loss |",
        "|---|---|",
        *(f"| {step} | {loss:.3f} |" for step, loss in shown),
        "",
    ]
    return "\n".join(lines)
