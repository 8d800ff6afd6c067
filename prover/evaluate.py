"""A run over a problem set: begun, or taken up where it was broken off, and kept in the store.

It tells an announcer what happens and prints nothing itself.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..data.errors import UsageError
from ..data.evaluation import Evaluation, Outcome, Problem, hash_of
from ..data.ledger import Terms
from ..data.options import Attempts, Problems
from ..data.problems import CORE_HEADER, read_problems, with_header
from ..data.scoreboard import Scoreboard
from ..data.selection import Selection
from ..data.source import read_source
from ..data.store import Store
from ..data.terminal_evaluation import Announcer
from ..lean_env.worker_command import Toolchain
from .benchmark import Hearers, Plan, Task, missing
from .places import Place, Site, open_place
from .rejections import worker_name
from .run import RunConfig, interruptible

_FREE = ("workers", "retries")
"""Parts of a run's configuration that may change when it is taken up again."""


@dataclass(frozen=True, slots=True)
class Again:
    """Which run to take up. run_id: None: the newest one that fits. retry: classes to undo."""

    run_id: int | None = None
    retry: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Exam:
    """What is to be evaluated, and how. told: how the problems were chosen, as JSON values.

    only_elaborable: leave out what Lean does not take, instead of counting it.
    again: the run to take up; None: a new one. cluster: the address of one; None: this machine.
    """

    name: str
    problems: tuple[Problem, ...] = field(repr=False)
    config: RunConfig
    toolchain: Toolchain
    attempts: int = 1
    all_attempts: bool = False
    only_elaborable: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    again: Again | None = None
    announcer: Announcer = field(default_factory=Announcer)
    cluster: str | None = None

    @property
    def plan(self) -> Plan:
        """How each problem is tried. Raises UsageError for a senseless number."""
        return Plan(self.config.prover, self.attempts, self.all_attempts)

    @property
    def wire(self) -> dict[str, Any]:
        """What the run is made of, as JSON values."""
        chosen = {"attempts": self.attempts, "all_attempts": self.all_attempts, **self.told}
        told = asdict(self.config) | {"worker": worker_name(self.toolchain), "evaluation": chosen}
        read: dict[str, Any] = json.loads(json.dumps(told))
        return read


def exam(
    asked: Problems,
    attempts: Attempts,
    config: RunConfig,
    lean: Callable[[], Toolchain],
) -> Exam:
    """The exam that is asked for; what is malformed is said, and counted. Raises UsageError.

    lean: is asked for the toolchain when all else is known to be right.
    Where Lean is bare, `--core` puts numbers by Mathlib's names in the place of imports.
    """
    Plan(config.prover, attempts.pass_at)
    retry = classes(attempts.retry or ())
    again = attempts.resume or attempts.run is not None or bool(retry)
    names = tuple(asked.name or ())
    select = Selection(asked.split, names, asked.core, asked.part, asked.shard)
    found = read_problems(asked.problem_set, asked.data)
    announcer = Announcer(attempts.quiet, attempts.as_json)
    for line in (*found.flaws, *found.notes):
        announcer.say(line)
    problems = select(found.problems)
    told: dict[str, Any] = asdict(select) | {"header": "the set's"}
    header = read_source(str(asked.header)).text if asked.header else ""
    toolchain = lean()
    if asked.header:
        problems = with_header(problems, header)
        told["header"] = str(asked.header)
    elif asked.core and toolchain.name == "embedded":
        problems = with_header(problems, CORE_HEADER, only_foreign=True)
        told["header"] = "core"
    is_told = any(problem.is_core is not None for problem in problems)
    return Exam(
        name=f"{asked.problem_set}-core" if asked.core else asked.problem_set,
        problems=problems,
        config=config,
        toolchain=toolchain,
        attempts=attempts.pass_at,
        all_attempts=attempts.all_attempts,
        cluster=attempts.cluster,
        only_elaborable=asked.core and not is_told,
        told=told,
        again=Again(attempts.run, retry) if again else None,
        announcer=announcer,
    )


