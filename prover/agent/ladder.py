"""Limits for tactics, from small to large: cheap tries first, costly ones where they are needed.

The first expansion of a state tries each tactic with the first limit. One that runs out of it is
postponed, and tried with the next limit when the search comes back to the state. Limits are Lean's
heartbeats, so what is tried does not depend on the speed of the machine; wall time is the net.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...data.records import Expansion, ProofState, Rejected, Rejection, Step, TimedOut
from ...search.graph import LIMIT_GROWTH
from ..config import HEARTBEATS
from ..policy.base import LEAN_SEARCH, SEARCHING, PolicyOutput, Proposal

RETURN_HEARTBEATS = 8_000
"""About what coming back to a state once may cost, in thousands; one tactic always is tried."""

QUICK = HEARTBEATS[1:2]
"""The one limit of short searches that only look whether something is easy."""

SEARCHES = "it searches the library: kept for a larger limit"
UNLIKELY = "it is unlikely: kept for a larger limit"
"""Why Lean was not sent a tactic with the first limit."""

_SEARCH_S = 30.0
"""Wall time of a tactic that searches."""


def wall_s(heartbeats: int) -> float:
    """The wall time, in seconds, that goes with a limit in thousands of heartbeats.

    A slow machine does about 2,000 a second: more than that up to 10 s, then 4,000 a second.
    """
    return min(2 + heartbeats / 2_000, max(10.0, heartbeats / 4_000))


@dataclass(frozen=True, slots=True)
class TacticBatch:
    """What to try at a state with one limit. rung: the limit's number, from 0."""

    advice: PolicyOutput
    rung: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """The limits, in thousands of heartbeats, rising."""

    heartbeats: tuple[int, ...] = HEARTBEATS

    @property
    def last(self) -> int:
        """The number of the largest limit."""
        return len(self.heartbeats) - 1

    def wall_s(self, rung: int, tactics: Iterable[str]) -> float:
        """The wall time for each of the tactics under a limit, in seconds."""
        least = _SEARCH_S if any(map(SEARCHING.match, tactics)) else 0.0
        return max(least, wall_s(self.heartbeats[rung]))

    def kept_back(self, proposal: Proposal, rung: int) -> Rejected | None:
        """That a tactic is not tried with the first limit: it searches the library, or waits."""
        if rung or not self.last:
            return None
        if LEAN_SEARCH.match(proposal.tactic):
            return Rejected(SEARCHES, Rejection.POSTPONED)
        if proposal.waits:
            return Rejected(UNLIKELY, Rejection.POSTPONED)
        return None

    def judged(self, step: Step, rung: int) -> Step:
        """The step as it counts: postponed, if it ran out of a limit that is not the last."""
        outcome = step.outcome
        if rung == self.last:
            return step
        if isinstance(outcome, TimedOut):
            text = f"no answer within {outcome.wall_s:g} s"
            return replace(step, outcome=Rejected(text, Rejection.POSTPONED))
        if isinstance(outcome, Rejected) and outcome.kind is Rejection.HEARTBEATS:
            return replace(step, outcome=replace(outcome, kind=Rejection.POSTPONED))
        return step


def is_postponed(step: Step) -> bool:
    """Whether the tactic is to be tried again with a larger limit."""
    return isinstance(step.outcome, Rejected) and step.outcome.kind is Rejection.POSTPONED


def is_unsent(step: Step) -> bool:
    """Whether Lean never saw the tactic, which waits for a larger limit."""
    return isinstance(step.outcome, Rejected) and step.outcome.message in (SEARCHES, UNLIKELY)


def is_replaced(step: Step) -> bool:
    """Whether the next step is what the tactic found, in one call of Lean."""
    return isinstance(step.outcome, Rejected) and step.outcome.kind is Rejection.REPLACED


def is_cut_off(step: Step) -> bool:
    """Whether the search ended while it was tried; then it is the last of its expansion."""
    return isinstance(step.outcome, Rejected) and step.outcome.kind is Rejection.CANCELLED


@dataclass(slots=True)
class _Waiting:
    """The postponed tactics of one state: prior, and the limit to try next."""

    value: float
    tactics: dict[str, tuple[float, int]] = field(default_factory=dict)


class Postponed:
    """The postponed tactics of one search, known from what it was told."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._states: dict[str, _Waiting] = {}

    def note(self, expansions: Iterable[Expansion]) -> None:
        """Take in what was tried, in the order in which the search is told of it."""
        for expansion in expansions:
            key = expansion.state.key
            waiting = self._states.get(key) or _Waiting(expansion.value)
            for step in expansion.steps:
                _, rung = waiting.tactics.pop(step.tactic, (0.0, 0))
                if is_postponed(step):
                    waiting.tactics[step.tactic] = step.prior, min(rung + 1, self._ladder.last)
            if waiting.tactics:
                self._states[key] = waiting
            else:
                self._states.pop(key, None)

    def at(self, state: ProofState) -> TacticBatch | None:
        """What to try when the search comes back to a state; None where nothing is postponed.

        The tactics of the best prior by cost, all with one limit, for about RETURN_HEARTBEATS.
        """
        waiting = self._states.get(state.key)
        if waiting is None:
            return None
        ranked = sorted(waiting.tactics.items(), key=lambda item: -_gain(item[1]))
        rung = ranked[0][1][1]
        most = max(1, RETURN_HEARTBEATS // self._ladder.heartbeats[rung])
        chosen = [(tactic, prior) for tactic, (prior, own) in ranked if own == rung][:most]
        proposals = tuple(Proposal(tactic, prior) for tactic, prior in chosen)
        return TacticBatch(PolicyOutput(proposals, waiting.value), rung)


def _gain(waiting: tuple[float, int]) -> float:
    prior, rung = waiting
    return prior / LIMIT_GROWTH**rung
