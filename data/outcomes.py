"""Words for what came of a tactic, in databases, datasets and graphs; `Rejection` has the rest."""

from __future__ import annotations

from .records import Rejection

ADVANCED = "advanced"
TIMED_OUT = "timed_out"

PASSING = {Rejection.CANCELLED, Rejection.CRASH, Rejection.POSTPONED, Rejection.REPLACED}
"""Rejections that say nothing against the tactic."""
