"""Datasets on disk, read again: the rows of a table, and the Lean that checked them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError, unreadable

LEAN_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.-]*")


def table_of(dataset: Path, name: str) -> Path:
    """Where a table of a dataset is, in its folder of JSON lines or in itself."""
    place = dataset / "jsonl" if (dataset / "jsonl").is_dir() else dataset
    return place / f"{name}.jsonl"


def read_rows(path: Path, *columns: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines. Raises UsageError, also where one lacks a column."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise UsageError(f"{path}, line {number}: no row of a table")
                if missing := [name for name in columns if name not in row]:
                    raise UsageError(f"{path}, line {number}: no {missing[0]}")
                yield row
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def lean_versions(dataset: Path) -> set[str]:
    """The versions of Lean that checked a dataset, as its card says; none where it says nothing."""
    place = table_of(dataset, "").parent
    cards = (each / "README.md" for each in (place, place.parent))
    text = "".join(each.read_text("utf-8", "replace") for each in cards if each.is_file())
    checked = [line for line in text.splitlines() if line.startswith("- checked by")]
    return set(LEAN_VERSION.findall(" ".join(checked)))
