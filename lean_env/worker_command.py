"""How a Lean worker is started, whatever the toolchain: the seam between toolchains and workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

WORKER_MB = 600
"""Memory of a worker that has no large library."""
MATHLIB_MB = 4500
"""Memory of a worker that has imported Mathlib."""


def free_mb() -> float:
    """Memory that this machine has to give now, in MB."""
    import psutil  # slow to import

    return float(psutil.virtual_memory().available) / 1e6


# (stage, done_bytes, total_bytes): told while something long is set up
Progress = Callable[[str, int, int], None]


class Modules(Protocol):
    """The modules of the project that a worker serves."""

    async def provide(self, source: str) -> str:
        """Make what a source imports ready to be imported; why that cannot be, else nothing."""

    def foreign(self, source: str, imports: Sequence[str]) -> list[str]:
        """Those of `imports` that are the project's own, and that a source does not import."""


@dataclass(frozen=True)
class WorkerCommand:
    """The command line of one worker process.

    env: the process's whole environment, not an addition to ours.
    cwd: its working directory; None means ours.
    modules: of the project, if there is one; options: of Lean, what the project sets for its files.
    need_mb: the memory that a worker is likely to take.
    holds_two: whether its process starts a second Lean for requests with `beside`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None
    modules: Modules | None = None
    options: Mapping[str, bool | int | str] = field(default_factory=dict)
    need_mb: int = WORKER_MB
    holds_two: bool = False


def lean_title(toolchain: Toolchain) -> str:
    """What a Lean is called in reports and datasets: `Lean 4.28.0 (embedded)`."""
    return f"Lean {toolchain.lean} ({toolchain.name})"


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
