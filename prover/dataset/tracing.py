"""From Lean files on disk to a dataset: finds them, has Lean trace them, lists what fails.

What Lean said of a file is kept by its content and that of the files it imports: after a break, or
a change in some of them, the rest is not traced again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data import source
from ...data.dataset import leandojo_read
from ...data.dataset.dataset import Dataset
from ...data.dataset.leandojo_read import Benchmark, Table
from ...data.errors import UsageError, WorkerDied
from ...data.problems.reader import ProblemSet
from ...data.traced import TracedFile
from ...lean_env.cache import ANSWERS_KEPT_S, default_cache, remove_old
from ...lean_env.pool import LeanPool
from ...lean_env.queries import leandojo as dojo
from ...lean_env.queries.trace import Traces
from ...lean_env.toolchains.find import Toolchain
from ...lean_env.toolchains.native import lake_project
from ...lean_env.toolchains.project import Project
from ...lean_env.toolchains.sources import worker_sources
from ...lean_env.worker_command import lean_title
from .decontamination import exclude_problems
from .progress import OnProgress, silent
from .provenance import origin_of

BUILT = (".lake", "build", "lake-packages")


@dataclass(frozen=True)
class LeanFile:
    """A file to trace. path: from the root, with `/`; context: all it imports of its project."""

    path: str
    text: str = field(repr=False)
    context: str = ""


@dataclass(frozen=True)
class Corpus:
    """Files of one root. failures: (path, why) of those not readable."""

    root: Path
    files: Sequence[LeanFile]
    failures: tuple[tuple[str, str], ...] = ()


def find(path: Path) -> Corpus:
    """The Lean files at a path: one file, or all below a folder but what Lake built.

    Raises UsageError when there is none.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    project = Project.at(path)
    if path.is_file():
        text = source.read_source(str(path)).text
        return Corpus(path.parent, [LeanFile(path.name, text, project.context(text))])
    texts: dict[str, str] = {}
    failures = []
    for place in sorted(path.rglob("*.lean")):
        name = place.relative_to(path).as_posix()
        if place.is_dir() or _is_built(name):
            continue
        try:
            texts[name] = source.read_source(str(place)).text
        except UsageError as error:
            failures.append((name, str(error).removeprefix(f"{place}: ")))
    if not texts and not failures:
        raise UsageError(f"{path}: has no .lean file")
    files = [LeanFile(name, text, project.context(text)) for name, text in texts.items()]
    return Corpus(path, files, tuple(failures))


def _is_built(name: str) -> bool:
    folders = name.split("/")[:-1]
    return any(folder in BUILT or folder.startswith(".") for folder in folders)


@dataclass(frozen=True)
class Traced:
    """What became of the files of a corpus. asked: how many Lean was asked of this time."""

    corpus: Corpus
    traces: Traces
    good: Sequence[LeanFile]
    failures: Sequence[tuple[str, str]]
    traced_anew: int

    def read(self) -> Iterator[TracedFile]:
        """The traced files, from the first, one at a time."""
        for file in self.good:
            yield self.traces.read(file.path, file.text, file.context)


async def trace_all(
    corpus: Corpus, traces: Traces, workers: int, on_progress: OnProgress = silent
) -> Traced:
    """Have every file traced, on as many workers at once; those that fail are listed.

    A cancelled call keeps what is traced by then.
    """
    missing: dict[str, str] = {}
    broken: dict[str, str] = {}
    done = traced_anew = 0
    waiting = iter(corpus.files)

    async def work() -> None:
        nonlocal done, traced_anew
        for file in waiting:
            try:
                traced, anew = await traces.trace(file.path, file.text, file.context)
                traced_anew += anew
                if traced.errors:
                    broken[file.path] = _first(traced.errors)
            except (UsageError, WorkerDied) as error:
                missing[file.path] = str(error).removeprefix(f"{file.path}: ")
            done += 1
            on_progress(done, len(corpus.files), file.path)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    good = [file for file in corpus.files if file.path not in missing]
    failures = [*corpus.failures, *sorted((missing | broken).items())]
    return Traced(corpus, traces, good, failures, traced_anew)


def _first(errors: Sequence[tuple[int, str]]) -> str:
    line, text = errors[0]
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"line {line}: {text.splitlines()[0]}{more}"


@dataclass(frozen=True)
class FileExtraction:
    """One `lakatos extract`. path: as asked; out: None: only count.

    problems: sets that nothing of the dataset may speak of.
    """

    path: str
    corpus: Corpus
    formats: tuple[str, ...]
    problems: tuple[ProblemSet, ...] = ()
    out: Path | None = None
    workers: int | None = None
    seed: int = 0

    async def trace(
        self, toolchain: Toolchain, cache: Path | None = None, on_progress: OnProgress = silent
    ) -> Dataset:
        """What there is to write. Raises as a call does."""
        async with LeanPool(toolchain, workers=self.workers) as pool:
            lean = lean_title(toolchain)
            folder = traces_folder(toolchain, self.corpus.root, cache)
            traces = Traces(pool, lean, folder)
            traced = await trace_all(self.corpus, traces, pool.workers, on_progress)
            remove_old(folder, unused_s=ANSWERS_KEPT_S)
            excluded = await exclude_problems(self.problems, pool, toolchain.name == "embedded")
        origin = origin_of(Path(self.path))
        return Dataset(origin, lean, traced.read, traced.failures, excluded, self.seed)


@dataclass(frozen=True)
class LeanDojoExtraction:
    """One `lakatos extract` of what LeanDojo tells; our own Lean is not needed."""

    tables: Callable[[], Iterator[Table]]
    out: Path | None
    formats: tuple[str, ...]

    def run(self) -> Mapping[str, int]:
        """Write; rows of each table. Raises UsageError, ToolchainError."""
        if self.out is None:
            return leandojo_read.count(self.tables())
        return leandojo_read.convert(self.tables(), self.out, self.formats)


def leandojo_tables(path: str) -> Callable[[], Iterator[Table]] | None:
    """How to read its benchmark, or a git repository that it traces; None for anything else."""
    if re.match(r"(https?|ssh|git)://|git@", path):
        return lambda: repository_tables(path)
    benchmark = Benchmark.at(Path(path))
    return benchmark.tables if benchmark else None


def repository_tables(path: str, library: Any = None) -> Iterator[Table]:
    """The tactics and premises of `URL` or `URL@COMMIT`. library: LeanDojo.

    Raises as `dojo.trace`.
    """
    found = re.fullmatch(r"(.+?)(?:@([0-9a-f]{7,40}))?", path)
    assert found is not None
    repository = dojo.trace(found[1], found[2] or "", library)
    yield "tactics", "tactics", leandojo_read.tactic_rows(repository.theorems(), path)
    yield "premises", "premises", leandojo_read.premise_rows(repository.corpus(), path)


def traces_folder(toolchain: Toolchain, path: Path, cache: Path | None) -> Path:
    """Where traces are kept: one folder for each worker and, of a Lake project, its packages."""
    digest = hashlib.sha256(f"{toolchain.name} {toolchain.lean}".encode())
    for each in worker_sources():
        digest.update(each.text.encode())
    project = lake_project(path)
    manifest = project and project / "lake-manifest.json"
    if manifest and manifest.is_file():
        digest.update(manifest.read_bytes())
    return (cache or default_cache()) / "traces" / digest.hexdigest()[:16]
