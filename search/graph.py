"""The AND/OR proof graph: an OR node for each state, an AND edge for each tactic that ran.

States with equal keys are one node, so paths merge and cycles are allowed. PROVED is the least
fixpoint of "some edge has only proved children"; FAILED of "every edge has a failed child".
Status goes up by a worklist with counters: each edge is touched once for each child resolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..data.records import (
    Advanced,
    Expansion,
    ProofState,
    Rejected,
    Rejection,
    Status,
    Step,
    Visits,
)

OPEN, PROVED, FAILED = Status.OPEN, Status.PROVED, Status.FAILED

LIMIT_GROWTH = 4.0
"""About how many times the cost of a postponed tactic grows each time it is tried again."""


@dataclass(slots=True, eq=False, repr=False)
class Edge:
    """AND: one tactic at one node; proved when all children are, dead when one failed.

    states: the children as this tactic reached them; their names may differ from the nodes'.
    written_for: the state whose hypothesis names the tactic uses.
    unproved: children not PROVED, counted with repetition.
    dead: a child FAILED, or is the parent itself; final.
    visits, value_sum: of the simulations of tree search through it. One in flight is a visit
    of value 0 already, so that others keep off: a virtual loss of 1.
    """

    tactic: str
    prior: float
    parent: Node
    children: tuple[Node, ...]
    states: tuple[ProofState, ...]
    written_for: ProofState
    unproved: int
    dead: bool = False
    visits: int = 0
    value_sum: float = 0.0


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """OR: one state; proved when one edge is, failed when it has been expanded in vain.

    index: order of creation, 0 for the root. edges: None until expanded; in order of telling.
    parents: the edges it is a child of, once for each occurrence.
    proof: the edge that proved it first; all its children were proved before it.
    live: edges not dead. pending: asked and not yet told. expansions: how often it was told.
    value: P(provable) in [0, 1]: the critic's once told; before, 0.5 or its parent's.
    witness, rank: bookkeeping of `reach`. log_prior, depth: of the path best-first reached it
    by; depth -1 until then. visits, value_sum: of the simulations of tree search told through
    it. in_flight: those that left it by an edge and are not told. alpha: of HTPS's policy when
    it was last solved for. postponed: the tactics to be tried again with a larger limit, each
    with its prior by what that costs; while there are any, the node does not fail.
    """

    state: ProofState
    index: int
    status: Status = OPEN
    edges: list[Edge] | None = None
    parents: list[Edge] = field(default_factory=list)
    proof: Edge | None = None
    live: int = 0
    pending: bool = False
    expansions: int = 0
    value: float = 0.5
    witness: Node | None = None
    rank: int = 0
    log_prior: float = 0.0
    depth: int = -1
    visits: int = 0
    value_sum: float = 0.0
    in_flight: int = 0
    alpha: float = 0.0
    postponed: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Change:
    """What telling one expansion did to the graph.

    edges: new ones, and old ones whose prior rose. resolved: nodes that became PROVED or
    FAILED, children before parents. dead: edges that were alive before and died.
    """

    node: Node
    edges: list[Edge] = field(default_factory=list)
    resolved: list[Node] = field(default_factory=list)
    dead: list[Edge] = field(default_factory=list)


class ProofGraph:
    """Nodes by key, in order of creation; `unfinished`: those with postponed tactics.

    sum_priors: edges of a node with the same children are one edge in any case; its prior is
        then their sum (Aristotle, arXiv:2510.01346: sample frequency), not their maximum.
    can_fail: False when more tactics may always come, so that no node ever becomes FAILED.
    """

    def __init__(
        self, root: ProofState, *, sum_priors: bool = False, can_fail: bool = True
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.unfinished: dict[Node, None] = {}
        self.root = self.node(root)
        self._sum_priors = sum_priors
        self._can_fail = can_fail

    def node(self, state: ProofState) -> Node:
        """Give the state's node, a new one where its key was never seen."""
        node = self.nodes.get(state.key)
        if node is None:
            node = self.nodes[state.key] = Node(state, len(self.nodes))
        return node

    def visits(self) -> Visits:
        """Count the descents through each edge; empty where a search makes none."""
        return {
            (node.state.key, edge.tactic): edge.visits
            for node in self.nodes.values()
            for edge in node.edges or ()
            if edge.visits
        }

    def add(self, expansion: Expansion) -> Change:
        """Add an expansion's steps as edges and carry its consequences upwards.

        A node may be expanded again, which adds edges; one that FAILED takes no more of them.
        """
        node = self.node(expansion.state)
        change = Change(node)
        node.pending = False
        if node.status is FAILED:
            return change
        node.expansions += 1
        node.value = expansion.value
        self._postpone(node, expansion.steps)
        self._link(node, expansion, change)
        if node.status is OPEN:
            node.proof = next((e for e in change.edges if not e.unproved), None)
            if node.proof is not None:
                node.status = PROVED
                change.resolved.append(node)
            elif not node.live and not node.postponed and self._can_fail:
                node.status = FAILED
                change.resolved.append(node)
        if change.resolved:
            self._settle(change)
        return change

    def _postpone(self, node: Node, steps: Iterable[Step]) -> None:
        """Note which tactics are still to be tried with a larger limit."""
        postponed = node.postponed
        for step in steps:
            outcome = step.outcome
            if isinstance(outcome, Rejected) and outcome.kind is Rejection.POSTPONED:
                postponed[step.tactic] = postponed.get(step.tactic, step.prior) / LIMIT_GROWTH
            elif postponed:
                postponed.pop(step.tactic, None)
        if postponed:
            self.unfinished[node] = None
        else:
            self.unfinished.pop(node, None)

    def _link(self, node: Node, expansion: Expansion, change: Change) -> None:
        """Make an edge of each step that ran, merging those with the same children."""
        if node.edges is None:
            node.edges = []
        edges, fresh, make, state = node.edges, change.edges, self.node, expansion.state
        twins = {_family(edge.children): edge for edge in edges}
        for step in expansion.steps:
            outcome = step.outcome
            if not isinstance(outcome, Advanced):
                continue
            states = outcome.states
            children = (make(states[0]),) if len(states) == 1 else tuple(map(make, states))
            family = children if len(children) < 2 else _family(children)
            edge = twins.get(family)
            if edge is not None:
                rose = self._merge(edge, step, children, state)
                if rose and edge not in fresh:
                    fresh.append(edge)
                continue
            edge = Edge(step.tactic, step.prior, node, children, states, state, len(children))
            twins[family] = edge
            for child in children:
                child.parents.append(edge)
                if child.status is PROVED:
                    edge.unproved -= 1
                if child is node or child.status is FAILED:
                    edge.dead = True
            node.live += not edge.dead
            edges.append(edge)
            fresh.append(edge)

    def _merge(self, edge: Edge, step: Step, children: tuple[Node, ...], state: ProofState) -> bool:
        """Give the edge the step's prior and, if shorter, its tactic; say if the prior rose."""
        assert isinstance(step.outcome, Advanced)
        if len(step.tactic) < len(edge.tactic):
            edge.tactic, edge.states, edge.children = step.tactic, step.outcome.states, children
            edge.written_for = state
        before = edge.prior
        edge.prior = min(1.0, before + step.prior) if self._sum_priors else max(before, step.prior)
        return edge.prior > before

    def _settle(self, change: Change) -> None:
        """Carry PROVED and FAILED upwards; only OPEN nodes change, so it ends."""
        resolved, dead = change.resolved, change.dead
        for node in resolved:  # grows while it is read
            if node.status is PROVED:
                for edge in node.parents:
                    edge.unproved -= 1
                    if not edge.unproved and edge.parent.status is OPEN:
                        edge.parent.status, edge.parent.proof = PROVED, edge
                        resolved.append(edge.parent)
                continue
            for edge in node.parents:
                if edge.dead:
                    continue
                edge.dead = True
                dead.append(edge)
                parent = edge.parent
                parent.live -= 1
                if parent.live or parent.status is not OPEN:
                    continue
                if not parent.pending and not parent.postponed:
                    parent.status = FAILED
                    resolved.append(parent)

    def check_invariants(self) -> None:
        """Recompute everything from the edges alone; AssertionError where it differs. Slow."""
        nodes = list(self.nodes.values())
        assert [n.index for n in nodes] == list(range(len(nodes)))
        for node in nodes:
            self._check_node(node)
        assert {n for n in nodes if n.status is PROVED} == _proved(nodes)
        assert {n for n in nodes if n.status is FAILED} == (
            _failed(nodes) if self._can_fail else set()
        )
        before: set[Node] = set()
        waiting = [n for n in nodes if n.proof]
        while waiting:  # the proof edges alone lead to the ground: no cycle among them
            ready = [n for n in waiting if n.proof and before.issuperset(n.proof.children)]
            assert ready
            before.update(ready)
            waiting = [n for n in waiting if n not in before]

    @staticmethod
    def _check_node(node: Node) -> None:
        edges = node.edges or []
        assert (node.proof is not None) == (node.status is PROVED)
        assert node.proof is None or node.proof in edges
        assert node.live == sum(not e.dead for e in edges)
        assert len({_family(e.children) for e in edges}) == len(edges)
        for edge in edges:
            assert edge.parent is node
            assert [s.key for s in edge.states] == [c.state.key for c in edge.children]
            assert edge.unproved == sum(c.status is not PROVED for c in edge.children)
            assert edge.dead == any(c is node or c.status is FAILED for c in edge.children)
            for child in edge.children:
                assert child.parents.count(edge) == edge.children.count(child)
        for edge in node.parents:
            assert node in edge.children
            assert edge in (edge.parent.edges or ())


def _family(children: tuple[Node, ...]) -> tuple[Node, ...]:
    """Equal for equal children in any order."""
    return tuple(sorted(children, key=lambda child: child.index))


def _proved(nodes: Iterable[Node]) -> set[Node]:
    """Give the least set with: a node is in it if all children of one of its edges are."""
    found: set[Node] = set()
    while more := {
        n
        for n in nodes
        if n not in found and any(found.issuperset(e.children) for e in n.edges or ())
    }:
        found |= more
    return found


def _failed(nodes: Iterable[Node]) -> set[Node]:
    """Give the least set with: a node is in it if told and each edge has a child in it."""
    found: set[Node] = set()
    while more := {
        n
        for n in nodes
        if n not in found
        and n.edges is not None
        and not n.pending
        and not n.postponed
        and all(n in e.children or not found.isdisjoint(e.children) for e in n.edges)
    }:
        found |= more
    return found
