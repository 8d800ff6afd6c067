"""Which tactic, and which of its children, a descent of tree search follows.

A selection scores the live edges of a node; Q is an edge's mean backed-up value in [0, 1] with
in-flight visits counted as zeros (virtual loss 1), N its visits with those in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt

from .backup import estimate
from .graph import Edge, Node

Selection = Callable[[Node, Sequence[Edge]], Sequence[float]]
"""Scores for the live edges of a node, in order; higher is better, ties go to the prior."""

Focus = Callable[[Edge, Sequence[Node]], Sequence[Node]]
"""Of an edge's children that can be followed, those to follow, the first one first."""

TOLERANCE = 1e-3
"""How far from 1 the sum of a regularised policy may stay."""

LEAST_WEIGHT = 1e-9
"""Of a tactic in a regularised policy, so that alpha - Q never rounds to 0."""


def _q(edge: Edge, unvisited: float) -> float:
    n = edge.visits + edge.in_flight
    return edge.value_sum / n if n else unvisited


def puct(c: float = 1.0, unvisited: float = 0.5) -> Selection:
    """Q + c P sqrt(sum N) / (1 + N), AlphaGo Zero's rule.

    As `alpha_zero` in facebookresearch/Evariste, prover/policy.py; unvisited: Q before a visit.
    """

    def select(node: Node, edges: Sequence[Edge]) -> list[float]:
        scale = c * sqrt(sum([e.visits + e.in_flight for e in edges]))
        scores = []
        for edge in edges:
            n = edge.visits + edge.in_flight
            q = edge.value_sum / n if n else unvisited
            scores.append(q + scale * edge.prior / (1 + n))
        return scores

    return select


def regularised(c: float = 1.0, unvisited: float = 0.5) -> Selection:
    """Regularised policy optimisation, HTPS's default: pi = m P / (alpha - Q), sum pi = 1.

    m = c sqrt(sum N) / sum(1 + N) (arXiv:2007.12509; `other` in facebookresearch/Evariste,
    prover/policy.py, which finds alpha by bisection). Here by Newton's method from below: the
    sum is convex and falls in alpha, so no step overshoots; it starts at the larger of
    max(Q + m P) and, by Jensen's inequality, m + sum P Q. P sums to 1 over the live edges.
    Before the first visit the scores are Q.
    """

    def select(node: Node, edges: Sequence[Edge]) -> list[float]:
        q, visits, mass = list[float](), 0, 0.0
        for edge in edges:
            n = edge.visits + edge.in_flight
            q.append(edge.value_sum / n if n else unvisited)
            visits += n
            mass += edge.prior
        if not visits or not mass:
            return q
        m = c * sqrt(visits) / (visits + len(edges))
        weights = [max(m * edge.prior / mass, LEAST_WEIGHT) for edge in edges]
        pairs = list(zip(q, weights, strict=True))
        mean = sum([value * weight for value, weight in pairs]) / m
        alpha = max(mean + m, max([value + weight for value, weight in pairs]))
        while True:
            pi = [weight / (alpha - value) for value, weight in pairs]
            excess = sum(pi) - 1
            if excess < TOLERANCE:
                return pi
            alpha += excess / sum([p * p / w for p, w in zip(pi, weights, strict=True)])

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
        visits = sum([e.visits + e.in_flight for e in edges])
        unvisited = estimate(node) * far
        priors = [edge.prior**power for edge in edges]
        scale = (log((visits + base + 1) / base) + init) * sqrt(visits) / (sum(priors) or 1.0)
        return [
            _q(edge, unvisited) + scale * p / (1 + edge.visits + edge.in_flight)
            for edge, p in zip(edges, priors, strict=True)
        ]

    return select


def _visits(node: Node) -> int:
    """Count the simulations through a node, those in flight included."""
    return node.visits + sum([edge.in_flight for edge in node.edges or ()])


def every_child(edge: Edge, children: Sequence[Node]) -> Sequence[Node]:
    """Follow all, the least visited first: HTPS's hyper-tree (arXiv:2205.11491)."""
    return children if len(children) < 2 else sorted(children, key=_visits)


def hardest_child(c: float = 1.0, base: float = 3200.0, init: float = 0.001) -> Focus:
    """Follow one: the child of the best 1 - value, with AlphaProof's exploration times c.

    The rule for AND nodes in AlphaProof's pseudocode (Kripner/nanoproof): prior 1 / children.
    """

    def focus(edge: Edge, children: Sequence[Node]) -> Sequence[Node]:
        if len(children) < 2:
            return children
        total = sum(map(_visits, children))
        scale = c * (log((total + base + 1) / base) + init) * sqrt(total) / len(children)
        best = max(children, key=lambda n: 1 - estimate(n) + scale / (1 + _visits(n)))
        return (best,)

    return focus
