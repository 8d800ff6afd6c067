"""Monte Carlo tree search on the AND/OR graph: descents, leaves in flight, backups.

What tells the published searches apart are the functions of a TreeRecipe; this file is the
loop they share. HTPS's `propagate_expandable` is `reach.ToLeaves`. Not done: HTPS's further
visits to solved tactics in search of shorter proofs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from ..data.records import Expansion, ProofState, ProofTree, Status
from .backup import Conjunction, Simulation, back_up, product
from .extraction import smallest_proof
from .graph import FAILED, OPEN, PROVED, Edge, Node, ProofGraph
from .reach import ToLeaves
from .returns import Returns
from .selection import Focus, Selection, every_child, puct


@dataclass(frozen=True, slots=True)
class Widening:
    """Expand a node again while expansions <= c * visits ** alpha (AlphaProof's pseudocode)."""

    c: float = 0.01
    alpha: float = 0.6


@dataclass(frozen=True, slots=True)
class TreeRecipe:
    """The functions and numbers of one published tree search; `driver` has those by name."""

    select: Selection = field(default_factory=puct)
    """Scores the tactics of a node."""
    focus: Focus = every_child
    """Picks the children of a tactic to follow."""
    conjoin: Conjunction = product
    """The value of a tactic from those of its children."""
    discount: float = 1.0
    """The value of a node is this times its tactic's; HTPS's depth penalty, 0.8 to 1."""
    widening: Widening | None = None
    """When to expand a node again; None: never. The subtree explored so far stays."""
    sum_priors: bool = False
    """Whether tactics with equal children add their priors up (arXiv:2510.01346)."""


class MCTS:
    """Asks for the leaves of simulated descents; backs each descent up when all are told.

    A descent follows the best-scored tactic (ties: higher prior, then first told) that leads
    to a node where something can be asked, and each node once; one that runs only into nodes
    it has been at goes on by the shortest known way to a leaf.
    """

    def __init__(self, root: ProofState, recipe: TreeRecipe | None = None) -> None:
        self._recipe = recipe or TreeRecipe()
        self.graph = ProofGraph(root, sum_priors=self._recipe.sum_priors)
        self._reach = ToLeaves(self.graph.root)
        self._returns = Returns(self.graph)
        self._flying: dict[Node, Simulation] = {}

    @property
    def status(self) -> Status:
        """Of the root."""
        return self.graph.root.status

    def ask(self, n: int) -> list[ProofState]:
        """Give up to n distinct states: unexpanded ones, and ones to try more tactics at.

        Empty only when all that can be asked is in flight, there is none, or the root is
        resolved. A descent stops at the n-th state; what it leaves out counts by its estimate.
        """
        asked: list[ProofState] = []
        while len(asked) < n and self.status is OPEN:
            nodes = self._returns.due() or self._new(n - len(asked)) or self._returns.best()
            if not nodes:
                break
            asked += [node.state for node in nodes]
        return asked

    def _new(self, limit: int) -> list[Node]:
        """Give the leaves of one simulation; none where no leaf is left."""
        if self.graph.root.witness is None:
            return []
        self._returns.note_new()
        return self._descend(limit)

    def tell(self, expansions: Sequence[Expansion]) -> None:
        """Add expansions, in the order of asking for the same graph whatever the timing."""
        for expansion in expansions:
            change = self.graph.add(expansion)
            if self.status is OPEN:
                self._reach.update(change)
            node = change.node
            self._returns.in_flight.discard(node)
            simulation = self._flying.pop(node, None)
            if simulation is None:
                continue
            known = {PROVED: 1.0, FAILED: 0.0, OPEN: expansion.value}
            simulation.leaves[node] = known[node.status]
            simulation.missing -= 1
            if not simulation.missing:
                back_up(simulation, self._recipe.conjoin, self._recipe.discount)

    def proof(self) -> ProofTree:
        """Give the smallest proof found; only when status is PROVED."""
        return smallest_proof(self.graph.root)

    def check_invariants(self) -> None:
        """Check the graph, what can be asked, and flights; AssertionError on a fault. Slow."""
        self.graph.check_invariants()
        nodes = self.graph.nodes.values()
        if self.status is OPEN:
            self._reach.check_invariants(nodes)
        assert {n for n in nodes if n.pending} == {*self._flying, *self._returns.in_flight}
        simulations = {id(s): s for s in self._flying.values()}.values()
        flying = Counter(edge for s in simulations for edge in s.edges)
        for node in nodes:
            edges = node.edges or ()
            assert -1e-9 <= node.value_sum <= node.visits + 1e-9
            assert node.in_flight == sum(flying[edge] for edge in edges)
            for edge in edges:
                assert -1e-9 <= edge.value_sum <= edge.visits - flying[edge] + 1e-9

    def _descend(self, limit: int) -> list[Node]:
        """Make one simulation of at most `limit` leaves, at least one, and put it in flight."""
        simulation, leaves = Simulation(), list[Node]()
        seen: set[Node] = set()
        stack, stuck = [self.graph.root], self.graph.root
        while stack and len(leaves) < limit:
            node = stack.pop()
            if node in seen or node.witness is None:
                continue
            if node.edges is None or self._widens(node):
                self._take(node, leaves)
                continue
            seen.add(node)
            edge, children = self._choose(node, seen)
            if edge is None:
                stuck = node
                continue
            simulation.edges.append(edge)
            if len(children) > 1:
                children = self._recipe.focus(edge, children)
            stack.extend(reversed(children))
        if not leaves:
            self._take(self._straight_down(stuck, simulation), leaves)
        simulation.missing = len(leaves)
        for edge in simulation.edges:
            edge.visits += 1
            edge.parent.in_flight += 1
        for leaf in leaves:
            self._flying[leaf] = simulation
        return leaves

    def _widens(self, node: Node) -> bool:
        widening = self._recipe.widening
        if widening is None or node.pending:
            return False
        most: float = widening.c * node.visits**widening.alpha
        return node.expansions <= most

    def _take(self, node: Node, leaves: list[Node]) -> None:
        node.pending = True
        leaves.append(node)
        if node.edges is None:
            self._reach.lose((node,))

    def _choose(self, node: Node, seen: set[Node]) -> tuple[Edge | None, Sequence[Node]]:
        """Give the best edge that leads on, and its children that do; None if all were seen."""
        edges = node.edges or []
        if node.live < len(edges):
            edges = [edge for edge in edges if not edge.dead]
        scores = self._recipe.select(node, edges)
        best: Edge | None = None
        best_score, best_children = -inf, list[Node]()
        for edge, score in zip(edges, scores, strict=True):
            if score < best_score:
                continue
            if best is not None and score == best_score and edge.prior <= best.prior:
                continue
            children = [c for c in edge.children if c.witness is not None and c not in seen]
            if children:
                best, best_score, best_children = edge, score, children
        return best, best_children

    def _straight_down(self, node: Node, simulation: Simulation) -> Node:
        """Follow witnesses to a leaf: they lead there by falling rank, so never in a circle."""
        while node.edges is not None:
            below = node.witness
            assert below is not None
            edge = next(e for e in node.edges if not e.dead and below in e.children)
            simulation.edges.append(edge)
            node = below
        return node
