"""One Lean process behind asyncio: requests in, replies out, in order.

Covered: deadlines (cancel first, kill after a grace), cancellation that keeps the channel in
step, overlong or foreign lines, death of any kind with its cause and the last of stderr; the
process has its own session and its whole group is killed.
Not covered: what is asked (pool, verifier), restarts (pool), children that leave the session.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..data.errors import EnvironmentFault, ProtocolError, ToolchainError, WorkerDied
from ..data.records import TimedOut
from .process_pipes import LINE_LIMIT_BYTES, ProcessPipes
from .protocol import Death, Failure, Ready, Result, decode_reply, encode_cancel, encode_request
from .worker_command import Modules, WorkerCommand

CANCELS = 4  # within the grace
Answer = Result | Failure | TimedOut


class LeanWorker:
    """One Lean process. Made by `start`; of no more use once `fault` is set."""

    def __init__(self, grace_s: float, modules: Modules | None = None) -> None:
        self._modules = modules
        self._loop = asyncio.get_running_loop()
        self._grace_s = grace_s
        self._pipes = ProcessPipes(self._on_line, self._on_overlong, self._on_end)
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._queue: deque[Request] = deque()
        self._last_id = 0
        self._death: Death | None = None
        self.fault: EnvironmentFault | None = None
        self.unclaimed: list[Result] = []
        """Results that came when nobody waited any more; their states are still held."""

    @classmethod
    async def start(
        cls, command: WorkerCommand, *, start_wall_s: float = 60.0, grace_s: float = 2.0
    ) -> LeanWorker:
        """Start the process and wait for its `ready` line.

        Raises ToolchainError when it cannot be started or is not ready within start_wall_s,
        WorkerDied when it ends first.
        """
        worker = cls(grace_s, command.modules)
        await worker._spawn(command)
        try:
            async with asyncio.timeout(start_wall_s):
                await asyncio.shield(worker._ready)
                if command.options:
                    values = list(command.options.items())
                    await worker.request("options", wall_s=start_wall_s, values=values)
        except TimeoutError:
            await worker._kill_and_wait()
            tail = worker._pipes.tail_text
            raise ToolchainError(f"Lean was not ready within {start_wall_s:g} s{tail}") from None
        except BaseException:
            await worker._kill_and_wait()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process id, also the id of its group."""
        return self._pipes.pid

    @property
    def ready(self) -> Ready:
        """What the worker said of itself on its first line."""
        return self._ready.result()

    @property
    def rss_mb(self) -> float:
        """Resident memory, MB; 0 once the process is gone."""
        return self._memory_mb(without_files=False)

    @property
    def own_mb(self) -> float:
        """Resident memory less file-backed pages (mapped .olean files), MB; 0 when gone."""
        return self._memory_mb(without_files=True)

    def _memory_mb(self, *, without_files: bool) -> float:
        import psutil  # slow to import

        with suppress(psutil.Error):
            memory = psutil.Process(self.pid).memory_info()
            shared = getattr(memory, "shared", 0) if without_files else 0
            return float(memory.rss - shared) / 1e6
        return 0.0

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Send one request and wait for its answer; the clock starts when its turn comes.

        TimedOut when wall_s passed: the worker was told to cancel and lives if it answered
        within the grace; else it was killed and `fault` is set. Raises WorkerDied and
        ProtocolError. A cancelled caller leaves a worker that drops the late answer.
        The modules of the project that a `source` imports are made ready before.
        """
        source = fields.get("source", "")
        if self._modules and (fault := await self._modules.provide(source)):
            return Failure(0, "import_failed", fault)
        return await self.wait(self.send(op, wall_s=wall_s, **fields))

    def send(self, op: str, *, wall_s: float, **fields: Any) -> Request:
        """Send one request ahead, to be waited for once. Raises as `request` does."""
        if self.fault is not None:
            raise _again(self.fault)
        self._last_id += 1
        request = Request(self._last_id, wall_s, self._loop.create_future())
        self._queue.append(request)
        self._pipes.write(encode_request(request.id, op, **fields))
        if len(self._queue) == 1:
            self._begin(request)
        return request

    async def wait(self, request: Request) -> Answer:
        """The answer to what was sent, as `request` gives it."""
        try:
            return await request.answer
        except asyncio.CancelledError:
            self.abandon(request)
            raise

    def abandon(self, request: Request) -> None:
        """Take back what nobody waits for any more."""
        if not request.answer.cancel() and not request.answer.cancelled():
            request.answer.exception()  # seen, so that nobody is warned of it
        if self._queue and self._queue[0] is request and not request.cancels:
            request.stop_clock()
            self._interrupt(request)

    async def close(self) -> None:
        """End the process: end of input first, the group's death if that is not enough."""
        try:
            if self._queue:
                self._pipes.write(encode_cancel(self._queue[0].id))
            self._pipes.end_input()
            await asyncio.wait({self._ended}, timeout=self._grace_s)
        finally:
            await self._kill_and_wait()

    async def _spawn(self, command: WorkerCommand) -> None:
        """Start the process, wholly: what asyncio only half began it leaves with open pipes."""
        starting = asyncio.ensure_future(self._pipes.spawn(command))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            try:
                await _outlast(starting)
            finally:
                if not starting.cancelled() and starting.exception() is None:
                    await self._kill_and_wait()
            raise

    async def _kill_and_wait(self) -> None:
        self._pipes.kill()
        await _outlast(self._ended)

    def _begin(self, request: Request) -> None:
        """Start the clock of the request that the worker is answering now."""
        if request.answer.done():
            self._interrupt(request)
        else:
            request.timer = self._loop.call_later(request.wall_s, self._interrupt, request)

    def _interrupt(self, request: Request) -> None:
        """Tell the worker to cancel, again and again: it ignores one that comes too early."""
        if request.cancels == CANCELS:
            self._give_up(request)
            return
        request.cancels += 1
        self._pipes.write(encode_cancel(request.id))
        wait_s = self._grace_s / CANCELS
        request.timer = self._loop.call_later(wait_s, self._interrupt, request)

    def _give_up(self, request: Request) -> None:
        text = f"did not stop within {self._grace_s:g} s of being told to, and was killed"
        if not request.answer.done():
            request.answer.set_result(TimedOut(request.wall_s))
        self._fail(self._died("killed", text))

    def _on_line(self, line: bytes) -> None:
        if self.fault is not None:
            return
        try:
            reply = decode_reply(line)
            if isinstance(reply, Death):
                self._death = reply
                self._loop.call_later(self._grace_s, self._pipes.kill)
            elif isinstance(reply, Ready):
                self._on_ready(reply)
            else:
                self._on_answer(reply)
        except ProtocolError as error:
            self._fail(error)

    def _on_ready(self, reply: Ready) -> None:
        if self._ready.done():
            raise ProtocolError("worker said `ready` twice")
        self._ready.set_result(reply)

    def _on_answer(self, reply: Result | Failure) -> None:
        expected = self._queue[0].id if self._queue else None
        if reply.id != expected:
            raise ProtocolError(f"worker answered request {reply.id}, not {expected}")
        request = self._queue.popleft()
        request.stop_clock()
        claimed = not request.answer.done()
        if claimed:
            late = request.cancels > 0
            request.answer.set_result(TimedOut(request.wall_s) if late else reply)
            claimed = not late
        if not claimed and isinstance(reply, Result):
            self.unclaimed.append(reply)
        if self._queue:
            self._begin(self._queue[0])

    def _on_overlong(self) -> None:
        text = f"sent a line over {LINE_LIMIT_BYTES // 2**20} MiB and was killed"
        self._fail(self._died("killed", text))

    def _on_end(self) -> None:
        if self._death is not None:
            self._fail(self._died(self._death.cause, self._death.text))
        else:
            cause = _cause_of_exit(self._pipes.exit_status, self._pipes.stderr_tail)
            self._fail(self._died(cause, "ended by itself"))
        if not self._ended.done():
            self._ended.set_result(None)

    def _died(self, cause: str, text: str) -> WorkerDied:
        status = self._pipes.exit_status
        exit_text = "" if status is None else f", exit status {status}"
        return WorkerDied(
            f"Lean worker {self.pid} ({cause}{exit_text}): {text}{self._pipes.tail_text}",
            cause=cause,
            exit_status=status,
            stderr_tail=self._pipes.stderr_tail,
        )

    def _fail(self, fault: EnvironmentFault) -> None:
        """Take nothing more from this process and tell everybody who waits; the first counts."""
        if self.fault is None:
            self.fault = fault
            self._pipes.kill()
        if not self._ready.done():
            self._ready.set_exception(self.fault)
            self._ready.exception()  # seen: who started it may have been cancelled meanwhile
        while self._queue:
            request = self._queue.popleft()
            request.stop_clock()
            if not request.answer.done():
                request.answer.set_exception(_again(self.fault))


