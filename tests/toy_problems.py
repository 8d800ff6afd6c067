"""Problem sets of toy theorems, and a pool that opens them."""

import asyncio
import re
from contextlib import suppress

from lakatos.data.errors import UsageError, WorkerDied
from lakatos.data.evaluation import Problem, ResultClass, hash_of
from lakatos.data.records import Message, Theorem
from lakatos.data.report.progress import EvaluationProgress
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store
from lakatos.lean_env.opened_file import OpenedFile
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.evaluation.runner import (
    AttemptPlan,
    EvaluationRunner,
    Listeners,
    RunnerContext,
    Task,
    missing,
)

from .toy_prover import Judge, ToyPolicy, ToyPool

PLACES = 2


class OpenPool(ToyPool):
    """Opens `theorem NAME := sorry`, unless `bad`, `unreadable`, `deadly` or `data` is above."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.files = 0
        self.most_files = 0

    async def open(self, path, source):
        if source.startswith("unreadable"):
            raise UsageError("cannot open it")
        if source.startswith("deadly"):
            raise WorkerDied("it ended two workers")
        self.files += 1
        self.most_files = max(self.files, self.most_files)
        messages: tuple[Message, ...] = ()
        theorems: tuple[Theorem, ...] = ()
        if source.startswith("bad"):
            messages = (Message("error", "unknown constant", 1, 0),)
        elif found := re.search(r"theorem (\w+?)(?:_\d+)? := sorry", source):
            start = found.end() - len("sorry")
            state = self.toys[found[1]].root
            place = (path, start, start + 5, 1, 0, "term", state, found[1])
            is_prop = not source.startswith("data")
            theorems = (Theorem(found[1], source, *place, is_prop=is_prop),)
        return OpenedFile(path, source, (), messages, theorems)

    def close_file(self, opened):
        self.files -= 1


def problem(name, header=""):
    statement = f"theorem {name} := sorry\n"
    return Problem(name, "toy", "", header, statement, path=f"{name}.lean")


def toy_parts(pool, judge, policy):
    """What attempts at toy theorems are made with."""

    def make(keeper, config):
        return Prover(pool, judge, policy, config, keeper, clock=lambda: 0.0)

    return RunnerContext(pool, make)


class Session:
    """One session of a toy evaluation on a store; `stop_after` theorems it is interrupted."""

    def __init__(self, path, problems, stop_after=None, kill_after=None, judge=None, **plan):
        self.path, self.problems = path, problems
        self.stop_after, self.kill_after = stop_after, kill_after
        self.judge = judge or Judge()
        config = ProverConfig(seed=3, expansions=40, wall_s=1e9)
        self.plan = AttemptPlan(config, **plan)
        self.pool = OpenPool()
        self.board = EvaluationProgress(lambda: 0.0, self.heard)
        self.results = []

    def heard(self, result):
        self.results.append(result)
        if len(self.results) == self.stop_after:
            self.runner.stop()
        if len(self.results) == self.kill_after:
            raise Killed

    def parts(self):
        return toy_parts(self.pool, self.judge, ToyPolicy())

    async def work(self, tasks):
        await self.runner.work(tasks, self.parts(), PLACES)

    def run(self, run_id=None):
        """Begin, or go on with that run; what the store has of it then."""
        with Store.open(str(self.path)) as store:
            tasks = [Task(n, p) for n, p in enumerate(self.problems)]
            if run_id is None:
                run_id = store.start_run("eval", {}, "toy", 3)
                terms = EvaluationTerms("toy", hash_of(self.problems), "", self.plan.attempts)
                store.ledger(run_id).begin(terms, self.problems)
            else:
                found = store.load_evaluation(run_id).results
                tasks = [
                    Task(n, r.problem, r.attempts)
                    for n, r in enumerate(found)
                    if (r.attempts or r.outcome is ResultClass.UNTRIED)
                    and missing(r.attempts, self.plan)
                ]
            archive = lambda: store.recorder(run_id)  # noqa: E731
            hearers = Listeners(store.ledger(run_id), archive, self.board)
            self.runner = EvaluationRunner(self.plan, hearers, clock=lambda: 0.0)
            self.board.begin(len(self.problems), {})
            with suppress(Killed):
                asyncio.run(self.work(tasks))
            return store.load_evaluation(run_id)


class Killed(BaseException):
    """Ends a session at once, as a signal would."""


def counted(evaluation):
    """What must not depend on breaks: of each theorem its class, and its attempts without times."""
    return [
        (
            result.problem.name,
            result.outcome,
            [
                (a.number, a.outcome, a.seed, a.proof, a.expansions, a.steps)
                for a in result.attempts
            ],
        )
        for result in evaluation.results
    ]
