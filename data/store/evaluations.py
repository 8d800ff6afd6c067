"""Evaluations in the store: written problem by problem while they run, loaded whole, resumed.

What an evaluation counts stands in its own tables, a row for a problem and one for an attempt
that is over; the proof graphs stand where all attempts are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.orm import aliased

from ..errors import UsageError
from ..evaluation import (
    AttemptResult,
    Evaluation,
    EvaluationSummary,
    Problem,
    ProblemResult,
    ResultClass,
    outcome_of,
)
from ..model_usage import ModelUsage
from .background import WriterThread
from .database import Database
from .schema import EvaluationAttemptRow, EvaluationRow, ProblemRow, RunRow, TextRow, UsageRow
from .texts import TextTable, digest, in_chunks

_PROBLEMS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class EvaluationTerms:
    """What an evaluation is about. revision: the commit of this program."""

    problem_set: str
    problem_hash: str
    revision: str
    k: int


class EvaluationStore:
    """Writes what becomes of the problems of one evaluation; each call is one transaction.

    What is called while problems are tried is written on a thread of its own: an error of the
    database is told at the next call.
    """

    def __init__(self, database: Database, run_id: int, thread: WriterThread) -> None:
        self._thread = thread
        self._database = database
        self._run_id = run_id
        self._texts = TextTable(database)

    def begin(self, terms: EvaluationTerms, problems: Sequence[Problem]) -> None:
        """Write the evaluation and its problems, all or nothing. Raises StoreError."""
        head = {"run_id": self._run_id, "wall_s": 0.0, "problem_set": terms.problem_set}
        head |= {"problem_hash": terms.problem_hash, "revision": terms.revision, "k": terms.k}
        rows = []
        for chunk in in_chunks(list(enumerate(problems)), _PROBLEMS_AT_ONCE):
            texts = [text for _, p in chunk for text in (p.lean, p.informal)]
            self._texts.settle({digest(text): text for text in texts})
            for number, problem in chunk:
                informal = self._texts.id(digest(problem.informal)) if problem.informal else None
                ids = {"text_id": self._texts.id(digest(problem.lean)), "informal_id": informal}
                rows.append(self._problem_row(number, problem) | ids)

        def work(connection: Connection) -> None:
            connection.execute(insert(EvaluationRow).values(head))
            for chunk in in_chunks(rows, _PROBLEMS_AT_ONCE):
                connection.execute(insert(ProblemRow), chunk)

        self._database.write(work)

    def _problem_row(self, number: int, problem: Problem) -> dict[str, Any]:
        return {
            "run_id": self._run_id,
            "number": number,
            "name": problem.name,
            "source": problem.source,
            "split": problem.split,
            "header": len(problem.header),
            "hole": problem.hole,
            "is_core": problem.is_core,
            "path": problem.path,
            "flaw": problem.flaw,
            "outcome": None,
            "detail": "",
        }

    def decide(self, number: int, outcome: ResultClass, detail: str) -> None:
        """Class a problem without an attempt. number: its place in the set, from 0."""
        values = {"outcome": outcome.value, "detail": detail}

        def work() -> None:
            with self._database.writing() as connection:
                where = ProblemRow.run_id == self._run_id, ProblemRow.number == number
                connection.execute(update(ProblemRow).where(*where).values(values))

        self._thread.submit(work)

    def add(self, number: int, attempt: AttemptResult) -> None:
        """Count an attempt that is over."""
        row = {
            "run_id": self._run_id,
            "problem": number,
            "number": attempt.number,
            "attempt_id": attempt.attempt_id,
            "outcome": attempt.outcome.value,
            "wall_s": attempt.wall_s,
            "expansions": attempt.expansions,
            "steps": attempt.steps,
            "tokens": attempt.tokens,
            "ended_s": attempt.ended_s,
            "seed": attempt.seed,
            "proof_id": None,
            "detail": attempt.detail,
        }

        def work() -> None:
            if attempt.proof is not None:
                name = digest(attempt.proof)
                self._texts.settle({name: attempt.proof})
                row["proof_id"] = self._texts.id(name)
            with self._database.writing() as connection:
                connection.execute(insert(EvaluationAttemptRow).values(row))

        self._thread.submit(work)

    def end(self, wall_s: float, usage: ModelUsage | None = None) -> None:
        """Write how long was worked on it by now, and add what its model servers did."""
        self._thread.wait()
        with self._database.writing() as connection:
            if usage and usage.requests:
                counts = (load_usage(connection, self._run_id) + usage).as_dict()
                of_run = UsageRow.run_id == self._run_id
                connection.execute(delete(UsageRow).where(of_run))
                row = {"run_id": self._run_id, "counts": counts}
                connection.execute(insert(UsageRow).values(row))
            where = EvaluationRow.run_id == self._run_id
            connection.execute(update(EvaluationRow).where(where).values(wall_s=wall_s))

    def amend(self, config: dict[str, Any]) -> None:
        """Write what the run is made of from now on."""
        with self._database.writing() as connection:
            connection.execute(
                update(RunRow).where(RunRow.id == self._run_id).values(config=config)
            )

    def reopen(self, numbers: Sequence[int]) -> None:
        """Take back what was decided of these problems; their proof graphs stay."""
        self._thread.wait()
        with self._database.writing() as connection:
            for chunk in in_chunks(numbers):
                of_run = EvaluationAttemptRow.run_id == self._run_id
                connection.execute(
                    delete(EvaluationAttemptRow).where(
                        of_run, EvaluationAttemptRow.problem.in_(chunk)
                    )
                )
                of_run = ProblemRow.run_id == self._run_id
                where = of_run, ProblemRow.number.in_(chunk)
                undecided = {"outcome": None, "detail": ""}
                connection.execute(update(ProblemRow).where(*where).values(undecided))


def load_evaluation(connection: Connection, run_id: int) -> Evaluation:
    """One evaluation whole, in four queries. Raises UsageError when that run is none."""
    columns = [*RunRow.__table__.columns, *EvaluationRow.__table__.columns]
    query = select(*columns).join(EvaluationRow, EvaluationRow.run_id == RunRow.id)
    row = connection.execute(query.where(RunRow.id == run_id)).first()
    if row is None:
        raise UsageError(f"run {run_id} is no evaluation (lakatos eval makes them)")
    results = tuple(_results(connection, run_id))
    last_s = max((a.ended_s for r in results for a in r.attempts), default=0.0)
    return Evaluation(
        run_id=run_id,
        command=row.command,
        config=row.config,
        toolchain=row.toolchain,
        commit=row.revision,
        problem_set=row.problem_set,
        problem_hash=row.problem_hash,
        seed=row.seed,
        k=row.k,
        started_at=row.started_at,
        wall_s=max(row.wall_s, last_s),
        is_finished=row.outcome == "finished",
        results=results,
        usage=load_usage(connection, run_id),
    )


def load_usage(connection: Connection, run_id: int) -> ModelUsage:
    """What the model servers of a run did."""
    query = select(UsageRow.counts).where(UsageRow.run_id == run_id)
    return ModelUsage.read(connection.scalar(query) or {})


def _results(connection: Connection, run_id: int) -> Iterator[ProblemResult]:
    tries = _tries(connection, run_id)
    informal = aliased(TextRow)
    entry = ProblemRow
    query = (
        select(entry.number, entry.name, entry.source, entry.split, entry.header, entry.hole)
        .add_columns(entry.path, entry.flaw, entry.is_core, entry.outcome, entry.detail)
        .add_columns(TextRow.body, informal.body.label("informal"))
        .join(TextRow, TextRow.id == entry.text_id)
        .outerjoin(informal, informal.id == entry.informal_id)
        .where(entry.run_id == run_id)
        .order_by(entry.number)
    )
    for row in connection.execute(query):
        attempts = tuple(tries.get(row.number, ()))
        outcome = outcome_of({attempt.outcome for attempt in attempts})
        if row.outcome:
            outcome = ResultClass(row.outcome)
        yield ProblemResult(_problem(row), outcome, attempts, row.detail)


def _problem(row: Row[Any]) -> Problem:
    return Problem(
        name=row.name,
        source=row.source,
        split=row.split,
        header=row.body[: row.header],
        statement=row.body[row.header :],
        informal=row.informal or "",
        path=row.path,
        hole=row.hole,
        flaw=row.flaw,
        is_core=row.is_core,
    )


def _tries(connection: Connection, run_id: int) -> dict[int, list[AttemptResult]]:
    """Number of a problem to its attempts in order."""
    entry = EvaluationAttemptRow
    query = (
        select(entry.problem, entry.attempt_id, entry.number, entry.outcome, entry.wall_s)
        .add_columns(entry.expansions, entry.steps, entry.tokens, entry.ended_s, entry.seed)
        .add_columns(TextRow.body, entry.detail)
        .outerjoin(TextRow, TextRow.id == entry.proof_id)
        .where(entry.run_id == run_id)
        .order_by(entry.problem, entry.number)
    )
    found: dict[int, list[AttemptResult]] = defaultdict(list)
    for problem, attempt_id, number, outcome, *rest in connection.execute(query):
        found[problem].append(AttemptResult(attempt_id, number, ResultClass(outcome), *rest))
    return found


def list_evaluations(connection: Connection) -> list[EvaluationSummary]:
    """All, newest first."""
    entry, tried = EvaluationRow, EvaluationAttemptRow
    sizes = select(ProblemRow.run_id, func.count()).group_by(ProblemRow.run_id)
    theorems = {row[0]: row[1] for row in connection.execute(sizes)}
    proved = (
        select(tried.run_id, func.count(tried.problem.distinct()))
        .where(tried.outcome == ResultClass.SOLVED.value)
        .group_by(tried.run_id)
    )
    solved = {row[0]: row[1] for row in connection.execute(proved)}
    query = (
        select(
            RunRow.id,
            entry.problem_set,
            entry.problem_hash,
            RunRow.command,
            RunRow.toolchain,
            RunRow.seed,
        )
        .add_columns(entry.k, RunRow.started_at, RunRow.outcome, RunRow.config)
        .join(entry, entry.run_id == RunRow.id)
        .order_by(RunRow.id.desc())
    )
    return [
        EvaluationSummary(
            run_id=row.id,
            problem_set=row.problem_set,
            problem_hash=row.problem_hash,
            command=row.command,
            config=row.config,
            toolchain=row.toolchain,
            seed=row.seed,
            k=row.k,
            started_at=row.started_at,
            is_finished=row.outcome == "finished",
            theorems=theorems.get(row.id, 0),
            solved=solved.get(row.id, 0),
        )
        for row in connection.execute(query)
    ]
