"""A Lean for whoever asks: workers, the judge, and what a proof may use, started together.

Imports nothing that searches or proves, so that a Lean is on its way before those are there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ..lean_env.cache import default_cache
from ..lean_env.pool import LeanPool
from ..lean_env.queries.premises import Premises
from ..lean_env.verification.judge import CheckLimits
from ..lean_env.verification.verifier import STANDARD_AXIOMS, Verifier
from ..lean_env.worker_command import Toolchain


@dataclass(frozen=True, slots=True)
class LeanConfig:
    """How a Lean is started, and what its judge accepts."""

    workers: int | None = None
    """Lean processes; None: as many as cores and memory allow."""
    allow_axioms: tuple[str, ...] = ()
    """Axioms a proof may use beyond propext, Quot.sound and Classical.choice."""
    check_s: float | None = None
    """Seconds for the check of one proof or file; None: 60, and 30 more for each 1,000 bytes."""

    def __post_init__(self) -> None:
        CheckLimits(self.check_s)  # its bounds


@dataclass(frozen=True, slots=True)
class LeanParts:
    """What is needed of Lean: workers, the judge, what a proof may use; its version."""

    pool: LeanPool
    verifier: Verifier
    premises: Premises
    version: str


@asynccontextmanager
async def open_lean(
    toolchain: Toolchain, config: LeanConfig, cache: Path | None = None
) -> AsyncIterator[LeanParts]:
    """Start workers and judge as the configuration says, and end them afterwards.

    cache: directory of the premise cache; default: the user cache.
    """
    axioms = (*STANDARD_AXIOMS, *config.allow_axioms)
    limits = CheckLimits(config.check_s)
    async with (
        LeanPool(toolchain, workers=config.workers) as pool,
        Verifier(
            pool, toolchain, allow_axioms=axioms, limits=limits, judges=pool.workers
        ) as verifier,
    ):
        source = Premises(pool, (cache or default_cache()) / "premises")
        yield LeanParts(pool, verifier, source, toolchain.lean)
