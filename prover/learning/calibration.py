"""Makes chances say what they mean: a line through log odds (Platt 1999), fitted to what happened.

It never changes an order; with a slope below 1 it takes back what is too sure of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

ROUNDS = 50
LEAST = 1e-9
RIDGE = 1e-3
"""Keeps the fit finite where nothing, or all, came true."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """log odds -> offset + slope * log odds."""

    offset: float = 0.0
    slope: float = 1.0

    def __call__(self, chance: float) -> float:
        """The chance as it should be, in (0, 1)."""
        return sigmoid(self.offset + self.slope * log_odds(chance))


def log_odds(chance: float) -> float:
    """Of a chance, kept finite."""
    bounded = min(max(chance, LEAST), 1 - LEAST)
    return log(bounded / (1 - bounded))


def sigmoid(x: float) -> float:
    """The chance of these log odds."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def fitted(made: Sequence[tuple[float, bool]]) -> Calibration:
    """The likeliest line for chances and what came of them, by Newton's method."""
    points = [(log_odds(chance), is_so) for chance, is_so in made]
    offset, slope = 0.0, 1.0
    for _ in range(ROUNDS):
        g0, g1 = -RIDGE * offset, -RIDGE * (slope - 1)
        h00 = h11 = RIDGE
        h01 = 0.0
        for x, is_so in points:
            p = sigmoid(offset + slope * x)
            weight = p * (1 - p)
            g0 += is_so - p
            g1 += (is_so - p) * x
            h00 += weight
            h01 += weight * x
            h11 += weight * x * x
        determinant = h00 * h11 - h01 * h01
        step0 = (h11 * g0 - h01 * g1) / determinant
        step1 = (h00 * g1 - h01 * g0) / determinant
        shrink = min(1.0, 2.0 / max(abs(step0), abs(step1), 1e-12))
        offset, slope = offset + shrink * step0, max(0.05, slope + shrink * step1)
        if max(abs(step0), abs(step1)) < 1e-6:
            break
    return Calibration(offset, slope)
