"""A Ray cluster: an actor on each node, and work that survives the loss of a node.

Ray restarts a lost actor only where another node has room for it, and its ActorPool waits for the
dead; so an item whose node is lost is given to another node here. A node that joins while there
is work gets an actor too.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import logging
import os
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any, Generic, TextIO, TypeVar, cast

from ...data.errors import EnvironmentFault, LakatosError, UsageError
from ..concurrency import run_all
from .ray_node import EvaluationWorker, NodeLost, Setup, remote_context
from .runner import RunnerContext

T = TypeVar("T")

POLL_S = 1.0
"""How often the cluster is asked for nodes that joined."""
MAX_LOSSES = 3
"""Times a node may be lost under one item, and an actor on one node."""
CONNECTING_S = 5.0
CLOSING_S = 20.0


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Ray in the cluster at an address; `local`: one made of this machine, for as long.

    Raises UsageError when Ray is not installed, EnvironmentFault when there is no such cluster.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise UsageError("--cluster needs Ray: pip install 'lakatos[ray]'") from error
    _check_reachable(address)
    is_local = address == "local"
    if is_local:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of ours reports nowhere
    options = {"include_dashboard": False} if is_local else {}
    with redirect_stdout(cast(TextIO, _OwnThread(sys.stdout))):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except BaseException as error:
            # on a machine too busy to start in 30 s it raises an Exception of no class of its own
            known = isinstance(error, (ConnectionError, RuntimeError, ValueError))
            if not known and type(error) is not Exception:
                raise
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise EnvironmentFault(f"no Ray cluster at {address}: {text}") from error
        try:
            yield ray
        finally:
            with redirect_stdout(io.StringIO()):  # it repeats what it printed before
                ray.shutdown()


def _check_reachable(address: str) -> None:
    """Find out in seconds that nobody is at `host:port`; Ray takes many minutes."""
    if not (found := re.fullmatch(r"(?:ray://)?(.+):(\d+)", address)):
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=CONNECTING_S).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentFault(f"no Ray cluster at {address}: {error}") from error


class _OwnThread:
    """Standard output for this thread only: Ray has one that writes pages of its log there."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        return self._out.write(text) if threading.get_ident() == self._thread else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


class _Work(Generic[T]):
    """Items that are still to be done or under way. give_up: is told of one that is lost again."""

    def __init__(
        self,
        items: Sequence[T],
        do: Callable[[RunnerContext, T, int], Awaitable[None]],
        give_up: Callable[[T, str], None],
    ) -> None:
        self._items = items
        self._do = do
        self._give_up = give_up
        self._waiting: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
        for index in range(len(items)):
            self._waiting.put_nowait(index)
        self._left = len(items)
        self._losses: Counter[int] = Counter()
        self._slots: set[int] = set()
        self.over = asyncio.Event()

    async def serve(self, context: RunnerContext) -> None:
        """Do one item after the other, until cancelled. Raises NodeLost, or what an item raises."""
        while True:
            index = await self._waiting.get()
            slot = next(n for n in itertools.count() if n not in self._slots)
            self._slots.add(slot)
            is_lost = True
            try:
                await self._do(context, self._items[index], slot)
                is_lost = False
            finally:
                self._slots.discard(slot)
                self._end(index, is_lost)

    def _end(self, index: int, is_lost: bool) -> None:
        self._losses[index] += is_lost
        if is_lost and self._losses[index] < MAX_LOSSES:
            self._waiting.put_nowait(index)
        else:
            self._left -= 1
        if self._losses[index] == MAX_LOSSES:
            self._give_up(self._items[index], f"its node was lost {MAX_LOSSES} times")
        if not self._left:
            self.over.set()


class Cluster:
    """An `EvaluationWorker` on each node of `ray`. say: prints a line about nodes that fail.

    cpus: what an actor takes of its node; None: all. gpus: whether it takes the node's GPUs.
    """

    def __init__(
        self,
        ray: Any,
        setup: Setup,
        say: Callable[[str], None],
        *,
        cpus: int | None = None,
        gpus: bool = False,
    ) -> None:
        self._ray = ray
        self._setup = setup
        self._say = say
        self._cpus = cpus
        self._gpus = gpus
        self._actors: dict[str, Any] = {}
        self._ready: set[str] = set()
        self._lost: Counter[str] = Counter()
        self._why = "none has a CPU to spare"

    @property
    def losses(self) -> int:
        """How many actors were lost."""
        return self._lost.total()

    async def run(
        self,
        items: Sequence[T],
        do: Callable[[RunnerContext, T, int], Awaitable[None]],
        give_up: Callable[[T, str], None],
    ) -> None:
        """Do each item with the context of a node that has room.

        do: is given a number, too, that no other item under way has. give_up: is called for an
        item under which nodes are lost again and again, with why. Raises EnvironmentFault when
        no node is left, and the error of an item.
        """
        if not items:
            return
        work = _Work(items, do, give_up)
        over = asyncio.ensure_future(work.over.wait())
        serving: dict[str, asyncio.Task[None]] = {}
        try:
            while not work.over.is_set():
                for node in await asyncio.to_thread(self._ray.nodes):
                    if self._is_fit(node) and node["NodeID"] not in serving:
                        serving[node["NodeID"]] = asyncio.create_task(self._serve(node, work))
                if not serving:
                    raise EnvironmentFault(f"no node of the cluster can work: {self._why}")
                await asyncio.wait(
                    [over, *serving.values()], timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED
                )
                for name in [name for name, task in serving.items() if task.done()]:
                    await serving.pop(name)
        finally:
            for task in (over, *serving.values()):
                task.cancel()
            await asyncio.gather(over, *serving.values(), return_exceptions=True)

    def _is_fit(self, node: dict[str, Any]) -> bool:
        has_cpu = int(node["Resources"].get("CPU", 0)) > 0
        return node["Alive"] and has_cpu and self._lost[node["NodeID"]] < MAX_LOSSES

    async def _serve(self, node: dict[str, Any], work: _Work[Any]) -> None:
        """Do items on one node until it is lost."""
        name = node["NodeID"]
        actor = self._actors[name] = self._actors.get(name) or self._place(node)
        try:
            context = await remote_context(actor)
            self._ready.add(name)
            await run_all([work.serve(context) for _ in range(context.pool.workers)])
        except LakatosError as error:
            if name in self._ready:
                raise
            self._why = str(error)
            self._lost[name] = MAX_LOSSES
            self._say(f"a node cannot work: {error}")
        except NodeLost:
            del self._actors[name]
            self._lost[name] += 1
            self._why = "all were lost"
            if name in self._ready:  # else Ray did not know yet that the node is gone
                self._ready.remove(name)
                self._say("a node was lost; what it was at is tried elsewhere")

    def _place(self, node: dict[str, Any]) -> Any:
        strategies = import_module("ray.util.scheduling_strategies")
        cpus = int(node["Resources"]["CPU"])
        affinity = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        actor = self._ray.remote(EvaluationWorker).options(
            num_cpus=min(self._cpus or cpus, cpus),
            num_gpus=int(node["Resources"].get("GPU", 0)) if self._gpus else 0,
            scheduling_strategy=affinity,
        )
        return actor.remote(self._setup)

    async def close(self) -> None:
        """End all actors, and their processes. Only one that is at work has something to close."""

        async def close(actor: Any) -> None:
            await actor.close.remote()

        actors = list(self._actors.values())
        ends = [asyncio.create_task(close(self._actors[name])) for name in self._ready]
        if ends:
            await asyncio.wait(ends, timeout=CLOSING_S)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for actor in actors:
            self._ray.kill(actor)
