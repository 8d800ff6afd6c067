"""A dataset on disk: one folder for each format, and the card beside them.

Each folder is written whole or not at all. Parquet needs the extra `datasets`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from . import leandojo
from .dataset import Dataset, Figures, Row, count, declaration_row, proof_row, step_row, whole_row
from .dataset_card import CONFIGS, card
from .errors import UsageError
from .splits import PARTS

BATCH = 1000
"""Rows that are held at once, of one Parquet file."""

Take = Callable[[Row], None]
"""What one row is given to."""

SPLIT_NAMES = {"train": "train", "val": "validation", "test": "test"}


def write(dataset: Dataset, out: Path, formats: Iterable[str]) -> Figures:
    """Write each format into its folder of `out`, and README.md; what was written, counted.

    Raises UsageError when a format is unknown, wants what is not installed, or the disk is full.
    """
    chosen = check_formats(formats)
    try:
        out.mkdir(parents=True, exist_ok=True)
        figures = count(dataset)
        about = card(dataset, figures)
        for name in chosen:
            with new_folder(out / name) as folder:
                WRITERS[name](dataset, folder)
                if name == "datasets":
                    (folder / "README.md").write_text(CONFIGS + about, encoding="utf-8")
        (out / "README.md").write_text(about, encoding="utf-8")
        return figures
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror})") from error


def check_formats(formats: Iterable[str]) -> list[str]:
    """The formats, each once. Raises UsageError for one that cannot be written here."""
    chosen = list(dict.fromkeys(formats))
    for name in chosen:
        if name not in WRITERS:
            raise UsageError(f"no format {name!r}: choose among {', '.join(WRITERS)}")
        if name in ("parquet", "datasets"):
            _arrow()
    return chosen


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """An empty folder that takes the place of the old one when the block ends well."""
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def row_writer(name: str, place: Path, columns: Mapping[str, Any]) -> Iterator[Take]:
    """What takes the rows of one file, as `jsonl` or `parquet`."""
    if name == "jsonl":
        with place.open("w", encoding="utf-8") as out:

            def line(row: Row) -> None:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")

            yield line
    else:
        with _table(_arrow(), place, columns) as add:
            yield add


def _write_jsonl(dataset: Dataset, folder: Path) -> None:
    with (
        row_writer("jsonl", folder / "theorems.jsonl", {}) as theorems,
        row_writer("jsonl", folder / "declarations.jsonl", {}) as others,
    ):
        for file, declarations in dataset.files():
            for each in declarations:
                if each.is_proof:
                    theorems(whole_row(dataset.origin, file, each))
                if each.kind != "example":
                    others(declaration_row(file, each))


def _write_leandojo(dataset: Dataset, folder: Path) -> None:
    leandojo.write(dataset, folder)


def _write_parquet(dataset: Dataset, folder: Path) -> None:
    arrow = _arrow()
    with ExitStack() as stack:
        theorems, tactics, others = (
            stack.enter_context(_table(arrow, folder / f"{name}.parquet", COLUMNS[name]))
            for name in ("theorems", "tactics", "declarations")
        )
        for file, declarations in dataset.files():
            for each in declarations:
                if each.kind != "example":
                    others(declaration_row(file, each))
                if each.is_proof:
                    theorems(proof_row(dataset.origin, file, each))
                    for row in _tactic_rows(file, each):
                        tactics(row)


def _write_datasets(dataset: Dataset, folder: Path) -> None:
    arrow = _arrow()
    parts = dataset.split("random")
    part_of = {number: SPLIT_NAMES[part] for part in PARTS for number in parts[part]}
    with ExitStack() as stack:
        tables: dict[tuple[str, str], Take] = {}
        for name in ("theorems", "tactics"):
            (folder / name).mkdir()
            for part in SPLIT_NAMES.values():
                place = folder / name / f"{part}.parquet"
                tables[name, part] = stack.enter_context(_table(arrow, place, COLUMNS[name]))
        for number, (file, each) in enumerate(dataset.proofs()):
            tables["theorems", part_of[number]](proof_row(dataset.origin, file, each))
            for row in _tactic_rows(file, each):
                tables["tactics", part_of[number]](row)


def _tactic_rows(file: Any, declaration: Any) -> Iterator[Row]:
    steps = declaration.steps
    for index, step in enumerate(steps):
        row = step_row(file, step, index, steps)
        text, marked = row["annotated_tactic"]
        named = {"file_path": file.path, "full_name": declaration.name}
        yield named | row | {"annotated_tactic": text, "annotations": marked}


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow: pip install 'lakatos[datasets]', or --format jsonl"
        ) from None
    return pyarrow


@contextmanager
def _table(arrow: Any, place: Path, columns: Mapping[str, Any]) -> Iterator[Take]:
    """What takes the rows of one Parquet file."""
    schema = arrow.schema([(name, _type(arrow, kind)) for name, kind in columns.items()])
    rows: list[Row] = []
    with arrow.parquet.ParquetWriter(place, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def add(row: Row) -> None:
            rows.append(row)
            if len(rows) >= BATCH:
                flush()

        yield add
        flush()


def _type(arrow: Any, kind: Any) -> Any:
    """An Arrow type: of a word, of a list for [kind], of a record for a dictionary."""
    if isinstance(kind, dict):
        return arrow.struct([(name, _type(arrow, each)) for name, each in kind.items()])
    if isinstance(kind, list):
        return arrow.list_(_type(arrow, kind[0]))
    return {"text": arrow.string(), "number": arrow.int64(), "bool": arrow.bool_()}[kind]


_PLACE = ["number"]
_TEXTS = ["text"]
_DEFINED = {"full_name": "text", "def_path": "text", "def_pos": _PLACE, "def_end_pos": _PLACE}
_GOALS = [
    {
        "goal": "number",
        "key": "text",
        "tag": "text",
        "target": "text",
        "hypotheses": [{"name": "text", "type": "text", "value": "text"}],
    }
]
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "theorems": {
        **dict.fromkeys(("url", "commit", "file_path", "full_name", "kind"), "text"),
        **dict.fromkeys(("start", "end"), _PLACE),
        **dict.fromkeys(("theorem_statement", "type", "key", "docstring", "namespace"), "text"),
        **dict.fromkeys(("opens", "imports"), _TEXTS),
        **dict.fromkeys(("mode", "proof"), "text"),
        **dict.fromkeys(("premises", "statement_constants", "used_constants"), _TEXTS),
        "lean": "text",
    },
    "tactics": {
        **dict.fromkeys(("file_path", "full_name"), "text"),
        **dict.fromkeys(("index", "parent"), "number"),
        "children": ["number"],
        **dict.fromkeys(("tactic", "annotated_tactic"), "text"),
        "annotations": [_DEFINED],
        **dict.fromkeys(("start", "end"), _PLACE),
        **dict.fromkeys(("state_before", "state_after"), "text"),
        **dict.fromkeys(("goals_before", "goals_after"), _GOALS),
        **dict.fromkeys(("closed", "opened"), _PLACE),
        "premises": [{**_DEFINED, "start": _PLACE, "end": _PLACE, "text": "text"}],
        "used_constants": ["text"],
    },
    "declarations": {
        **dict.fromkeys(("file_path", "full_name", "kind"), "text"),
        **dict.fromkeys(("start", "end"), _PLACE),
        **dict.fromkeys(("type", "key", "docstring", "code"), "text"),
        **dict.fromkeys(("is_private", "has_sorry"), "bool"),
        **dict.fromkeys(("statement_constants", "used_constants"), _TEXTS),
    },
}
"""Of each Parquet table, in order; the rows of `dataset` hold the same names."""

WRITERS: Mapping[str, Callable[[Dataset, Path], None]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "leandojo": _write_leandojo,
    "datasets": _write_datasets,
}
"""Formats by name."""
