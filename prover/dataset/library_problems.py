"""Lean's own library as a problem set: which modules, on which workers, what is kept.

What Lean said of a module is kept by the worker's Lean files: after a break, only what is missing
is asked for, and one module that fails does not stop the rest.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import UsageError, WorkerDied
from ...data.problems.accessible import STRICT
from ...data.problems.library import LibrarySet, PosedModule
from ...data.problems.reader import ProblemSet
from ...lean_env.cache import (
    ANSWERS_KEPT_S,
    default_cache,
    keep_answer,
    kept_answer,
    remove_old,
)
from ...lean_env.queries.library import HEARTBEATS, ROOTS, LibraryReader, Module
from ...lean_env.toolchains.find import Toolchain
from ...lean_env.toolchains.sources import worker_sources
from ...lean_env.worker_command import lean_title
from .progress import OnProgress, silent

FORM = 2
"""Of the answers kept; under another number modules are posed anew."""

RUNS_ON = "LeanEnv.Library"


@dataclass(frozen=True)
class LibraryExtraction:
    """One `lakatos extract core`. modules: patterns of names, none: all; out: None: only count.

    problems: sets that are not to be among it. premises: one of accessible.MODES.
    """

    modules: tuple[str, ...] = ()
    seed: int = 0
    workers: int = 1
    out: Path | None = None
    formats: tuple[str, ...] = ("jsonl",)
    problems: tuple[ProblemSet, ...] = ()
    premises: str = STRICT

    async def run(
        self,
        toolchain: Toolchain,
        cache: Path | None = None,
        on_progress: OnProgress = silent,
        library: Callable[[], LibraryReader] | None = None,
    ) -> LibrarySet:
        """Pose the theorems of the modules wanted. library: makes what asks Lean.

        A cancelled call keeps what is posed by then. Raises UsageError when no module fits,
        WorkerDied when the library cannot be listed, ToolchainError.
        """
        lean = lean_title(toolchain)
        make = library or (lambda: LibraryReader(toolchain))
        shelf = ModuleCache((cache or default_cache()) / "library" / _key(lean))
        readers = [make() for _ in range(max(1, self.workers))]
        try:
            wanted = self.chosen(await readers[0].modules())
            failures = await _pose(wanted, readers, shelf, on_progress)
            remove_old(shelf.folder, unused_s=ANSWERS_KEPT_S)
        finally:
            for each in readers:
                await each.close()
        found = [(m, rows) for m in wanted if (rows := shelf.read(m)) is not None]
        posed = [PosedModule(m.name, m.imports, rows) for m, rows in found]
        return LibrarySet(posed, lean, self.seed, failures, premises=self.premises)

    def chosen(self, modules: Sequence[Module]) -> list[Module]:
        """The modules that a pattern fits. Raises UsageError when none does."""
        patterns = self.modules or ("*",)
        found = [m for m in modules if any(fnmatch.fnmatchcase(m.name, p) for p in patterns)]
        if not found:
            raise UsageError(f"no module of {' and '.join(ROOTS)} is called {', '.join(patterns)}")
        return found


@dataclass(frozen=True)
class ModuleCache:
    """The answers kept, one file for each module."""

    folder: Path

    def _place(self, module: Module) -> Path:
        return self.folder / f"{module.name}.json.gz"

    def read(self, module: Module) -> list[Any] | None:
        """What was kept; None when there is nothing, or nothing that can be read."""
        try:
            rows = kept_answer(self._place(module))
        except (OSError, EOFError, ValueError):
            return None
        return rows if isinstance(rows, list) else None

    def keep(self, module: Module, rows: list[Any]) -> None:
        """Write in one step. Raises UsageError when the disk takes nothing."""
        keep_answer(self._place(module), rows)


async def _pose(
    wanted: Sequence[Module],
    readers: Sequence[LibraryReader],
    shelf: ModuleCache,
    on_progress: OnProgress,
) -> list[tuple[str, str]]:
    """Pose what the shelf lacks, on as many workers at once; (module, why) of those that fail."""
    failures: dict[str, str] = {}
    done = 0
    waiting = iter(wanted)

    async def work(library: LibraryReader) -> None:
        nonlocal done
        for module in waiting:
            if shelf.read(module) is None:
                try:
                    shelf.keep(module, await library.pose(module))
                except (UsageError, WorkerDied) as error:
                    failures[module.name] = str(error).removeprefix(f"{module.name}: ")
            done += 1
            on_progress(done, len(wanted), module.name)

    async with asyncio.TaskGroup() as group:
        for each in readers:
            group.create_task(work(each))
    return sorted(failures.items())


def _key(lean: str) -> str:
    digest = hashlib.sha256(f"{FORM} {lean} {HEARTBEATS}".encode())
    for source in worker_sources(module=RUNS_ON):
        digest.update(source.text.encode())
    return digest.hexdigest()[:16]
