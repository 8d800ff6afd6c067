"""The dials of a proving run, each documented once, under its field."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields

from ..data.errors import UsageError
from ..data.records import ProofState
from ..search.driver import RECIPES, Search

SAMPLING = ("rmax", "whole-proof")
"""Searches that are told of whole-proof samples, one tactic a state, not of full expansions."""

HELP = {
    "name": f"The search: {', '.join(RECIPES)}. best-first: by log prior (BFS-Prover, "
    "arXiv:2502.03438); perspectives: four queues in turn (MPS-Prover, arXiv:2505.10962); mcts: "
    "PUCT (AlphaGo Zero); htps: regularised policy (arXiv:2205.11491); alphaproof: its published "
    "pseudocode; rmax: intrinsic reward (DeepSeek-Prover-V1.5, arXiv:2408.08152); whole-proof: "
    "samples, no tree.",
    "alpha": "best-first, perspectives: score = log prior / length ** alpha, in [0, 1]; 0 is "
    "ReProver's cumulative log prior, 0.5 the default (BFS-Prover, arXiv:2502.03438).",
    "exploration": "mcts, htps: c of PUCT and of the regularised policy, default 1 "
    "(arXiv:2205.11491).",
    "discount": "mcts, htps, alphaproof: a state is worth this times its best tactic (defaults 1, "
    "0.99, 0.99; arXiv:2205.11491). rmax: rewards fade by it, 0.99 (arXiv:2408.08152).",
    "flatten": "alphaproof: priors to the power 1 / flatten, default 200 (its pseudocode).",
    "widening": "alphaproof: expand a state again while expansions <= widening * visits ** 0.6, "
    "default 0.01; 0: never (its pseudocode).",
    "sample_steps": "rmax, whole-proof: most tactics in one sample.",
}
"""What each field of a SearchConfig means, and its source; `lakatos prove --help` shows it."""


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """Which search, and its numbers, as HELP says; None: the number its authors give.

    Raises UsageError for an unknown search, a number it does not have, or a senseless one.
    """

    name: str = "best-first"
    alpha: float | None = None
    exploration: float | None = None
    discount: float | None = None
    flatten: float | None = None
    widening: float | None = None
    sample_steps: int = 32

    def __post_init__(self) -> None:
        if self.name not in RECIPES:
            raise UsageError(f"no search {self.name!r}; there is: {', '.join(RECIPES)}")
        known = inspect.signature(RECIPES[self.name]).parameters
        for name, value in self._numbers().items():
            if name not in known:
                raise UsageError(f"search {self.name} has no {name}")
            if value < 0 or (name == "flatten" and not value):
                raise UsageError(f"{name} must be above 0, not {value}")
            if name in ("alpha", "discount") and value > 1:
                raise UsageError(f"{name} must lie in [0, 1], not {value}")
        if self.sample_steps < 1:
            raise UsageError(f"sample_steps must be at least 1, not {self.sample_steps}")

    @property
    def samples(self) -> bool:
        """Whether this search is told of whole-proof samples."""
        return self.name in SAMPLING

    def start(self, root: ProofState) -> Search:
        """A new search of that kind."""
        return RECIPES[self.name](root, **self._numbers())

    def _numbers(self) -> dict[str, float]:
        names = [f.name for f in fields(self) if f.name not in ("name", "sample_steps")]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class ProverConfig:
    """How much to spend on a theorem, and how. Raises UsageError for a senseless value."""

    expansions: int = 2_000
    """Budget of one theorem: states expanded."""
    wall_s: float = 60.0
    """Budget of one theorem in seconds at work on it, searching; the final check is extra."""
    steps: int | None = None
    """Budget of one theorem: tactics tried in Lean; looked at between expansions. None: any."""
    lean_s: float | None = None
    """Budget of one theorem: seconds inside Lean, over all workers; likewise. None: any."""
    concurrency: int | None = None
    """Theorems searched at once; None: as many as the pool has workers."""
    batch: int = 1
    """States of one theorem that a policy is asked about in one call."""
    in_flight: int = 2
    """Batches of one theorem under way at once; answers are told in the order of asking."""
    first_round: int = 8
    """Expansions of each theorem in the first round; the open ones go on in further rounds."""
    growth: int = 4
    """How many times longer each round is than the one before, up to the whole budget."""
    refute: float = 0.0
    """Share of every budget spent on the negation of a theorem, in [0, 1); 0: none."""
    retries: int = 3
    """Proofs refused by the verifier after which the search for another still goes on."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Which search, and its numbers."""
    seed: int = 0
    """Of every random draw of a run; the hammer draws none."""

    def __post_init__(self) -> None:
        for name in ("expansions", "batch", "in_flight", "first_round", "steps", "concurrency"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        for name in ("wall_s", "lean_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be above 0 seconds, not {value}")
        if self.growth < 2:
            raise UsageError(f"growth must be at least 2, not {self.growth}")
        if not 0 <= self.refute < 1:
            raise UsageError(f"refute must lie in [0, 1), not {self.refute}")
        if self.retries < 0:
            raise UsageError(f"retries must be at least 0, not {self.retries}")
