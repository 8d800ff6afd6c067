"""Which expanded states to come back to, for tactics that ran out of a small limit there.

Such tactics are postponed, not rejected. They are worth their prior by their cost, times the
priors of the steps that lead to their state.
"""

from __future__ import annotations

from heapq import heappop, heappush

from .graph import OPEN, Node, ProofGraph

WEIGHT = 48.0
"""A postponed tactic is worth so many times its share of an expansion: others cost as much too."""

MOST_NEW = 8
"""New states in a row, where there are states to come back to."""


class Returns:
    """Gives a state to come back to where that is worth more than the best new one."""

    def __init__(self, graph: ProofGraph) -> None:
        self._graph = graph
        self._new = 0
        self.in_flight: set[Node] = set()

    def note_new(self) -> None:
        """A state was asked for that is not come back to."""
        self._new += 1

    def due(self) -> list[Node]:
        """The best node to come back to, if it is better than a new one; at most one node."""
        return self._take(is_last=False)

    def best(self) -> list[Node]:
        """The best node to come back to; none if there is none."""
        return self._take(is_last=True)

    def _take(self, is_last: bool) -> list[Node]:
        """A node, now in flight. is_last: there is nothing else to ask for."""
        waiting = [n for n in self._graph.unfinished if n.status is OPEN and not n.pending]
        if not waiting:
            return []
        reached = self._priors()
        worth = [(reached.get(n, 0.0) * max(n.postponed.values()), -n.index, n) for n in waiting]
        gain, _, node = max(worth, key=lambda each: each[:2])
        if not gain or not (is_last or self._new >= MOST_NEW or self._is_worth(gain, reached)):
            return []
        self._new = 0
        node.pending = True
        self.in_flight.add(node)
        return [node]

    @staticmethod
    def _is_worth(gain: float, reached: dict[Node, float]) -> bool:
        new = [prior for n, prior in reached.items() if n.edges is None and not n.pending]
        return WEIGHT * gain >= max(new, default=0.0)

    def _priors(self) -> dict[Node, float]:
        """The nodes of use for the root, each with the product of priors on its best path."""
        root = self._graph.root
        found: dict[Node, float] = {}
        heap = [(-1.0, root.index, root)]
        while heap:
            prior, _, node = heappop(heap)
            if node in found or node.status is not OPEN:
                continue
            found[node] = -prior
            for edge in node.edges or ():
                if edge.dead:
                    continue
                for child in edge.children:
                    if child not in found:
                        heappush(heap, (prior * edge.prior, child.index, child))
        return found
