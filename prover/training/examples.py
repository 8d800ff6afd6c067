"""What a model is trained on, from datasets of `lakatos extract`, and what is held out.

What is held out for tests is never trained on, nor are its states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...data.dataset.from_store import part_of
from ...data.dataset.rows_read import lean_versions, table_of
from ...data.errors import UsageError
from ..policy.prompts import format_named
from .config import CRITIC, DRAFTS, PREFERENCES, PROMPTS, TACTICS
from .draft_examples import draft_examples
from .step_examples import tactic_examples, tactic_pairs, valued_states


class TrainingExample(Protocol):
    """Anything to learn from, at a state of a theorem."""

    @property
    def state(self) -> str:
        """As Lean prints it."""
        ...

    @property
    def theorem(self) -> str:
        """The key of its theorem."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where examples of one kind are from.

    read: those of a dataset, which has one of these tables. missing: what there is none of when
    there are no examples.
    """

    read: Callable[[Path], Iterator[TrainingExample]]
    tables: tuple[str, ...]
    missing: str


def _drafts(dataset: Path) -> Iterator[TrainingExample]:
    return draft_examples(dataset, format_named(PROMPTS[DRAFTS]))


SOURCES: Mapping[str, Source] = {
    TACTICS: Source(tactic_examples, ("steps", "theorems"), "no tactic that led to a proof"),
    DRAFTS: Source(_drafts, ("proofs", "theorems"), "no whole proof that Lean accepted"),
    CRITIC: Source(valued_states, ("values",), "no state that was proved or tried in vain"),
    PREFERENCES: Source(
        tactic_pairs, ("steps",), "no state with a tactic that led to a proof and one that failed"
    ),
}


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Examples by use. left_out: those of the training part whose state is held out too.

    lean: the version that checked them; empty where no card says it.
    """

    train: tuple[Any, ...]
    held_out: tuple[Any, ...]
    left_out: int
    lean: str = ""


def read_examples(folders: Sequence[Path], kind: str = TACTICS, seed: int = 0) -> TrainingData:
    """The examples of datasets, each once. Of the theorems some are held out, drawn by their keys.

    seed: of that draw. Raises UsageError where there is nothing to train on, and for datasets that
    different versions of Lean checked.
    """
    source, names = SOURCES[kind], ", ".join(map(str, folders))
    found: dict[TrainingExample, None] = {}
    leans: set[str] = set()
    for folder in folders:
        if not any(table_of(folder, name).is_file() for name in source.tables):
            wanted = ", ".join(f"{name}.jsonl" for name in source.tables)
            raise UsageError(f"{folder}: no dataset of lakatos extract for {kind} ({wanted})")
        found.update(dict.fromkeys(source.read(folder)))
        leans |= lean_versions(folder)
    if len(leans) > 1:
        raise UsageError(f"{names}: of Lean {' and '.join(sorted(leans))}; take data of one Lean")
    data = split_examples(found, next(iter(leans), ""), seed)
    if not data.train:
        raise UsageError(f"nothing to train on in {names}: {source.missing}")
    if kind == CRITIC and len({each.value for each in data.train}) == 1:
        raise UsageError(f"nothing to tell apart in {names}: all states have the same value")
    return data


def split_examples(found: Iterable[TrainingExample], lean: str = "", seed: int = 0) -> TrainingData:
    """Examples by use; of the theorems some are held out, drawn by their keys and the seed."""
    by_part: dict[str, list[TrainingExample]] = {"train": [], "val": [], "test": []}
    for example in found:
        by_part[part_of(example.theorem, seed)].append(example)
    held = {example.state for part in ("val", "test") for example in by_part[part]}
    train = [example for example in by_part["train"] if example.state not in held]
    left_out = len(by_part["train"]) - len(train)
    return TrainingData(tuple(train), tuple(by_part["val"]), left_out, lean)
