"""One place in the pool: the worker that sits there now, what it holds, and how states come back.

Used by one task at a time (the pool sees to that). A dead worker is replaced at the next use;
every state is rebuilt from its recipe, intermediate states included.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..data.errors import LeanTimeout, ProtocolError, UsageError, WorkerDied
from ..data.records import (
    Advanced,
    Origin,
    Outcome,
    ProofState,
    Rejected,
    Rejection,
    Step,
    TimedOut,
)
from .handles import MAX_STATES, Handles, Recipe, Recipes, Root
from .opened_file import to_state
from .protocol import Failure, Json, Result, proposed_field, to_hole, to_messages
from .worker import Answer, LeanWorker, Request

IMPORT_SETS = 8
MEMORY_SHARE = 0.8
REQUESTS_BETWEEN_LOOKS = 64
RELEASE_BATCH = 64
REPLAY_FACTOR = 4
SENT_AHEAD = 1


@dataclass(frozen=True)
class Limits:
    """What one request may cost."""

    heartbeats: int = 40_000
    """Lean's deterministic limit for one tactic, in thousands as `maxHeartbeats`."""
    wall_s: float = 10.0
    """Wall time for one tactic; the net under the heartbeats."""
    grace_s: float = 2.0
    """How long a worker may take to stop when told, before it is killed."""
    memory_mb: int = 2048
    """For one worker; it is replaced when it holds most of it."""
    open_wall_s: float = 300.0
    """Wall time for opening a file of 10,000 bytes; a longer one gets more, in proportion."""

    def opening_s(self, text: str) -> float:
        """Wall time for opening a file."""
        return self.open_wall_s * max(1.0, len(text.encode()) / 10_000)


@dataclass(frozen=True, slots=True)
class TacticLimits:
    """What one tactic may cost, and whether it may have holes.

    heartbeats: in thousands; None: the pool's. timeout_s: wall time; None: the pool's.
    together: whether the goals that it leaves stay one state.
    """

    heartbeats: int | None = None
    timeout_s: float | None = None
    drafts: bool = False
    together: bool = False

    def __post_init__(self) -> None:
        if self.heartbeats is not None and self.heartbeats < 1:
            raise UsageError(f"heartbeats must be at least 1, not {self.heartbeats}")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise UsageError(f"timeout_s must be above 0 seconds, not {self.timeout_s:g}")


