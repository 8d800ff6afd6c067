"""The smallest proof in a graph: fewest steps as a tree, then shortest text.

Knuth's generalisation of Dijkstra to AND/OR graphs (Knuth 1977, doi:10.1016/0020-0190(77)90002-3):
nodes are settled by rising cost, each after the children of its cheapest edge. Ends on cycles.
"""

from __future__ import annotations

from heapq import heappop, heappush

from ..data.records import ProofState, ProofTree
from .graph import PROVED, Edge, Node


def smallest_proof(root: Node) -> ProofTree:
    """Give the smallest proof of a PROVED node from the proved edges below it.

    Equal costs: the edge told first. A subproof needed twice is one shared object.
    """
    assert root.status is PROVED, "only a proved node has a proof"
    chosen = _choose(root)
    below: dict[Node, tuple[ProofTree, ...]] = {}
    for node, edge in chosen.items():  # children before parents
        pairs = zip(edge.states, edge.children, strict=True)
        below[node] = tuple([_tree(state, chosen[child], below[child]) for state, child in pairs])
    return _tree(root.state, chosen[root], below[root])


def _choose(root: Node) -> dict[Node, Edge]:
    """Give each settled node's cheapest edge, in the order of settling, the root last."""
    waiting = _proved_edges(root)
    cost = {edge: (1, len(edge.tactic)) for edge in waiting}
    heap: list[tuple[int, int, int, int, Edge]] = []
    order = {edge: i for i, edge in enumerate(waiting)}
    for edge, children in waiting.items():
        if not children:
            heappush(heap, (*cost[edge], edge.parent.index, order[edge], edge))
    chosen: dict[Node, Edge] = {}
    while root not in chosen:
        steps, text, _, _, edge = heappop(heap)
        node = edge.parent
        if node in chosen:
            continue
        chosen[node] = edge
        for above in node.parents:
            if above in waiting:
                waiting[above] -= 1
                cost[above] = (cost[above][0] + steps, cost[above][1] + text)
                if not waiting[above]:
                    heappush(heap, (*cost[above], above.parent.index, order[above], above))
    return chosen


def _proved_edges(root: Node) -> dict[Edge, int]:
    """Give the proved edges below a node with their numbers of children, each node's in order."""
    found: dict[Edge, int] = {}
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        for edge in node.edges or ():
            if edge.unproved:
                continue
            found[edge] = len(edge.children)
            for child in edge.children:
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
    return found


def _tree(state: ProofState, edge: Edge, children: tuple[ProofTree, ...]) -> ProofTree:
    renamed = edge.written_for is not state and _names(edge.written_for) != _names(state)
    return ProofTree(state, edge.tactic, children, edge.written_for if renamed else None)


def _names(state: ProofState) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(h.name for h in goal.hypotheses) for goal in state.goals)
