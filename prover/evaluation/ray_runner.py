"""A run over a problem set on a cluster: problems are tried by outposts, kept by the driver.

What an attempt draws depends on the run's seed, the theorem and the attempt alone, so it is the
same on every node, and the same as on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ...data.evaluation import AttemptResult, Problem, ProblemResult, ResultClass, outcome_of
from ..agent.budget import Clock
from .elaboration import Unfit
from .ray_cluster import Cluster
from .ray_node import Decided, Report, TriedProblem
from .runner import MAX_ERRORS, FailuresInARow, Listeners, Task
from .wire import unpack


class RayRunner:
    """Tries problems as `Bench` does, on all nodes of a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        hearers: Listeners,
        *,
        worked_s: float = 0.0,
        max_errors: int = MAX_ERRORS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._book = hearers.book
        self._archive = hearers.archive()
        self._watcher = hearers.watcher
        self._clock = clock
        self._origin_s = clock() - worked_s
        self._failures = FailuresInARow(max_errors)

    @property
    def worked_s(self) -> float:
        """Seconds of work on the run by now."""
        return self._clock() - self._origin_s

    def stop(self) -> None:
        """Interrupt all searches; what they found is still judged and counted."""
        self._cluster.stop()

    async def work(self, tasks: Iterable[Task], places: int = 0) -> None:
        """Do all tasks. places: told by the nodes themselves.

        Raises EnvironmentFault when no node is left, and what `Bench.work` raises there.
        """
        self._tasks = list(tasks)
        await self._cluster.do("attempt", self._tasks, self)

    def begin(self, index: int, slot: int) -> None:
        """A node takes a task."""
        task = self._tasks[index]
        self._watcher.start(slot, task.problem, len(task.done) + 1)

    def take(self, index: int, slot: int, answer: Report) -> None:
        """Keep what a node tells of a task."""
        task = self._tasks[index]
        done, decided = list(task.done), None
        attempt_id = 0
        for told in answer.told:
            if isinstance(told, TriedProblem):
                attempt_id = self._keep(told, slot) or attempt_id
            elif isinstance(told, Decided):
                decided = told
                self._book.decide(task.number, told.outcome, told.detail)
            else:
                done.append(replace(told, attempt_id=attempt_id, ended_s=self.worked_s))
                self._book.add(task.number, done[-1])
                self._failures.hear(told.outcome, told.detail)
        if answer.fault:
            raise answer.fault.error
        if decided or not self._cluster.stopped or len(done) > len(task.done):
            self._watcher.finish(slot, _result(task, done, decided))

    def _keep(self, tried: TriedProblem, slot: int) -> int:
        """Write an attempt whole; its number, or 0 for one at a negation."""
        theorem, expansions = tried.attempt.theorem, unpack(tried.parcel)
        self._archive.start_attempt(theorem)
        attempt_id = 0 if theorem.negates else self._archive.attempt_id(theorem)
        self._archive.expansions(theorem, expansions)
        self._archive.turns(theorem, tried.turns)
        self._archive.finish_attempt(tried.attempt)
        self._watcher.expanded(slot, len(expansions))
        return attempt_id

    def give_up(self, index: int, slot: int, why: str) -> None:
        """Class a problem under which nodes are lost as a crash."""
        task = self._tasks[index]
        self._book.decide(task.number, ResultClass.CRASH, why)
        decided = Decided(ResultClass.CRASH, why)
        self._watcher.finish(slot, _result(task, list(task.done), decided))


def _result(task: Task, done: list[AttemptResult], decided: Decided | None) -> ProblemResult:
    done.sort(key=lambda attempt: attempt.number)
    if decided:
        return ProblemResult(task.problem, decided.outcome, tuple(done), decided.detail)
    return ProblemResult(task.problem, outcome_of({a.outcome for a in done}), tuple(done))


class _Unfit:
    """Hears which problems Lean accepts."""

    def __init__(self, count: int) -> None:
        self.found: list[Unfit | None] = [None] * count

    def begin(self, index: int, slot: int) -> None:
        """Nothing to note."""

    def take(self, index: int, slot: int, answer: Any) -> None:
        """Note it."""
        self.found[index] = answer

    def give_up(self, index: int, slot: int, why: str) -> None:
        """Nodes were lost under it."""
        self.found[index] = Unfit(ResultClass.CRASH, why)


async def all_unfit(cluster: Cluster, problems: Sequence[Problem]) -> list[Unfit | None]:
    """Why each problem cannot be attempted; None when Lean accepts it."""
    heard = _Unfit(len(problems))
    await cluster.do("unfit", problems, heard)
    return heard.found
