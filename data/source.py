"""A Lean file on disk: read as Lean sees it, written back with only the holes changed.

Lean counts bytes after CRLF became LF and without a byte-order mark; here, and only here,
such places are mapped to the bytes of the file and back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from .errors import UsageError, unreadable
from .files import check_writable_file, write_whole
from .records import Attempt

_SKIPPED = (".lake", "lake-packages", "build")
_BOM = b"\xef\xbb\xbf"
_CRLF = re.compile(rb"\r\n")

Change = tuple[int, int, str]
"""Bytes [start, stop) of what Lean sees become a text."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's bytes and what Lean sees of them. path: as the user wrote it; `-` is none."""

    path: str
    raw: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """What Lean elaborates. Raises UsageError when it is not UTF-8."""
        try:
            text = self.raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path}: not UTF-8 at byte {error.start}") from None
        if "\0" in text:
            raise UsageError(f"{self.path}: has a NUL byte, so it is no Lean source")
        return text.replace("\r\n", "\n")

    def filled(self, attempts: Sequence[Attempt]) -> bytes:
        """The bytes with each attempt's proof in the place of its `sorry`; all else stays.

        The attempts must be of this file, one for a hole. Their line ends become the file's.
        """
        changes: list[Change] = []
        for attempt in attempts:
            theorem, proof = attempt.theorem, attempt.proof
            assert proof is not None
            assert self.text.encode()[theorem.start : theorem.stop] == b"sorry"
            changes.append((theorem.start, theorem.stop, proof))
        return self.changed(changes)

    def changed(self, changes: Sequence[Change]) -> bytes:
        """The bytes with each text in place, none overlapping; all else stays.

        Their line ends become the file's.
        """
        raw = self.raw
        removed = [m.start() for m in _CRLF.finditer(raw)]
        newline = b"\r\n" if len(removed) * 2 > raw.count(b"\n") else b"\n"
        for first, last, text in sorted(changes, reverse=True):
            start, stop = (self._place(at, removed) for at in (first, last))
            written = text.replace("\r\n", "\n").encode().replace(b"\n", newline)
            raw = raw[:start] + written + raw[stop:]
        return raw

    def _place(self, offset: int, removed: Sequence[int]) -> int:
        """Where Lean's byte offset stands in the file."""
        place = offset + (len(_BOM) if self.raw.startswith(_BOM) else 0)
        for carriage_return in removed:
            if carriage_return >= place:
                break
            place += 1
        return place


def check_targets(files: Sequence[str], write: bool, out: str | None) -> None:
    """Raise UsageError unless the proofs of these files can go where they are wanted.

    Raises EnvironmentFault when the disk is at fault.
    """
    if out and (write or len(files) > 1):
        raise UsageError("--out takes one FILE, and no --write")
    if out and out != "-":
        if files[0] != "-" and Path(out).resolve() == Path(files[0]).resolve():
            raise UsageError(f"--out is {files[0]} itself; use --write")
        check_writable_file(Path(out))
    if write and "-" in files:
        raise UsageError("standard input cannot be written; use --out FILE, or --out - for stdout")
    for name in files if write else ():
        if Path(name).exists():
            check_writable_file(Path(name).resolve())


def lean_files(names: Sequence[str]) -> list[str]:
    """The files that are meant, each once: of a folder and of a pattern the .lean files, sorted.

    Hidden folders, build folders and lakefile.lean are left out. Raises UsageError where a
    folder or a pattern has none.
    """
    found: list[str] = []
    for name in names:
        place = Path(name)
        if name != "-" and place.is_dir():
            inside = sorted(p for p in place.rglob("*.lean") if is_source(p.relative_to(place)))
            found += _some(name, [str(p) for p in inside])
        elif not place.exists() and any(sign in name for sign in "*?["):
            found += _some(name, [str(p) for p in _fitting(place) if p.suffix == ".lean"])
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def is_source(inside: Path) -> bool:
    """Whether a file of a folder is of its user: not hidden, built, or a lakefile.

    inside: its path from the folder on.
    """
    hidden = any(part.startswith(".") or part in _SKIPPED for part in inside.parts)
    return not hidden and inside.name != "lakefile.lean"


def _fitting(pattern: Path) -> list[Path]:
    try:
        return sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    except ValueError as error:  # ** beside other letters
        raise UsageError(f"{pattern}: {error}") from None


def _some(name: str, found: list[str]) -> list[str]:
    if not found:
        raise UsageError(f"{name}: no .lean file there")
    return found


def from_stdin(stream: IO[bytes]) -> SourceFile:
    """Read standard input to its end. Raises UsageError when it is no Lean text."""
    return _checked(SourceFile("-", stream.read()))


def read_source(path: str) -> SourceFile:
    """Read a file. Raises UsageError when it is missing, unreadable, no file or no Lean text."""
    place = Path(path)
    try:
        return _checked(SourceFile(path, place.read_bytes()))
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; name its .lean files") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _checked(file: SourceFile) -> SourceFile:
    _ = file.text
    return file


def replace_source(file: SourceFile, content: bytes) -> SourceFile:
    """Give the file new bytes, all or none; its mode stays, a link stays a link.

    Raises UsageError when it changed since it was read, or cannot be written.
    """
    place = Path(file.path).resolve()
    if read_source(str(place)).raw != file.raw:
        raise UsageError(f"{file.path}: changed on disk meanwhile, so it is left as it is")
    write_whole(place, content, like=place)
    return replace(file, raw=content)