class Evaluator:
    """Does one exam. command: in the user's words."""

    def __init__(self, exam: Exam, store: Store, command: str) -> None:
        self._exam = exam
        self._store = store
        self._command = command
        self._announcer = exam.announcer
        self._say = exam.announcer.say
        self._board = Scoreboard(time.monotonic, exam.announcer.result)

    async def __call__(self, key: str | None = None, cache: Path | None = None) -> int:
        """Evaluate, and tell what came of it; the exit code. key, cache: of start_run.

        Raises as `Bench.work`.
        """
        exam = self._exam
        site = Site(exam.toolchain, exam.cluster, key, cache, self._say)
        async with open_place(site, exam.config, exam.plan) as place:
            problems = await self._chosen(place)
            run_id, tasks, worked_s = self._tasks(problems)
            with self._announcer.display(self._board, lambda: place.restarts):
                await self._work(place, run_id, tasks, worked_s)
        return self._announcer.summary(self._store.load_evaluation(run_id))

    async def _chosen(self, place: Place) -> Sequence[Problem]:
        problems = self._exam.problems
        if not self._exam.only_elaborable:
            return problems
        self._say(f"elaborating {len(problems)} statements")
        work = place.elaborable(problems)
        task = asyncio.current_task()
        assert task is not None
        taken = await interruptible(work, self._announcer.interrupt, lambda: _cancel(task))
        chosen = [p for p, is_taken in zip(problems, taken, strict=True) if is_taken]
        self._say(f"{len(chosen)} of {len(problems)} statements elaborate")
        if not chosen:
            raise UsageError(f"none of {len(problems)} statements elaborates in this Lean")
        return chosen

    def _tasks(self, problems: Sequence[Problem]) -> tuple[int, list[Task], float]:
        """Begin a run or find the one to take up: its number, what is left, seconds worked."""
        again = self._exam.again
        found = self._earlier(problems, again) if again else None
        if found is None:
            run_id = self._begin(problems)
            self._board.begin(len(problems), {})
            return run_id, [Task(n, p) for n, p in enumerate(problems)], 0.0
        plan = self._exam.plan
        tasks, over = [], dict.fromkeys(Outcome, 0)
        for number, result in enumerate(found.results):
            decided = result.outcome is not Outcome.UNTRIED and not result.attempts
            if decided or not missing(result.attempts, plan):
                over[result.outcome] += 1
            else:
                tasks.append(Task(number, result.problem, result.attempts))
        self._board.begin(len(found.results), over)
        self._say(f"run {found.run_id} goes on: {len(tasks)} of {len(found.results)} left")
        return found.run_id, tasks, found.wall_s

    def _begin(self, problems: Sequence[Problem]) -> int:
        exam = self._exam
        lean = f"{exam.toolchain.name} {exam.toolchain.lean}"
        seed = exam.config.prover.seed
        run_id = self._store.start_run(self._command, exam.wire, lean, seed)
        terms = Terms(exam.name, hash_of(problems), revision(), exam.attempts)
        self._store.ledger(run_id).begin(terms, problems)
        return run_id

    def _earlier(self, problems: Sequence[Problem], again: Again) -> Evaluation | None:
        """The run to take up, its classes to retry undone. Raises UsageError."""
        exam, told = self._exam, hash_of(problems)
        lean = f"{exam.toolchain.name} {exam.toolchain.lean}"
        rows = [row for row in self._store.evaluations() if again.run_id in (None, row.run_id)]
        if again.run_id is not None and not rows:
            raise UsageError(f"run {again.run_id} is no evaluation (lakatos eval makes them)")
        wanted = told, lean
        why = "other problems or another Lean"
        fitting = [row for row in rows if (row.problem_hash, row.toolchain) == wanted]
        if fitting and not again.retry:
            why = "other options"
            fitting = [row for row in fitting if _fixed(row.config) == _fixed(exam.wire)]
        if not fitting:
            if again.run_id is not None:
                raise UsageError(f"run {again.run_id} cannot go on: it was made with {why}")
            if again.retry:
                raise UsageError("no run of these problems to retry")
            self._say("no such run to go on with: a new one")
            return None
        found = self._store.load_evaluation(fitting[0].run_id)
        return self._undone(found, again.retry) if again.retry else found

    def _undone(self, found: Evaluation, classes: Collection[Outcome]) -> Evaluation:
        """The run with these classes to be tried again, by what is asked for now."""
        numbers = [n for n, result in enumerate(found.results) if result.outcome in classes]
        retried = {"classes": sorted(classes), "config": self._exam.wire}
        before = found.config.get("retries", [])
        ledger = self._store.ledger(found.run_id)
        ledger.reopen(numbers)
        ledger.amend(found.config | {"retries": [*before, retried]})
        return self._store.load_evaluation(found.run_id)

    async def _work(self, place: Place, run_id: int, tasks: list[Task], worked_s: float) -> None:
        ledger, store = self._store.ledger(run_id), self._store
        hearers = Hearers(ledger, lambda: store.recorder(run_id), self._board)
        bench = place.bench(hearers, worked_s)
        outcome = "broken off"
        try:
            work = place.work(bench, tasks)
            await interruptible(work, self._announcer.interrupt, bench.stop)
            outcome = "interrupted" if self._announcer.interrupted else "finished"
        except asyncio.CancelledError:
            outcome = "interrupted"
            raise
        finally:
            ledger.end(bench.worked_s)
            store.finish_run(run_id, outcome)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration must be the same when a run goes on."""
    prover = {key: value for key, value in config["prover"].items() if key != "concurrency"}
    return {key: value for key, value in config.items() if key not in _FREE} | {"prover": prover}


def revision() -> str:
    """The commit of this program, with `+` when files differ from it; else its version."""
    place = Path(__file__).parents[1]
    if not (place / ".git").exists():
        return version("lakatos")

    def git(*words: str) -> str:
        told = subprocess.run(
            ["git", *words], cwd=place, capture_output=True, text=True, check=True
        )
        return told.stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + "+" * bool(dirty)
    except (OSError, subprocess.CalledProcessError):
        return version("lakatos")


def classes(words: Sequence[str]) -> tuple[Outcome, ...]:
    """From words such as `dead-end`. Raises UsageError."""
    known = {outcome.value.replace(" ", "-"): outcome for outcome in Outcome}
    for word in words:
        if word.replace(" ", "-").replace("_", "-") not in known:
            raise UsageError(f"no class {word!r}; there is: {', '.join(known)}")
    return tuple(known[word.replace(" ", "-").replace("_", "-")] for word in words)
