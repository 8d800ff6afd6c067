"""Chooses the Lean to work with: the project's own where it has one, else the embedded one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ...data.errors import UsageError
from ..cache import default_cache
from ..worker_command import Progress, Toolchain, WorkerCommand, silent
from . import embedded, native

__all__ = ["CHOICES", "Progress", "Toolchain", "WorkerCommand", "find_toolchain"]

CHOICES = ("auto", "embedded", "native")


def find_toolchain(
    choice: str = "auto",
    *,
    file: Path | None = None,
    project: Path | None = None,
    progress: Progress | None = None,
    cache: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Toolchain:
    """The toolchain for `file`, set up if need be.

    auto: native for a `project`, or when `file`, or a folder, lies in a Lake project whose Lean
    is installed; embedded otherwise. native: the Lean of the project, or a bare `lean` on PATH.
    environ: where `lake` and `lean` are looked for, and what they run in.
    Raises UsageError for an unknown choice or project, ToolchainError when it cannot be set up.
    """
    if choice not in CHOICES:
        raise UsageError(f"no toolchain {choice!r}: choose one of {', '.join(CHOICES)}")
    directory = _directory(file, project)
    place = (cache or default_cache()).resolve()
    report = progress or silent
    if choice == "native" or (choice == "auto" and _is_native(directory, project, environ)):
        found = native.find(directory, cache=place, environ=environ, progress=report)
        return found.in_project(file)
    prepared = embedded.prepare(report, cache=place).in_project(file or directory)
    if file is not None and file.is_file() and prepared.modules is not None:
        text = file.read_text(encoding="utf-8", errors="replace")
        prepared.modules.provide_now(text, report)  # what is wrong is said where the file is opened
    return prepared


def _directory(file: Path | None, project: Path | None) -> Path:
    if project is None:
        place = file.resolve() if file else Path.cwd()
        return place if place.is_dir() else place.parent
    if not project.is_dir():
        raise UsageError(f"--project {project} is not a folder")
    if native.lake_project(project) is None:
        raise UsageError(f"--project {project} has no lakefile.lean or lakefile.toml")
    return project.resolve()


def _is_native(directory: Path, project: Path | None, environ: Mapping[str, str]) -> bool:
    if project is not None:
        return True
    found = native.lake_project(directory)
    return found is not None and native.is_installed(found, environ)
