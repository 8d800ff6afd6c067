"""The user's cache folder: changed by one process at a time, its folders whole or absent."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from ..data.errors import ToolchainError, unwritable
from ..data.files import write_whole

UNFINISHED = ".part"
KEPT_FOLDERS = 4
DAY_S = 86_400.0
ANSWERS_KEPT_S = 30 * DAY_S
"""Unused for so long, answers of another Lean or another worker are removed."""
NEEDED_MB = 1000  # download, files and worker together, while they are made


def default_cache() -> Path:
    """The user's cache folder for this program."""
    return Path(platformdirs.user_cache_dir("lakatos", appauthor=False))


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Hold the cache; the system frees it when its holder dies.

    Raises ToolchainError when the cache cannot be written.
    """
    try:
        from filelock import FileLock  # slow to import, and most commands lock nothing

        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / "lock")
        lock.acquire()
    except OSError as error:
        raise disk_error(cache, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def finished_folder(where: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `where` when the block ends well, and else vanishes.

    What a killed process left of it is removed first. The caller holds the lock.
    Raises ToolchainError when the disk is full or the place cannot be written.
    """
    part = where.with_name(where.name + UNFINISHED)
    try:
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
        yield part
        if where.exists():
            shutil.rmtree(where)
        part.rename(where)
    except OSError as error:
        raise disk_error(where.parent, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_old(folder: Path, siblings: str = "*", *, unused_s: float = DAY_S) -> None:
    """Say that a folder is in use, and remove those beside it that are not: all but the last
    used ones. siblings: a pattern of their names; unused_s: in seconds.

    Another version of this program may be at work in one of them, so none is removed that was
    in use lately.
    """
    with suppress(OSError):  # a read-only cache is never tidied
        os.utime(folder)
        kept = [each for each in folder.parent.glob(siblings) if each.is_dir()]
        kept.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for each in kept[KEPT_FOLDERS:]:
            if each.stat().st_mtime < time.time() - unused_s:
                shutil.rmtree(each, ignore_errors=True)


def keep_answer(place: Path, answer: Any) -> None:
    """Keep a JSON value, compressed; the file is whole or as it was.

    Raises UsageError when it cannot be written, EnvironmentFault when the disk takes nothing.
    """
    content = gzip.compress(json.dumps(answer, ensure_ascii=False).encode(), compresslevel=3)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(place, error) from error
    write_whole(place, content)


def kept_answer(place: Path) -> Any:
    """What `keep_answer` kept. Raises OSError, EOFError or ValueError where there is none."""
    with gzip.open(place, "rt", encoding="utf-8") as file:
        return json.load(file)


def disk_error(where: Path, error: OSError) -> ToolchainError:
    """What went wrong in `where`, and how to mend it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolchainError(
            f"no space left in {where}: setting up Lean needs {NEEDED_MB} MB; free some, or "
            "choose another place with LAKATOS_CACHE"
        )
    return ToolchainError(
        f"cannot write in {where} ({error.strerror or error}): mend its permissions, or choose "
        "another place with LAKATOS_CACHE"
    )
