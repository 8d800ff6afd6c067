"""Lean workers in parallel, with states that outlive them.

A state is its recipe; a worker's handle is a cache. So any worker serves any state, a dead one
is replaced without the caller's knowledge, and only a tactic that ends two workers is given up.
Knows nothing of search or models.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..data.errors import EnvironmentFault, ProtocolError, UsageError, WorkerDied
from ..data.lean_text import dedented
from ..data.records import ProofState, Rejected, Rejection, Step, Theorem
from .closing import Closing
from .handles import MAX_STATES, Recipe, Recipes, Root
from .opened_file import OpenedFile, digest_of, to_opened
from .protocol import Json
from .slot import KnownSource, Limits, PoolContext, TacticLimits, WorkerSlot
from .slot_queue import SlotQueue
from .worker import Answer, LeanWorker
from .worker_command import WORKER_MB, Toolchain, free_mb

__all__ = ["LeanPool", "Limits", "OpenedFile"]

DEFAULT_LIMITS = Limits()
SLOW_OPEN_S = 2.0
"""A file that takes longer to open is waited for where it is open."""
THEOREM_S = 1.0
"""Work on one theorem that makes up for opening its file on one more worker."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """What a machine has for workers. need_mb: of one worker."""

    need_mb: int
    free_mb: float
    cores: int

    @classmethod
    def now(cls, need_mb: int = WORKER_MB) -> Room:
        """Of this machine, at this moment."""
        return cls(need_mb, free_mb(), os.cpu_count() or 1)

    @property
    def workers(self) -> int:
        """As many as there are cores and room in memory. Raises EnvironmentFault for none."""
        fitting = int(self.free_mb / self.need_mb)
        if fitting < 1:
            raise EnvironmentFault(
                f"a Lean worker needs about {self.need_mb} MB here, and {self.free_mb:.0f} MB are "
                "free: end other programs, or try one all the same with --workers 1"
            )
        return min(self.cores, fitting)

    @property
    def text(self) -> str:
        """What keeps workers from using all cores, if memory does."""
        if self.free_mb / self.need_mb >= self.cores:
            return ""
        return (
            f"workers: {self.workers} (cores: {self.cores}); each needs about {self.need_mb} MB, "
            f"and {self.free_mb:.0f} MB are free (--workers)"
        )


class LeanPool(Closing):
    """Lean workers, started when first needed. Use as an async context manager."""

    def __init__(
        self,
        toolchain: Toolchain,
        *,
        workers: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        max_states: int = MAX_STATES,
        room: Room | None = None,
        memory_of: Callable[[LeanWorker], float] = lambda worker: worker.own_mb,
    ) -> None:
        self._toolchain = toolchain
        need_mb = toolchain.worker_command(memory_mb=limits.memory_mb).need_mb
        if limits.memory_mb == DEFAULT_LIMITS.memory_mb:  # else its user knows better
            limits = replace(limits, memory_mb=max(limits.memory_mb, need_mb))
        self._limits = limits
        self._recipes = Recipes()
        self._sources: dict[str, KnownSource] = {}
        self._shared = PoolContext(
            limits=self._limits,
            recipes=self._recipes,
            sources=self._sources,
            start=self._start,
            memory_of=memory_of,
            max_states=max_states,
        )
        self.shortage = ""
        """Why there are fewer workers than cores, if memory is why."""
        if workers is None:
            room = room or Room.now(need_mb)
            workers, self.shortage = room.workers, room.text
        slots = range(max(1, workers))
        self._slots = [WorkerSlot(self._shared) for _ in slots]
        self._queue = SlotQueue(self._slots)
        self._spreading: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """End every worker. What still waits for one is told with UsageError."""
        self._is_closed = True
        self._queue.close(_closed())
        for task in self._spreading:
            task.cancel()
        await asyncio.gather(*self._spreading, return_exceptions=True)
        async with asyncio.TaskGroup() as group:
            for slot in self._slots:
                group.create_task(slot.close())

    @property
    def workers(self) -> int:
        """How many workers there may be at once."""
        return len(self._slots)

    @property
    def busy(self) -> int:
        """How many of them serve somebody now."""
        return len(self._slots) - len(self._queue.free)

    @property
    def restarts(self) -> int:
        """How many workers were replaced: dead, killed, or grown too big."""
        return sum(max(0, slot.generation - 1) for slot in self._slots)

    @property
    def lean_us(self) -> int:
        """Time spent inside Lean by all tactics so far, microseconds."""
        return sum(slot.lean_us for slot in self._slots)

    async def open(
        self, path: str, source: str, proposed: tuple[int, int] | None = None
    ) -> OpenedFile:
        """Elaborate a whole file; each hole becomes a theorem.

        proposed: the bytes [start, stop) that a model wrote. A command is not elaborated, which
        is an error of the file, if that part of it has syntax that may not stand in a proof.
        Raises UsageError when Lean cannot read its header or takes too long, WorkerDied when
        it ends two workers. Errors in its body are messages.
        """
        digest = digest_of(source)
        if proposed is not None or digest not in self._sources:
            self._sources[digest] = KnownSource(path, source, proposed)
        began = 0.0
        async with self._slot() as slot:

            async def open_here() -> Json:
                nonlocal began
                began = time.monotonic()  # the start of a worker is not the file's doing
                return await slot.open(digest)

            reply = await _twice(slot, open_here)
            elapsed_s = time.monotonic() - began
        try:
            opened = to_opened(path, source, reply)
        except (KeyError, TypeError, IndexError) as error:
            raise ProtocolError(f"worker answered `open` in no known shape: {error}") from error
        if elapsed_s > SLOW_OPEN_S:
            self._queue.slow[digest] = elapsed_s
            if len(opened.theorems) * THEOREM_S > elapsed_s:
                self._spread(digest)
        return opened

    def _spread(self, digest: str) -> None:
        """Have the workers that are free open a file too, beside the work on it."""

        async def open_there(slot: WorkerSlot) -> None:
            try:
                await slot.prepare()
                await slot.open(digest)
            except (EnvironmentFault, UsageError):
                return  # whoever needs the file there is told
            finally:
                self._queue.give_back(slot)

        for slot in self._queue.take_without(digest):
            task = asyncio.get_running_loop().create_task(open_there(slot))
            self._spreading.add(task)
            task.add_done_callback(self._spreading.discard)

    async def statement(self, opened: OpenedFile, text: str) -> ProofState:
        """The root state of a bare statement in the scope of the file's end.

        Raises UsageError when it does not elaborate, WorkerDied.
        """
        root = Root(digest_of(opened.source), statement=text)
        self._sources.setdefault(root.digest, KnownSource(opened.path, opened.source))
        async with self._slot(root.name) as slot:
            return await _twice(slot, lambda: slot.state_statement(root))

    async def apply(
        self,
        state: ProofState,
        tactics: Sequence[str] | str,
        *,
        goal: int = 0,
        allow_sorry: bool = False,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> list[Step]:
        """Try tactics at a state, in order, on one worker; priors are 1.

        tactics: one text counts as one tactic. goal: which of the state's goals they are for,
        from 0. allow_sorry: each `sorry` that they have becomes a state in its own context
        (`Origin.hole`), and `script` puts its proof there. timeout_s, heartbeats (in thousands):
        for each tactic; None: the pool's limits. A tactic that searches (`exact?`) is replaced by
        what it found, in the step too. One that ends two workers is Rejected as CRASH.
        Raises UsageError for a state of a file that this pool has not opened, WorkerDied when its
        file ends two workers, ProtocolError.
        """
        limits = TacticLimits(heartbeats, timeout_s, allow_sorry)
        self._shared.most.note(limits)
        given = [tactics] if isinstance(tactics, str) else tactics
        texts = [_at_goal(state, goal, tactic) for tactic in given]
        async with self._slot(state.root, self._recipes.of(state)) as slot:
            return await self._steps(slot, state, texts, limits)

    async def apply_together(
        self,
        state: ProofState,
        tactic: str,
        *,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> Step:
        """Try a tactic, and keep all goals that it leaves as one state, as a proof script does.

        It may have holes; each is a state of its own, behind that one. Else as `apply`.
        """
        limits = TacticLimits(heartbeats, timeout_s, drafts=True, together=True)
        self._shared.most.note(limits)
        async with self._slot(state.root, self._recipes.of(state)) as slot:
            (step,) = await self._steps(slot, state, [tactic], limits)
        return step

    async def ask_file(self, theorem: Theorem, op: str, **fields: Any) -> Json:
        """A request about the file of a theorem that this pool has opened.

        Raises UsageError when Lean cannot serve it, WorkerDied.
        """
        root = Root.parse(theorem.state.root)
        if root.digest not in self._sources:
            raise UsageError(f"{theorem.name}: of a file that this pool has not opened")
        async with self._slot(theorem.state.root) as slot:
            return await _twice(slot, lambda: slot.ask_file(root.digest, op, **fields))

    async def ask_state(self, state: ProofState, op: str) -> Json | None:
        """A request about a state; None where Lean cannot serve it. Raises as `apply`."""
        async with self._slot(state.root, self._recipes.of(state)) as slot:

            async def ask() -> Json | None:
                await slot.reach_root(state.root)
                return await slot.ask_state(state, op)

            return await _twice(slot, ask)

    async def forget(self, theorem: Theorem) -> None:
        """Drop every live state below a theorem's root, in all workers."""
        recipes = [
            recipe
            for state in (theorem.state, *theorem.others)
            for recipe in self._recipes.forget(state.root)
        ]
        for slot in self._slots:
            for recipe in recipes:
                slot.handles.drop(recipe)
        idle, self._queue.free = self._queue.free, []
        try:
            for slot in idle:
                await slot.flush()
        finally:
            for slot in idle:
                self._queue.give_back(slot)

    def close_file(self, opened: OpenedFile) -> None:
        """Keep nothing of a file, nor of others by its path; their states are void.

        So that many files can be opened in turn.
        """
        paths = {digest: known.path for digest, known in self._sources.items()}
        void = [digest for digest, path in paths.items() if path == opened.path]
        for digest in {*void, digest_of(opened.source)}:
            self._sources.pop(digest, None)
            self._recipes.forget_source(digest)
            self._queue.slow.pop(digest, None)
            for slot in self._slots:
                slot.handles.drop_file(digest)

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Any request that needs no earlier one, on any worker; once more if that dies."""
        async with self._slot() as slot:
            return await _twice(slot, lambda: slot.request(op, wall_s=wall_s, **fields))

    async def request_at(
        self, theorem: Theorem, op: str, *, wall_s: float, **fields: Any
    ) -> Answer:
        """Any request about the file of a theorem; raises UsageError as `ask_file`, WorkerDied."""
        digest = digest_of(theorem.source)
        if digest not in self._sources:
            raise UsageError(f"{theorem.name}: of a file that this pool has not opened")
        async with self._slot(f"{digest}:") as slot:

            async def ask() -> Answer:
                return await slot.request(op, wall_s=wall_s, file=await slot.file(digest), **fields)

            return await _twice(slot, ask)

    async def _steps(
        self, slot: WorkerSlot, state: ProofState, tactics: Sequence[str], limits: TacticLimits
    ) -> list[Step]:
        steps: list[Step] = []
        deaths = 0
        while len(steps) < len(tactics):
            await _twice(slot, lambda: slot.reach_root(state.root))
            try:
                async with aclosing(slot.apply(state, tactics[len(steps) :], limits)) as tried:
                    async for step in tried:
                        steps.append(step)
                        deaths = 0
            except WorkerDied as death:
                deaths += 1
                if deaths == 2:
                    outcome = Rejected(f"it ended two workers: {death}", Rejection.CRASH)
                    steps.append(Step(tactics[len(steps)], 1.0, outcome))
                    deaths = 0
        return steps

    async def _start(self) -> LeanWorker:
        if self._is_closed:
            raise _closed()
        command = self._toolchain.worker_command(memory_mb=self._limits.memory_mb)
        worker = await LeanWorker.start(command, grace_s=self._limits.grace_s)
        if self._is_closed:
            await worker.close()
            raise _closed()
        return worker

    @asynccontextmanager
    async def _slot(
        self, root: str = "", recipe: Recipe | None = None
    ) -> AsyncIterator[WorkerSlot]:
        """A slot for one caller, first come first served."""
        slot = await self._take(root, recipe)
        try:
            yield slot
        finally:
            self._queue.give_back(slot)

    async def _take(self, root: str, recipe: Recipe | None) -> WorkerSlot:
        if self._is_closed:
            raise _closed()
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise UsageError(
                "the pool belongs to the event loop that first used it: make one pool in each loop"
            )
        return await self._queue.take(root, recipe)


async def _twice(slot: WorkerSlot, job: Callable[[], Awaitable[T]]) -> T:
    """Do it on a live worker, and once more if that died under it."""
    try:
        await slot.prepare()
        return await job()
    except WorkerDied:
        await slot.prepare()
        return await job()


def _at_goal(state: ProofState, goal: int, tactic: str) -> str:
    """The tactic for one goal of a state: as tactics that bring it to the front before."""
    if not 0 <= goal < max(1, len(state.goals)):
        raise UsageError(f"the state has no goal {goal}: it has {len(state.goals)}, from 0 on")
    return f"rotate_left {goal}\n{dedented(tactic)}" if goal else tactic


def _closed() -> UsageError:
    return UsageError("the pool is closed")
