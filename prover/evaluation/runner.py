"""Tries the problems of a set: each is elaborated, then attempted until solved or k times.

Only what is at work is open, so a run takes as much memory for ten thousand theorems as for ten.
What attempt j at a theorem draws depends on the run's seed, the theorem's name and j alone, so a
run that was broken off and taken up again comes to the same results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...data.errors import LakatosError, ModelUnavailable, UsageError
from ...data.evaluation import (
    ALARM,
    AttemptResult,
    Problem,
    ProblemResult,
    ResultClass,
    outcome_of,
    seed_of,
)
from ...data.records import Attempt, Expansion, StopReason, Theorem
from ...lean_env.opened_file import OpenedFile
from ..agent.budget import Clock
from ..agent.recorder import AttemptObserver, ObserverList
from ..concurrency import run_all
from ..config import ProverConfig
from .elaboration import FilePool, Unfit, opened_theorem

OUTCOMES = {
    StopReason.PROVED: ResultClass.SOLVED,
    StopReason.DISPROVED: ResultClass.DEAD_END,
    StopReason.DEAD_END: ResultClass.DEAD_END,
    StopReason.EXPANSIONS: ResultClass.BUDGET,
    StopReason.STEPS: ResultClass.BUDGET,
    StopReason.LEAN_TIME: ResultClass.BUDGET,
    StopReason.TOKENS: ResultClass.BUDGET,
    StopReason.WALL_TIME: ResultClass.BUDGET,
    StopReason.REFUSED: ResultClass.REFUSED,
    StopReason.FAULT: ResultClass.CRASH,
    StopReason.MODEL_FAILED: ResultClass.MODEL_FAILED,
}
"""The class of an attempt that ended so; one that was interrupted counts for nothing."""


MAX_ERRORS = 10
"""Attempts in a row under which the model may fail."""


class AttemptRecorder(AttemptObserver, Protocol):
    """Records attempts and numbers them: the store's writer of attempts."""

    def attempt_id(self, theorem: Theorem) -> int:
        """The number of the attempt at the theorem that runs now."""
        ...


class ResultWriter(Protocol):
    """Records results: the store's writer of an evaluation."""

    def decide(self, number: int, outcome: ResultClass, detail: str) -> None:
        """Class a problem without an attempt."""
        ...

    def add(self, number: int, attempt: AttemptResult) -> None:
        """Count an attempt that is over."""
        ...


class ProgressListener(Protocol):
    """Follows what each slot does: a live display. A slot is a number; one theorem at a time."""

    def start(self, slot: int, problem: Problem, number: int) -> None:
        """Attempt `number` begins; 0: the statement is elaborated."""
        ...

    def expanded(self, slot: int, count: int) -> None:
        """So many states were expanded."""
        ...

    def finish(self, slot: int, result: ProblemResult) -> None:
        """A theorem is over."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptPlan:
    """How each problem is tried. prover: budgets of one attempt, and the run's seed."""

    prover: ProverConfig
    attempts: int = 1
    """Attempts at a theorem."""
    all_attempts: bool = False
    """Go on after the first proof, so that pass@k is known for every k."""
    max_errors: int = MAX_ERRORS
    """Attempts in a row that end because the model failed, after which the run stops."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UsageError(f"attempts must be at least 1, not {self.attempts}")
        if self.max_errors < 1:
            raise UsageError(f"max_errors must be at least 1, not {self.max_errors}")


class FailuresInARow:
    """Stops a run under which the model fails again and again, `limit` attempts in a row."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0

    def count(self, outcome: ResultClass, detail: str) -> None:
        """Another attempt is over. Raises ModelUnavailable at the last that may fail."""
        self._count = self._count + 1 if outcome is ResultClass.MODEL_FAILED else 0
        if self._count >= self._limit:
            raise ModelUnavailable(f"the model failed {self._count} times in a row: {detail}")


@dataclass(frozen=True, slots=True)
class Task:
    """A problem still to be tried. number: its place in the set; done: attempts that count."""

    number: int
    problem: Problem
    done: tuple[AttemptResult, ...] = ()


class Proving(Protocol):
    """A prover for one attempt."""

    fault: LakatosError | None

    async def prove(self, theorems: Sequence[Theorem]) -> list[Attempt]:
        """Try to prove each theorem."""
        ...

    def stop(self) -> None:
        """Interrupt it; what is found is still judged."""
        ...


ProverFactory = Callable[[AttemptObserver, ProverConfig], Proving]
"""A prover for one attempt, with draws of its own by the seed of the configuration."""


