"""LeanDojo's benchmark as input: its proofs tactic by tactic, its premises, its own splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .files import COLUMNS
from .splits import PARTS, STRATEGIES
from .tables import Columns, new_tables

Row = dict[str, Any]
Table = tuple[str, str, Iterable[Row]]
"""Where it goes, which of TABLES it is, its rows."""

FORMATS = ("jsonl", "parquet")

_TACTIC = ("tactic", "annotated_tactic", "annotations", "state_before", "state_after")
TABLES: Mapping[str, Columns] = {
    "tactics": {
        **dict.fromkeys(("url", "commit", "file_path", "full_name"), "text"),
        "index": "number",
        **{name: COLUMNS["tactics"][name] for name in _TACTIC},
    },
    "premises": {
        **dict.fromkeys(("file_path", "full_name", "kind", "code"), "text"),
        **{name: COLUMNS["declarations"][name] for name in ("start", "end")},
    },
}
"""What each file of an output holds."""


@dataclass(frozen=True)
class Benchmark:
    """A folder in LeanDojo's layout. Its methods raise UsageError for what is malformed in it."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Benchmark | None:
        """The benchmark in a folder, if there is one."""
        is_there = (folder / "corpus.jsonl").is_file() and (folder / "metadata.json").is_file()
        return cls(folder) if is_there else None

    @property
    def strategies(self) -> list[str]:
        """The splits that it has."""
        return [name for name in STRATEGIES if (self.folder / name).is_dir()]

    def tables(self) -> Iterator[Table]:
        """The tactics of each part of each split, in order; the premises, imported files first."""
        for strategy in self.strategies:
            for part in PARTS:
                place = self.folder / strategy / f"{part}.json"
                yield f"{strategy}/{part}", "tactics", tactic_rows(_theorems(place), str(place))
        place = self.folder / "corpus.jsonl"
        yield "premises", "premises", premise_rows(_lines(place), str(place))


def tactic_rows(theorems: Iterable[Row], name: str) -> Iterator[Row]:
    """Every tactic of entries of the benchmark, with its theorem's name. name: for messages.

    Raises UsageError for an entry of another shape.
    """
    for theorem in theorems:
        with _as_usage_error(name):
            named = {key: theorem[key] for key in ("url", "commit", "file_path", "full_name")}
            steps = theorem["traced_tactics"]
            rows = [named | _tactic(step, index) for index, step in enumerate(steps)]
        yield from rows


def premise_rows(files: Iterable[Row], name: str) -> Iterator[Row]:
    """Every premise of lines of the corpus. Raises as `tactic_rows`."""
    for file in files:
        with _as_usage_error(name):
            rows = [_premise(file["path"], each) for each in file["premises"]]
        yield from rows


def convert(tables: Iterable[Table], out: Path, formats: Iterable[str]) -> Counter[str]:
    """Write each table to `OUT/FORMAT/WHERE.FORMAT`; how many rows went where.

    Raises UsageError when the disk takes nothing.
    """
    counts: Counter[str] = Counter()
    with new_tables(out, formats) as written:
        for where, kind, rows in tables:
            take = written.open(where, TABLES[kind])
            for row in rows:
                counts[where] += 1
                take(row)
    return counts


def count(tables: Iterable[Table]) -> Counter[str]:
    """How many rows there are of what."""
    return Counter({where: sum(1 for _ in rows) for where, _, rows in tables})


def _theorems(place: Path) -> Iterator[Row]:
    if not place.is_file():
        raise UsageError(f"{place}: no such file")
    with _as_usage_error(str(place)):
        theorems = json.loads(place.read_text("utf-8"))
    yield from theorems


def _lines(place: Path) -> Iterator[Row]:
    with place.open(encoding="utf-8") as lines:
        for line in lines:
            with _as_usage_error(str(place)):
                row = json.loads(line)
            yield row


@contextmanager
def _as_usage_error(name: str) -> Iterator[None]:
    """Within it, a malformed row is a UsageError that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(f"{name}: not as LeanDojo writes it: {error!r}") from error


def _tactic(step: Row, index: int) -> Row:
    text, premises = step.get("annotated_tactic") or (step["tactic"], [])
    return {
        "index": index,
        "tactic": step["tactic"],
        "annotated_tactic": text,
        "annotations": [
            {key: each[key] for key in ("full_name", "def_path", "def_pos", "def_end_pos")}
            for each in premises
        ],
        "state_before": step["state_before"],
        "state_after": step["state_after"],
    }


def _premise(path: str, premise: Row) -> Row:
    keys = ("full_name", "kind", "code", "start", "end")
    return {"file_path": path, **{key: premise[key] for key in keys}}
