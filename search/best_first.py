"""Best-first search: the open state of the best score next, by one queue or several in turn.

score = sum of log prior along the path / length ** alpha, as in BFS-Prover (arXiv:2502.03438);
alpha 0 is ReProver's cumulative log prior. Other orders are functions passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import log

from ..data.records import Expansion, ProofState, ProofTree, Status
from .extraction import smallest_proof
from .graph import OPEN, Edge, Node, ProofGraph
from .reach import FromRoot
from .returns import Returns

Order = Callable[[Node], float]
"""The score of an unexpanded node, higher is better; reads state, log_prior, depth, value."""

TINY = 1e-300
"""The smallest prior told apart from 0, whose logarithm would be infinite."""


def by_log_prior(alpha: float = 0.5) -> Order:
    """Sum of log prior / depth ** alpha (arXiv:2502.03438, alpha in {0, 0.5, 1})."""
    return lambda node: node.log_prior / node.depth**alpha if node.depth else 0.0


def by_value(node: Node) -> float:
    """Score by the critic's value in [0, 1] of the state it was reached from.

    The critic-guided half of InternLM2.5-StepProver (arXiv:2410.15700).
    """
    return node.value


def by_fewest_goals(node: Node) -> float:
    """Fewer goals first: one perspective of MPS-Prover (arXiv:2505.10962)."""
    return -len(node.state.goals)


def by_shortest_state(node: Node) -> float:
    """Score a shorter printed state higher: one perspective of MPS-Prover (arXiv:2505.10962)."""
    return -len(node.state.pretty)


class BestFirst:
    """Asks for the best open states, until status is not OPEN or nothing is left to ask.

    alpha: length normalisation of the default order. orders: replace it; with several, each
    keeps a queue and they take turns, one state each (MPS-Prover, arXiv:2505.10962).
    Ties: score, then smaller depth, then first queued. A state reached again by a path that the
    first order scores higher is queued again with it; the states below it keep their scores.
    """

    def __init__(
        self, root: ProofState, *, alpha: float = 0.5, orders: Sequence[Order] = ()
    ) -> None:
        self.graph = ProofGraph(root)
        self._orders = tuple(orders) or (by_log_prior(alpha),)
        self._queues: list[list[tuple[float, int, int, Node]]] = [[] for _ in self._orders]
        self._lanes = tuple(zip(self._orders, self._queues, strict=True))
        self._turn = 0
        self._queued = 0
        self._reach = FromRoot(self.graph.root)
        self._returns = Returns(self.graph)
        self.graph.root.depth = 0
        self._push(self.graph.root)

    @property
    def status(self) -> Status:
        """Of the root."""
        return self.graph.root.status

    def ask(self, n: int) -> list[ProofState]:
        """Give up to n distinct states that may still help to prove the root.

        They are unexpanded, or have postponed tactics. Empty only when all such states are in
        flight, there is none, or the root is resolved.
        """
        asked: list[ProofState] = []
        while len(asked) < n and self.status is OPEN:
            nodes = self._returns.due() or self._new() or self._returns.best()
            if not nodes:
                break
            asked += [node.state for node in nodes]
        return asked

    def tell(self, expansions: Sequence[Expansion]) -> None:
        """Add expansions, in the order of asking for the same graph whatever the timing."""
        for expansion in expansions:
            change = self.graph.add(expansion)
            self._returns.in_flight.discard(change.node)
            if self.status is not OPEN:
                continue
            found = self._reach.update(change)
            if change.node.witness is not None:
                self._offer(change.edges)
            for node in found:
                if node.depth < 0 and node.witness is not None:
                    self._offer([e for e in node.witness.edges or () if node in e.children])

    def proof(self) -> ProofTree:
        """Give the smallest proof found; only when status is PROVED."""
        return smallest_proof(self.graph.root)

    def check_invariants(self) -> None:
        """Check the graph and what is reached in it; AssertionError on a fault. Slow."""
        self.graph.check_invariants()
        if self.status is OPEN:
            self._reach.check_invariants(self.graph.nodes.values())
            queued = {entry[3] for entry in self._queues[0]}
            for node in self.graph.nodes.values():
                if node.witness is not None and node.edges is None and not node.pending:
                    assert node in queued

    def _offer(self, edges: Sequence[Edge]) -> None:
        """Score unexpanded children of live edges by the path through them; queue the improved."""
        for edge in edges:
            if edge.dead:
                continue
            parent = edge.parent
            log_prior = parent.log_prior + log(max(edge.prior, TINY))
            for child in edge.children:
                if child.status is not OPEN:
                    continue
                if child.depth < 0:
                    child.log_prior, child.depth = log_prior, parent.depth + 1
                    child.value = parent.value
                elif child.edges is not None or not self._improve(child, log_prior, parent):
                    continue
                if child.edges is None and not child.pending:
                    self._push(child)

    def _improve(self, node: Node, log_prior: float, parent: Node) -> bool:
        """Let a better path to the node replace the one it was scored by; say if it is better."""
        before, score = (node.log_prior, node.depth, node.value), self._orders[0](node)
        node.log_prior, node.depth, node.value = log_prior, parent.depth + 1, parent.value
        if self._orders[0](node) > score:
            return True
        node.log_prior, node.depth, node.value = before
        return False

    def _push(self, node: Node) -> None:
        self._queued += 1
        for order, queue in self._lanes:
            heappush(queue, (-order(node), node.depth, self._queued, node))

    def _new(self) -> list[Node]:
        """Give the best unexpanded node, now in flight; none if there is none."""
        node = self._pop()
        if node is None:
            return []
        node.pending = True
        self._returns.note_new()
        return [node]

    def _pop(self) -> Node | None:
        """Take the best askable node of the queue whose turn it is; entries out of date go."""
        queue = self._queues[self._turn]
        while queue:
            node = heappop(queue)[3]
            if node.edges is not None or node.pending or node.status is not OPEN:
                continue
            if node.witness is not None:
                self._turn = (self._turn + 1) % len(self._queues)
                return node
            node.depth = -1  # out of reach; scored again if it is ever reached again
        return None