AS_POOL = TacticLimits()


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source that a pool may open. proposed: the bytes [start, stop) that a model wrote."""

    path: str
    text: str
    proposed: tuple[int, int] | None = None


@dataclass(slots=True)
class MostAsked:
    """The highest limits that a tactic was given in this pool: what its replay may take too."""

    heartbeats: int = 0
    wall_s: float = 0.0

    def note(self, limits: TacticLimits) -> None:
        """Count what one call asks for."""
        self.heartbeats = max(self.heartbeats, limits.heartbeats or 0)
        self.wall_s = max(self.wall_s, limits.timeout_s or 0.0)


@dataclass(frozen=True)
class PoolContext:
    """What all slots of a pool share. sources: by digest; memory_of: in MB."""

    limits: Limits
    recipes: Recipes
    sources: dict[str, KnownSource]
    start: Callable[[], Awaitable[LeanWorker]]
    memory_of: Callable[[LeanWorker], float]
    max_states: int = MAX_STATES
    most: MostAsked = field(default_factory=MostAsked)


class WorkerSlot:
    """One place in the pool. A live handle is known by the generation's `handles` only."""

    def __init__(self, shared: PoolContext) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._recipes = shared.recipes
        self._sources = shared.sources
        self._import_sets: set[tuple[str, ...]] = set()
        self._requests = 0
        self._is_stale = False
        self.worker: LeanWorker | None = None
        self.handles = Handles(shared.max_states)
        self.generation = 0
        self.lean_us = 0

    @property
    def is_running(self) -> bool:
        """Whether a live worker sits here."""
        return self.worker is not None and self.worker.fault is None

    async def prepare(self) -> None:
        """Before each job: replace a dead worker, or one that has grown too big.

        Never within a job, whose handles belong to the worker it began with.
        """
        if self._is_stale or not self.is_running:
            await self._replace()
        self.handles.trim()
        if self.handles.dropped >= RELEASE_BATCH:
            await self.flush()

    async def close(self) -> None:
        """End the worker, if there is one; its handles are void."""
        worker, self.worker = self.worker, None
        self.handles = Handles(self._shared.max_states)
        if worker is not None:
            await worker.close()

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """One request to the worker that sits here, after `prepare`."""
        worker = self._worker()
        answer = await worker.request(op, wall_s=wall_s, **fields)
        self._count(worker)
        if isinstance(answer, Result) and "imports" in answer.value:
            self._import_sets.add(tuple(answer.value["imports"]))
            self._is_stale |= len(self._import_sets) > IMPORT_SETS
        return answer

    def _worker(self) -> LeanWorker:
        if self.worker is None:
            raise WorkerDied("the worker was closed")
        return self.worker

    def _count(self, worker: LeanWorker) -> None:
        self._requests += 1
        if self._requests % REQUESTS_BETWEEN_LOOKS == 0:
            self._look_at_memory(worker)

    async def flush(self) -> None:
        """Tell the worker to release what is no longer wanted; a death now loses nothing."""
        if not self.is_running:
            return
        states, files = self.handles.take_dropped()
        if states or files:
            try:
                await self.request("release", wall_s=10.0, states=states, files=files)
            except WorkerDied:
                return

    async def open(self, digest: str) -> Json:
        """Open a known source here; its root states become live. Returns the wire's result.

        Raises UsageError when Lean cannot open it within the limit, WorkerDied.
        """
        known = self._sources[digest]
        wall_s = self._limits.opening_s(known.text)
        fields = {"name": known.path, "source": known.text, **proposed_field(known.proposed)}
        answer = await self.request("open", wall_s=wall_s, **fields)
        value = _value(answer, f"cannot open {known.path}")
        self.handles.put_file(digest, value["file"])
        for hole, wire_hole in enumerate(value["holes"]):
            for index, wire in enumerate(wire_hole["states"]):
                root = self._recipes.root(Root(digest, hole, index).name)
                self.handles.put_root(digest, root, wire["state"])
        return value

    async def state_statement(self, root: Root) -> ProofState:
        """Make the root state of a bare statement live. Raises UsageError, WorkerDied."""
        value = await self.ask_file(root.digest, "state", statement=root.statement)
        wire = value["state"]
        recipe = self._recipes.root(root.name)
        self.handles.put_root(root.digest, recipe, wire["state"])
        return to_state(wire, root=root.name)

    async def ask_file(self, digest: str, op: str, **fields: Any) -> Json:
        """A request about a known source, opened when it is not. Raises UsageError, WorkerDied."""
        file, wall_s = await self.file(digest), self._limits.open_wall_s
        return _value(
            await self.request(op, wall_s=wall_s, file=file, **fields), f"cannot answer {op}"
        )

    async def file(self, digest: str) -> int | None:
        """The wire's number of a known source, opened when it is not. Raises as `open`."""
        if self.handles.file(digest) is None:
            await self.open(digest)
        return self.handles.file(digest)

    async def ask_state(self, state: ProofState, op: str) -> Json | None:
        """A request about a state whose root is live; None for one that cannot be rebuilt."""
        wire = self.handles.get(self._recipes.of(state))
        if wire is None:
            wire = await self._rebuild(state)
        if isinstance(wire, Rejected):
            return None
        answer = await self.request(op, wall_s=self._limits.wall_s, state=wire)
        return answer.value if isinstance(answer, Result) else None

    async def reach_root(self, name: str) -> None:
        """Make a root live where that is possible. Raises UsageError, WorkerDied."""
        if self._recipes.root(name) in self.handles:
            return
        root = Root.parse(name)
        if root.digest not in self._sources:
            raise UsageError(f"a state of a file that this pool has not opened: {name}")
        if root.hole is None:
            await self.state_statement(root)
        else:
            await self.open(root.digest)

    async def apply(
        self, state: ProofState, tactics: Sequence[str], limits: TacticLimits = AS_POOL
    ) -> AsyncGenerator[Step, None]:
        """Try tactics at a state whose root is live; gives each step as it comes.

        One is sent ahead, so that Lean does not wait for us. Ends early with a worker that had
        to be killed. Raises WorkerDied, ProtocolError.
        """
        recipe = self._recipes.of(state)
        wire = self.handles.get(recipe)
        if wire is None:
            wire = await self._rebuild(state)
        if isinstance(wire, Rejected):
            for tactic in tactics:
                yield Step(tactic, 1.0, wire)
            return
        worker, wall_s = self._worker(), limits.timeout_s or self._limits.wall_s
        sent: deque[Request] = deque()
        try:
            for number, tactic in enumerate(tactics):
                for ahead in tactics[number + len(sent) : number + SENT_AHEAD + 1]:
                    fields = self._fields(wire, ahead, limits)
                    sent.append(worker.send("apply", wall_s=wall_s, **fields))
                began = time.perf_counter()
                answer = await worker.wait(sent.popleft())
                elapsed_ms = (time.perf_counter() - began) * 1e3
                self._count(worker)
                applied = _applied(tactic, answer)
                outcome = self._outcome(state, recipe, (applied, limits.together), answer)
                yield Step(applied, 1.0, outcome, elapsed_ms)
                if worker.fault is not None:
                    return  # killed for this tactic: the death is not the next one's doing
        finally:
            for request in sent:
                worker.abandon(request)

    async def _again(self, wire: Any, tactic: str, together: bool) -> Answer:
        """Take a step of a recipe once more, within more than it can have taken."""
        heartbeats = max(self._limits.heartbeats * REPLAY_FACTOR, self._shared.most.heartbeats)
        wall_s = max(self._limits.wall_s * REPLAY_FACTOR, self._shared.most.wall_s)
        limits = TacticLimits(heartbeats, wall_s, drafts=True, together=together)
        return await self.request("apply", wall_s=wall_s, **self._fields(wire, tactic, limits))

    def _fields(self, wire: Any, tactic: str, limits: TacticLimits) -> Json:
        heartbeats = limits.heartbeats or self._limits.heartbeats
        fields = {"state": wire, "tactic": tactic, "heartbeats": heartbeats}
        fields |= {"drafts": True} if limits.drafts else {}
        return fields | ({"together": True} if limits.together else {})

    async def _rebuild(self, state: ProofState) -> Any:
        """Replay the recipe from its longest live part; the wire id, or Rejected if it fails."""
        steps = state.recipe
        made = [*(step.parent for step in steps), state]
        recipes = [self._recipes.root(state.root)]
        for step in steps:
            recipes.append(recipes[-1].child(step.tactic, step.index, step.together))
        start = len(steps)
        while start > 0 and recipes[start] not in self.handles:
            start -= 1
        for number in range(start, len(steps)):
            wire = self.handles.get(recipes[number])
            if wire is None:
                return _lost(f"step {number} is gone")
            step = steps[number]
            tactic, together = step.tactic, step.together
            answer = await self._again(wire, tactic, together)
            outcome = self._outcome(made[number], recipes[number], (tactic, together), answer)
            if not _gives(outcome, step.index, made[number + 1]):
                return _lost(f"`{tactic}` gave another result this time")
        wire = self.handles.get(recipes[-1])
        return _lost("its root is gone") if wire is None else wire

    def _outcome(
        self, parent: ProofState, recipe: Recipe, applied: tuple[str, bool], answer: Answer
    ) -> Outcome:
        """The answer to `apply` as a record; its states become live handles.

        applied: the tactic, and whether the goals that it leaves stay together.
        """
        if isinstance(answer, TimedOut):
            return answer
        if isinstance(answer, Failure):
            if answer.kind == "internal":
                return Rejected(answer.text)
            raise ProtocolError(f"worker refused `apply`: {answer.kind}: {answer.text}")
        self.lean_us += answer.us
        try:
            rejected = answer.value.get("rejected")
            if rejected is not None:
                said = to_messages(rejected)
                return Rejected(rejected["text"], Rejection(rejected["kind"]), said)
            states, (tactic, together) = [], applied
            for index, wire in enumerate(answer.value["states"]):
                places = tuple(wire["positions"])
                origin = Origin(parent, tactic, index, places, to_hole(wire), together)
                states.append(to_state(wire, root=parent.root, origin=origin))
                self.handles.put(recipe.child(tactic, index, together), wire["state"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"worker answered `apply` in no known shape: {error}") from error
        found = answer.value.get("suggestion")
        return Advanced(tuple(states), to_messages(answer.value), found)

    async def _replace(self) -> None:
        await self.close()
        self._is_stale = False
        self._import_sets = set()
        self._requests = 0
        self.worker = await self._shared.start()
        self.generation += 1

    def _look_at_memory(self, worker: LeanWorker) -> None:
        """Drop what nobody claimed, and note when the worker should be replaced."""
        for result in worker.unclaimed:
            wires = result.value.get("states", [])
            files = [result.value["file"]] if "file" in result.value else []
            self.handles.release_later([wire["state"] for wire in wires], files)
        worker.unclaimed.clear()
        limit_mb = self._limits.memory_mb * MEMORY_SHARE
        self._is_stale |= self._shared.memory_of(worker) > limit_mb


def _value(answer: Answer, what: str) -> Json:
    """The result of a request that must succeed. Raises LeanTimeout, UsageError."""
    if isinstance(answer, Result):
        return answer.value
    if isinstance(answer, TimedOut):
        raise LeanTimeout(f"{what}: Lean took more than {answer.wall_s:g} s")
    missing = "missing import: " if answer.kind == "import_failed" else ""
    raise UsageError(f"{what}: {missing}{answer.text}")


def _applied(tactic: str, answer: Answer) -> str:
    """The tactic that was applied: what a searching one found, or the one sent."""
    return str(answer.value.get("tactic", tactic)) if isinstance(answer, Result) else tactic


def _gives(outcome: Outcome, index: int, expected: ProofState) -> bool:
    """Whether a replayed tactic led to the state it led to before."""
    if not isinstance(outcome, Advanced) or index >= len(outcome.states):
        return False
    return outcome.states[index] == expected


def _lost(why: str) -> Rejected:
    return Rejected(f"could not rebuild the state: {why}", Rejection.CRASH)
