"""LeanDojo's benchmark as input: its proofs tactic by tactic, its premises, its own splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dataset_files import COLUMNS, new_folder, row_writer
from .errors import UsageError
from .splits import PARTS, STRATEGIES

Row = dict[str, Any]

FORMATS = ("jsonl", "parquet")

_TACTIC = ("tactic", "annotated_tactic", "annotations", "state_before", "state_after")
TABLES: Mapping[str, Mapping[str, Any]] = {
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

    def tactics(self, strategy: str, part: str) -> Iterator[Row]:
        """Every tactic of one part, in order, with its theorem's name and place."""
        place = self.folder / strategy / f"{part}.json"
        for theorem in _json(place, place.read_text("utf-8") if place.is_file() else None):
            with _told(place):
                named = {key: theorem[key] for key in ("url", "commit", "file_path", "full_name")}
                steps = theorem["traced_tactics"]
                rows = [named | _tactic(step, index) for index, step in enumerate(steps)]
            yield from rows

    def premises(self) -> Iterator[Row]:
        """Every premise of the corpus, imported files first."""
        place = self.folder / "corpus.jsonl"
        with place.open(encoding="utf-8") as lines:
            for line in lines:
                file = _json(place, line)
                with _told(place):
                    rows = [_premise(file["path"], each) for each in file["premises"]]
                yield from rows

    def convert(self, out: Path, formats: Sequence[str]) -> Counter[str]:
        """Write `OUT/FORMAT/STRATEGY/PART` and `OUT/FORMAT/premises`; how many rows went where."""
        for name in formats:
            if name not in FORMATS:
                raise UsageError(f"LeanDojo's benchmark becomes {' or '.join(FORMATS)}, not {name}")
        out.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        for name in formats:
            with new_folder(out / name) as folder:
                counts = Counter()
                for where, kind, rows in self._tables():
                    (folder / where).parent.mkdir(exist_ok=True)
                    with row_writer(name, folder / f"{where}.{name}", TABLES[kind]) as write:
                        for row in rows:
                            write(row)
                            counts[where] += 1
        return counts

    def count(self) -> Counter[str]:
        """How many rows there are of what."""
        return Counter({where: sum(1 for _ in rows) for where, _, rows in self._tables()})

    def _tables(self) -> Iterator[tuple[str, str, Iterable[Row]]]:
        for strategy in self.strategies:
            for part in PARTS:
                yield f"{strategy}/{part}", "tactics", self.tactics(strategy, part)
        yield "premises", "premises", self.premises()


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """Say which file is malformed."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(f"{place}: not as LeanDojo writes it: {error!r}") from error


def _json(place: Path, text: str | None) -> Any:
    if text is None:
        raise UsageError(f"{place}: no such file")
    with _told(place):
        return json.loads(text)


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
