"""The native toolchain: the user's own Lean, inside a Lake project or bare.

`lake env` is asked once, not per worker. The worker's modules are compiled by that Lean, once for
each of its versions, into the cache; a worker is then `lean --run Worker.lean`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...data.errors import ToolchainError
from .. import self_test, versions
from ..cache import finished_folder, locked
from ..versions import BUILTIN
from ..worker_command import (
    MATHLIB_MB,
    WORKER_MB,
    Modules,
    Progress,
    WorkerCommand,
    silent,
)
from .lake import LakeSetup, NativeModules, artifact_folder, setup_of
from .project import Project
from .sources import ROOT, WorkerSource, worker_sources

VERSION = re.compile(r"Lean \(version ([^,\s)]+)")
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)")
LAKEFILES = ("lakefile.lean", "lakefile.toml")
LAKE_WALL_S = 600.0
COMPILE_WALL_S = 600.0
OLD_DO = "-Dweak.backward.do.legacy=true"
"""For our own sources only: the elaborator of `do` that they were first compiled with, where Lean
still has it; the option is unknown before 4.29."""


@dataclass(frozen=True)
class NativeToolchain:
    """A Lean of the user's, with our worker compiled for it.

    program: the `lean` that is run. env: the project's environment. modules: our compiled modules.
    """

    lean: str
    program: Path
    env: Mapping[str, str] = field(repr=False)
    modules: Path
    directory: Path
    name: str = "native"
    modules_of_project: Modules | None = field(default=None, compare=False, repr=False)
    setup: LakeSetup = field(default_factory=LakeSetup, compare=False, repr=False)

    def worker_command(self, *, memory_mb: int) -> WorkerCommand:
        """The command of one worker; `memory_mb` is of `lean -M`, more with Mathlib."""
        main = str(ROOT / "Worker.lean")
        limit_mb = max(memory_mb, MATHLIB_MB) if self._has_mathlib else memory_mb
        words = ("-M", str(limit_mb), OLD_DO, "--run", main)
        argv = (str(self.program), *self.setup.arguments, *words)
        env = {**_with_modules(self.env, self.modules), "LEAN_ABORT_ON_PANIC": "1"}
        need_mb = MATHLIB_MB if self._has_mathlib else WORKER_MB
        of_project = self.modules_of_project, self.setup.options
        return WorkerCommand(argv, env, self.directory, *of_project, need_mb)

    @property
    def _has_mathlib(self) -> bool:
        named = any(name.startswith("Mathlib") for name in self.setup.artifacts)
        return named or (self.directory / ".lake" / "packages" / "mathlib").is_dir()

    def in_project(self, file: Path | None) -> NativeToolchain:
        """The same Lean with what `lake` says of a file: options, artifacts, libraries to load.

        Raises ToolchainError when something is not built, UsageError for an unknown import.
        """
        if lake_project(self.directory) is None:
            return self
        is_lean = file is not None and file.is_file() and file.suffix == ".lean"
        setup = setup_of(file, self.directory, self.env) if file and is_lean else LakeSetup()
        path = [Path(each) for each in self.env.get("LEAN_PATH", "").split(os.pathsep) if each]
        env = dict(self.env)
        modules = NativeModules(Project(self.directory), path, setup)
        if folder := artifact_folder(setup, path):
            env["LEAN_PATH"] = os.pathsep.join([str(folder), *map(str, path)])
            weakref.finalize(modules, shutil.rmtree, folder, ignore_errors=True)
        return replace(self, env=env, setup=setup, modules_of_project=modules)


def lake_project(file: Path) -> Path | None:
    """The nearest folder at or above `file` with a Lake file."""
    return _nearest(file, LAKEFILES)


def is_installed(project: Path, environ: Mapping[str, str]) -> bool:
    """Whether the Lean that `project` asks for is there already.

    elan would fetch a missing one at the first call of `lean`; we never cause that unasked.
    """
    path = environ.get("PATH", "")
    if not (shutil.which("lake", path=path) and shutil.which("lean", path=path)):
        return False
    pinned = _nearest(project, ("lean-toolchain",))
    elan = shutil.which("elan", path=path)
    if pinned is None or elan is None:
        return True
    wanted = (pinned / "lean-toolchain").read_text(encoding="utf-8").strip()
    listed = _run([elan, "toolchain", "list"], environ, project, LAKE_WALL_S)
    return any(_full_name(line) == _full_name(wanted) for line in listed.stdout.splitlines())


def find(
    directory: Path,
    *,
    cache: Path,
    environ: Mapping[str, str],
    progress: Progress = silent,
) -> NativeToolchain:
    """The Lean of the Lake project at or above `directory`, or the bare one there.

    Compiles our worker for it and tests it, if that was not done before. Raises ToolchainError, in
    one line.
    """
    project = lake_project(directory)
    where = project or directory
    env = _lake_env(project, environ) if project else dict(environ)
    lean = env.get("LEAN") if project else None
    lean = lean if lean and Path(lean).is_file() else shutil.which("lean", path=env.get("PATH", ""))
    if lean is None:
        raise ToolchainError(f"no `lean` on PATH: install Lean with elan, {BUILTIN}")
    banner = _run([lean, "--version"], env, where, LAKE_WALL_S)
    found = VERSION.search(banner.stdout)
    if banner.returncode != 0 or found is None:
        raise ToolchainError(f"{lean} --version fails ({_said(banner)}): mend it, {BUILTIN}")
    versions.refuse_old(found[1])
    if "LEAN_SYSROOT" not in env:  # else each worker would start a `lean` to ask for it
        prefix = _run([lean, "--print-prefix"], env, where, LAKE_WALL_S).stdout.strip()
        env |= {"LEAN_SYSROOT": prefix} if prefix else {}
    sources = worker_sources()
    key = hashlib.sha256(banner.stdout.encode())
    for source in sources:
        key.update(source.module.encode() + b"\0" + source.text.encode())
    modules = cache / f"native-{found[1]}-{key.hexdigest()[:12]}"
    toolchain = NativeToolchain(found[1], Path(lean), env, modules, where)
    with locked(cache):
        if not modules.is_dir():
            with finished_folder(modules) as part:
                _compile(sources, replace(toolchain, modules=part), progress)
    self_test.require(toolchain, modules, progress)
    return toolchain


def _nearest(start: Path, names: Sequence[str]) -> Path | None:
    start = start.resolve()
    folders = [start, *start.parents]
    return next((f for f in folders if any((f / name).is_file() for name in names)), None)


def _full_name(toolchain: str) -> str:
    """A toolchain's name as elan lists it: `leanprover/lean4:v4.28.0`."""
    name = toolchain.split()[0] if toolchain.split() else ""
    origin, _, version = name.rpartition(":")
    return f"{origin or 'leanprover/lean4'}:{version.removeprefix('v')}"


