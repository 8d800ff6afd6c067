"""One node of a cluster: an actor with Lean workers and a policy, and how the driver asks it.

It stores nothing: what happens in an attempt goes back to the driver, who writes the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ...data.errors import LakatosError, ToolchainError
from ...data.records import Attempt, Expansion, Theorem
from ...data.turns import Turn
from ...lean_env.opened_file import OpenedFile
from ...lean_env.toolchains.find import Toolchain, find_toolchain
from ..agent.recorder import AttemptObserver
from ..config import ProverConfig
from ..models.server_watch import Servers
from ..session import RunConfig, start_run
from .runner import Proving, RunnerContext

Setup = Callable[[], AbstractAsyncContextManager[RunnerContext]]
"""Sets up the parts of a node, on that node; it is sent there."""


class NodeLost(Exception):
    """The node of a call is gone, or the actor on it."""


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """Sets up a node as the driver is. directory: where native Lean is; the same path there.

    config, key, cache: of start_run. lean: the version that all nodes must have.
    """

    config: RunConfig
    lean: str
    choice: str
    directory: Path | None = None
    key: str | None = field(default=None, repr=False)
    cache: Path | None = None

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[RunnerContext]:
        """The parts; their processes end with it. Raises ToolchainError, and as start_run."""
        lean = await asyncio.to_thread(self.toolchain)
        servers = Servers(self.key)
        async with start_run(lean, self.config, servers=servers, cache=self.cache) as run:
            yield RunnerContext(run.pool, run.make)

    def toolchain(self) -> Toolchain:
        """The Lean of this node. Raises ToolchainError when it is another than the driver's."""
        file = self.directory and self.directory / "problems.lean"
        found = find_toolchain(self.choice, file=file, cache=self.cache)
        if found.lean != self.lean:
            raise ToolchainError(f"has Lean {found.lean}, and the driver {self.lean}")
        return found


@dataclass(slots=True)
class AttemptReport:
    """What came of attempts. events: calls of an observer, by method and arguments, in order."""

    attempts: list[Attempt] = field(default_factory=list)
    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    fault: LakatosError | None = None


class _EventRecorder:
    """Records what an observer would hear."""

    def __init__(self, events: list[tuple[str, tuple[Any, ...]]]) -> None:
        self._events = events

    def start_attempt(self, theorem: Theorem) -> None:
        self._events.append(("start_attempt", (theorem,)))

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        self._events.append(("expansions", (theorem, expansions)))

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        self._events.append(("turns", (theorem, turns)))

    def proof_found(self, attempt: Attempt) -> None:
        self._events.append(("proof_found", (attempt,)))

    def finish_attempt(self, attempt: Attempt) -> None:
        self._events.append(("finish_attempt", (attempt,)))


class EvaluationWorker:
    """The Ray actor of one node.

    Its context is opened at the first call, and closed in the same task, as task groups want it.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None
        self._provers: set[Proving] = set()

    async def capacity(self) -> int:
        """Set the node up, once: how many problems it tries at once. Raises what that raises."""
        if self._holding is None:
            self._holding = asyncio.create_task(self._hold())
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait([ready, self._holding], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._holding.done():
            await self._holding
        return self._context.pool.workers

    async def _hold(self) -> None:
        async with self._setup() as self._context:
            self._ready.set()
            await self._closing.wait()

    async def open(self, path: str, source: str) -> OpenedFile:
        """As the pool of the node."""
        return await self._context.pool.open(path, source)

    async def close_file(self, opened: OpenedFile) -> None:
        """As the pool of the node."""
        self._context.pool.close_file(opened)

    async def prove(self, theorems: Sequence[Theorem], config: ProverConfig) -> AttemptReport:
        """Try to prove theorems of files that are open on this node."""
        report = AttemptReport()
        prover = self._context.make(_EventRecorder(report.events), config)
        self._provers.add(prover)
        try:
            report.attempts = await prover.prove(theorems)
        finally:
            self._provers.discard(prover)
        report.fault = prover.fault
        return report

    async def stop(self) -> None:
        """Interrupt all searches; what they found is still judged."""
        for prover in self._provers:
            prover.stop()

    async def close(self) -> None:
        """End all processes of the node."""
        self._closing.set()
        if self._holding:
            await asyncio.wait([self._holding])


async def remote_context(actor: Any) -> RunnerContext:
    """What attempts on a node are made with. Raises NodeLost, and what its setup raises."""
    workers = await _answer(actor.capacity.remote())
    return RunnerContext(_NodePool(actor, workers), partial(_NodeProver, actor))


async def _answer(reference: Awaitable[Any]) -> Any:
    """What a call returns or raises. Raises NodeLost when its node is lost."""
    errors = import_module("ray.exceptions")
    try:
        return await reference
    except errors.RayTaskError as error:
        raise error.cause from None
    except errors.RayError as error:
        raise NodeLost from error


@dataclass(frozen=True, slots=True)
class _NodePool:
    """The pool of a node."""

    actor: Any
    workers: int

    async def open(self, path: str, source: str) -> OpenedFile:
        opened: OpenedFile = await _answer(self.actor.open.remote(path, source))
        return opened

    def close_file(self, opened: OpenedFile) -> None:
        self.actor.close_file.remote(opened)


class _NodeProver:
    """A prover on a node, for one attempt. The observer hears of it when it is over."""

    def __init__(self, actor: Any, observer: AttemptObserver, config: ProverConfig) -> None:
        self._actor = actor
        self._observer = observer
        self._config = config
        self.fault: LakatosError | None = None

    async def prove(self, theorems: Sequence[Theorem]) -> list[Attempt]:
        asked = self._actor.prove.remote(list(theorems), self._config)
        report: AttemptReport = await _answer(asked)
        for method, arguments in report.events:
            getattr(self._observer, method)(*arguments)
        self.fault = report.fault
        return report.attempts

    def stop(self) -> None:
        self._actor.stop.remote()
