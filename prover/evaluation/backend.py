"""Where the problems of a run are tried: by workers of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...data.evaluation import Problem, ResultClass
from ...lean_env.toolchains.native import NativeToolchain
from ...lean_env.worker_command import Toolchain
from ..models.server_watch import Servers
from ..policy_spec import parse_policy
from ..session import Run, RunConfig, start_run
from . import elaboration
from .elaboration import Unfit
from .ray_cluster import Cluster, joined
from .ray_node import NodeSetup
from .runner import EvaluationRunner, RunnerContext, Task


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """Where to work. cluster: the address of a Ray cluster; None: here.

    servers, cache: of start_run. say: is told of nodes that fail.
    """

    toolchain: Toolchain
    cluster: str | None = None
    servers: Servers = field(default_factory=Servers)
    cache: Path | None = None
    say: Callable[[str], None] = lambda line: None


class ExecutionBackend(Protocol):
    """What tries problems."""

    @property
    def restarts(self) -> int:
        """How many workers, or nodes, were lost."""
        ...

    async def all_unfit(self, problems: Sequence[Problem]) -> list[Unfit | None]:
        """Why each problem cannot be attempted; None when Lean accepts it."""
        ...

    async def work(self, runner: EvaluationRunner, tasks: Sequence[Task]) -> None:
        """Let a runner do all tasks. Raises as `EvaluationRunner.attempt`."""
        ...


@dataclass(frozen=True, slots=True)
class LocalBackend:
    """Workers of this machine. concurrency: problems at once; None: one a worker."""

    run: Run
    concurrency: int | None = None

    @property
    def restarts(self) -> int:
        """How many workers were lost."""
        return self.run.pool.restarts

    async def all_unfit(self, problems: Sequence[Problem]) -> list[Unfit | None]:
        """Why each problem cannot be attempted; None when Lean accepts it."""
        return await elaboration.all_unfit(self.run.pool, problems, lambda known: None)

    async def work(self, runner: EvaluationRunner, tasks: Sequence[Task]) -> None:
        """Let a runner do all tasks."""
        at_once = min(self.concurrency or self.run.pool.workers, max(1, len(tasks)))
        await runner.work(tasks, RunnerContext(self.run.pool, self.run.make), at_once)


@dataclass(frozen=True, slots=True)
class RayBackend:
    """The nodes of a cluster."""

    cluster: Cluster

    @property
    def restarts(self) -> int:
        """How many nodes were lost."""
        return self.cluster.losses

    async def all_unfit(self, problems: Sequence[Problem]) -> list[Unfit | None]:
        """Why each problem cannot be attempted; None when Lean accepts it."""
        found: list[Unfit | None] = [None] * len(problems)

        async def elaborate(context: RunnerContext, index: int, slot: int) -> None:
            found[index] = await elaboration.unfit(context.pool, problems[index])

        def give_up(index: int, why: str) -> None:
            found[index] = Unfit(ResultClass.CRASH, why)

        await self.cluster.run(range(len(problems)), elaborate, give_up)
        return found

    async def work(self, runner: EvaluationRunner, tasks: Sequence[Task]) -> None:
        """Let a runner do all tasks. Raises EnvironmentFault when no node is left."""

        def give_up(task: Task, why: str) -> None:
            runner.decide(task, Unfit(ResultClass.CRASH, why))

        await self.cluster.run(tasks, runner.attempt, give_up)


@asynccontextmanager
async def open_backend(site: BackendConfig, config: RunConfig) -> AsyncIterator[ExecutionBackend]:
    """Set it up, and end its processes afterwards. Raises as `start_run` and `joined`."""
    if site.cluster is None:
        async with start_run(site.toolchain, config, servers=site.servers, cache=site.cache) as run:
            yield LocalBackend(run, config.prover.concurrency)
        return
    has_model = any(model.runs_here for model in parse_policy(config.policy).models)
    with joined(site.cluster) as ray:
        cluster = Cluster(ray, _setup(site, config), site.say, cpus=config.workers, gpus=has_model)
        try:
            yield RayBackend(cluster)
        finally:
            await cluster.close()


def _setup(site: BackendConfig, config: RunConfig) -> NodeSetup:
    lean = site.toolchain
    directory = lean.directory if isinstance(lean, NativeToolchain) else None
    return NodeSetup(config, lean.lean, lean.name, directory, site.servers.key, site.cache)