def _lake_env(project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Our environment with what Lake sets for the project."""
    lake = shutil.which("lake", path=environ.get("PATH", ""))
    if lake is None:
        raise ToolchainError(
            f"{project} is a Lake project, and there is no `lake` on PATH: install Lean with "
            f"elan, {BUILTIN}"
        )
    printed = _run([lake, "env"], environ, project, LAKE_WALL_S)
    if printed.returncode != 0:
        raise ToolchainError(
            f"`lake env` fails in {project} ({_said(printed)}): mend the project with "
            f"`lake build`, {BUILTIN}"
        )
    pairs = [found for line in printed.stdout.splitlines() if (found := ASSIGNMENT.fullmatch(line))]
    return {**environ, **{found[1]: found[2] for found in pairs}}


def _with_modules(env: Mapping[str, str], modules: Path) -> dict[str, str]:
    """`env` with our compiled modules first on Lean's search path."""
    path = os.pathsep.join(filter(None, [str(modules), env.get("LEAN_PATH", "")]))
    return {**env, "LEAN_PATH": path}


def _compile(sources: Sequence[WorkerSource], lean: NativeToolchain, progress: Progress) -> None:
    """Compile the worker's modules, imported ones first; `Worker` itself is run from its text."""
    modules = [source for source in sources if source.module != "Worker"]
    env = _with_modules(lean.env, lean.modules)
    for done, source in enumerate(modules):
        progress("worker", done, len(modules))
        target = lean.modules.joinpath(*source.module.split(".")).with_suffix(".olean")
        target.parent.mkdir(parents=True, exist_ok=True)
        argv = [str(lean.program), OLD_DO, "-R", str(ROOT), "-o", str(target), str(source.path)]
        result = _run(argv, env, ROOT, COMPILE_WALL_S)
        if result.returncode != 0:
            raise versions.not_compiled(lean.lean, _said(result))
    progress("worker", len(modules), len(modules))


def _run(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, wall_s: float
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            env=dict(env),
            cwd=cwd,
            timeout=wall_s,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"{argv[0]} did not end within {wall_s:.0f} s in {cwd}") from error
    except OSError as error:
        raise ToolchainError(f"{argv[0]} cannot be run: {error.strerror or error}") from error


def _said(result: subprocess.CompletedProcess[str]) -> str:
    """The line of its output that tells most: the first with an error, else the first."""
    lines = [line.strip() for line in (result.stdout + "\n" + result.stderr).splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if "error" in line]
    return (telling or lines or [f"status {result.returncode}"])[0]
