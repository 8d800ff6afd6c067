"""A dataset of traced files on disk: one folder for each format, and the card beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..traced import TracedDeclaration, TracedFile
from . import leandojo_write as leandojo
from .card import card
from .dataset import Dataset, Figures, Row, count, declaration_row, proof_row, step_row, whole_row
from .splits import PARTS
from .tables import Columns, Tables, new_folder, new_tables, writable

LEANDOJO = "leandojo"


def write(dataset: Dataset, out: Path, formats: Iterable[str]) -> Figures:
    """Write each format into its folder of `out`, and README.md; what was written, counted.

    Raises UsageError when the disk takes nothing.
    """
    with writable(out):
        figures = count(dataset)
        about = card(dataset, figures)
        for name in formats:
            if name == LEANDOJO:
                with new_folder(out / name) as folder:
                    leandojo.write(dataset, folder)
            else:
                with new_tables(out, [name]) as tables:
                    WRITERS[name](dataset, tables)
                    tables.describe(about)
        (out / "README.md").write_text(about, encoding="utf-8")
    return figures


def _write_jsonl(dataset: Dataset, tables: Tables) -> None:
    theorems, others = tables.open("theorems", {}), tables.open("declarations", {})
    for file, declarations in dataset.files():
        for each in declarations:
            if each.is_proof:
                theorems(whole_row(dataset.origin, file, each))
            if each.kind != "example":
                others(declaration_row(file, each))


def _write_parquet(dataset: Dataset, tables: Tables) -> None:
    theorems, tactics, others = (tables.open(name, COLUMNS[name]) for name in COLUMNS)
    for file, declarations in dataset.files():
        for each in declarations:
            if each.kind != "example":
                others(declaration_row(file, each))
            if each.is_proof:
                theorems(proof_row(dataset.origin, file, each))
                for row in _tactic_rows(file, each):
                    tactics(row)


def _write_datasets(dataset: Dataset, tables: Tables) -> None:
    parts = dataset.split("random")
    part_of = {number: {"split": part} for part in PARTS for number in parts[part]}
    theorems, tactics = (tables.open(name, COLUMNS[name]) for name in ("theorems", "tactics"))
    for number, (file, each) in enumerate(dataset.proofs()):
        theorems(proof_row(dataset.origin, file, each) | part_of[number])
        for row in _tactic_rows(file, each):
            tactics(row | part_of[number])


def _tactic_rows(file: TracedFile, declaration: TracedDeclaration) -> Iterator[Row]:
    steps = declaration.steps
    for index, step in enumerate(steps):
        row = step_row(file, step, index, steps)
        text, marked = row["annotated_tactic"]
        named = {"file_path": file.path, "full_name": declaration.name}
        yield named | row | {"annotated_tactic": text, "annotations": marked}


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
COLUMNS: Mapping[str, Columns] = {
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

WRITERS: Mapping[str, Callable[[Dataset, Tables], None]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "datasets": _write_datasets,
}

FORMATS = ("jsonl", "parquet", LEANDOJO, "datasets")