@dataclass(slots=True, eq=False)
class Request:
    """One request on the wire. cancels: how often the worker was told to cancel it."""

    id: int
    wall_s: float
    answer: asyncio.Future[Answer]
    timer: asyncio.TimerHandle | None = None
    cancels: int = 0

    def stop_clock(self) -> None:
        """Let it take as long as it takes."""
        if self.timer is not None:
            self.timer.cancel()


async def _outlast(ending: asyncio.Future[None]) -> None:
    """Wait for what is about to end. Cancelled, wait on: the loop must not close before it."""
    cancelled = None
    while not ending.done():
        try:
            await asyncio.wait({ending})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


def _again(fault: EnvironmentFault) -> EnvironmentFault:
    """A copy to raise, so that callers do not share one traceback."""
    if isinstance(fault, WorkerDied):
        return WorkerDied(
            str(fault),
            cause=fault.cause,
            exit_status=fault.exit_status,
            stderr_tail=fault.stderr_tail,
        )
    return type(fault)(str(fault))


def _cause_of_exit(status: int | None, stderr_tail: tuple[str, ...]) -> str:
    """Why a process ended that did not say so itself."""
    said = "\n".join(stderr_tail).lower()
    if "stack overflow" in said:
        return "stack_overflow"
    if "out of memory" in said:
        return "out_of_memory"
    number = -status if status is not None and status < 0 else (status or 0) - 128
    by_signal = {signal.SIGKILL: "killed", signal.SIGABRT: "panic"}
    by_signal |= dict.fromkeys((signal.SIGSEGV, signal.SIGILL, signal.SIGBUS), "trap")
    return {int(key): cause for key, cause in by_signal.items()}.get(number, "exit")
