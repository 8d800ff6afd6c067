"""Which job `lakatos extract` asks for, by its first word: files, Lean's library, or the store."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import learned
from ..data.errors import UsageError
from ..data.options import Extracted
from ..data.store import Store
from ..data.terminal_dataset import tell_rows
from ..lean_env.toolchain import Toolchain
from .extraction import Extraction
from .posing import Posing

CORE, STORE = "core", "store"

Job = Callable[[Callable[[], Toolchain], Path | None], Coroutine[Any, Any, int]]
"""Does it, with what finds Lean and a cache folder, and tells; the exit code."""


def job(asked: Extracted, store: Callable[[], Store]) -> Job:
    """The job, with what it reads before Lean is read. Raises UsageError."""
    word = asked.path
    if word not in (CORE, STORE):
        if asked.module:
            raise UsageError("--module is for extract core")
        return Extraction.of(asked)
    if (asked.out is None) != asked.stats:
        raise UsageError("give either --out DIR or --stats")
    if asked.format or asked.exclude:
        raise UsageError(f"extract {word} takes neither --format nor --exclude")
    if word == CORE:
        return Posing(tuple(asked.module or ()), asked.seed, asked.workers or 1, asked.out)
    return Recall(store, asked.out, asked.seed)


@dataclass(frozen=True)
class Recall:
    """One `lakatos extract store`. out: None: only count."""

    store: Callable[[], Store]
    out: Path | None
    seed: int

    async def __call__(self, lean: Callable[[], Toolchain], cache: Path | None = None) -> int:
        """Write, tell; the exit code. No Lean is needed. Raises UsageError, StoreError."""
        with self.store() as store:
            if self.out:
                return tell_rows(learned.write(store, self.out, self.seed))
            return tell_rows(learned.gather(store, lambda kind, row: None, self.seed))
