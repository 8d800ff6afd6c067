"""How the values of a simulation's leaves go up: AND over children, one discount for each step.

A simulation is the hyper-tree of one descent. It is backed up once, when all its leaves are
told (HTPS, arXiv:2205.11491; facebookresearch/Evariste, prover/mcts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from .graph import FAILED, OPEN, PROVED, Edge, Node

Conjunction = Callable[[Sequence[float]], float]
"""The value of an edge from the values of its children."""


def product(values: Sequence[float]) -> float:
    """Multiply: the children are independent (HTPS: a sum of logarithms)."""
    return prod(values)


def minimum(values: Sequence[float]) -> float:
    """Take the hardest child's value (AlphaProof's pseudocode); 1 where there is none."""
    return min(values, default=1.0)


@dataclass(slots=True, eq=False)
class Simulation:
    """One descent. edges: parents before children. missing: leaves not yet told.

    leaves: the value in [0, 1] told for each.
    """

    edges: list[Edge] = field(default_factory=list)
    missing: int = 0
    leaves: dict[Node, float] = field(default_factory=dict)


def estimate(node: Node) -> float:
    """P(provable) of a node now: 1 or 0 when resolved, else its mean value, else the critic's."""
    if node.status is PROVED:
        return 1.0
    if node.status is FAILED:
        return 0.0
    return node.value_sum / node.visits if node.visits else node.value


def back_up(simulation: Simulation, conjoin: Conjunction, discount: float) -> None:
    """Carry a complete simulation's leaf values up along its edges and take it out of flight.

    An edge gains the AND of its children; its node gets discount times that. Children that
    the descent did not follow count with their estimates.
    """
    found = dict(simulation.leaves)
    for node, value in found.items():
        node.visits += 1
        node.value_sum += value
    for edge in reversed(simulation.edges):
        values = [
            found[child] if child.status is OPEN and child in found else estimate(child)
            for child in edge.children
        ]
        value = conjoin(values)
        edge.value_sum += value
        node = edge.parent
        found[node] = value = discount * value
        node.in_flight -= 1
        node.visits += 1
        node.value_sum += value
