"""Learns the order of tactics: counts what was tried, and says how far the counts can be trusted.

What is counted is judged on theorems that were not: in as many parts as FOLDS, each is predicted
by the counts of the others.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import log
from typing import Any

from ...data.errors import UsageError
from ..learning.calibration import Calibration, fitted
from ..learning.outcomes import TacticOutcomes
from ..learning.priors import Chances, PriorTable, TacticOutcome, levels_of

FOLDS = 5
STRENGTHS = (4.0, 8.0, 16.0, 32.0, 64.0)
"""Tried; the one kept predicts best what lies on proofs."""

KEPT_PROOFS = 0.9
"""So many of the tactics that prove keep their place in the first limit; the least likely wait."""

BINS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Borders of the bins of the reliability curve, of chances."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions of about one chance. predicted: their mean; observed: the share that came so."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class PriorReport:
    """What is known of a table, all on theorems that it had not counted.

    loss: mean negative log likelihood of what happened, of the chances and of the bare rates, in
    nats. kept, waiting: shares of the tactics that prove, and of all, on either side of the limit.
    """

    lean: str
    theorems: int
    tactics: int
    led_on: int
    proved: int
    strength: float
    wait_below: float
    loss_leads_on: tuple[float, float]
    loss_proves: tuple[float, float]
    kept: float
    waiting: float
    leads_on: tuple[ReliabilityBin, ...]
    proves: tuple[ReliabilityBin, ...]

    @property
    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The chances of a tactic, the milliseconds that it takes, and what came of it."""

    chances: Chances
    cost_ms: float
    leads_on: bool
    proves: bool


def train_priors(tried: TacticOutcomes) -> tuple[PriorTable, PriorReport]:
    """Count all that was tried, and report on it.

    Raises UsageError where nothing was tried, nothing proved, or by several versions of Lean.
    """
    rows, lean = [each for each in tried.rows if each.is_told], tried.lean
    if not rows:
        raise UsageError("nothing to learn from: no tactic was tried yet")
    if not any(each.closes or each.in_proof for each in rows):
        raise UsageError("nothing to learn from: no tactic that was tried proved anything")
    keyed = list(zip(rows, levels_of(rows), strict=True))
    made = predicted(keyed)
    raw = min(made.values(), key=lambda each: _loss(calibrated(each).of_proofs))
    strength = next(each for each in STRENGTHS if made[each] is raw)
    judged = calibrated(raw)
    table = counted(zip(tried.rows, levels_of(tried.rows), strict=True))
    table.lean, table.strength = lean, strength
    table.theorems = len({each.theorem for each in rows})
    table.on_line, table.proof_line = judged.on_line, judged.proof_line
    gains = [
        (chance / each.cost_ms, is_so)
        for each, (chance, is_so) in zip(raw, judged.of_proofs, strict=True)
    ]
    table.wait_below = wait_below(gains)
    return table, _report(table, rows, judged, gains)


Keyed = tuple[TacticOutcome, tuple[str, ...]]
"""A tactic that was tried, and its levels."""


def counted(rows: Iterable[Keyed]) -> PriorTable:
    """The counts of what was tried."""
    table = PriorTable()
    for each, keys in rows:
        table.add(each, keys)
    return table


def predicted(rows: Sequence[Keyed]) -> dict[float, list[Prediction]]:
    """Each tactic's chances, by the counts of the theorems of the other folds; by strength."""
    folds: dict[int, list[Keyed]] = defaultdict(list)
    for each in rows:
        folds[_fold(each[0].theorem)].append(each)
    made: dict[float, list[Prediction]] = {strength: [] for strength in STRENGTHS}
    for fold, own in sorted(folds.items()):
        table = counted(row for other, those in folds.items() if other != fold for row in those)
        for strength, found in made.items():
            table.strength = strength
            found += [
                Prediction(
                    table.chances(keys),
                    table.cost_ms(keys),
                    each.leads_on,
                    each.closes or each.in_proof,
                )
                for each, keys in own
            ]
    return made


def _fold(theorem: str) -> int:
    return hashlib.sha256(theorem.encode()).digest()[0] % FOLDS


Judged = list[tuple[float, bool]]
"""Chances, or chances for each millisecond, each with what came of it."""


@dataclass(frozen=True, slots=True)
class CalibratedPredictions:
    """Predictions put right by a line each, and these lines."""

    on_line: Calibration
    proof_line: Calibration
    of_leading_on: Judged
    of_proofs: Judged


def calibrated(made: Sequence[Prediction]) -> CalibratedPredictions:
    """Fit the lines to predictions, and put the predictions right."""
    on = [(each.chances.leads_on, each.leads_on) for each in made]
    proofs = [(each.chances.proves, each.proves) for each in made]
    lines = fitted(on), fitted(proofs)
    return CalibratedPredictions(
        *lines,
        [(lines[0](chance), is_so) for chance, is_so in on],
        [(lines[1](chance), is_so) for chance, is_so in proofs],
    )


def wait_below(made: Judged) -> float:
    """The bound below which only 1 - KEPT_PROOFS of the tactics that prove lie."""
    of_proofs = sorted(chance for chance, is_so in made if is_so)
    return of_proofs[int(len(of_proofs) * (1 - KEPT_PROOFS))]


def _report(
    table: PriorTable,
    rows: Sequence[TacticOutcome],
    judged: CalibratedPredictions,
    gains: Judged,
) -> PriorReport:
    on, proves = judged.of_leading_on, judged.of_proofs
    limit = table.wait_below
    hits = [gain for gain, is_so in gains if is_so]
    return PriorReport(
        lean=table.lean,
        theorems=table.theorems,
        tactics=len(rows),
        led_on=sum(each.leads_on for each in rows),
        proved=len(hits),
        strength=table.strength,
        wait_below=limit,
        loss_leads_on=(_loss(on), _loss(_bare(on))),
        loss_proves=(_loss(proves), _loss(_bare(proves))),
        kept=sum(gain >= limit for gain in hits) / len(hits),
        waiting=sum(gain < limit for gain, _ in gains) / len(gains),
        leads_on=tuple(reliability(on)),
        proves=tuple(reliability(proves)),
    )


def reliability(made: Judged) -> list[ReliabilityBin]:
    """The reliability curve of chances and what came of them (Murphy and Winkler 1977)."""
    found = []
    for low, high in pairwise(BINS):
        own = [(c, is_so) for c, is_so in made if low <= c < high or c == high == BINS[-1]]
        if own:
            mean = sum(c for c, _ in own) / len(own)
            found.append(ReliabilityBin(mean, sum(is_so for _, is_so in own) / len(own), len(own)))
    return found


def _loss(made: Judged) -> float:
    least = 1e-9
    total = sum(-log(max(least, c if is_so else 1 - c)) for c, is_so in made)
    return total / len(made)


def _bare(made: Judged) -> Judged:
    rate = sum(is_so for _, is_so in made) / len(made)
    return [(rate, is_so) for _, is_so in made]
