"""The chance that a kind of tactic leads on from a state, and that it lies on a proof of it.

Counted outcomes, from the coarse to the fine: all tactics, a family, a kind, a kind where the goal
has this head symbol, a kind where the state has this shape too. Each finer count is added to so
many made-up ones that are distributed as the coarser estimate says (a Beta prior; the same form as
the Dirichlet smoothing of MacKay and Peto, Natural Language Engineering 1995), so what was seldom
seen is judged as what is like it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from ...data.records import Goal
from .calibration import Calibration
from .state_shape import head_of, shape_of
from .tactic_kinds import family_of, kind_of, names_of

LEAST = 2
"""Of the finest counts, those of fewer tactics are not kept: the coarser ones say as much."""

SEEN_BEFORE = 0.05
"""The share of tactics that lead on, and then lie on a proof, where nothing was counted."""

USUAL_MS = 20.0
"""The time of a tactic where nothing was counted."""

OVERHEAD_MS = 5.0
"""What sending any tactic takes besides."""


@dataclass(frozen=True, slots=True)
class TacticOutcome:
    """What came of one tactic at one state.

    theorem: the key of its statement. is_root: whether the state is the theorem's own. closes:
    whether it left nothing to prove; in_proof: whether a proof that was found goes on with it.
    ms: the time that it took Lean. is_told: whether that time was enough to say all this.
    found_by: the tactic that searched and found this one; empty: it was proposed as it is.
    """

    theorem: str
    goal: Goal
    is_root: bool
    tactic: str
    leads_on: bool
    closes: bool
    in_proof: bool
    ms: float = 0.0
    is_told: bool = True
    found_by: str = ""


@dataclass(slots=True)
class Outcomes:
    """Counts: tactics tried; that led on; of those, that closed their state; that lie on a proof
    without closing it. sent: with those that ran out of a limit, without those whose answer was
    known; ms: the time of all."""

    tried: int = 0
    led_on: int = 0
    closed: int = 0
    in_proof: int = 0
    sent: int = 0
    ms: float = 0.0

    def add(self, each: TacticOutcome) -> None:
        """Count one more."""
        self.sent += each.ms > 0
        self.ms += each.ms
        if not each.is_told:
            return
        self.tried += 1
        self.led_on += each.leads_on
        self.closed += each.closes
        self.in_proof += each.in_proof and not each.closes


@dataclass(frozen=True, slots=True)
class Chances:
    """Of one tactic at one state, each in (0, 1). proves: it closes it, or lies on its proof."""

    leads_on: float
    proves: float


@dataclass
class PriorTable:
    """Counts by what is told of tactic and state.

    Args:
        lean: the version of the Lean that tried the tactics.
        strength: made-up outcomes of each level.
        wait_below: a tactic whose chance to prove for each millisecond that it takes is below this
            waits for the second limit.
        theorems: how many there were.
        on_line, proof_line: make its two chances mean what they say.
    """

    lean: str = ""
    strength: float = 8.0
    wait_below: float = 0.0
    theorems: int = 0
    counts: dict[str, Outcomes] = field(default_factory=lambda: defaultdict(Outcomes))
    on_line: Calibration = field(default_factory=Calibration)
    proof_line: Calibration = field(default_factory=Calibration)

    def add(self, each: TacticOutcome, keys: Iterable[str]) -> None:
        """Count one outcome at every level. keys: `levels` of its tactic and state."""
        for key in keys:
            self.counts[key].add(each)

    def chances(self, keys: Iterable[str]) -> Chances:
        """Of a tactic at a state, by their `levels`."""
        on = closing = going_on = SEEN_BEFORE
        for key in keys:
            found = self.counts.get(key)
            if found is not None:
                on = self._smoothed(found.led_on, found.tried, on)
                closing = self._smoothed(found.closed, found.led_on, closing)
                left = found.led_on - found.closed
                going_on = self._smoothed(found.in_proof, left, going_on)
        proves = on * (closing + (1 - closing) * going_on)
        return Chances(self.on_line(on), self.proof_line(proves))

    def cost_ms(self, keys: Iterable[str]) -> float:
        """The time that a tactic takes, by its `levels`, in milliseconds."""
        cost = USUAL_MS
        for key in keys:
            found = self.counts.get(key)
            if found is not None:
                cost = self._smoothed(found.ms, found.sent, cost)
        return OVERHEAD_MS + cost

    def tried(self, kind: str) -> int:
        """How often a kind was tried. kind: its key, of `levels`."""
        found = self.counts.get(kind)
        return 0 if found is None else found.tried

    def _smoothed(self, hits: float, of: int, before: float) -> float:
        return (hits + self.strength * before) / (of + self.strength)

    @property
    def as_json(self) -> dict[str, Any]:
        """Its counts, without those of the finest levels that say nothing of their own."""
        kept = {
            key: [*astuple(found)[:-1], round(found.ms)]
            for key, found in sorted(self.counts.items())
            if max(found.tried, found.sent) >= LEAST or key.count(_BETWEEN) < 2
        }
        return {
            "lean": self.lean,
            "strength": self.strength,
            "wait_below": self.wait_below,
            "theorems": self.theorems,
            "lines": [astuple(self.on_line), astuple(self.proof_line)],
            "counts": kept,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PriorTable:
        """Read what `as_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
        counts = {str(key): Outcomes(*map(int, row)) for key, row in value["counts"].items()}
        numbers = float(value["strength"]), float(value["wait_below"]), int(value["theorems"])
        lines = (Calibration(*map(float, line)) for line in value["lines"])
        return cls(str(value["lean"]), *numbers, counts, *lines)


@dataclass(frozen=True, slots=True)
class StateWords:
    """What is told of a state: the names in its goal, the head symbol, the rest of its shape."""

    names: frozenset[str]
    head: str
    shape: str

    @classmethod
    def of(cls, goal: Goal, is_root: bool) -> StateWords:
        """Read a goal."""
        return cls(names_of(goal), head_of(goal), shape_of(goal, is_root))


_BETWEEN = "\t"


OF_KIND = 2
"""Which of the `levels` is the kind's own."""


def levels(tactic: str, state: StateWords) -> tuple[str, ...]:
    """The keys of the counts that speak of a tactic at a state, from the coarse to the fine."""
    kind = kind_of(tactic, state.names)
    by_kind = f"{kind}{_BETWEEN}"
    by_head = f"{by_kind}{state.head}{_BETWEEN}"
    return "", family_of(kind), by_kind, by_head, f"{by_head}{state.shape}{_BETWEEN}"


def levels_of(rows: Iterable[TacticOutcome]) -> list[tuple[str, ...]]:
    """`levels` of each of many tactics; those at one state are best together."""
    found, last = [], None
    for each in rows:
        if last is None or each.goal is not last[0] or each.is_root != last[1]:
            last = each.goal, each.is_root, StateWords.of(each.goal, each.is_root)
        found.append(levels(each.found_by or each.tactic, last[2]))
    return found
