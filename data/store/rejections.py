"""Finds what Lean rejected in earlier attempts at a theorem, state by state as it is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, select

from ..records import ProofState, Rejected, Rejection, Theorem
from .attempts import undamaged
from .database import Database
from .schema import (
    AttemptRow,
    ExpansionRow,
    RunRow,
    StateRow,
    StepRow,
    TextRow,
    TheoremRow,
    goals_to_text,
)
from .texts import digest

ATTEMPTS = 16
"""The newest attempts that are looked at."""

PLACES = 4
"""The newest expansions of one state that are looked at."""

_WORDS = [kind.value for kind in Rejection]


class RejectedBefore:
    """The tactics rejected at states of one theorem: the same `sorry` of the same file text.

    worker: only attempts count whose run says `worker` so in its configuration. Raises
    StoreError when asked.
    """

    def __init__(self, database: Database, theorem: Theorem, worker: str) -> None:
        self._database = database
        self._theorem = theorem
        self._worker = worker
        self._places: Mapping[tuple[str, bytes], list[tuple[int, int]]] | None = None

    def __call__(self, state: ProofState) -> Mapping[str, Rejected]:
        """Tactic to what Lean said; the state must agree in key and in the text of its goals."""
        if self._places is None:
            with self._database.named(), undamaged(), self._database.reading() as connection:
                self._places = self._index(connection)
        if not self._places:
            return {}
        places = self._places.get((state.key, digest(goals_to_text(state.goals))), [])
        found: dict[str, Rejected] = {}
        if places:
            with self._database.named(), undamaged(), self._database.reading() as connection:
                for attempt, expansion in places[-PLACES:]:
                    found |= _rejected(connection, attempt, expansion)
        return found

    def _index(self, connection: Connection) -> Mapping[tuple[str, bytes], list[tuple[int, int]]]:
        """(key, digest of goals) to the expansions of it, as (attempt, number), oldest first."""
        attempts = (
            select(AttemptRow.id)
            .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
            .join(TextRow, TextRow.id == TheoremRow.source_id)
            .join(RunRow, RunRow.id == AttemptRow.run_id)
            .where(TextRow.digest == digest(self._theorem.source))
            .where(TheoremRow.start == self._theorem.start)
            .where(RunRow.config["worker"].as_string() == self._worker)
            .order_by(AttemptRow.id.desc())
            .limit(ATTEMPTS)
        )
        query = (
            select(StateRow.key, TextRow.digest, ExpansionRow.attempt_id, ExpansionRow.number)
            .join(
                ExpansionRow,
                (ExpansionRow.attempt_id == StateRow.attempt_id)
                & (ExpansionRow.state == StateRow.number),
            )
            .join(TextRow, TextRow.id == StateRow.goals_id)
            .where(StateRow.attempt_id.in_(connection.scalars(attempts).all()))
            .order_by(ExpansionRow.attempt_id, ExpansionRow.number)
        )
        found: defaultdict[tuple[str, bytes], list[tuple[int, int]]] = defaultdict(list)
        for key, goals, attempt, number in connection.execute(query):
            found[key, bytes(goals)].append((attempt, number))
        return found


def _rejected(connection: Connection, attempt: int, expansion: int) -> dict[str, Rejected]:
    message = TextRow.__table__.alias("message")
    query = (
        select(TextRow.body, StepRow.outcome, message.c.body)
        .join(TextRow, TextRow.id == StepRow.tactic_id)
        .join(message, message.c.id == StepRow.message_id)
        .where(StepRow.attempt_id == attempt, StepRow.expansion == expansion)
        .where(StepRow.outcome.in_(_WORDS))
        .order_by(StepRow.number)
    )
    rows = connection.execute(query)
    return {tactic: Rejected(said, Rejection(kind)) for tactic, kind, said in rows}
