"""Has Lean pose the theorems of its library as problems, module by module.

Each module's theorems are stated where the module begins, in an environment of exactly its
imports (LeanEnv/Library.lean). Such environments are never unloaded, so the worker is replaced in
time; what ends one costs the theorem that did it, not its module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...data.errors import ProtocolError, ToolchainError, UsageError, WorkerDied
from ...data.records import TimedOut
from ..protocol import Failure, Json, Result
from ..worker import Answer, LeanWorker
from ..worker_command import Toolchain, WorkerCommand

ROOTS = ("Init", "Std")
PAGE = 60
"""Theorems posed in one request, about a second's work."""

PAGE_WALL_S = 120.0
FULL_MB = 1400.0
"""A worker that holds so much gets no further module; its heap ends at 2048."""

HEARTBEATS = 1000
"""For each tactic that might close a theorem at once, in thousands: some 60 ms."""

CRASHED = "crashed"


class PosingWorker(Protocol):
    """The part of a worker that is needed here."""

    @property
    def own_mb(self) -> float:
        """What it holds, MB."""

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Answer one request; raises WorkerDied."""

    async def close(self) -> None:
        """End it."""


Start = Callable[[WorkerCommand], Awaitable[PosingWorker]]


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the library. theorems: how many it states under names of their own."""

    name: str
    imports: tuple[str, ...]
    theorems: int


class LibraryReader:
    """Asks for the theorems of `roots`, on one worker at a time. Closed by `close`."""

    def __init__(
        self, toolchain: Toolchain, roots: Sequence[str] = ROOTS, start: Start = LeanWorker.start
    ) -> None:
        self._toolchain = toolchain
        self._roots = list(roots)
        self._start = start
        self._worker: PosingWorker | None = None

    async def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def modules(self) -> list[Module]:
        """The modules that state a theorem, imported ones first.

        Raises UsageError when the library cannot be imported, WorkerDied, ProtocolError.
        """
        answer = await self._ask("library")
        if not isinstance(answer, Result):
            raise UsageError(f"the library cannot be listed: {_said(answer)}")
        try:
            return [Module(n, tuple(imports), int(t)) for n, imports, t in answer.value["modules"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"worker answered `library` in no known shape: {error}") from error

    async def pose(self, module: Module) -> list[Json]:
        """Every theorem of a module: `posed` of protocol.py; one that ended its worker has the
        `why` CRASHED and no name.

        Raises UsageError when its imports cannot be imported, ProtocolError.
        """
        rows: dict[int, list[Json]] = {}
        starts = range(0, module.theorems, PAGE)
        pages = deque((start, min(PAGE, module.theorems - start)) for start in starts)
        while pages:
            start, count = pages.popleft()
            answer = await self._page(module, start, count)
            if isinstance(answer, Result):
                rows[start] = answer.value["theorems"]
            elif count > 1:  # find the one that did it
                pages.extendleft([(start + count // 2, count - count // 2), (start, count // 2)])
            else:
                rows[start] = [{"name": "", "why": CRASHED, "constant": _said(answer)}]
        if self._worker is not None and self._worker.own_mb > FULL_MB:
            await self.close()
        return [row for start in sorted(rows) for row in rows[start]]

    async def _page(self, module: Module, start: int, count: int) -> Answer | WorkerDied:
        """Some theorems of a module; a value that is no Result when it cannot be had."""
        fields = {"module": module.name, "start": start, "count": count, "heartbeats": HEARTBEATS}
        try:
            answer = await self._ask("pose", **fields)
        except WorkerDied as death:
            return death
        if isinstance(answer, Failure) and answer.kind == "import_failed":
            raise UsageError(f"{module.name}: {answer.text}")
        return answer

    async def _ask(self, op: str, **fields: Any) -> Answer:
        if self._worker is None:
            command = self._toolchain.worker_command(memory_mb=2048)
            self._worker = await self._start(command)
        try:
            answer = await self._worker.request(
                op, wall_s=PAGE_WALL_S, imports=self._roots, **fields
            )
        except (WorkerDied, ToolchainError):
            await self.close()
            raise
        if isinstance(answer, TimedOut):  # it may have been killed for it
            await self.close()
        return answer


def _said(answer: Answer | WorkerDied) -> str:
    if isinstance(answer, TimedOut):
        return f"Lean took more than {answer.wall_s:g} s"
    return answer.text if isinstance(answer, Failure) else str(answer)
