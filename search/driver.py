"""One interface for every search, and the published recipes by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..data.records import Expansion, ProofState, ProofTree, Status
from .backup import minimum
from .best_first import BestFirst, by_fewest_goals, by_log_prior, by_shortest_state, by_value
from .graph import ProofGraph
from .mcts import MCTS, TreeRecipe, Widening
from .rmax import RMax
from .selection import alphaproof, hardest_child, puct, regularised


class Search(Protocol):
    """Asks for states, is told what was tried at them, until its status is not OPEN."""

    @property
    def graph(self) -> ProofGraph:
        """All that it was told."""
        ...

    @property
    def status(self) -> Status:
        """Of the root."""
        ...

    def ask(self, n: int) -> list[ProofState]:
        """Give up to n states to expand; none only if all is in flight or nothing is left."""
        ...

    def tell(self, expansions: Sequence[Expansion]) -> None:
        """Add expansions, in the order of asking for the same result whatever the timing."""
        ...

    def proof(self) -> ProofTree:
        """Give the smallest proof found; only when status is PROVED."""
        ...


def best_first(root: ProofState, *, alpha: float = 0.5) -> BestFirst:
    """Give best-first by log prior / length ** alpha, as BFS-Prover (arXiv:2502.03438)."""
    return BestFirst(root, alpha=alpha)


def perspectives(root: ProofState, *, alpha: float = 0.5) -> BestFirst:
    """Give best-first with four queues in turn, as MPS-Prover (arXiv:2505.10962)."""
    orders = (by_value, by_log_prior(alpha), by_fewest_goals, by_shortest_state)
    return BestFirst(root, orders=orders)


def mcts(root: ProofState, *, exploration: float = 1.0, discount: float = 1.0) -> MCTS:
    """Give tree search by PUCT, AlphaGo Zero's rule, with AND as product."""
    return MCTS(root, TreeRecipe(select=puct(exploration), discount=discount))


def htps(root: ProofState, *, exploration: float = 1.0, discount: float = 0.99) -> MCTS:
    """Give HTPS: regularised policy, exploration 1, AND as product (arXiv:2205.11491).

    Depth penalty 0.99, within the range 0.8 to 1 that its authors searched.
    """
    return MCTS(root, TreeRecipe(select=regularised(exploration), discount=discount))


def alphaproof_search(
    root: ProofState,
    *,
    discount: float = 0.99,
    flatten: float = 200.0,
    widening: float = 0.01,
) -> MCTS:
    """Give AlphaProof's form: 0.99^steps, AND as minimum, hardest goal first, widening.

    Numbers as in its pseudocode (Kripner/nanoproof, pseudocode.py).
    """
    recipe = TreeRecipe(
        select=alphaproof(discount=discount, flatten=flatten),
        focus=hardest_child(),
        conjoin=minimum,
        discount=discount,
        widening=Widening(c=widening) if widening else None,
        sum_priors=True,
    )
    return MCTS(root, recipe)


def rmax(root: ProofState, *, discount: float = 0.99) -> RMax:
    """Give RMaxTS; its rewards fade by the discount (arXiv:2408.08152)."""
    return RMax(root, gamma=discount)


def whole_proof(root: ProofState) -> RMax:
    """Give plain whole-proof sampling from the root: RMaxTS without its tree."""
    return RMax(root, tree=False)


RECIPES: Mapping[str, Callable[..., Search]] = {
    "best-first": best_first,
    "perspectives": perspectives,
    "mcts": mcts,
    "htps": htps,
    "alphaproof": alphaproof_search,
    "rmax": rmax,
    "whole-proof": whole_proof,
}
"""A new search for a root state, by the name of its recipe; its numbers are keywords."""
