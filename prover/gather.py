"""Which job `lakatos extract` asks for, by its first word: a place of files, or one of WORDS."""

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
from .synthesis import COUNT, Synthesis

WORDS = CORE, STORE, SYNTHETIC = "core", "store", "synthetic"

Job = Callable[[Callable[[], Toolchain], Path | None], Coroutine[Any, Any, int]]
"""Does it, with what finds Lean and a cache folder, and tells; the exit code."""


def job(asked: Extracted, store: Callable[[], Store]) -> Job:
    """The job, with what it reads before Lean is read. Raises UsageError."""
    word = asked.path
    if asked.module and word != CORE:
        raise UsageError("--module is for extract core")
    if asked.count is not None and word != SYNTHETIC:
        raise UsageError("--count is for extract synthetic")
    if word not in WORDS:
        return Extraction.of(asked)
    if (asked.out is None) != asked.stats:
        raise UsageError("give either --out DIR or --stats")
    if asked.format or asked.exclude:
        raise UsageError(f"extract {word} takes neither --format nor --exclude")
    if word == CORE:
        return Posing(tuple(asked.module or ()), asked.seed, asked.workers or 1, asked.out)
    if word == SYNTHETIC:
        return Synthesis(asked.count or COUNT, asked.seed, asked.out)
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
