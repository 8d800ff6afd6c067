"""Writes attempts into the store while they run: buffered rows, flushed in batches.

A process that dies loses at most the rows since the last flush, FLUSH_S seconds or FLUSH_ROWS rows
of steps, and what the writing thread has not come to. A finished attempt is flushed at once, in
one transaction with its last rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ..outcomes import ADVANCED, TIMED_OUT
from ..records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    ProofState,
    Rejected,
    Step,
    Theorem,
    Visits,
)
from ..turns import Turn
from .background import WriterThread
from .database import Database
from .schema import (
    AttemptRow,
    ChildRow,
    ExpansionRow,
    StateRow,
    StepRow,
    TheoremRow,
    TurnRow,
    VerdictRow,
    VisitRow,
    goals_to_text,
)
from .texts import TextTable, digest

FLUSH_S = 0.5
FLUSH_ROWS = 4_000
MOST_WAITING = 8  # writes handed over; then more is buffered
MOST_ROWS = 40_000  # in memory, while the database does not keep up

_TURN = ("conversation", "role", "is_feedback", "is_right", "tokens")

Row = dict[str, Any]


@dataclass(slots=True)
class _Running:
    """An attempt being written. id: set when it stands in the database; states: (key, digest of
    goals) to number.
    """

    id: int | None = None
    states: dict[tuple[str, bytes], int] = field(default_factory=dict)
    expansions: int = 0
    turns: int = 0


@dataclass(slots=True)
class _Batch:
    """Rows not yet written; texts stand as digests under the names that end in `_id`, attempts
    as what is known of them under `attempt_id`.
    """

    texts: dict[bytes, str] = field(default_factory=dict)
    starts: list[tuple[_Running, Theorem, datetime]] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    expansions: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    children: list[Row] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    turns: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)

    def text(self, text: str) -> bytes:
        """Note a text; its digest."""
        name = digest(text)
        self.texts[name] = text
        return name


class AttemptWriter:
    """Keeps what happens to the theorems of one run. To be called from one thread.

    It writes on another one: an error of the database is told at the next call. One attempt at a
    theorem runs at a time; starting another leaves the first without an end.
    """

    def __init__(
        self,
        database: Database,
        run_id: int,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        thread: WriterThread,
    ) -> None:
        self._thread = thread
        self._database = database
        self._run_id = run_id
        self._clock = clock
        self._now = now
        self._texts = TextTable(database)
        self._running: dict[tuple[str, int], _Running] = {}
        self._batch = _Batch()
        self._flushed_at = clock()

    def start_attempt(self, theorem: Theorem) -> None:
        """Write that an attempt began. Raises StoreError."""
        self._start(theorem)

    def expansions(self, theorem: Theorem, expansions: Sequence[Expansion]) -> None:
        """Keep expansions, in the order the search is told them; may flush. Raises StoreError."""
        running = self._find(theorem)
        for expansion in expansions:
            self._add(running, expansion)
        rows = len(self._batch.steps)
        is_due = rows >= FLUSH_ROWS or self._clock() - self._flushed_at >= FLUSH_S
        if is_due and self._thread.waiting < MOST_WAITING:
            self._hand_over()
        elif rows >= MOST_ROWS:  # the database does not keep up: wait for it
            self.flush()

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Keep turns of conversations about a theorem at work, each conversation's in order."""
        running = self._find(theorem)
        for turn in turns:
            row: Row = {"attempt_id": running, "number": running.turns}
            row |= {name: getattr(turn, name) for name in _TURN}
            self._batch.turns.append(row | {"text_id": self._batch.text(turn.text)})
            running.turns += 1

    def proof_found(self, attempt: Attempt) -> None:
        """Write a proof that passed in its place, and all that is buffered; no end and no verdict.

        Raises StoreError.
        """
        if attempt.proof is not None:
            row = {"attempt_id": self._find(attempt.theorem)}
            self._batch.ends.append(row | {"proof_id": self._batch.text(attempt.proof)})
        self.flush()

    def finish_attempt(self, attempt: Attempt) -> None:
        """Write an attempt's end and all that is buffered, before anyone hears of its result.

        Raises StoreError.
        """
        running = self._find(attempt.theorem)
        self._batch.ends.append(
            {
                "attempt_id": running,
                "ended_at": self._now(),
                "stop": attempt.stop.value,
                "proof_id": None if attempt.proof is None else self._batch.text(attempt.proof),
                "expansions": attempt.expansions,
                "steps": attempt.steps,
                "wall_s": attempt.wall_s,
                "detail": attempt.detail,
            }
        )
        self._add_visits(running, attempt.visits)
        if attempt.verdict is not None:
            self._batch.verdicts.append(_verdict_row(running, attempt))
        del self._running[_identity(attempt.theorem)]
        self.flush()

    def attempt_id(self, theorem: Theorem) -> int:
        """The number of the attempt at the theorem that runs now; waits until it is written."""
        running = self._find(theorem)
        if running.id is None:
            self._thread.wait()
        assert running.id is not None
        return running.id

    def flush(self) -> None:
        """Write what is buffered, and wait for it; on StoreError it stays to be written."""
        self._hand_over()
        self._thread.wait()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, _Batch()
        self._flushed_at = self._clock()
        if batch != _Batch():
            self._thread.submit(lambda: self._write(batch))

    def _find(self, theorem: Theorem) -> _Running:
        return self._running.get(_identity(theorem)) or self._start(theorem)

    def _start(self, theorem: Theorem) -> _Running:
        running = self._running[_identity(theorem)] = _Running()
        self._batch.text(theorem.source)
        self._batch.starts.append((running, theorem, self._now()))
        self._state(running, theorem.state)
        self._hand_over()
        return running

    def _state(self, running: _Running, state: ProofState) -> int:
        goals = self._batch.text(goals_to_text(state.goals))
        number = running.states.get((state.key, goals))
        if number is None:
            number = running.states[state.key, goals] = len(running.states)
            self._batch.states.append(
                {
                    "attempt_id": running,
                    "number": number,
                    "key": state.key,
                    "goals_id": goals,
                    "size": state.size,
                }
            )
        return number

    def _add(self, running: _Running, expansion: Expansion) -> None:
        place: Row = {"attempt_id": running, "expansion": running.expansions}
        self._batch.expansions.append(
            {
                "attempt_id": running,
                "number": running.expansions,
                "state": self._state(running, expansion.state),
                "value": expansion.value,
                "tokens": expansion.tokens,
            }
        )
        running.expansions += 1
        for number, step in enumerate(expansion.steps):
            self._batch.steps.append(self._step_row(place, number, step))
            if isinstance(step.outcome, Advanced):
                for index, child in enumerate(step.outcome.states):
                    row = {"step": number, "number": index, "state": self._state(running, child)}
                    self._batch.children.append(place | row | {"positions": _positions(child)})

    def _add_visits(self, running: _Running, visits: Visits) -> None:
        numbers: dict[str, int] = {}
        for (key, _), number in running.states.items():
            numbers.setdefault(key, number)
        for (key, tactic), count in visits.items():
            row = {"attempt_id": running, "state": numbers[key], "count": count}
            self._batch.visits.append(row | {"tactic_id": self._batch.text(tactic)})

    def _step_row(self, place: Row, number: int, step: Step) -> Row:
        outcome, message, wall_s = ADVANCED, None, None
        if isinstance(step.outcome, Rejected):
            outcome, message = step.outcome.kind.value, self._batch.text(step.outcome.message)
        elif not isinstance(step.outcome, Advanced):
            outcome, wall_s = TIMED_OUT, step.outcome.wall_s
        return {
            **place,
            "number": number,
            "tactic_id": self._batch.text(step.tactic),
            "prior": step.prior,
            "outcome": outcome,
            "message_id": message,
            "wall_s": wall_s,
            "elapsed_ms": step.elapsed_ms,
        }

    def _write(self, batch: _Batch) -> None:
        """Write a batch, all or nothing; on the writing thread."""
        self._texts.settle(batch.texts)
        ids = self._database.write(lambda connection: self._insert(connection, batch))
        for running, id in ids:
            running.id = id

    def _insert(self, connection: Connection, batch: _Batch) -> list[tuple[_Running, int]]:
        begun = [(each[0], self._insert_start(connection, *each[1:])) for each in batch.starts]
        ids = {id(running): number for running, number in begun}

        def rows(given: list[Row], *texts: str) -> list[Row]:
            """With numbers in the place of attempts and digests."""
            return [
                row
                | {"attempt_id": ids.get(id(row["attempt_id"]), row["attempt_id"].id)}
                | {c: row[c] if row[c] is None else self._texts.id(row[c]) for c in texts}
                for row in given
            ]

        for model, made in (
            (StateRow, rows(batch.states, "goals_id")),
            (ExpansionRow, rows(batch.expansions)),
            (StepRow, rows(batch.steps, "tactic_id", "message_id")),
            (ChildRow, rows(batch.children)),
            (VerdictRow, rows(batch.verdicts)),
            (TurnRow, rows(batch.turns, "text_id")),
            (VisitRow, rows(batch.visits, "tactic_id")),
        ):
            if made:
                connection.execute(insert(model), made)
        for end in rows(batch.ends, "proof_id"):
            attempt_id = end.pop("attempt_id")
            connection.execute(update(AttemptRow).where(AttemptRow.id == attempt_id).values(end))
        return begun

    def _insert_start(self, connection: Connection, theorem: Theorem, at: datetime) -> int:
        row = {
            "run_id": self._run_id,
            "theorem_id": _theorem_id(connection, theorem, self._texts.id(digest(theorem.source))),
            "path": theorem.path,
            "root": theorem.state.root,
            "started_at": at,
        }
        return _insert_one(connection, AttemptRow, row)


