"""Which job `lakatos extract` asks for, by its first word: a place of files, or one of WORDS."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.dataset import from_store as learned
from ...data.dataset.dataset import NOTHING_EXCLUDED
from ...data.dataset.tables import check_formats
from ...data.errors import UsageError
from ...data.problems.reader import ProblemSet
from ...lean_env.toolchains.find import Toolchain
from ..dataset.decontamination import excluded_by
from ..dataset.library_problems import Posing
from ..dataset.synthetic import COUNT, Synthesis
from ..dataset.tracing import Extraction, problem_sets
from .extraction_console import tell_rows
from .verb_options import Extracted

if TYPE_CHECKING:
    from ...data.store.store import Store

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
    formats = tuple(check_formats(asked.format or ["jsonl"]))
    problems = problem_sets(asked)
    written = asked.out, formats, problems
    if word == CORE:
        return Posing(tuple(asked.module or ()), asked.seed, asked.workers or 1, *written)
    if word == SYNTHETIC:
        return Synthesis(asked.count or COUNT, asked.seed, *written)
    return Recall(store, asked.seed, *written)


@dataclass(frozen=True)
class Recall:
    """One `lakatos extract store`. out: None: only count; problems: sets not to be met."""

    store: Callable[[], Store]
    seed: int
    out: Path | None = None
    formats: tuple[str, ...] = ("jsonl",)
    problems: tuple[ProblemSet, ...] = ()

    async def __call__(self, lean: Callable[[], Toolchain], cache: Path | None = None) -> int:
        """Write, tell; the exit code. Lean is needed only to read problems.

        Raises UsageError, StoreError; with problems also WorkerDied, ToolchainError.
        """
        excluded = await excluded_by(self.problems, lean()) if self.problems else NOTHING_EXCLUDED
        with self.store() as store:
            if self.out:
                told = learned.write(store, self.out, self.formats, self.seed, excluded)
            else:
                told = learned.gather(store, lambda kind, row: None, self.seed, excluded)
        empty = "nothing to learn from is stored yet: the dataset is empty"
        return tell_rows(told.counts, self.out, empty)
