"""What standard output and error can take: which characters, and whether anybody still reads.

A reader that is gone (`| head`) ends a run as Ctrl-C does, with its own exit code.
"""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

INTERRUPTED = 130
READER_GONE = 141
"""128 and the number of SIGPIPE, as other programs end in front of `| head`."""

_PLAIN = {
    "✓": "ok", "✗": "x", "○": "o", "·": "-", "…": "...", "—": "-", "–": "-", "⊢": "|-",
    "→": "->", "↔": "<->", "←": "<-", "∧": "/\\", "∨": "\\/", "¬": "Not ", "≠": "!=", "≤": "<=",
    "≥": ">=", "ℕ": "Nat", "ℤ": "Int", "⟨": "<", "⟩": ">", "─": "-", "│": "|", "├": "|", "└": "`",
}  # fmt: skip
"""What stands for a sign where the encoding of the stream has none; else a question mark."""

_gone: set[int] = set()


class Interrupted(Exception):
    """The command was stopped before its end."""


def set_up() -> None:
    """Let standard output and error take every text, whatever the encoding of the locale.

    A stream that was closed before we began (`>&-`) takes it to nowhere.
    """
    codecs.register_error("lakatos.plain", _plain)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not is_unicode(stream.encoding):
            stream.reconfigure(errors="lakatos.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in signs), error.end


def is_unicode(encoding: str | None) -> bool:
    """Whether an encoding has every sign."""
    return (encoding or "").lower().replace("_", "-").startswith("utf")


def is_reader_gone() -> bool:
    """Whether a stream was closed by its reader."""
    return bool(_gone)


def interrupted_code() -> int:
    """The exit code of what was stopped: by Ctrl-C, or since its reader is gone."""
    return READER_GONE if _gone else INTERRUPTED


def drop(stream: Any) -> None:
    """Write to nowhere from now on: nobody reads this stream any more."""
    _gone.add(stream.fileno())
    to_nowhere(stream)


def drop_unwritable() -> None:
    """Write to nowhere what a full disk did not take: Python would try again at its end.

    Its exit code would be 120 then, whatever ours is.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            to_nowhere(stream)


def to_nowhere(stream: Any) -> None:
    """Let a stream take whatever is written, and what it still holds, and keep nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_one_terminal() -> bool:
    """Whether standard output and error are the same terminal."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    names = {os.ttyname(stream.fileno()) for stream in (sys.stdout, sys.stderr)}
    return len(names) == 1 or os.ctermid() in names