def _identity(theorem: Theorem) -> tuple[str, int]:
    return theorem.source, theorem.start


def _positions(state: ProofState) -> str | None:
    return None if state.origin is None else " ".join(map(str, state.origin.positions))


def _insert_one(connection: Connection, model: Any, row: Row) -> int:
    key = connection.execute(insert(model).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _theorem_id(connection: Connection, theorem: Theorem, source_id: int) -> int:
    """The theorem's row, made if new; its name and positions are those of the first time."""
    found = connection.scalar(
        select(TheoremRow.id)
        .where(TheoremRow.source_id == source_id)
        .where(TheoremRow.start == theorem.start)
    )
    if found is not None:
        return found
    row = {
        "source_id": source_id,
        "start": theorem.start,
        "stop": theorem.stop,
        "line": theorem.line,
        "column": theorem.column,
        "name": theorem.name,
        "mode": theorem.mode,
        "declaration": theorem.declaration,
        "is_prop": theorem.is_prop,
    }
    return _insert_one(connection, TheoremRow, row)


def _verdict_row(running: _Running, attempt: Attempt) -> Row:
    verdict = attempt.verdict
    is_accepted = isinstance(verdict, Accepted)
    return {
        "attempt_id": running,
        "is_accepted": is_accepted,
        "axioms": list(verdict.axioms) if isinstance(verdict, Accepted) else [],
        "reasons": []
        if verdict is None or isinstance(verdict, Accepted)
        else [[reason.kind.value, reason.text] for reason in verdict.reasons],
    }
