"""Which tactic, and which of its children, a descent of tree search follows.

A selection scores the live edges of a node. N: an edge's visits; Q = W / N, its mean backed-up
value in [0, 1]. Those in flight count as visits of value 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt
from operator import truediv

from .backup import estimate
from .graph import Edge, Node

Selection = Callable[[Node, Sequence[Edge]], Sequence[float]]
"""Scores for the live edges of a node, in order; higher is better, ties go to the prior."""

Focus = Callable[[Edge, Sequence[Node]], Sequence[Node]]
"""Of an edge's children that can be followed, two or more, those to follow, in their order."""

TOLERANCE = 1e-3
"""How far from 1 the sum of a regularised policy may stay."""

LEAST_WEIGHT = 1e-9
"""Added to each weight m P of a regularised policy, so that alpha - Q never rounds to 0."""


def _means(edges: Sequence[Edge], unvisited: float) -> list[float]:
    return [edge.value_sum / edge.visits if edge.visits else unvisited for edge in edges]


def puct(c: float = 1.0, unvisited: float = 0.5) -> Selection:
    """Q + c P sqrt(sum N) / (1 + N), AlphaGo Zero's rule.

    As `alpha_zero` in facebookresearch/Evariste, prover/policy.py; unvisited: Q before a visit.
    """

    def select(node: Node, edges: Sequence[Edge]) -> list[float]:
        scale = c * sqrt(sum([e.visits for e in edges]))
        return [
            (e.value_sum / e.visits if e.visits else unvisited) + scale * e.prior / (1 + e.visits)
            for e in edges
        ]

    return select


def regularised(c: float = 1.0, unvisited: float = 0.5) -> Selection:
    """Regularised policy optimisation, HTPS's default: pi = m P / (alpha - Q), sum pi = 1.

    m = c sqrt(sum N) / sum(1 + N) (arXiv:2007.12509; `other` in facebookresearch/Evariste,
    prover/policy.py, which finds alpha by bisection). Here by Newton's method for 1 / sum pi,
    from the node's last alpha: as a harmonic mean of lines in alpha it rises, is concave and
    hardly bends, so every step ends below the solution and close to it. P sums to 1 over the
    live edges. Before the first visit the scores are Q.
    """

    def select(node: Node, edges: Sequence[Edge]) -> list[float]:
        means = _means(edges, unvisited)
        visits = sum([edge.visits for edge in edges])
        priors = [edge.prior for edge in edges]
        mass = sum(priors)
        if not visits or not mass:
            return means
        scale = c * sqrt(visits) / (visits + len(edges)) / mass
        weights = [scale * prior + LEAST_WEIGHT for prior in priors]
        least = max(means) + LEAST_WEIGHT
        alpha = max(least, node.alpha)
        while True:
            gaps = [alpha - q for q in means]
            pi = list(map(truediv, weights, gaps))
            excess = sum(pi) - 1
            if -TOLERANCE < excess < TOLERANCE:
                node.alpha = alpha
                return pi
            alpha = max(least, alpha + excess * (1 + excess) / sum(map(truediv, pi, gaps)))

    return select


def alphaproof(
    *,
    base: float = 3200.0,
    init: float = 0.001,
    flatten: float = 200.0,
    discount: float = 0.99,
    unvisited_steps: float = 1.0,
) -> Selection:
    """Q + (ln((N + base + 1) / base) + init) sqrt(N) / (1 + n) P / sum P.

    P = prior^(1 / flatten). AlphaProof's published pseudocode (Kripner/nanoproof,
    pseudocode.py). Q is discount^(steps left after the tactic), as the backup makes it.
    unvisited_steps: an unvisited tactic counts as its node, that many steps further off.
    Other than there, P is flattened after equal tactics are merged, not before.
    """
    power = 1 / flatten
    far = discount**unvisited_steps

    def select(node: Node, edges: Sequence[Edge]) -> list[float]:
        visits = sum([edge.visits for edge in edges])
        means = _means(edges, estimate(node) * far)
        priors = [edge.prior**power for edge in edges]
        scale = (log((visits + base + 1) / base) + init) * sqrt(visits) / (sum(priors) or 1.0)
        return [
            q + scale * p / (1 + edge.visits)
            for q, p, edge in zip(means, priors, edges, strict=True)
        ]

    return select


def _visits(node: Node) -> int:
    """Count the simulations through a node, those in flight included."""
    return node.visits + node.in_flight


def every_child(edge: Edge, children: Sequence[Node]) -> Sequence[Node]:
    """Follow all, the least visited first: HTPS's hyper-tree (arXiv:2205.11491)."""
    return sorted(children, key=_visits)


def hardest_child(c: float = 1.0, base: float = 3200.0, init: float = 0.001) -> Focus:
    """Follow one: the child of the best 1 - value, with AlphaProof's exploration times c.

    The rule for AND nodes in AlphaProof's pseudocode (Kripner/nanoproof): prior 1 / children.
    """

    def focus(edge: Edge, children: Sequence[Node]) -> Sequence[Node]:
        total = sum(map(_visits, children))
        scale = c * (log((total + base + 1) / base) + init) * sqrt(total) / len(children)
        best = max(children, key=lambda n: 1 - estimate(n) + scale / (1 + _visits(n)))
        return (best,)

    return focus
