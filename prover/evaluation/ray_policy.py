"""A policy elsewhere in a cluster: actors with the model, and what asks them.

An actor answers many outposts, so its batches are of all their searches. A lost actor is made
anew where there is a GPU; meanwhile the others are asked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from ...data.errors import LakatosError, ModelUnavailable
from ...data.records import Expansion, Theorem
from ...lean_env.cache import default_cache
from ...lean_env.pool import LeanPool
from ...lean_env.queries.premises import Premises
from ..models.server_watch import Servers
from ..policy.base import Policy, PolicyOutput, Query
from ..policy_setup import open_policy
from ..session import RunConfig
from .ray_mail import ActorResource
from .wire import PackedExpansions, RemoteError, pack, unpack

ROUNDS = 10
"""So often all actors are asked before the policy counts as lost."""
PAUSE_S = 3.0
RESTARTS = 3
CLOSING_S = 20.0

PolicySetup = Callable[[], AbstractAsyncContextManager[Policy]]
"""Opens a policy where it is called; it is sent there."""


@dataclass(frozen=True, slots=True)
class PackedQueries:
    """Queries to send: of each its theorem, sample and again; the states packed together."""

    of: list[tuple[Theorem, int | None, int]]
    states: PackedExpansions


def asked(queries: Sequence[Query]) -> PackedQueries:
    """The queries, to send."""
    states = [Expansion(query.state, (), 0.0) for query in queries]
    return PackedQueries([(q.theorem, q.sample, q.again) for q in queries], pack(states))


def answered(sent: PackedQueries) -> list[Query]:
    """The queries that were sent."""
    states = [expansion.state for expansion in unpack(sent.states)]
    return [
        Query(theorem, state, sample, again)
        for (theorem, sample, again), state in zip(sent.of, states, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class NodePolicy:
    """Opens the policy of a run. toolchain: finds Lean there, where premises are asked of it."""

    config: RunConfig
    toolchain: Callable[[], Any]
    key: str | None = field(default=None, repr=False)
    cache: Path | None = None

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Policy]:
        """The policy; its model is freed with it. Raises as `open_policy`."""
        config, source = self.config, None
        async with AsyncExitStack() as stack:
            if config.model.retriever != "none":
                lean = await asyncio.to_thread(self.toolchain)
                pool = await stack.enter_async_context(LeanPool(lean, workers=1))
                source = Premises(pool, (self.cache or default_cache()) / "premises")
            seed = config.prover.seed
            reach = Servers(self.key)
            asked = open_policy(
                config.policy, config.model, seed=seed, servers=reach, source=source
            )
            yield await stack.enter_async_context(asked)


class PolicyActor:
    """The Ray actor that holds a policy; set up by the first question."""

    def __init__(self, setup: PolicySetup) -> None:
        self._station = ActorResource(
            setup, RemoteError("ModelUnavailable", "the policy cannot be set up")
        )
        self._serving: asyncio.Task[None] | None = None

    async def propose(self, sent: PackedQueries) -> list[PolicyOutput] | RemoteError:
        """Answer each query, or say why not."""
        self._serving = self._serving or asyncio.create_task(self._station.serve())
        policy = await self._station.held()
        if isinstance(policy, RemoteError):
            return policy
        try:
            return await policy.propose(answered(sent))
        except LakatosError as error:
            return RemoteError.of(error)

    async def close(self) -> None:
        """Free the model."""
        self._station.close()
        if self._serving:
            await self._serving


class RemotePolicy:
    """Asks actors for advice, the least busy first. Raises ModelUnavailable when all are lost."""

    def __init__(self, name: str, posts: Sequence[Any], rounds: int = ROUNDS) -> None:
        self.name = name
        self._posts = posts
        self._rounds = rounds
        self._busy: Counter[int] = Counter()

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query."""
        sent = asked(queries)
        for left in reversed(range(self._rounds)):
            for number in sorted(range(len(self._posts)), key=lambda n: self._busy[n]):
                answer = await self._ask(number, sent)
                if isinstance(answer, RemoteError):
                    raise answer.error
                if answer is not None:
                    return answer
            await asyncio.sleep(PAUSE_S if left else 0)
        raise ModelUnavailable(f"{self.name}: every actor that has the policy is lost")

    async def _ask(
        self, number: int, sent: PackedQueries
    ) -> list[PolicyOutput] | RemoteError | None:
        """What an actor answers; None when it is lost."""
        lost = import_module("ray.exceptions")
        self._busy[number] += 1
        try:
            answer: list[PolicyOutput] | RemoteError = await self._posts[number].propose.remote(
                sent
            )
            return answer
        except lost.RayTaskError:
            raise
        except lost.RayError:
            return None
        finally:
            self._busy[number] -= 1


@asynccontextmanager
async def posted(ray: Any, setup: PolicySetup | None) -> AsyncIterator[list[Any]]:
    """An actor for each GPU of the cluster; none where there is no GPU, or no need of one."""
    gpus = int(ray.cluster_resources().get("GPU", 0)) if setup else 0
    made = ray.remote(PolicyActor).options(num_gpus=1, num_cpus=0, max_restarts=RESTARTS)
    posts = [made.remote(setup) for _ in range(gpus)]
    try:
        yield posts
    finally:
        if posts:
            ends = [asyncio.ensure_future(_closed(post)) for post in posts]
            await asyncio.wait(ends, timeout=CLOSING_S)
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        for post in posts:
            ray.kill(post)


async def _closed(post: Any) -> None:
    await post.close.remote()
