"""What `lakatos extract` does: reads the options, makes the dataset, and prints what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...data.dataset import card, from_store, leandojo_read
from ...data.dataset import files as dataset_files
from ...data.dataset.dataset import count
from ...data.dataset.tables import check_formats
from ...data.errors import UsageError
from ...data.problems import library
from ...data.problems.accessible import MODES, STRICT
from ...data.problems.reader import ProblemSet, read_problems
from ...lean_env.toolchains.find import Toolchain
from ..dataset.decontamination import excluded_by
from ..dataset.library_problems import LibraryExtraction
from ..dataset.synthetic import COUNT, SyntheticExtraction
from ..dataset.tracing import FileExtraction, LeanDojoExtraction, find, leandojo_tables
from .console import is_watched
from .extraction_console import ProgressLine, print_result, print_row_counts, read_excluded
from .verb_options import ExtractOptions

if TYPE_CHECKING:
    from ...data.store.store import Store

WORDS = CORE, STORE, SYNTHETIC = "core", "store", "synthetic"


@dataclass(frozen=True)
class StoreExtraction:
    """A dataset of all stored attempts. out: None: only count; problems: sets to leave out."""

    store: Callable[[], Store]
    seed: int
    out: Path | None = None
    formats: tuple[str, ...] = ("jsonl",)
    problems: tuple[ProblemSet, ...] = ()


Extraction = (
    FileExtraction | LeanDojoExtraction | LibraryExtraction | SyntheticExtraction | StoreExtraction
)
"""A dataset to make; what the options name is read and checked."""


@dataclass(frozen=True)
class ExtractJob:
    """Makes a dataset and prints what is in it."""

    extraction: Extraction

    async def __call__(self, lean: Callable[[], Toolchain], cache: Path | None = None) -> int:
        """The exit code. lean: finds it, when it is needed; cache: the folder where it is set up.

        Raises UsageError, StoreError, WorkerDied, ToolchainError.
        """
        match self.extraction:
            case FileExtraction():
                return await _trace_files(self.extraction, lean(), cache)
            case LeanDojoExtraction():
                return print_row_counts(self.extraction.run(), self.extraction.out)
            case LibraryExtraction():
                return await _state_library(self.extraction, lean(), cache)
            case SyntheticExtraction():
                return await _make_problems(self.extraction, lean())
            case StoreExtraction():
                return await _export_store(self.extraction, lean)


def extract_job(options: ExtractOptions, store: Callable[[], Store]) -> ExtractJob:
    """The job that the options name. store: opens the database, when it is needed.

    Raises UsageError.
    """
    return ExtractJob(_extraction(options, store))


def _extraction(options: ExtractOptions, store: Callable[[], Store]) -> Extraction:
    source = options.path
    if options.module and source != CORE:
        raise UsageError("--module is for extract core")
    if options.premises is not None and source != CORE:
        raise UsageError("--premises is for extract core")
    if options.count is not None and source != SYNTHETIC:
        raise UsageError("--count is for extract synthetic")
    if source not in WORDS:
        return _of_files(options)
    _check_out(options)
    formats = tuple(check_formats(options.format or ["jsonl"]))
    problems = _problem_sets(options)
    if source == CORE:
        if (options.premises or STRICT) not in MODES:
            raise UsageError(f"--premises is one of {', '.join(MODES)}, not {options.premises}")
        return LibraryExtraction(
            premises=options.premises or STRICT,
            modules=tuple(options.module or ()),
            seed=options.seed,
            workers=options.workers or 1,
            out=options.out,
            formats=formats,
            problems=problems,
        )
    if source == SYNTHETIC:
        return SyntheticExtraction(
            count=options.count or COUNT,
            seed=options.seed,
            out=options.out,
            formats=formats,
            problems=problems,
        )
    return StoreExtraction(
        store=store, seed=options.seed, out=options.out, formats=formats, problems=problems
    )


def _check_out(options: ExtractOptions) -> None:
    if (options.out is None) != options.stats:
        raise UsageError("give either --out DIR or --stats")


def _of_files(options: ExtractOptions) -> FileExtraction | LeanDojoExtraction:
    tables = leandojo_tables(options.path)
    if tables:
        _check_out(options)
        formats = tuple(check_formats(options.format or ["jsonl"], leandojo_read.FORMATS))
        if options.exclude:
            raise UsageError("--exclude does not work for LeanDojo's data: it has no keys of Lean")
        return LeanDojoExtraction(tables=tables, out=options.out, formats=formats)
    corpus = find(Path(options.path))
    _check_out(options)
    return FileExtraction(
        path=options.path,
        corpus=corpus,
        formats=tuple(check_formats(options.format or ["jsonl"], dataset_files.FORMATS)),
        problems=_problem_sets(options),
        out=options.out,
        workers=options.workers,
        seed=options.seed,
    )


def _problem_sets(options: ExtractOptions) -> tuple[ProblemSet, ...]:
    return tuple(read_problems(path.stem, path) for path in options.exclude or ())


async def _trace_files(work: FileExtraction, toolchain: Toolchain, cache: Path | None) -> int:
    line = ProgressLine(is_watched())
    with line.show():
        dataset = await work.trace(toolchain, cache, line.update)
        out = work.out
        figures = dataset_files.write(dataset, out, work.formats) if out else count(dataset)
    empty = f"{work.path}: no finished proof to learn from: the dataset is empty"
    rows = card.figure_rows(figures)
    return print_result(dataset.failures, rows, out, "" if figures.modes.total() else empty)


async def _state_library(work: LibraryExtraction, toolchain: Toolchain, cache: Path | None) -> int:
    line = ProgressLine(is_watched(), "posing", "modules")
    with line.show():
        problems = await work.run(toolchain, cache, line.update)
        problems = replace(problems, excluded=await excluded_by(work.problems, toolchain))
        if work.out:
            figures = library.write(problems, work.out, work.formats)
        else:
            figures = library.count(problems, problems.rows())
    return print_result(problems.failures, library.figure_rows(figures), work.out)


async def _make_problems(work: SyntheticExtraction, toolchain: Toolchain) -> int:
    after_interrupt = "they are written" if work.out else "nothing is written"
    line = ProgressLine(is_watched(), "making", "problems", after_interrupt)
    with line.show():
        made = await work.run(toolchain, line.update)
    families = Counter(row["family"] for row in made.rows)
    closed = sum(row["closed_by"] is not None for row in made.rows)
    dropped = {f"dropped, {why}": n for why, n in made.dropped.items()}
    return print_row_counts({**families, "closed at once": closed, **dropped}, work.out)


async def _export_store(work: StoreExtraction, lean: Callable[[], Toolchain]) -> int:
    """Lean is needed only to read the problems to leave out."""
    excluded = await read_excluded(work.problems, lean)
    with work.store() as store:
        if work.out:
            dataset = from_store.write(store, work.out, work.formats, work.seed, excluded)
        else:
            dataset = from_store.collect_rows(store, lambda kind, row: None, work.seed, excluded)
    empty = "nothing to learn from is stored yet: the dataset is empty"
    return print_row_counts(dataset.counts, work.out, empty)
