"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

from .errors import UsageError, unwritable

STANDARD_OUTPUT = Path("-")


def write_whole(place: Path, content: bytes, *, like: Path | None = None) -> None:
    """Write a file in one step: beside it first, then renamed. A device or pipe is written to.

    `-` is standard output. Raises UsageError, or EnvironmentFault when the disk is at fault.
    """
    if place == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    try:
        if _is_special(place):
            place.write_bytes(content)
            return
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError as error:
        raise unwritable(place, error) from None
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if like is not None:
            shutil.copymode(like, name)
        else:
            Path(name).chmod(_mode_of_new_files(place.parent))
        Path(name).replace(place)
    except OSError as error:
        raise unwritable(place, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def check_writable_file(place: Path) -> None:
    """See now, before hours of work, whether a file can be written there. Raises as `write_whole`.

    A file that exists and is marked read-only is not to be written, by root neither.
    """
    if place == STANDARD_OUTPUT:
        return
    if place.is_dir():
        raise UsageError(f"{place}: is a folder, not a file")
    if place.exists() and not (os.access(place, os.W_OK) and place.stat().st_mode & 0o222):
        raise UsageError(f"{place}: cannot be written (it is read-only)")
    if not _is_special(place):
        check_room(place, place.parent)


def check_room(place: Path, folder: Path) -> None:
    """Raise as `write_whole` unless something can be written into the folder. place: its name."""
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"a" * 4096)
    except OSError as error:
        raise unwritable(place, error) from None


def _is_special(place: Path) -> bool:
    """Whether it is a device or a pipe, which a renamed file would take the place of."""
    return place.exists() and not place.is_file() and not place.is_dir()


def _mode_of_new_files(folder: Path) -> int:
    """The mode that a new file gets there. Seen from one, for to ask for the mask is to change it
    for all threads.
    """
    place = folder / f".{uuid4().hex}"
    handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return os.fstat(handle).st_mode & 0o777
    finally:
        os.close(handle)
        place.unlink()
