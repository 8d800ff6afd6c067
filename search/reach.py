"""Which nodes can be reached from a source over live edges, kept exact as the graph changes.

Each reached node has a witness, the neighbour it is reached from, of strictly smaller rank, so
witnesses lead to a source and never round a cycle. When one is lost, a neighbour of smaller
rank replaces it at once; only where there is none are the nodes behind it searched again
(after Even and Shiloach 1981, doi:10.1145/322234.322235, with ranks in place of distances).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from .graph import OPEN, Change, Node


def _below(node: Node) -> list[Node]:
    if not node.edges:
        return []
    return [child for edge in node.edges if not edge.dead for child in edge.children]


def _above(node: Node) -> list[Node]:
    return [edge.parent for edge in node.parents if not edge.dead]


class Reach(ABC):
    """The OPEN nodes that a source reaches through OPEN nodes; uses their witness and rank.

    leaves_lead_on: whether unexpanded nodes can have outward neighbours.
    """

    leaves_lead_on = True

    @abstractmethod
    def is_source(self, node: Node) -> bool:
        """Say if the node, when OPEN, is reached of itself."""

    @abstractmethod
    def inward(self, node: Node) -> list[Node]:
        """Give the neighbours it can be reached from."""

    @abstractmethod
    def outward(self, node: Node) -> list[Node]:
        """Give the neighbours that can be reached from it."""

    @abstractmethod
    def touched(self, change: Change) -> Sequence[Node]:
        """Give the nodes that new edges lead out of, in the direction of reaching."""

    def update(self, change: Change) -> list[Node]:
        """Follow a change of the graph; give the nodes reached now and not before, in order."""
        found: list[Node] = []
        node = change.node
        if node.witness is node and not self.is_source(node):
            found = self.lose((node,))
        if change.resolved or change.dead:
            suspects = [*change.resolved, *(e.parent for e in change.dead)]
            suspects += [child for e in change.dead for child in e.children]
            found += self.lose(suspects)
        found += self.gain(self.touched(change))
        return found

    def gain(self, nodes: Iterable[Node]) -> list[Node]:
        """Let what is reached among the nodes reach further; give the newly reached, in order."""
        found: list[Node] = []
        queue: deque[Node] = deque()
        for node in nodes:
            if node.witness is None and node.status is OPEN and self.is_source(node):
                node.witness, node.rank = node, 0
                found.append(node)
            if node.witness is not None:
                queue.append(node)
        leaves = self.leaves_lead_on
        while queue:
            node = queue.popleft()
            for neighbour in self.outward(node):
                if neighbour.witness is None and neighbour.status is OPEN:
                    neighbour.witness, neighbour.rank = node, node.rank + 1
                    found.append(neighbour)
                    if leaves or neighbour.edges is not None:
                        queue.append(neighbour)
        return found

    def lose(self, suspects: Iterable[Node]) -> list[Node]:
        """Check the nodes and all that hang on them; give those reached another way, in order."""
        queue = deque(suspects)
        orphans: list[Node] = []
        while queue:
            node = queue.popleft()
            if node.witness is None or self._holds(node):
                continue
            node.witness = None
            orphans.append(node)
            around = [edge.parent for edge in node.parents]
            around += [child for edge in node.edges or () for child in edge.children]
            queue.extend(n for n in around if n.witness is node)
        return [found for node in orphans for found in self._adopt(node)]

    def _holds(self, node: Node) -> bool:
        """Keep or replace the witness without a change of rank; say if that was possible."""
        if node.status is not OPEN:
            return False
        if self.is_source(node):
            return True
        for neighbour in self.inward(node):
            if (
                neighbour.witness is not None
                and neighbour.rank < node.rank
                and neighbour.status is OPEN
            ):
                node.witness = neighbour
                return True
        return False

    def _adopt(self, node: Node) -> list[Node]:
        """Find an orphan a new witness, and with it what is behind; give the nodes reached."""
        if node.witness is not None or node.status is not OPEN:
            return []
        near = [n for n in self.inward(node) if n.witness is not None]
        if not near:
            return []
        best = min(near, key=lambda n: n.rank)
        node.witness, node.rank = best, best.rank + 1
        return [node, *self.gain((node,))]

    def check_invariants(self, nodes: Iterable[Node]) -> None:
        """Search the graph afresh; AssertionError where the witnesses differ. Slow."""
        nodes = list(nodes)
        reached = {n for n in nodes if n.status is OPEN and self.is_source(n)}
        queue = deque(reached)
        while queue:
            more = {n for n in self.outward(queue.popleft()) if n.status is OPEN} - reached
            reached |= more
            queue.extend(more)
        assert {n for n in nodes if n.witness is not None} == reached
        for node in reached:
            assert node.witness is not None
            if node.witness is not node:
                assert node.witness.rank < node.rank
                assert node.witness in self.inward(node)


class FromRoot(Reach):
    """Nodes still of use for the root: reached from it through OPEN nodes by live edges."""

    leaves_lead_on = False

    def __init__(self, root: Node) -> None:
        self._root = root
        self.gain((root,))

    def is_source(self, node: Node) -> bool:
        """Only the root is."""
        return node is self._root

    def inward(self, node: Node) -> list[Node]:
        """Give the parents."""
        return _above(node)

    def outward(self, node: Node) -> list[Node]:
        """Give the children."""
        return _below(node)

    def touched(self, change: Change) -> Sequence[Node]:
        """Give the node that was expanded."""
        return (change.node,)


class ToLeaves(Reach):
    """Nodes from which a state can be asked: some way down ends in an unexpanded one.

    HTPS calls it expandable (propagate_expandable in facebookresearch/Evariste, nodes.py).
    """

    def __init__(self, root: Node) -> None:
        self.gain((root,))

    def is_source(self, node: Node) -> bool:
        """Unexpanded nodes are, unless asked already."""
        return node.edges is None and not node.pending

    def inward(self, node: Node) -> list[Node]:
        """Give the children."""
        return _below(node)

    def outward(self, node: Node) -> list[Node]:
        """Give the parents."""
        return _above(node)

    def touched(self, change: Change) -> Sequence[Node]:
        """Give the new children."""
        return [child for edge in change.edges for child in edge.children]
