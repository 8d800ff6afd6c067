"""Where the problems of a run are tried: by workers of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ...data.evaluation import Problem
from ...lean_env.toolchains.native import NativeToolchain
from ...lean_env.worker_command import Toolchain
from ..models.server_watch import Servers
from ..policy_spec import parse_policy
from ..session import Run, RunConfig, start_run
from . import elaboration
from . import ray_runner as distributed
from .elaboration import Unfit
from .ray_cluster import Cluster, joined
from .ray_node import NodeSetup
from .ray_policy import NodePolicy, posted
from .ray_runner import RayRunner
from .runner import AttemptPlan, EvaluationRunner, Listeners, RunnerContext, Task


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

    def bench(self, hearers: Listeners, worked_s: float) -> EvaluationRunner | RayRunner:
        """What tries them, and tells the hearers."""
        ...

    async def work(self, bench: EvaluationRunner | RayRunner, tasks: Sequence[Task]) -> None:
        """Do all tasks."""
        ...


@dataclass(frozen=True, slots=True)
class _Here:
    run: Run
    plan: AttemptPlan

    @property
    def restarts(self) -> int:
        return self.run.pool.restarts

    async def all_unfit(self, problems: Sequence[Problem]) -> list[Unfit | None]:
        return await elaboration.all_unfit(self.run.pool, problems, lambda known: None)

    def bench(self, hearers: Listeners, worked_s: float) -> EvaluationRunner:
        return EvaluationRunner(
            RunnerContext(self.run.pool, self.run.make), self.plan, hearers, worked_s=worked_s
        )

    async def work(self, bench: EvaluationRunner | RayRunner, tasks: Sequence[Task]) -> None:
        places = self.plan.prover.concurrency or self.run.pool.workers
        await bench.work(tasks, min(places, max(1, len(tasks))))


@dataclass(frozen=True, slots=True)
class _There:
    cluster: Cluster
    plan: AttemptPlan

    @property
    def restarts(self) -> int:
        return self.cluster.losses

    async def all_unfit(self, problems: Sequence[Problem]) -> list[Unfit | None]:
        return await distributed.all_unfit(self.cluster, problems)

    def bench(self, hearers: Listeners, worked_s: float) -> RayRunner:
        most = self.plan.max_errors
        return RayRunner(self.cluster, hearers, worked_s=worked_s, max_errors=most)

    async def work(self, bench: EvaluationRunner | RayRunner, tasks: Sequence[Task]) -> None:
        await bench.work(tasks, len(tasks))


@asynccontextmanager
async def open_place(
    site: BackendConfig, config: RunConfig, plan: AttemptPlan
) -> AsyncIterator[ExecutionBackend]:
    """Set it up, and end its processes afterwards. Raises as `start_run` and `joined`."""
    if site.cluster is None:
        async with start_run(site.toolchain, config, servers=site.servers, cache=site.cache) as run:
            yield _Here(run, plan)
        return
    setup = _setup(site, config)
    on_gpu = any(model.runs_here for model in parse_policy(config.policy).models)
    on_gpu = on_gpu and config.roles.writer is None  # who writes drafts sits on every node
    policy = NodePolicy(config, setup.toolchain, site.servers.key, site.cache) if on_gpu else None
    with joined(site.cluster) as ray:
        async with posted(ray, policy) as posts:
            setup = replace(setup, policies=tuple(posts))
            cluster = Cluster(ray, setup, plan, site.say, config.workers)
            try:
                yield _There(cluster, plan)
            finally:
                await cluster.close()


def _setup(site: BackendConfig, config: RunConfig) -> NodeSetup:
    lean = site.toolchain
    directory = lean.directory if isinstance(lean, NativeToolchain) else None
    return NodeSetup(config, lean.lean, lean.name, directory, site.servers.key, site.cache)
