"""How far work on many files or problems is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""Done, in all, and what is at work: a file, a problem set."""


def silent(done: int, total: int, path: str) -> None:
    """Tell nobody."""
