"""One node of a cluster: its Lean workers and its policy, trying what the driver sends.

It keeps nothing: what an attempt tells goes back to the driver, who writes the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...data.errors import LakatosError, ToolchainError
from ...data.evaluation import AttemptResult, Problem, ProblemResult, ResultClass
from ...data.records import Attempt, Expansion, Theorem
from ...data.turns import Turn
from ...lean_env.toolchains.find import Toolchain, find_toolchain
from ..config import ModelConfig
from ..models.server_watch import Servers
from ..session import RunConfig, searching, start_run
from .elaboration import Unfit, unfit
from .ray_mail import ActorResource
from .ray_policy import RemotePolicy
from .runner import AttemptPlan, EvaluationRunner, Listeners, RunnerContext, Task
from .wire import PackedExpansions, RemoteError, pack

Setup = Callable[[], AbstractAsyncContextManager[RunnerContext]]
"""Sets up the parts of a node, on that node; it is sent there."""


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """Sets up a node as the driver is. directory: where native Lean is; the same path there.

    config, key, cache: of start_run. lean: the version that all nodes must have.
    policies: actors to ask, PolicyPosts; none: the node has a policy of its own.
    """

    config: RunConfig
    lean: str
    choice: str
    directory: Path | None = None
    key: str | None = field(default=None, repr=False)
    cache: Path | None = None
    policies: tuple[Any, ...] = ()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[RunnerContext]:
        """The parts; their processes end with it. Raises ToolchainError, and as start_run."""
        lean, config = await asyncio.to_thread(self.toolchain), self.config
        if self.policies:
            config = replace(config, policy="hammer", model=ModelConfig())
        async with start_run(lean, config, servers=Servers(self.key), cache=self.cache) as run:
            make = run.make
            if self.policies:
                remote = RemotePolicy(self.config.policy, self.policies)
                make = searching(run.pool, run.verifier, remote, self.config.model.samples)
            yield RunnerContext(run.pool, make)

    def toolchain(self) -> Toolchain:
        """The Lean of this node. Raises ToolchainError when it is another than the driver's."""
        file = self.directory and self.directory / "problems.lean"
        found = find_toolchain(self.choice, file=file, cache=self.cache)
        if found.lean != self.lean:
            raise ToolchainError(f"has Lean {found.lean}, and the driver {self.lean}")
        return found


@dataclass(frozen=True, slots=True)
class TriedProblem:
    """An attempt that is over, and what it tried."""

    attempt: Attempt
    parcel: PackedExpansions
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A problem is classed without an attempt."""

    outcome: ResultClass
    detail: str


@dataclass(slots=True)
class Report:
    """What became of a task, in the order told. fault: why it could not be tried to its end."""

    told: list[TriedProblem | Decided | AttemptResult] = field(default_factory=list)
    fault: RemoteError | None = None


class _Notes:
    """Archive, book and watcher of one task: notes all in a report."""

    def __init__(self) -> None:
        self.report = Report()
        self._expansions: dict[Theorem, list[Expansion]] = {}
        self._turns: dict[Theorem, list[Turn]] = {}

    def start_attempt(self, theorem: Theorem) -> None:
        """A new list."""
        self._expansions[theorem] = []

    def attempt_id(self, theorem: Theorem) -> int:
        """None yet: the driver numbers attempts."""
        return 0

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Keep them until the end."""
        self._expansions.setdefault(theorem, []).extend(expansions)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Keep them until the end."""
        self._turns.setdefault(theorem, []).extend(turns)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Note the attempt whole."""
        parcel = pack(self._expansions.pop(attempt.theorem, []))
        turns = tuple(self._turns.pop(attempt.theorem, ()))
        self.report.told.append(TriedProblem(attempt, parcel, turns))

    def decide(self, number: int, outcome: ResultClass, detail: str) -> None:
        """Note it."""
        self.report.told.append(Decided(outcome, detail))

    def add(self, number: int, attempt: AttemptResult) -> None:
        """Note it."""
        self.report.told.append(attempt)

    def start(self, slot: int, problem: Problem, number: int) -> None:
        """Nobody watches here."""

    def expanded(self, slot: int, count: int) -> None:
        """Nobody watches here."""

    def finish(self, slot: int, result: ProblemResult) -> None:
        """Nobody watches here."""


class EvaluationWorker:
    """The Ray actor of one node."""

    def __init__(self, setup: Setup, plan: AttemptPlan) -> None:
        self._station = ActorResource(setup, RemoteError("EnvironmentFault", "cannot be set up"))
        self._plan = plan
        self._benches: set[EvaluationRunner] = set()

    async def serve(self) -> None:
        """Set the node up, and stay until `close`."""
        await self._station.serve()

    async def places(self) -> int | RemoteError:
        """How many tasks it tries at once, when it is set up; or why it cannot be."""
        parts = await self._station.held()
        return parts if isinstance(parts, RemoteError) else parts.pool.workers

    async def attempt(self, task: Task) -> Report:
        """Try all that is left of one task."""
        parts = await self._parts()
        notes = _Notes()
        bench = EvaluationRunner(parts, self._plan, Listeners(notes, lambda: notes, notes))
        self._benches.add(bench)
        try:
            await bench.work([task], 1)
        except LakatosError as error:
            notes.report.fault = RemoteError.of(error)
        finally:
            self._benches.discard(bench)
        return notes.report

    async def unfit(self, problem: Problem) -> Unfit | None:
        """Why a problem cannot be attempted; None when Lean accepts it."""
        return await unfit((await self._parts()).pool, problem)

    async def stop(self) -> None:
        """Interrupt all searches; what they found is still judged."""
        for bench in self._benches:
            bench.stop()

    async def close(self) -> None:
        """Let `serve` end, and all processes with it."""
        self._station.close()

    async def _parts(self) -> RunnerContext:
        parts = await self._station.held()
        assert isinstance(parts, RunnerContext), parts
        return parts
