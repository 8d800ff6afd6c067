"""One process for a whole check: a Lean that elaborates the submission, and one that judges it.

In the embedded toolchain a process can hold two Leans: two WebAssembly instances, each with a
memory and a thread of its own. What runs in one can neither read nor write the other; they share
only the compiled code, which costs most of a start. A native Lean has one process for each.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ...data.errors import UsageError
from ...data.records import Theorem
from ..closing import Closing
from ..worker import LeanWorker
from ..worker_command import Toolchain, WorkerCommand
from .judge import Answer, OwnWorker


class SharedWorker(Closing):
    """Serves a `Verifier` as its pool and as what starts its judge. One request at a time."""

    def __init__(self, toolchain: Toolchain, memory_mb: int) -> None:
        need_mb = toolchain.worker_command(memory_mb=memory_mb).need_mb
        self._command = toolchain.worker_command(memory_mb=max(memory_mb, need_mb))
        self._worker: LeanWorker | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """End the process."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Answer one request of the submission's Lean; raises WorkerDied."""
        async with self._turn:
            return await (await self._running()).request(op, wall_s=wall_s, **fields)

    async def request_at(
        self, theorem: Theorem, op: str, *, wall_s: float, **fields: Any
    ) -> Answer:
        """It opens no file of its own: raises UsageError."""
        raise UsageError(f"{theorem.name}: no file is open here")

    async def start_judge(self, command: WorkerCommand) -> OwnWorker:
        """The second Lean; one in a process of its own where a process holds one only."""
        if not command.holds_two:
            return await LeanWorker.start(command)
        async with self._turn:
            judge = _SecondLean(await self._running(), self._turn)
        if command.options:
            await judge.request("options", wall_s=60.0, values=list(command.options.items()))
        return judge

    async def _running(self) -> LeanWorker:
        if self._worker is not None and self._worker.fault is not None:
            await self.close()
        if self._worker is None:
            self._worker = await LeanWorker.start(self._command)
        return self._worker


class _SecondLean:
    """The judge's Lean in that process. turn: whoever has it may ask."""

    def __init__(self, worker: LeanWorker, turn: asyncio.Lock) -> None:
        self._worker = worker
        self._turn = turn

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Answer one request; raises WorkerDied."""
        async with self._turn:
            return await self._worker.request(op, wall_s=wall_s, **fields, beside=True)

    async def close(self) -> None:
        """End the process: a judge is closed when it was lost, or with its verifier."""
        await self._worker.close()
