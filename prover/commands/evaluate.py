"""A run over a problem set: begun, or continued where it stopped, and recorded in the store.

What happens goes to a reporter, which prints it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ...data.errors import ModelUnavailable, UsageError
from ...data.evaluation import Evaluation, Problem, ResultClass, hash_of
from ...data.report.progress import EvaluationProgress
from ..dataset.provenance import revision
from ..evaluation.backend import BackendConfig, ExecutionBackend, open_backend
from ..evaluation.runner import EvaluationRunner, Listeners, Task, missing
from ..models.server_watch import ServerMonitor, Servers
from ..session import check_axioms, interruptible
from .evaluation_config import EvaluationConfig, RunRecord
from .streams import INTERRUPTED


class EvaluationCommand:
    """Runs one evaluation."""

    def __init__(self, evaluation: EvaluationConfig, record: RunRecord) -> None:
        self._evaluation = evaluation
        self._store = record.store
        self._record = record
        self._reporter = evaluation.reporter
        self._monitor = ServerMonitor(self._reporter.warn)
        self._progress = EvaluationProgress(time.monotonic, self._reporter.result)
        self._progress.usage = lambda: self._monitor.usage

    async def __call__(self, key: str | None = None, cache: Path | None = None) -> int:
        """Evaluate, and print the results; the exit code.

        key: API key of model servers. cache: the folder where Lean is set up. Raises UsageError,
        EnvironmentFault.
        """
        evaluation = self._evaluation
        await check_axioms(evaluation.toolchain, evaluation.config, evaluation.sources)
        backend_config = BackendConfig(
            evaluation.toolchain,
            evaluation.cluster,
            Servers(key, self._monitor),
            cache,
            self._reporter.note,
        )
        run_id = None
        try:
            async with open_backend(backend_config, evaluation.proving) as backend:
                problems = await self._accepted_problems(backend)
                run_id, tasks, worked_s = self._tasks(problems)
                with self._reporter.display(self._progress, lambda: backend.restarts):
                    await self._work(backend, run_id, tasks, worked_s)
            return self._print_summary(self._store.load_evaluation(run_id))
        except asyncio.CancelledError:
            if run_id is None:
                raise
            return INTERRUPTED
        finally:
            if run_id is not None:
                self._print_how_to_continue(run_id)

    def _print_summary(self, results: Evaluation) -> int:
        """Print the results; the exit code. Raises ModelUnavailable where no model answered."""
        code = self._reporter.summary(results)
        if results.classes[ResultClass.MODEL_FAILED] and not results.tried:
            failures = (a.detail for result in results.results for a in result.attempts)
            raise ModelUnavailable(next(failures, "the model failed"))
        return code

    def _print_how_to_continue(self, run_id: int) -> None:
        results, db_option = self._store.load_evaluation(run_id), self._record.db_option
        if failed := results.classes[ResultClass.MODEL_FAILED]:
            again = f"lakatos eval --run {run_id}{db_option} --retry model-failed"
            self._reporter.warn(f"the model failed under {failed} problems; again: {again}")
        if not results.is_finished:
            left = results.classes[ResultClass.UNTRIED]
            self._reporter.warn(f"run {run_id} is not finished: {left} problems are left to try")
            self._reporter.warn(f"go on:   lakatos eval --run {run_id}{db_option}")
            self._reporter.warn(f"so far:  lakatos report {run_id}{db_option}")

    async def _accepted_problems(self, backend: ExecutionBackend) -> Sequence[Problem]:
        """The problems of the run; with `--core`, without those that Lean refuses.

        A malformed row, a crash and a time-out stay, and are counted as they are without `--core`.
        """
        problems = self._evaluation.problems
        if not self._evaluation.only_elaborable:
            return problems
        self._reporter.note(f"elaborating {len(problems)} statements")
        work = backend.all_unfit(problems)
        task = asyncio.current_task()
        assert task is not None
        unfit = await interruptible(work, self._reporter.interrupt, lambda: _cancel(task))
        chosen = [p for p, why in zip(problems, unfit, strict=True) if not (why and why.is_refused)]
        accepted = unfit.count(None)
        self._reporter.note(f"{accepted} of {len(problems)} statements elaborate")
        if stay := len(chosen) - accepted:
            self._reporter.warn(f"malformed, crashed or out of time, and counted: {stay}")
        if not accepted:
            raise UsageError(f"none of {len(problems)} statements elaborates in this Lean")
        self._evaluation.choice["left_out"] = len(problems) - len(chosen)
        return chosen

    def _tasks(self, problems: Sequence[Problem]) -> tuple[int, list[Task], float]:
        """Begin a run or continue one: its number, what is left to try, seconds worked so far."""
        run = self._evaluation.earlier
        if run is None:
            run_id = self._begin(problems)
            self._progress.begin(len(problems), {})
            return run_id, [Task(n, p) for n, p in enumerate(problems)], 0.0
        if self._evaluation.retry:
            run = self._reopened(run, self._evaluation.retry)
        plan = self._evaluation.plan
        tasks, decided = [], dict.fromkeys(ResultClass, 0)
        for number, result in enumerate(run.results):
            has_no_attempts = result.outcome is not ResultClass.UNTRIED and not result.attempts
            if has_no_attempts or not missing(result.attempts, plan):
                decided[result.outcome] += 1
            else:
                tasks.append(Task(number, result.problem, result.attempts))
        self._progress.begin(len(run.results), decided)
        self._reporter.note(f"run {run.run_id} goes on: {len(tasks)} of {len(run.results)} left")
        return run.run_id, tasks, run.wall_s

    def _begin(self, problems: Sequence[Problem]) -> int:
        from ...data.store.evaluations import EvaluationTerms

        evaluation = self._evaluation
        seed = evaluation.config.prover.seed
        command = self._record.command
        run_id = self._store.start_run(command, evaluation.as_json, evaluation.lean, seed)
        terms = EvaluationTerms(evaluation.name, hash_of(problems), revision(), evaluation.attempts)
        self._store.ledger(run_id).begin(terms, problems)
        return run_id

    def _reopened(self, run: Evaluation, classes: Collection[ResultClass]) -> Evaluation:
        """The run with the problems of these classes untried again; the retry is recorded in it."""
        numbers = [n for n, result in enumerate(run.results) if result.outcome in classes]
        retry = {"classes": sorted(classes), "config": self._evaluation.as_json}
        before = run.config.get("retries", [])
        ledger = self._store.ledger(run.run_id)
        ledger.reopen(numbers)
        ledger.amend(run.config | {"retries": [*before, retry]})
        return self._store.load_evaluation(run.run_id)

    async def _work(
        self, backend: ExecutionBackend, run_id: int, tasks: list[Task], worked_s: float
    ) -> None:
        ledger, store = self._store.ledger(run_id), self._store
        listeners = Listeners(ledger, lambda: store.recorder(run_id), self._progress)
        runner = EvaluationRunner(self._evaluation.plan, listeners, worked_s=worked_s)
        outcome = "broken off"
        try:
            work = backend.work(runner, tasks)
            await interruptible(work, self._reporter.interrupt, runner.stop)
            outcome = "interrupted" if self._reporter.interrupted else "finished"
        except asyncio.CancelledError:
            outcome = "interrupted"
            raise
        finally:
            ledger.end(runner.worked_s, self._monitor.usage)
            store.finish_run(run_id, outcome)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


async def evaluate(
    evaluation: EvaluationConfig,
    record: RunRecord,
    key: str | None = None,
    cache: Path | None = None,
) -> int:
    """Run an evaluation; the exit code. Arguments and errors are those of `EvaluationCommand`."""
    return await EvaluationCommand(evaluation, record)(key, cache)
