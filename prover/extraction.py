"""From Lean files on disk to a dataset: finds them, has Lean trace them, lists what fails.

What Lean said of a file is kept by its content and that of the files it imports: after a break, or
a change in some of them, the rest is not traced again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data import source
from ..data.dataset import Dataset, Excluded, Origin
from ..data.errors import UsageError, WorkerDied
from ..data.traced import TracedFile
from ..lean_env.cache import default_cache
from ..lean_env.native import lake_project
from ..lean_env.pool import LeanPool
from ..lean_env.sources import worker_sources
from ..lean_env.toolchain import Toolchain
from ..lean_env.trace import Traces, to_traced

IMPORT = re.compile(r"^\s*(?:public\s+)?(?:meta\s+)?import\s+(?:all\s+)?([\w.«»]+)", re.MULTILINE)
BUILT = (".lake", "build", "lake-packages")
LICENSES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")

Told = Callable[[int, int, str], None]
"""Files done, files in all, the one just done."""


def silent(done: int, total: int, path: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class LeanFile:
    """A file to trace. path: from the root, with `/`; context: names all it imports of the root."""

    path: str
    text: str = field(repr=False)
    context: str = ""


@dataclass(frozen=True)
class Corpus:
    """Files of one root, imported ones first. failures: (path, why) of those not readable."""

    root: Path
    files: Sequence[LeanFile]
    failures: tuple[tuple[str, str], ...] = ()


def find(path: Path) -> Corpus:
    """The Lean files at a path: one file, or all below a folder but what Lake built.

    Raises UsageError when there is none.
    """
    if path.is_file():
        return Corpus(path.parent, [LeanFile(path.name, source.read_source(str(path)).text)])
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder")
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
    return Corpus(path, _with_contexts(texts), tuple(failures))


def _is_built(name: str) -> bool:
    folders = name.split("/")[:-1]
    return any(folder in BUILT or folder.startswith(".") for folder in folders)


def _with_contexts(texts: dict[str, str]) -> list[LeanFile]:
    """Each file with a hash over what it imports of the others, transitively."""
    modules = {name.removesuffix(".lean").replace("/", "."): name for name in texts}
    imports = {
        name: [modules[each] for each in IMPORT.findall(text) if each in modules]
        for name, text in texts.items()
    }
    return [LeanFile(name, text, _context(name, imports, texts)) for name, text in texts.items()]


def _context(name: str, imports: dict[str, list[str]], texts: dict[str, str]) -> str:
    below: set[str] = set()
    todo = list(imports[name])
    while todo:
        each = todo.pop()
        if each not in below:
            below.add(each)
            todo += imports[each]
    if not below:
        return ""
    digest = hashlib.sha256()
    for each in sorted(below):
        digest.update(f"{each}\0{texts[each]}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Traced:
    """What became of the files of a corpus. asked: how many Lean was asked of this time."""

    corpus: Corpus
    traces: Traces
    good: Sequence[LeanFile]
    failures: Sequence[tuple[str, str]]
    asked: int

    def read(self) -> Iterator[TracedFile]:
        """The traced files, from the first, one at a time."""
        for file in self.good:
            yield self.traces.read(file.path, file.text, file.context)


async def trace_all(corpus: Corpus, traces: Traces, workers: int, told: Told = silent) -> Traced:
    """Have every file traced, on as many workers at once; those that fail are listed.

    A cancelled call keeps what is traced by then.
    """
    missing: dict[str, str] = {}
    broken: dict[str, str] = {}
    done = asked = 0
    waiting = iter(corpus.files)

    async def work() -> None:
        nonlocal done, asked
        for file in waiting:
            try:
                traced, anew = await traces.trace(file.path, file.text, file.context)
                asked += anew
                if traced.errors:
                    broken[file.path] = _first(traced.errors)
            except (UsageError, WorkerDied) as error:
                missing[file.path] = str(error).removeprefix(f"{file.path}: ")
            done += 1
            told(done, len(corpus.files), file.path)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    good = [file for file in corpus.files if file.path not in missing]
    failures = [*corpus.failures, *sorted((missing | broken).items())]
    return Traced(corpus, traces, good, failures, asked)


def _first(errors: Sequence[tuple[int, str]]) -> str:
    line, text = errors[0]
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"line {line}: {text.splitlines()[0]}{more}"


async def exclusion(name: str, problems: Sequence[tuple[str, str]], pool: LeanPool) -> Excluded:
    """The keys of problems: of their statements, and of the states at each `sorry`.

    problems: (path, source). Raises UsageError when Lean cannot open one, WorkerDied.
    """
    statements: set[str] = set()
    states: set[str] = set()
    traces = Traces(pool, "")
    for path, text in problems:
        traced = to_traced(path, text, "", await traces.ask(path, text))
        statements.update(each.key for each in traced.declarations if each.kind == "theorem")
        for theorem in (await pool.open(path, text)).theorems:
            states.update(state.key for state in (theorem.state, *theorem.others))
    return Excluded(name, frozenset(statements), frozenset(states))


@dataclass(frozen=True)
class Extraction:
    """What `lakatos extract` was asked. exclude: files or folders of problems."""

    path: Path
    exclude: tuple[Path, ...] = ()
    seed: int = 0
    workers: int | None = None

    async def run(
        self, corpus: Corpus, toolchain: Toolchain, cache: Path | None = None, told: Told = silent
    ) -> Dataset:
        """Trace the corpus, and give what there is to write.

        Raises UsageError for problems that Lean cannot open, WorkerDied, ToolchainError.
        """
        async with LeanPool(toolchain, workers=self.workers) as pool:
            lean = f"Lean {toolchain.lean} ({toolchain.name})"
            traces = Traces(pool, lean, traces_folder(toolchain, self.path, cache))
            traced = await trace_all(corpus, traces, pool.workers, told)
            problems = [
                (file.path, file.text) for each in self.exclude for file in find(each).files
            ]
            name = ", ".join(place.name for place in self.exclude)
            excluded = await exclusion(name, problems, pool)
        origin = origin_of(self.path)
        return Dataset(origin, lean, traced.read, traced.failures, excluded, self.seed)


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


def origin_of(root: Path) -> Origin:
    """Where a folder comes from: its git remote and commit, and the licences at its top."""
    folder = root if root.is_dir() else root.parent
    top = _git(folder, "rev-parse", "--show-toplevel")
    base = Path(top) if top else folder.resolve()
    licenses = {
        place.name: place.read_text(encoding="utf-8", errors="replace")
        for place in sorted(base.iterdir())
        if place.is_file() and place.name.upper().startswith(LICENSES)
    }
    url = _git(folder, "config", "--get", "remote.origin.url").removesuffix(".git") if top else ""
    commit = _git(folder, "rev-parse", "HEAD") if top else ""
    return Origin(base.name, url, commit, licenses)


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is no git or no repository."""
    try:
        said = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
