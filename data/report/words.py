"""The one name that each result has, in every verb and on every page; numbers with their nouns."""

from __future__ import annotations

from ..evaluation import AttemptResult, ProblemResult, ResultClass
from ..records import Attempt, RefusalKind, Refused, StopReason

STOPS = {
    StopReason.PROVED: "proved",
    StopReason.DISPROVED: "false",
    StopReason.DEAD_END: "nothing left to try",
    StopReason.EXPANSIONS: "out of expansions",
    StopReason.STEPS: "out of steps",
    StopReason.LEAN_TIME: "out of time in Lean",
    StopReason.TOKENS: "out of tokens",
    StopReason.WALL_TIME: "out of time",
    StopReason.INTERRUPTED: "interrupted",
    StopReason.NOT_A_PROPOSITION: "a definition, not a theorem: not filled",
    StopReason.OPEN_STATEMENT: "not tried, its statement has a sorry",
    StopReason.REFUSED: "refused by the verifier",
    StopReason.FAULT: "stopped by an error",
    StopReason.MODEL_FAILED: "model failed",
}
NO_END = "no end (killed, or running)"
"""Of an attempt whose process did not write what came of it."""
NOT_CHECKED = "found, its file not checked yet (killed, or running)"
"""Of such an attempt that had a proof."""

_OUTCOMES = {
    ResultClass.SOLVED: STOPS[StopReason.PROVED],
    ResultClass.BUDGET: "out of budget",
    ResultClass.DEAD_END: STOPS[StopReason.DEAD_END],
    ResultClass.CRASH: STOPS[StopReason.FAULT],
    ResultClass.REFUSED: STOPS[StopReason.REFUSED],
    ResultClass.UNTRIED: "not tried yet",
}
"""The classes of an evaluation whose word in the database is another."""


def stop_word(stop: StopReason | None, has_proof: bool = False) -> str:
    """What came of a stored attempt; None: it has no end. has_proof: one is stored with it."""
    if stop is None:
        return NOT_CHECKED if has_proof else NO_END
    return STOPS[stop]


def result_word(attempt: Attempt) -> str:
    """What came of an attempt."""
    verdict = attempt.verdict
    if isinstance(verdict, Refused) and all(r.kind is RefusalKind.SORRY for r in verdict.reasons):
        return "proved, but from another sorry"
    return STOPS[attempt.stop]


def outcome_word(outcome: ResultClass) -> str:
    """The class of a problem in an evaluation; `out of budget` is of time, expansions or more."""
    return _OUTCOMES.get(outcome, outcome.value)


def try_word(attempt: AttemptResult) -> str:
    """What came of one attempt in an evaluation: nearer than its class, where that is known."""
    stop = next((stop for stop in StopReason if stop.value == attempt.detail), None)
    return STOPS[stop] if stop else outcome_word(attempt.outcome)


def problem_word(result: ProblemResult) -> str:
    """What came of a problem: what came of its attempts, where that is one thing."""
    words = {try_word(attempt) for attempt in result.attempts}
    return words.pop() if len(words) == 1 else outcome_word(result.outcome)


def told_detail(attempt: AttemptResult) -> str:
    """What there is to say of an attempt beyond its word."""
    return "" if attempt.detail in list(StopReason) else attempt.detail


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 expansion`, `2 expansions`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
