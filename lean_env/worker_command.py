"""How a Lean worker is started, whatever the toolchain: the seam between toolchains and workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# (stage, done_bytes, total_bytes): told while something long is set up
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class WorkerCommand:
    """The command line of one worker process.

    env: the process's whole environment, not an addition to ours.
    cwd: its working directory; None means ours.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None


class Toolchain(Protocol):
    """A Lean that can run our worker."""

    @property
    def name(self) -> str:
        """`embedded` or `native`."""

    @property
    def lean(self) -> str:
        """Lean's version, such as `4.28.0`."""

    def worker_command(self, *, memory_mb: int) -> WorkerCommand:
        """The command that starts one worker whose Lean heap ends at `memory_mb`."""


def silent(stage: str, done_bytes: int, total_bytes: int) -> None:
    """A Progress that tells nobody."""
