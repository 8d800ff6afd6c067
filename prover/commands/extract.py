"""What `lakatos extract` does: the job that its first word asks for, done and printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...data.dataset import card, from_store, leandojo_read
from ...data.dataset import files as dataset_files
from ...data.dataset.dataset import NOTHING_EXCLUDED, count
from ...data.dataset.tables import check_formats
from ...data.errors import UsageError
from ...data.problems import library
from ...data.problems.reader import ProblemSet, read_problems
from ...lean_env.toolchains.find import Toolchain
from ..dataset.decontamination import excluded_by
from ..dataset.library_problems import LibraryExtraction
from ..dataset.synthetic import COUNT, SyntheticExtraction
from ..dataset.tracing import FileExtraction, LeanDojoExtraction, find, leandojo_tables
from .console import is_watched
from .extraction_console import TraceLine, tell, tell_rows
from .verb_options import ExtractOptions

if TYPE_CHECKING:
    from ...data.store.store import Store

WORDS = CORE, STORE, SYNTHETIC = "core", "store", "synthetic"


@dataclass(frozen=True)
class StoreExtraction:
    """One `lakatos extract store`. out: None: only count; problems: sets not to be met."""

    store: Callable[[], Store]
    seed: int
    out: Path | None = None
    formats: tuple[str, ...] = ("jsonl",)
    problems: tuple[ProblemSet, ...] = ()


ExtractWork = (
    FileExtraction | LeanDojoExtraction | LibraryExtraction | SyntheticExtraction | StoreExtraction
)
"""What is asked for, read and checked."""


@dataclass(frozen=True)
class ExtractJob:
    """Does the work and prints what came of it."""

    work: ExtractWork

    async def __call__(self, lean: Callable[[], Toolchain], cache: Path | None = None) -> int:
        """The exit code. lean: finds it, when it is needed; cache: a folder.

        Raises UsageError, StoreError, WorkerDied, ToolchainError.
        """
        match self.work:
            case FileExtraction():
                return await _traced(self.work, lean(), cache)
            case LeanDojoExtraction():
                return tell_rows(self.work.run(), self.work.out)
            case LibraryExtraction():
                return await _posed(self.work, lean(), cache)
            case SyntheticExtraction():
                return await _made(self.work, lean())
            case StoreExtraction():
                return await _recalled(self.work, lean)


def job(asked: ExtractOptions, store: Callable[[], Store]) -> ExtractJob:
    """The job, with what it reads before Lean is read. Raises UsageError."""
    return ExtractJob(_work(asked, store))


def _work(asked: ExtractOptions, store: Callable[[], Store]) -> ExtractWork:
    word = asked.path
    if asked.module and word != CORE:
        raise UsageError("--module is for extract core")
    if asked.count is not None and word != SYNTHETIC:
        raise UsageError("--count is for extract synthetic")
    if (asked.out is None) != asked.stats:
        raise UsageError("give either --out DIR or --stats")
    if word not in WORDS:
        return _of_files(asked)
    written = asked.out, tuple(check_formats(asked.format or ["jsonl"])), _problem_sets(asked)
    if word == CORE:
        return LibraryExtraction(
            tuple(asked.module or ()), asked.seed, asked.workers or 1, *written
        )
    if word == SYNTHETIC:
        return SyntheticExtraction(asked.count or COUNT, asked.seed, *written)
    return StoreExtraction(store, asked.seed, *written)


def _of_files(asked: ExtractOptions) -> FileExtraction | LeanDojoExtraction:
    tables = leandojo_tables(asked.path)
    among = leandojo_read.FORMATS if tables else dataset_files.FORMATS
    formats = tuple(check_formats(asked.format or ["jsonl"], among))
    if tables:
        if asked.exclude:
            raise UsageError("what LeanDojo tells has no keys of Lean: no --exclude with it")
        return LeanDojoExtraction(tables, asked.out, formats)
    corpus, problems = find(Path(asked.path)), _problem_sets(asked)
    whole = asked.path, corpus, formats, problems
    return FileExtraction(*whole, out=asked.out, workers=asked.workers, seed=asked.seed)


def _problem_sets(asked: ExtractOptions) -> tuple[ProblemSet, ...]:
    return tuple(read_problems(place.stem, place) for place in asked.exclude or ())


async def _traced(work: FileExtraction, toolchain: Toolchain, cache: Path | None) -> int:
    line = TraceLine(is_watched())
    with line.shown():
        dataset = await work.trace(toolchain, cache, line.told)
        out = work.out
        figures = dataset_files.write(dataset, out, work.formats) if out else count(dataset)
    empty = f"{work.path}: no finished proof to learn from: the dataset is empty"
    rows = card.figure_rows(figures)
    return tell(dataset.failures, rows, out, "" if figures.modes.total() else empty)


async def _posed(work: LibraryExtraction, toolchain: Toolchain, cache: Path | None) -> int:
    line = TraceLine(is_watched(), "posing", "modules")
    with line.shown():
        posed = await work.run(toolchain, cache, line.told)
        posed = replace(posed, excluded=await excluded_by(work.problems, toolchain))
        if work.out:
            figures = library.write(posed, work.out, work.formats)
        else:
            figures = library.count(posed, posed.rows())
    return tell(posed.failures, library.figure_rows(figures), work.out)


async def _made(work: SyntheticExtraction, toolchain: Toolchain) -> int:
    hint = "they are written" if work.out else "nothing is written"
    line = TraceLine(is_watched(), "making", "problems", hint)
    with line.shown():
        made = await work.run(toolchain, line.told)
    kinds = Counter(row["family"] for row in made.rows)
    closed = sum(row["closed_by"] is not None for row in made.rows)
    dropped = {f"dropped, {why}": n for why, n in made.dropped.items()}
    return tell_rows({**kinds, "closed at once": closed, **dropped}, work.out)


async def _recalled(work: StoreExtraction, lean: Callable[[], Toolchain]) -> int:
    """Lean is needed only to read problems."""
    excluded = await excluded_by(work.problems, lean()) if work.problems else NOTHING_EXCLUDED
    with work.store() as store:
        if work.out:
            told = from_store.write(store, work.out, work.formats, work.seed, excluded)
        else:
            told = from_store.gather(store, lambda kind, row: None, work.seed, excluded)
    empty = "nothing to learn from is stored yet: the dataset is empty"
    return tell_rows(told.counts, work.out, empty)
