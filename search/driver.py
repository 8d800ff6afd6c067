"""One interface for every search, and the published recipes by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..data.records import Expansion, ProofState, ProofTree, Status
from .backup import minimum
from .best_first import BestFirst, by_fewest_goals, by_log_prior, by_shortest_state, by_value
from .mcts import MCTS, TreeRecipe, Widening
from .rmax import RMax
from .selection import alphaproof, hardest_child, regularised


class Search(Protocol):
    """Asks for states, is told what was tried at them, until its status is not OPEN."""

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


def perspectives(root: ProofState) -> BestFirst:
    """Give best-first with four queues in turn, as MPS-Prover (arXiv:2505.10962)."""
    orders = (by_value, by_log_prior(0.5), by_fewest_goals, by_shortest_state)
    return BestFirst(root, orders=orders)


def htps(root: ProofState) -> MCTS:
    """Give HTPS: regularised policy, exploration 1, AND as product (arXiv:2205.11491).

    Depth penalty 0.99, within the range 0.8 to 1 that its authors searched.
    """
    return MCTS(root, TreeRecipe(select=regularised(1.0), discount=0.99))


def alphaproof_search(root: ProofState) -> MCTS:
    """Give AlphaProof's form: 0.99^steps, AND as minimum, hardest goal first, widening.

    Numbers as in its pseudocode (Kripner/nanoproof, pseudocode.py).
    """
    recipe = TreeRecipe(
        select=alphaproof(),
        focus=hardest_child(),
        conjoin=minimum,
        discount=0.99,
        widening=Widening(),
        sum_priors=True,
    )
    return MCTS(root, recipe)


def whole_proof(root: ProofState) -> RMax:
    """Give plain whole-proof sampling from the root: RMaxTS without its tree."""
    return RMax(root, tree=False)


RECIPES: Mapping[str, Callable[[ProofState], Search]] = {
    "best-first": BestFirst,
    "perspectives": perspectives,
    "mcts": MCTS,
    "htps": htps,
    "alphaproof": alphaproof_search,
    "rmax": RMax,
    "whole-proof": whole_proof,
}
"""A new search for a root state, by the name of its recipe with that recipe's own numbers."""
