"""Expert iteration, as numbers: who is tried how often in a round, and what a round came to.

Anthony et al. 2017; Polu et al., arXiv:2202.01344: prove, learn from the proofs, prove again.
Problems that are proved sometimes get more attempts, as there is most to learn from them (STP, Dong
and Ma, arXiv:2502.00212); those that are always proved get none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ...data.evaluation import Evaluation, Problem, ResultClass

MIDDLE = 4
"""How many times more attempts a problem gets that was proved sometimes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Of a problem: attempts that were made, and those that proved it."""

    attempts: int = 0
    proved: int = 0

    @property
    def is_middle(self) -> bool:
        """Proved sometimes, not always."""
        return 0 < self.proved < self.attempts

    @property
    def is_known(self) -> bool:
        """Always proved."""
        return 0 < self.attempts == self.proved


def rates(runs: Iterable[Evaluation]) -> dict[str, Rate]:
    """The rate of each problem over runs, by its name."""
    attempts: Counter[str] = Counter()
    proved: Counter[str] = Counter()
    for run in runs:
        for result in run.results:
            attempts[result.problem.name] += len(result.attempts)
            wins = [a for a in result.attempts if a.outcome is ResultClass.SOLVED]
            proved[result.problem.name] += len(wins)
    return {name: Rate(attempts[name], proved[name]) for name in attempts}


def chosen(
    problems: Sequence[Problem], before: Sequence[Evaluation]
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The problems of a round: those that get the usual attempts, those that get more.

    before: the runs of earlier rounds.
    """
    known = rates(before)
    of = {problem.name: known.get(problem.name, Rate()) for problem in problems}
    usual = tuple(p for p in problems if not (of[p.name].is_middle or of[p.name].is_known))
    return usual, tuple(p for p in problems if of[p.name].is_middle)


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round came to.

    runs: their numbers, the held-out one last. trained: of the train split, problems proved so far
    by any run. solved: of the held-out split, by name; new: by no round before; forgotten: by one
    before, but not now. steps: median tactics tried for a proof; lines: median of a proof's lines.
    """

    number: int
    runs: tuple[int, ...]
    trained: int
    solved: tuple[str, ...]
    new: tuple[str, ...]
    forgotten: tuple[str, ...]
    steps: float
    lines: float

    @property
    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def round_result(
    number: int,
    training: Sequence[Evaluation],
    own: Sequence[Evaluation],
    held_out: Sequence[Evaluation],
) -> RoundResult:
    """The result of a round.

    training: the runs on the train split of all rounds by now; own: those of this round. held_out:
    the runs on the held-out split, this round's last.
    """
    now, before = solved(held_out[-1]), set[str]().union(*map(solved, held_out[:-1]))
    wins = [
        attempt
        for result in held_out[-1].results
        for attempt in result.attempts
        if attempt.outcome is ResultClass.SOLVED
    ]
    return RoundResult(
        number=number,
        runs=tuple(run.run_id for run in (*own, held_out[-1])),
        trained=len(set[str]().union(*map(solved, training))),
        solved=tuple(sorted(now)),
        new=tuple(sorted(now - before)),
        forgotten=tuple(sorted(before - now)),
        steps=median(win.steps for win in wins) if wins else 0.0,
        lines=median(len((win.proof or "").splitlines()) for win in wins) if wins else 0.0,
    )


def solved(run: Evaluation) -> set[str]:
    """The names of the problems that a run proved."""
    return {result.problem.name for result in run.results if result.is_solved}
