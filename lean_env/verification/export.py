"""Writes what a verdict rests on, for external checkers: lean4export's NDJSON, format 3.1.

One file a theorem: a checker says yes or no about a whole file, so its answer is about that
theorem alone. A manifest beside them says what they are. The lines come from LeanEnv/Export.lean.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ...data.errors import EnvironmentFault, UsageError
from ...data.records import Refusal
from ..protocol import Json
from .judge import Judge, Judged

FORMAT = "3.1.0"
SUFFIX = ".ndjson"
MANIFEST = "manifest.json"
_LONGEST_NAME = 200
"""Bytes of a file's name, without its suffix."""


@dataclass(frozen=True)
class ExportOrigin:
    """What is exported: versions, and the files that were compared, as the manifest has them."""

    lakatos: str
    lean: str
    toolchain: str
    files: Json

    def head(self, githash: str) -> Json:
        """The first line of an export."""
        return {
            "meta": {
                "exporter": {"name": "lakatos", "version": self.lakatos},
                "lean": {"githash": githash, "version": self.lean},
                "format": {"version": FORMAT},
            }
        }


@dataclass(frozen=True)
class Exported:
    """The export of one theorem. about: its entry in the manifest.

    permitted: the axioms in it, as checkers spell them; those of the library that stand for a
    missing proof or body too.
    """

    theorem: str
    path: Path
    axioms: tuple[str, ...]
    permitted: tuple[str, ...]
    about: Json


async def export_theorem(
    judge: Judge, judged: Judged, path: Path, origin: ExportOrigin
) -> Exported:
    """Write what the verdict on a theorem rests on to a new file.

    Raises EnvironmentFault when the worker cannot give it, OSError when the disk takes nothing.
    """
    first = await _page(judge, judged, 0)
    head = json.dumps(origin.head(first["githash"])) + "\n"
    digest, size, text = hashlib.sha256(), 0, head + first["text"]
    with path.open("xb") as out:
        for index in range(1, first["pages"] + 1):
            size += out.write(text.encode())
            digest.update(text.encode())
            text = (await _page(judge, judged, index))["text"] if index < first["pages"] else ""
    about = {
        "theorem": judged.shown,
        "constant": first["constant"],
        "file": path.name,
        "sha256": digest.hexdigest(),
        "bytes": size,
        "constants": first["constants"],
        "axioms": sorted(first["axioms"]),
        "exported_as_axioms": dict(sorted(first["unproved"])),
    }
    return Exported(judged.shown, path, tuple(first["axioms"]), tuple(first["permitted"]), about)


async def _page(judge: Judge, judged: Judged, page: int) -> Json:
    said = await judge.export_page(judged, page)
    if isinstance(said, Refusal):
        raise EnvironmentFault(f"{judged.shown} cannot be exported: {said.text}")
    return said


def manifest(origin: ExportOrigin, exports: Sequence[Exported]) -> Json:
    """What the exported files are, and what was compared."""
    return {
        "format": {"name": "lean4export", "version": FORMAT},
        "lakatos": origin.lakatos,
        "lean": {"version": origin.lean, "toolchain": origin.toolchain},
        **origin.files,
        "theorems": [each.about for each in exports],
    }


def file_names(theorems: Sequence[str]) -> list[str]:
    """A file name for each theorem, none twice, also where case does not count."""
    names: list[str] = []
    taken: set[str] = set()
    for theorem in theorems:
        safe = re.sub(r"[^\w.@'+-]", "_", re.sub("[«»]", "", theorem)).lstrip(".-")
        stem = safe.encode()[:_LONGEST_NAME].decode(errors="ignore") or "theorem"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name + SUFFIX)
    return names


@contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A place for files being made: inside `folder`, or one of the system's that goes away.

    Raises UsageError when the disk takes nothing.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as place:
            yield Path(place)
    except OSError as error:
        where = folder or Path(tempfile.gettempdir())
        raise UsageError(f"{where}: cannot be written ({error.strerror})") from error


@contextmanager
def new_export(folder: Path) -> Iterator[None]:
    """Hold an empty folder, made now, before hours of work; it goes away if it stays empty.

    Raises UsageError when it cannot be made or written, or has files.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: has files already; --export wants a new or empty folder")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()


def publish(
    folder: Path, exports: Mapping[str, Exported], origin: ExportOrigin
) -> dict[str, Exported]:
    """Move finished exports into their folder, the manifest last; gives them where they are now."""
    moved = {
        key: replace(each, path=each.path.rename(folder / each.path.name))
        for key, each in exports.items()
    }
    text = json.dumps(manifest(origin, [*moved.values()]), ensure_ascii=False, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return moved
