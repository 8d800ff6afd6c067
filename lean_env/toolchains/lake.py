"""What `lake` says of a file of a native project: options, artifacts, libraries to load.

`lake setup-file FILE` is the call of Lean's own language server; since 4.22 it prints a ModuleSetup
(Lean/Setup.lean), before that paths and options. A `lake` without it is not asked again: `lake env`
has told the paths.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import ToolchainError, UsageError
from .header import read_header
from .lakefile import Options
from .project import Project

SETUP_WALL_S = 600.0
NO_CONFIGURATION, NOT_BUILT = 2, 3
"""Exit statuses of `lake setup-file`: no lakefile; with --no-build, something is to be built."""

TO_BUILD = re.compile(
    r"^(?:✖|✗|-)\s*(?:\[\d+/\d+\]\s*)?(?:(?:Building|Running)\s+)?([\w.«»]+)", re.M
)
BAD_IMPORT = re.compile(r"bad import '([^']+)'|unknown module prefix '([^']+)'")


@dataclass(frozen=True)
class LakeSetup:
    """What Lake tells of one file. artifacts: of each module it imports the .olean parts."""

    options: Options = field(default_factory=dict)
    artifacts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dynlibs: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words of `lean` that load what Lake says."""
        loaded = [f"--load-dynlib={each}" for each in self.dynlibs]
        return (*loaded, *(f"--plugin={each}" for each in self.plugins))


def setup_of(file: Path, project: Path, environ: Mapping[str, str]) -> LakeSetup:
    """Ask `lake` about a file; an empty answer where it is too old to be asked.

    Raises ToolchainError, in one line, when something is not built or Lake fails, UsageError for an
    import that no package has.
    """
    lake = shutil.which("lake", path=environ.get("PATH", ""))
    if lake is None:
        return LakeSetup()
    try:
        done = subprocess.run(
            [lake, "setup-file", str(file.resolve()), "--no-build", "--no-cache"],
            env=dict(environ),
            cwd=project,
            timeout=SETUP_WALL_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"`lake setup-file` cannot be run in {project}: {error}") from error
    if done.returncode == 0:
        return _read(done.stdout)
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode == NO_CONFIGURATION or "unknown command" in said:
        return LakeSetup()
    if found := BAD_IMPORT.search(said):
        raise UsageError(f"{file}: no package of the project has {found[1] or found[2]}")
    if done.returncode == NOT_BUILT or "out-of-date" in said:
        names = TO_BUILD.findall(said)
        what = f"{names[0]} is" if names else "what it imports is"
        raise ToolchainError(
            f"{file}: {what} not built: run {_build(names[0] if names else '')} first"
        )
    lines = [line.strip() for line in said.splitlines() if "error" in line] or ["no reason given"]
    raise ToolchainError(f"`lake setup-file` fails in {project} ({lines[0]}): mend the project")


def _read(text: str) -> LakeSetup:
    """The JSON on the last line, as 4.22 and later print it, or as those before."""
    try:
        setup: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        options = setup.get("options") or setup.get("setupOptions") or {}
        artifacts = {name: list(parts) for name, parts in setup.get("importArts", {}).items()}
        dynlibs = setup.get("dynlibs") or setup.get("paths", {}).get("loadDynlibPaths", [])
        return LakeSetup(dict(options), artifacts, tuple(dynlibs), tuple(setup.get("plugins", ())))
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise ToolchainError(f"`lake setup-file` printed no setup: {text.strip()[:80]}") from error


def _build(module: str) -> str:
    return "`lake exe cache get`" if module.partition(".")[0] == "Mathlib" else "`lake build`"


class NativeModules:
    """The modules of a native project, which Lake builds. path: where Lean looks for modules."""

    def __init__(self, project: Project, path: Sequence[Path], setup: LakeSetup) -> None:
        self._project = project
        self._path = path
        self._setup = setup

    async def provide(self, source: str) -> str:
        """As of Modules: nothing is built; the first module that is not is named."""
        try:
            closure = self._project.closure_of_own(source)
        except UsageError as error:
            return str(error)
        for header in [*(each.header for each in closure), read_header(source)]:
            for name in header.modules:
                is_known = name.startswith("Mathlib.") or self._project.module(name) is not None
                if is_known and not self._is_built(name):
                    return f"the module {name} is not built: run {_build(name)} first"
        return ""

    def foreign(self, source: str, imports: Sequence[str]) -> list[str]:
        """As of Modules."""
        known = {module.name for module in self._project.closure_of_own(source)}
        return [n for n in imports if n not in known and self._project.module(n) is not None]

    def _is_built(self, module: str) -> bool:
        if module in self._setup.artifacts:
            return True
        file = Path(*module.split("."))
        return any((place / file.parent / f"{file.name}.olean").is_file() for place in self._path)


def artifact_folder(setup: LakeSetup, path: Sequence[Path]) -> Path | None:
    """A folder where Lean finds the modules that only Lake's cache has; None if there are none."""
    folder = None
    for name, parts in setup.artifacts.items():
        place = Path(*name.split("."))
        if any((each / place.parent / f"{place.name}.olean").is_file() for each in path):
            continue
        folder = folder or Path(tempfile.mkdtemp(prefix="lakatos-artifacts-"))
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        endings = (".olean", ".olean.server", ".olean.private")
        for part, ending in zip(parts, endings, strict=False):
            target.with_name(target.name + ending).symlink_to(os.fspath(part))
    return folder
