"""Compiles the modules of a project with the embedded Lean, so that files can import them.

Each becomes an .olean file in the cache, named by all it is made of: its text and options, the
modules of the project below it, and this Lean. So an edit costs what depends on it. A run sees
them in a folder of its own, which is as the project was when it first looked.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import UsageError
from ..cache import ANSWERS_KEPT_S, disk_error, remove_old
from ..worker_command import Progress, silent
from .header import without_header
from .project import Project, SourceModule

MEMORY_MB = 2048
ERROR = re.compile(r":(\d+):(\d+): error(\([\w.]*\))?:")
"""Where Lean found an error; it counts columns from 0, we from 1."""


@dataclass(frozen=True)
class Compiler:
    """How the embedded Lean is called. argv: of compile.js but for its job.

    store: the folder of what it has compiled, in the cache; its name is that of this Lean.
    """

    argv: tuple[str, ...]
    dist: Path
    code: Path
    store: Path


class ProjectModules:
    """The modules of a project, compiled when a source first imports them."""

    def __init__(self, project: Project, compiler: Compiler) -> None:
        self._project = project
        self._compiler = compiler
        self._turn = threading.Lock()
        self._keys: dict[str, str] = {}
        self._there: set[str] = set()
        self._broken: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """Where workers find the modules; removed when this program ends."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lakatos-modules-")).resolve()
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    async def provide(self, source: str) -> str:
        """As of Modules. Raises ToolchainError when the cache cannot be written."""
        try:
            return await asyncio.to_thread(self.provide_now, source)
        except asyncio.CancelledError:
            self._stop()
            raise

    def provide_now(self, source: str, progress: Progress = silent) -> str:
        """The same at once: compile what is missing, which takes about half a second a module."""
        with self._turn:
            try:
                needed = self._project.closure(source)
            except UsageError as error:
                return str(error)
            for module in needed:
                if module.name in self._broken:
                    return self._broken[module.name]
                if module.name not in self._keys:
                    self._keys[module.name] = self._key(module)
            missing = [each for each in needed if each.name not in self._there]
            return self._compile([each for each in missing if not self._take(each)], progress)

    def foreign(self, source: str, imports: Sequence[str]) -> list[str]:
        """As of Modules."""
        return self._project.foreign(source, imports)

    def _key(self, module: SourceModule) -> str:
        below = [self._keys[name] for name in module.header.modules if name in self._keys]
        options = sorted(module.options.items())
        parts = (self._compiler.store.name, module.name, module.text, repr(options), *below)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _place(self, module: SourceModule) -> Path:
        """Where workers look for a module."""
        place = self.folder.joinpath(*module.name.split("."))
        return place.with_name(f"{place.name}.olean")

    def _stored(self, module: SourceModule) -> Path:
        key = self._keys[module.name]
        return self._compiler.store / key[:2] / f"{key}.olean"

    def _take(self, module: SourceModule) -> bool:
        """Take a module from the cache if it is there."""
        place, stored = self._place(module), self._stored(module)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not stored.is_file():
                return False
            _link(stored, place)
            with suppress(OSError):
                os.utime(stored)
        except OSError as error:
            raise disk_error(self.folder, error) from error
        self._there.add(module.name)
        return True

    def _keep(self, module: SourceModule) -> None:
        place, stored = self._place(module), self._stored(module)
        try:
            stored.parent.mkdir(parents=True, exist_ok=True)
            part = stored.with_name(f"{stored.name}.{os.getpid()}")
            _link(place, part)
            part.replace(stored)
        except OSError as error:
            raise disk_error(self._compiler.store, error) from error
        self._there.add(module.name)

    def _compile(self, modules: Sequence[SourceModule], progress: Progress) -> str:
        """Compile modules in order, on one process after the other; what stopped it, or nothing."""
        done = 0
        while done < len(modules):
            progress("modules of the project", done, len(modules))
            before = done
            with closing(self._ask(modules[done:])) as answers:
                for answer in answers:
                    if "errors" in answer or "broken" in answer:
                        return self._fail(modules[done], answer)
                    self._keep(modules[done])
                    done += 1
                    progress("modules of the project", done, len(modules))
            if done == before:
                return self._fail(modules[done], {"broken": "it ended without a word"})
        if modules:
            remove_old(self._compiler.store, "modules-*", unused_s=ANSWERS_KEPT_S)
        return ""

    def _fail(self, module: SourceModule, answer: dict[str, str]) -> str:
        with suppress(OSError):
            self._place(module).unlink(missing_ok=True)
        said = answer.get("errors") or f"the compiler failed: {answer['broken']}"
        line = said.strip().splitlines()[0]
        first = ERROR.sub(lambda at: f":{at[1]}:{int(at[2]) + 1}:", line, count=1)
        self._broken[module.name] = f"the module {module.name} does not compile: {first}"
        return self._broken[module.name]

    def _ask(self, modules: Sequence[SourceModule]) -> Generator[dict[str, str], None, None]:
        """Run the compiler once; what it says of each module, as far as it comes."""
        job = {
            "dist": str(self._compiler.dist),
            "code": str(self._compiler.code),
            "lib": str(self.folder),
            "memoryMb": MEMORY_MB,
            "modules": [self._job(each) for each in modules],
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(job, file)
            file.flush()
            self._process = subprocess.Popen(
                [*self._compiler.argv, file.name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,
            )
            assert self._process.stdout is not None
            try:
                for line in self._process.stdout:
                    yield json.loads(line)
            finally:
                self._stop()
                self._process.stdout.close()
                self._process.wait()

    def _job(self, module: SourceModule) -> dict[str, Any]:
        return {
            "module": module.name,
            "file": module.path.replace(":", "_"),  # Lean's messages are read by their colons
            "imports": module.header.modules,
            "source": without_header(module.text),
            "options": {_plain(name): value for name, value in module.options.items()},
            "out": str(self._place(module)),
        }

    def _stop(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _plain(option: str) -> str:
    """An option's name without `weak.`, which says that it may not be there."""
    return option.removeprefix("weak.")


def _link(source: Path, target: Path) -> None:
    """The same file at another place, or a copy of it."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
