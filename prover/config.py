"""The dials of a proving run, each documented once, under its field."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.errors import UsageError


@dataclass(frozen=True, slots=True)
class ProverConfig:
    """How much to spend on a theorem, and how. Raises UsageError for a senseless value."""

    expansions: int = 2_000
    """Budget of one theorem: states expanded."""
    wall_s: float = 60.0
    """Budget of one theorem in seconds, counted from its own start; the final check is extra."""
    concurrency: int | None = None
    """Theorems searched at once; None: as many as the pool has workers."""
    batch: int = 1
    """States of one theorem that a policy is asked about in one call."""
    in_flight: int = 2
    """Batches of one theorem under way at once; answers are told in the order of asking."""
    alpha: float = 0.5
    """Length normalisation of best-first search: score = log prior / depth ** alpha.
    Source: Polu and Sutskever 2020 for best-first by log prior; exponent as in beam search."""
    seed: int = 0
    """Of every random draw of a run; the hammer draws none."""

    def __post_init__(self) -> None:
        for name in ("expansions", "batch", "in_flight"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.concurrency is not None and self.concurrency < 1:
            raise UsageError(f"concurrency must be at least 1, not {self.concurrency}")
        if not self.wall_s > 0:
            raise UsageError(f"wall_s must be above 0 seconds, not {self.wall_s}")
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"alpha must lie in [0, 1], not {self.alpha}")
