"""A Ray cluster: an outpost on each node, and calls that survive the loss of a node.

A node that joins while calls are made gets an outpost too.
"""

from __future__ import annotations

import asyncio
import heapq
import io
import itertools
import logging
import os
import re
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, TextIO, cast

from ...data.errors import EnvironmentFault, UsageError
from .ray_node import EvaluationWorker, Setup
from .runner import AttemptPlan
from .wire import RemoteError

TEND_S = 1.0
"""How often the cluster is asked for nodes that joined."""
LOSSES = 3
"""So many nodes may be lost under one call, and so many outposts of one node."""
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
    _reach(address)
    if address == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of ours reports nowhere
    more = {"include_dashboard": False} if address == "local" else {}
    with redirect_stdout(cast(TextIO, _OwnThread(sys.stdout))):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **more)
        except (ConnectionError, RuntimeError, ValueError) as error:
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise EnvironmentFault(f"no Ray cluster at {address}: {text}") from error
        try:
            yield ray
        finally:
            with redirect_stdout(io.StringIO()):  # it says again what it said before
                ray.shutdown()


def _reach(address: str) -> None:
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


class Hooks(Protocol):
    """Hears of calls, each by its place in the list of arguments."""

    def begin(self, index: int, slot: int) -> None:
        """A node takes it. slot: a number that no other call under way has."""
        ...

    def take(self, index: int, slot: int, answer: Any) -> None:
        """It was answered."""
        ...

    def give_up(self, index: int, slot: int, why: str) -> None:
        """It was lost with its node, again and again."""
        ...


@dataclass(slots=True, eq=False)
class _Node:
    """A node with an outpost. places: calls at once, 0 until it is set up.

    serving: the outpost's own call, held so that it is not forgotten.
    """

    name: str
    outpost: Any
    serving: Any
    places: int = 0
    busy: int = 0


@dataclass(frozen=True, slots=True)
class _Call:
    node: _Node
    index: int
    slot: int


@dataclass(slots=True)
class Cluster:
    """Outposts on all nodes of `ray`. say: is told what is wrong with nodes, in a line.

    cpus: what an outpost takes of its node; None: all.
    """

    ray: Any
    setup: Setup
    plan: AttemptPlan
    say: Callable[[str], None]
    cpus: int | None = None
    stopped: bool = False
    _nodes: dict[str, _Node] = field(default_factory=dict)
    _starting: dict[asyncio.Future[Any], _Node] = field(default_factory=dict)
    _losses: Counter[str] = field(default_factory=Counter)
    _slots: list[int] = field(default_factory=list)
    _new_slots: Iterator[int] = field(default_factory=itertools.count)
    _why: str = "none has a CPU to spare"

    @property
    def losses(self) -> int:
        """How many outposts were lost."""
        return self._losses.total()

    async def do(self, method: str, arguments: Sequence[Any], hooks: Hooks) -> None:
        """Call an outpost's method with each argument, wherever there is room.

        When stopped, what is under way is waited for. Raises EnvironmentFault when no node is left.
        """
        waiting, lost = deque(range(len(arguments))), Counter[int]()
        calls: dict[asyncio.Future[Any], _Call] = {}
        while calls or (waiting and not self.stopped):
            self._staff()
            for call in self._free(waiting):
                node, argument = call.node, arguments[call.index]
                hooks.begin(call.index, call.slot)
                reference = getattr(node.outpost, method).remote(argument)
                calls[asyncio.ensure_future(_answer(reference))] = call
            if not calls and not self._starting:
                raise EnvironmentFault(f"no node of the cluster can work: {self._why}")
            done, _ = await asyncio.wait(
                [*calls, *self._starting], timeout=TEND_S, return_when=asyncio.FIRST_COMPLETED
            )
            for future in done:
                if future in self._starting:
                    self._started(self._starting.pop(future), future)
                elif self._ended(call := calls.pop(future), future):
                    hooks.take(call.index, call.slot, future.result())
                else:
                    lost[call.index] += 1
                    self._again(call, waiting, lost, hooks)

    def _staff(self) -> None:
        """An outpost for every node that has none."""
        for told in self.ray.nodes():
            name = told["NodeID"]
            cpus = int(told["Resources"].get("CPU", 0))
            is_fit = told["Alive"] and cpus and self._losses[name] < LOSSES
            if is_fit and name not in self._nodes:
                node = self._nodes[name] = self._place(name, cpus)
                future = asyncio.ensure_future(_answer(node.outpost.places.remote()))
                self._starting[future] = node

    def _place(self, name: str, cpus: int) -> _Node:
        strategies = import_module("ray.util.scheduling_strategies")
        outpost = self.ray.remote(EvaluationWorker).options(
            num_cpus=min(self.cpus or cpus, cpus),
            scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(name, soft=False),
        )
        actor = outpost.remote(self.setup, self.plan)
        return _Node(name, actor, actor.serve.remote())

    def _started(self, node: _Node, future: asyncio.Future[Any]) -> None:
        if not self._ended(_Call(node, -1, -1), future):
            return
        answer = future.result()
        if isinstance(answer, RemoteError):
            self._why = answer.text
            self._losses[node.name] = LOSSES
            self.say(f"a node cannot work: {answer.text}")
        else:
            node.places = answer

    def _free(self, waiting: deque[int]) -> Iterator[_Call]:
        """Takes what waits, the least busy nodes first."""
        while waiting and not self.stopped:
            node = min(
                (node for node in self._nodes.values() if node.busy < node.places),
                key=lambda node: node.busy / node.places,
                default=None,
            )
            if node is None:
                return
            node.busy += 1
            slot = heapq.heappop(self._slots) if self._slots else next(self._new_slots)
            yield _Call(node, waiting.popleft(), slot)

    def _ended(self, call: _Call, future: asyncio.Future[Any]) -> bool:
        """Whether a call was answered, and not lost; a bug over there is raised here."""
        node, error = call.node, future.exception()
        if call.slot >= 0:
            heapq.heappush(self._slots, call.slot)
            node.busy -= 1
        if error is None:
            return True
        lost = self.ray.exceptions
        if isinstance(error, lost.RayTaskError) or not isinstance(error, lost.RayError):
            raise error
        if self._nodes.get(node.name) is node:
            del self._nodes[node.name]
            self._losses[node.name] += 1
            self._why = "all were lost"
            if node.places:  # else Ray did not know yet that the node is gone
                self.say("a node was lost; what it was at is tried elsewhere")
            node.places = 0
        return False

    def _again(self, call: _Call, waiting: deque[int], lost: Counter[int], hooks: Hooks) -> None:
        if lost[call.index] < LOSSES:
            waiting.appendleft(call.index)
        else:
            hooks.give_up(call.index, call.slot, f"its node was lost {LOSSES} times")

    def stop(self) -> None:
        """Interrupt all searches; what they found is still judged and sent."""
        self.stopped = True
        for node in self._nodes.values():
            node.outpost.stop.remote()

    async def close(self) -> None:
        """End all outposts, and their processes."""
        ready = [node for node in self._nodes.values() if node.places]
        for node in ready:
            node.outpost.close.remote()
        ends = [asyncio.ensure_future(_answer(node.serving)) for node in ready]
        if ends:
            await asyncio.wait(ends, timeout=CLOSING_S)
        for future in (*ends, *self._starting):
            future.cancel()
        await asyncio.gather(*ends, *self._starting, return_exceptions=True)
        for node in self._nodes.values():
            self.ray.kill(node.outpost)


async def _answer(reference: Any) -> Any:
    return await reference
