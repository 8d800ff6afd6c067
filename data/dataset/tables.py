"""Rows of named tables, written in several formats at once; each folder whole or not at all.

`jsonl` and `parquet` are one file for each table, `datasets` a folder as Hugging Face's library
reads it: a file for each table and part, and a card. Parquet needs the extra `datasets`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..errors import UsageError, unwritable
from ..files import check_room

Row = dict[str, Any]

Take = Callable[[Row], None]
"""What one row is given to."""

Columns = Mapping[str, Any]
"""Names in order, each with `text`, `number`, `real`, `bool`, [kind] or {name: kind}."""

FORMATS = ("jsonl", "parquet", "datasets")

OLD = ".old"  # ends the name of a folder whose place is being taken
BATCH = 1000
"""Rows that are held at once, of one Parquet file."""

SPLIT_NAMES = {"train": "train", "val": "validation", "valid": "validation", "test": "test"}
"""The parts of a split, as Hugging Face's library names them."""


def check_formats(formats: Iterable[str], among: Iterable[str] = FORMATS) -> list[str]:
    """The formats, each once. Raises UsageError for one that cannot be written here."""
    chosen, known = list(dict.fromkeys(formats)), list(among)
    for name in chosen:
        if name not in known:
            raise UsageError(f"no format {name!r} here: choose among {', '.join(known)}")
        if name in ("parquet", "datasets"):
            _arrow()
    return chosen


class Tables:
    """An output being written, in all of its formats."""

    def __init__(self, out: Path, formats: Iterable[str], stack: ExitStack) -> None:
        self._out = out
        self._stack = stack
        self._folders = {name: stack.enter_context(new_folder(out / name)) for name in formats}
        self._parts: dict[str, list[str]] = {}
        self._digest = hashlib.sha256()

    def open(self, name: str, columns: Columns) -> Take:
        """What takes the rows of one more table. columns: of all that the rows hold.

        In `datasets` each row is in the part that its `split` says, without one in train.
        """
        takers = []
        for kind, folder in self._folders.items():
            if kind == "datasets":
                takers.append(self._parted(folder, name, columns))
                continue
            place = folder / f"{name}.{kind}"
            place.parent.mkdir(parents=True, exist_ok=True)
            takers.append(self._stack.enter_context(row_writer(kind, place, columns)))

        def take(row: Row) -> None:
            self._digest.update(f"{name} {json.dumps(row)}\n".encode())
            for each in takers:
                each(row)

        return take

    @property
    def hash(self) -> str:
        """SHA-256 of all rows by now, in order."""
        return self._digest.hexdigest()

    def describe(self, text: str) -> None:
        """Write the card, README.md."""
        (self._out / "README.md").write_text(text, encoding="utf-8")
        if folder := self._folders.get("datasets"):
            (folder / "README.md").write_text(configs(self._parts) + text, encoding="utf-8")

    def _parted(self, folder: Path, name: str, columns: Columns) -> Take:
        parts: dict[str, Take] = {}

        def take(row: Row) -> None:
            part = SPLIT_NAMES[row.get("split") or "train"]
            if part not in parts:
                place = folder / name / f"{part}.parquet"
                place.parent.mkdir(exist_ok=True)
                parts[part] = self._stack.enter_context(row_writer("parquet", place, columns))
                self._parts.setdefault(name, []).append(part)
            parts[part](row)

        return take


@contextmanager
def new_tables(out: Path, formats: Iterable[str]) -> Iterator[Tables]:
    """Folders of `out`, one for each format, that take the place of the old ones at the end.

    Raises as `writable`.
    """
    with writable(out), ExitStack() as stack:
        yield Tables(out, formats, stack)


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Make a folder to write into.

    Raises UsageError when it cannot be made, EnvironmentFault when the disk takes nothing.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise unwritable(out, error) from error


def check_writable(out: Path) -> None:
    """Make the folder now, before hours of work. Raises as `writable`."""
    with writable(out):
        check_room(out, out)


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """An empty folder that takes the place of the old one when the block ends well."""
    _put_back(place)
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    part.chmod(place.parent.stat().st_mode & 0o777)
    old = part.with_suffix(OLD)
    try:
        yield part
        if place.exists():
            place.rename(old)  # so that a kill at any moment leaves the one or the other whole
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _put_back(place: Path) -> None:
    """Take back the old folder, where a kill came between the two renamings of `new_folder`."""
    left = sorted(place.parent.glob(f".{place.name}.*{OLD}"))
    if left and not place.exists():
        left[-1].rename(place)


@contextmanager
def row_writer(kind: str, place: Path, columns: Columns) -> Iterator[Take]:
    """What takes the rows of one file, as `jsonl` or `parquet`."""
    if kind == "jsonl":
        with place.open("w", encoding="utf-8") as out:

            def line(row: Row) -> None:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")

            yield line
        return
    arrow = _arrow()
    schema = arrow.schema([(name, _type(arrow, each)) for name, each in columns.items()])
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


def configs(tables: Mapping[str, Iterable[str]]) -> str:
    """The head of a card that tells `datasets.load_dataset(FOLDER, TABLE)` which file is what.

    tables: the parts that there are of each; the first is the default.
    """
    lines = ["---", "configs:"] if tables else ["---"]
    for number, (name, parts) in enumerate(tables.items()):
        lines.append(f"- config_name: {name}")
        if not number:
            lines.append("  default: true")
        lines.append("  data_files:")
        lines += [
            f"  - {{split: {part}, path: {name}/{part}.parquet}}"
            for part in dict.fromkeys(SPLIT_NAMES.values())
            if part in parts
        ]
    return "\n".join([*lines, "---", ""])


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow: pip install 'lakatos[datasets]', or --format jsonl"
        ) from None
    return pyarrow


def _type(arrow: Any, kind: Any) -> Any:
    """An Arrow type: of a word, of a list for [kind], of a record for a dictionary."""
    if isinstance(kind, dict):
        return arrow.struct([(name, _type(arrow, each)) for name, each in kind.items()])
    if isinstance(kind, list):
        return arrow.list_(_type(arrow, kind[0]))
    types = {"text": "string", "number": "int64", "real": "float64", "bool": "bool_"}
    return getattr(arrow, types[kind])()
