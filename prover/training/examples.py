"""What a model of tactics is trained on: states, and the tactics that were right there.

Read from a dataset of `lakatos extract`: of files, the tactics of their proofs; of the database,
the steps of the proofs found. What is held out for tests is never trained on, nor are its states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.dataset.from_store import part_of
from ...data.errors import UsageError

LONGEST = 400
"""Characters of the longest tactic: a longer one is a proof of its own."""


@dataclass(frozen=True, slots=True)
class TacticExample:
    """A proof state as Lean prints it, a tactic that was right there, the key of its theorem."""

    state: str
    tactic: str
    theorem: str


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Examples by use. left_out: those of the training part whose state is held out too."""

    train: tuple[TacticExample, ...]
    held_out: tuple[TacticExample, ...]
    left_out: int


def read_examples(folders: Sequence[Path], seed: int = 0) -> TrainingData:
    """The examples of datasets, each once. Of the theorems some are held out, drawn by their keys.

    seed: of that draw. Raises UsageError where there is nothing to train on.
    """
    found: dict[TacticExample, None] = {}
    for folder in folders:
        found.update(dict.fromkeys(_examples(folder)))
    by_part: dict[str, list[TacticExample]] = {"train": [], "val": [], "test": []}
    for example in found:
        by_part[part_of(example.theorem, seed)].append(example)
    held = {example.state for part in ("val", "test") for example in by_part[part]}
    train = [example for example in by_part["train"] if example.state not in held]
    if not train:
        names = ", ".join(map(str, folders))
        raise UsageError(f"nothing to train on in {names}: no tactic that led to a proof")
    return TrainingData(tuple(train), tuple(by_part["val"]), len(by_part["train"]) - len(train))


def _examples(folder: Path) -> Iterator[TacticExample]:
    place = folder / "jsonl" if (folder / "jsonl").is_dir() else folder
    steps, theorems = place / "steps.jsonl", place / "theorems.jsonl"
    if not (steps.is_file() or theorems.is_file()):
        raise UsageError(f"{folder}: no dataset of lakatos extract (steps.jsonl, theorems.jsonl)")
    if steps.is_file():
        yield from _of_attempts(steps)
    if theorems.is_file():
        yield from _of_files(theorems)


def _of_attempts(path: Path) -> Iterator[TacticExample]:
    for row in _rows(path, "state", "tactic", "root_key", "in_proof"):
        if row["in_proof"]:
            yield TacticExample(row["state"], row["tactic"], row["root_key"])


def _of_files(path: Path) -> Iterator[TacticExample]:
    for row in _rows(path, "key", "traced_tactics"):
        for step in row["traced_tactics"]:
            if step["goals_before"] and len(step["tactic"]) <= LONGEST:
                yield TacticExample(step["state_before"], step["tactic"], row["key"])


def _rows(path: Path, *columns: str) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                row = json.loads(line)
                if missing := [name for name in columns if name not in row]:
                    raise UsageError(f"{path}, line {number}: no {missing[0]}")
                yield row
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
