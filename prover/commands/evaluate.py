"""A run over a problem set: begun, or taken up where it was broken off, and kept in the store.

It tells an announcer what happens and prints nothing itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.errors import ModelUnavailable, UsageError
from ...data.evaluation import Evaluation, Problem, ResultClass, hash_of
from ...data.problems.reader import CORE_HEADER, read_problems, with_header
from ...data.problems.selection import Selection
from ...data.report.progress import EvaluationProgress
from ...data.source import read_source
from ...lean_env.worker_command import Toolchain
from ..agent.rejections import worker_name
from ..dataset.provenance import revision
from ..evaluation.backend import BackendConfig, ExecutionBackend, open_backend
from ..evaluation.runner import MAX_ERRORS, AttemptPlan, EvaluationRunner, Listeners, Task, missing
from ..models.server_watch import ServerMonitor, Servers
from ..session import RunConfig, check_axioms, interruptible
from .continuation import (
    WantedRun,
    check_same,
    described,
    problems_changed,
    run_to_retry,
    same_run,
)
from .evaluation_console import ConsoleReporter
from .evaluation_options import AttemptOptions, ProblemOptions
from .streams import INTERRUPTED

if TYPE_CHECKING:
    from ...data.store.store import Store


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Where a run is kept. command: in the user's words; hint: what others need: ` --db FILE`."""

    store: Store
    command: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is to be evaluated, and how. told: how the problems were chosen, as JSON values.

    only_elaborable: leave out what Lean refuses, instead of counting it. earlier: the run that
    goes on; None: a new one. retry: classes of it to try again. cluster: the address of one;
    None: this machine.
    """

    name: str
    problems: tuple[Problem, ...] = field(repr=False)
    config: RunConfig
    toolchain: Toolchain
    attempts: int = 1
    all_attempts: bool = False
    only_elaborable: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    earlier: Evaluation | None = None
    retry: tuple[ResultClass, ...] = ()
    announcer: ConsoleReporter = field(default_factory=ConsoleReporter)
    cluster: str | None = None
    max_errors: int = MAX_ERRORS

    @property
    def plan(self) -> AttemptPlan:
        """How each problem is tried. Raises UsageError for a senseless number."""
        return AttemptPlan(self.config.prover, self.attempts, self.all_attempts, self.max_errors)

    @property
    def lean(self) -> str:
        """The toolchain as the store names it."""
        return f"{self.toolchain.name} {self.toolchain.lean}"

    @property
    def sources(self) -> list[str]:
        """What may declare an allowed axiom: what stands above the problems, and what names one."""
        named = self.config.allow_axioms
        found = [p.lean for p in self.problems if any(name in p.lean for name in named)]
        return [*dict.fromkeys(problem.header for problem in self.problems), *found]

    @property
    def wire(self) -> dict[str, Any]:
        """What the run is made of, as JSON values."""
        chosen = {"attempts": self.attempts, "all_attempts": self.all_attempts, **self.told}
        told = asdict(self.config) | {"worker": worker_name(self.toolchain), "evaluation": chosen}
        read: dict[str, Any] = json.loads(json.dumps(told))
        return read


def evaluation_config(
    asked: ProblemOptions,
    attempts: AttemptOptions,
    config: RunConfig,
    lean: Callable[[Path | None], tuple[Toolchain, dict[str, str | None]]],
    kept: RunRecord,
) -> EvaluationConfig:
    """The exam that is asked for; what is malformed is said, and counted. Raises UsageError.

    lean: is asked for the toolchain, by the place of the problems, when all else is known to be
    right; gives the words by which it was chosen, too. kept: where the run will be.
    """
    AttemptPlan(config.prover, attempts.pass_at, max_errors=attempts.max_errors)
    retry = classes(attempts.retry or ())
    announcer = ConsoleReporter(attempts.quiet, attempts.as_json)
    found = None if attempts.run is None else kept.store.load_evaluation(attempts.run)
    _check_named(asked, found)
    select = _selection(asked)
    problems = _read(asked, select, announcer) if asked.data else ()
    toolchain, how = lean(asked.data or (_data_of(found) if found else None))
    problems, header = _posed(asked, problems, toolchain)
    name = asked.problem_set or "problems"
    made = EvaluationConfig(
        name=f"{name}-core" if asked.core else name,
        problems=problems,
        config=config,
        toolchain=toolchain,
        attempts=attempts.pass_at,
        all_attempts=attempts.all_attempts,
        cluster=attempts.cluster,
        max_errors=attempts.max_errors,
        only_elaborable=asked.core and all(problem.is_core is None for problem in problems),
        told=asdict(select) | how | _places(asked) | {"header": header, "read": hash_of(problems)},
        retry=retry,
        announcer=announcer,
    )
    if found:
        made = replace(made, name=made.name if asked.problem_set else found.problem_set)
        return _going_on(made, found, asked, kept.hint)
    if retry or attempts.resume:
        wanted = WantedRun(made.name, problems, made.lean, made.wire)
        find = run_to_retry if retry else same_run
        return replace(made, earlier=find(kept.store, wanted, kept.hint))
    return made


def _selection(asked: ProblemOptions) -> Selection:
    names = tuple(asked.name or ())
    return Selection(asked.split, names, asked.core, asked.part, asked.shard)


def _check_named(asked: ProblemOptions, found: Evaluation | None) -> None:
    """Raise UsageError where it is not said which problems."""
    missing = "" if asked.data else "--data PATH"
    missing = "NAME" if asked.problem_set is None else missing
    if missing and found is None:
        raise UsageError(f"missing {missing}: lakatos eval NAME --data PATH, or --run N to go on")


def _read(
    asked: ProblemOptions, select: Selection, announcer: ConsoleReporter
) -> tuple[Problem, ...]:
    """The problems selected; what is malformed is said, quiet or not. Raises UsageError."""
    assert asked.data
    found = read_problems(asked.problem_set or "problems", asked.data)
    for line in found.flaws:
        announcer.warn(line)
    for line in found.notes:
        announcer.say(line)
    return select(found.problems)


def _posed(
    asked: ProblemOptions, problems: tuple[Problem, ...], toolchain: Toolchain
) -> tuple[tuple[Problem, ...], str]:
    """The problems under the header that is asked for, and what that is, in words.

    Where Lean is bare, `--core` puts numbers by Mathlib's names in the place of imports.
    """
    if asked.header and problems:
        header = read_source(str(asked.header)).text
        return with_header(problems, header), str(asked.header)
    if asked.core and toolchain.name == "embedded":
        return with_header(problems, CORE_HEADER, only_foreign=True), "core"
    return problems, "the set's"


def _places(asked: ProblemOptions) -> dict[str, str | None]:
    """Where the problems and their header are, whatever the folder that is worked in."""
    places = {"data": asked.data, "header_file": asked.header}
    return {name: str(place.absolute()) if place else None for name, place in places.items()}


def _data_of(found: Evaluation) -> Path | None:
    place = found.config.get("evaluation", {}).get("data")
    return Path(place) if place else None


def _going_on(
    made: EvaluationConfig, found: Evaluation, asked: ProblemOptions, hint: str
) -> EvaluationConfig:
    """The exam on the problems that the run holds. Raises UsageError when it cannot go on."""
    check_same(found, made.lean, {} if made.retry else made.wire, hint)
    own = tuple(result.problem for result in found.results)
    if asked.data and (changes := problems_changed(found, made.problems)):
        raise UsageError(
            f"{described(found)} has other problems: {changes}. "
            f"Go on with its own: lakatos eval --run {found.run_id}{hint}."
        )
    if not asked.data and (changes := _changes(made, found, asked)):
        made.announcer.warn(f"{_data_of(found)} has changed ({changes}); the run keeps its own")
    return replace(made, problems=own, only_elaborable=False, earlier=found)


def _changes(made: EvaluationConfig, found: Evaluation, asked: ProblemOptions) -> str:
    """What is no longer in the file of the problems as the run has it; empty if all is.

    A file that is gone has not changed.
    """
    place = _data_of(found)
    if place is None:
        return ""
    try:
        read = _selection(asked)(read_problems(found.problem_set, place).problems)
        return problems_changed(found, _posed(asked, read, made.toolchain)[0])
    except UsageError:
        return ""


class EvaluationCommand:
    """Does one exam."""

    def __init__(self, exam: EvaluationConfig, kept: RunRecord) -> None:
        self._exam = exam
        self._store = kept.store
        self._kept = kept
        self._announcer = exam.announcer
        self._say = exam.announcer.say
        self._monitor = ServerMonitor(exam.announcer.warn)
        self._board = EvaluationProgress(time.monotonic, exam.announcer.result)
        self._board.usage = lambda: self._monitor.usage

    async def __call__(self, key: str | None = None, cache: Path | None = None) -> int:
        """Evaluate, and tell what came of it; the exit code. key, cache: of start_run.

        Raises as `Bench.work`.
        """
        exam = self._exam
        servers = Servers(key, self._monitor)
        await check_axioms(exam.toolchain, exam.config, exam.sources)
        site = BackendConfig(exam.toolchain, exam.cluster, servers, cache, self._say)
        run_id = None
        try:
            async with open_backend(site, exam.config) as place:
                problems = await self._chosen(place)
                run_id, tasks, worked_s = self._tasks(problems)
                with self._announcer.display(self._board, lambda: place.restarts):
                    await self._work(place, run_id, tasks, worked_s)
            return self._summary(self._store.load_evaluation(run_id))
        except asyncio.CancelledError:
            if run_id is None:
                raise
            return INTERRUPTED
        finally:
            if run_id is not None:
                self._tell_how_to_go_on(run_id)

    def _summary(self, found: Evaluation) -> int:
        """Tell what came of it; the exit code, of a fault where the model never did its part."""
        code = self._announcer.summary(found)
        if found.classes[ResultClass.MODEL_FAILED] and not found.tried:
            failed = (a.detail for result in found.results for a in result.attempts)
            raise ModelUnavailable(next(failed, "the model failed"))
        return code

    def _tell_how_to_go_on(self, run_id: int) -> None:
        found, hint = self._store.load_evaluation(run_id), self._kept.hint
        if failed := found.classes[ResultClass.MODEL_FAILED]:
            again = f"lakatos eval --run {run_id}{hint} --retry model-failed"
            self._announcer.warn(f"the model failed under {failed} problems; again: {again}")
        if not found.is_finished:
            left = found.classes[ResultClass.UNTRIED]
            self._announcer.warn(f"run {run_id} is not finished: {left} problems are left to try")
            self._announcer.warn(f"go on:   lakatos eval --run {run_id}{hint}")
            self._announcer.warn(f"so far:  lakatos report {run_id}{hint}")

    async def _chosen(self, place: ExecutionBackend) -> Sequence[Problem]:
        """The problems of the run: without what Lean refuses, where that is asked for.

        A malformed row, a crash and a time-out stay, and are counted as they are without `--core`.
        """
        problems = self._exam.problems
        if not self._exam.only_elaborable:
            return problems
        self._say(f"elaborating {len(problems)} statements")
        work = place.all_unfit(problems)
        task = asyncio.current_task()
        assert task is not None
        unfit = await interruptible(work, self._announcer.interrupt, lambda: _cancel(task))
        chosen = [p for p, why in zip(problems, unfit, strict=True) if not (why and why.is_refused)]
        accepted = unfit.count(None)
        self._say(f"{accepted} of {len(problems)} statements elaborate")
        if stay := len(chosen) - accepted:
            self._announcer.warn(f"malformed, crashed or out of time, and counted: {stay}")
        if not accepted:
            raise UsageError(f"none of {len(problems)} statements elaborates in this Lean")
        self._exam.told["left_out"] = len(problems) - len(chosen)
        return chosen

    def _tasks(self, problems: Sequence[Problem]) -> tuple[int, list[Task], float]:
        """Begin a run or take one up: its number, what is left, seconds worked."""
        found = self._exam.earlier
        if found is None:
            run_id = self._begin(problems)
            self._board.begin(len(problems), {})
            return run_id, [Task(n, p) for n, p in enumerate(problems)], 0.0
        if self._exam.retry:
            found = self._undone(found, self._exam.retry)
        plan = self._exam.plan
        tasks, over = [], dict.fromkeys(ResultClass, 0)
        for number, result in enumerate(found.results):
            decided = result.outcome is not ResultClass.UNTRIED and not result.attempts
            if decided or not missing(result.attempts, plan):
                over[result.outcome] += 1
            else:
                tasks.append(Task(number, result.problem, result.attempts))
        self._board.begin(len(found.results), over)
        self._say(f"run {found.run_id} goes on: {len(tasks)} of {len(found.results)} left")
        return found.run_id, tasks, found.wall_s

    def _begin(self, problems: Sequence[Problem]) -> int:
        from ...data.store.evaluations import EvaluationTerms

        exam = self._exam
        seed = exam.config.prover.seed
        run_id = self._store.start_run(self._kept.command, exam.wire, exam.lean, seed)
        terms = EvaluationTerms(exam.name, hash_of(problems), revision(), exam.attempts)
        self._store.ledger(run_id).begin(terms, problems)
        return run_id

    def _undone(self, found: Evaluation, classes: Collection[ResultClass]) -> Evaluation:
        """The run with these classes to be tried again, by what is asked for now."""
        numbers = [n for n, result in enumerate(found.results) if result.outcome in classes]
        retried = {"classes": sorted(classes), "config": self._exam.wire}
        before = found.config.get("retries", [])
        ledger = self._store.ledger(found.run_id)
        ledger.reopen(numbers)
        ledger.amend(found.config | {"retries": [*before, retried]})
        return self._store.load_evaluation(found.run_id)

    async def _work(
        self, place: ExecutionBackend, run_id: int, tasks: list[Task], worked_s: float
    ) -> None:
        ledger, store = self._store.ledger(run_id), self._store
        hearers = Listeners(ledger, lambda: store.recorder(run_id), self._board)
        runner = EvaluationRunner(self._exam.plan, hearers, worked_s=worked_s)
        outcome = "broken off"
        try:
            work = place.work(runner, tasks)
            await interruptible(work, self._announcer.interrupt, runner.stop)
            outcome = "interrupted" if self._announcer.interrupted else "finished"
        except asyncio.CancelledError:
            outcome = "interrupted"
            raise
        finally:
            ledger.end(runner.worked_s, self._monitor.usage)
            store.finish_run(run_id, outcome)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


async def evaluate(
    exam: EvaluationConfig, kept: RunRecord, key: str | None = None, cache: Path | None = None
) -> int:
    """Do an exam; the exit code. As `EvaluationCommand`."""
    return await EvaluationCommand(exam, kept)(key, cache)


def classes(words: Sequence[str]) -> tuple[ResultClass, ...]:
    """From words such as `dead-end`. Raises UsageError."""
    known = {outcome.value.replace(" ", "-"): outcome for outcome in ResultClass}
    for word in words:
        if word.replace(" ", "-").replace("_", "-") not in known:
            raise UsageError(f"no class {word!r}; there is: {', '.join(known)}")
    return tuple(known[word.replace(" ", "-").replace("_", "-")] for word in words)