@dataclass(frozen=True, slots=True)
class RunnerContext:
    """What attempts are made with."""

    pool: FilePool
    make: ProverFactory


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who follows a run. recorder: makes a recorder of the attempts of one slot."""

    results: ResultWriter
    recorder: Callable[[], AttemptRecorder]
    progress: ProgressListener


class _AttemptNotes(ObserverList):
    """Passes all on to a recorder, and notes the attempt's number and its tokens."""

    def __init__(self, recorder: AttemptRecorder, on_expanded: Callable[[int], None]) -> None:
        super().__init__([recorder])
        self._recorder = recorder
        self._on_expanded = on_expanded
        self.attempt_id = 0
        self.tokens = 0

    def start_attempt(self, theorem: Theorem) -> None:
        """Note the number of the first attempt: later ones are of its negation and its holes."""
        super().start_attempt(theorem)
        if not self.attempt_id:
            self.attempt_id = self._recorder.attempt_id(theorem)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Count them."""
        super().expansions(theorem, expansions)
        self.tokens += sum(expansion.tokens for expansion in expansions)
        self._on_expanded(len(expansions))


class EvaluationRunner:
    """Tries problems. worked_s: seconds of work on the run before this session."""

    def __init__(
        self,
        plan: AttemptPlan,
        listeners: Listeners,
        *,
        worked_s: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._plan = plan
        self._results = listeners.results
        self._make_recorder = listeners.recorder
        self._progress = listeners.progress
        self._clock = clock
        self._origin_s = clock() - worked_s
        self._recorders: dict[int, AttemptRecorder] = {}
        self._open: list[tuple[int, str]] = []
        self._done: dict[int, list[AttemptResult]] = {}
        self._running: set[Proving] = set()
        self._failures = FailuresInARow(plan.max_errors)
        self.stopped = False

    @property
    def worked_s(self) -> float:
        """Seconds of work on the run by now."""
        return self._clock() - self._origin_s

    def stop(self) -> None:
        """Interrupt all searches; what they found is still judged and counted."""
        self.stopped = True
        for prover in self._running:
            prover.stop()

    async def work(self, tasks: Iterable[Task], context: RunnerContext, at_once: int) -> None:
        """Do all tasks, so many at once; the first come the first served. Raises as `attempt`."""
        waiting = iter(tasks)

        async def serve(slot: int) -> None:
            for task in waiting:
                await self.attempt(context, task, slot)

        await run_all([serve(slot) for slot in range(at_once)])

    async def attempt(self, context: RunnerContext, task: Task, slot: int) -> None:
        """Do all that is left of one task; nothing once stopped.

        Raises EnvironmentFault or UsageError when Lean, a model or the store fails as a whole,
        ModelUnavailable after `max_errors` attempts in a row under which the model failed;
        what was counted by then stays counted.
        """
        if self.stopped:
            return
        self._progress.start(slot, task.problem, 0)
        opened, found = await opened_theorem(context.pool, task.problem)
        if opened:
            self._open.append((id(context), opened.source))
        try:
            if isinstance(found, Unfit):
                self.decide(task, found, slot)
            elif result := await self._attempts(context, slot, task, found):
                self._progress.finish(slot, result)
        finally:
            if opened:
                self._close(context, opened)

    def decide(self, task: Task, why: Unfit, slot: int = 0) -> None:
        """Class a problem that cannot be attempted to its end."""
        self._results.decide(task.number, why.outcome, why.detail)
        done = tuple(self._done.get(task.number, task.done))
        self._progress.finish(slot, ProblemResult(task.problem, why.outcome, done, why.detail))

    def _close(self, context: RunnerContext, opened: OpenedFile) -> None:
        file = id(context), opened.source
        self._open.remove(file)
        if file not in self._open:  # the set may have it twice
            context.pool.close_file(opened)

    async def _attempts(
        self, context: RunnerContext, slot: int, task: Task, theorem: Theorem
    ) -> ProblemResult | None:
        """What came of it; None when interrupted before its end."""
        done = self._done.setdefault(task.number, list(task.done))
        for number in missing(done, self._plan):
            if self.stopped:
                return None
            self._progress.start(slot, task.problem, number)
            summary = await self._attempt(context, slot, task, number, theorem)
            if summary is None:
                return None
            self._results.add(task.number, summary)
            done.append(summary)
            self._failures.count(summary.outcome, summary.detail)
            if summary.outcome is ResultClass.SOLVED and not self._plan.all_attempts:
                break
        del self._done[task.number]
        done.sort(key=lambda attempt: attempt.number)
        return ProblemResult(task.problem, outcome_of({a.outcome for a in done}), tuple(done))

    async def _attempt(
        self, context: RunnerContext, slot: int, task: Task, number: int, theorem: Theorem
    ) -> AttemptResult | None:
        """One attempt from start to end; None when it was interrupted."""
        seed = seed_of(self._plan.prover.seed, task.problem.name, number)
        if slot not in self._recorders:
            self._recorders[slot] = self._make_recorder()
        notes = _AttemptNotes(
            self._recorders[slot], lambda count: self._progress.expanded(slot, count)
        )
        prover = context.make(notes, replace(self._plan.prover, seed=seed, concurrency=1))
        self._running.add(prover)
        try:
            attempt = (await prover.prove([theorem]))[0]
        finally:
            self._running.discard(prover)
        if prover.fault and attempt.stop is not StopReason.MODEL_FAILED:
            raise prover.fault
        outcome = OUTCOMES.get(attempt.stop)
        if outcome is None:
            return None
        detail = attempt.detail or ("" if attempt.is_proved else attempt.stop.value)
        return AttemptResult(
            attempt_id=notes.attempt_id,
            number=number,
            outcome=outcome,
            wall_s=attempt.wall_s,
            expansions=attempt.expansions,
            steps=attempt.steps,
            tokens=notes.tokens,
            ended_s=self.worked_s,
            seed=seed,
            proof=attempt.proof,
            detail=ALARM + detail if attempt.is_alarm else detail,
        )


def missing(done: Sequence[AttemptResult], plan: AttemptPlan) -> list[int]:
    """The numbers of the attempts that a problem still gets."""
    if not plan.all_attempts and any(a.outcome is ResultClass.SOLVED for a in done):
        return []
    over = {attempt.number for attempt in done}
    return [number for number in range(1, plan.attempts + 1) if number not in over]
