"""Reads attempts back from the store as records."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from .errors import StoreError, UsageError
from .models import (
    AttemptRow,
    ChildRow,
    ExpansionRow,
    Run,
    StateRow,
    StepRow,
    Text,
    TheoremRow,
    VerdictRow,
    goals_from_text,
)
from .recorder import digest, in_chunks
from .records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Origin,
    Outcome,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
    TimedOut,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """One attempt in a listing. ended_at, stop: None when it was killed, or still runs."""

    id: int
    run_id: int
    theorem: str
    path: str
    line: int
    started_at: datetime
    ended_at: datetime | None
    stop: StopReason | None
    is_accepted: bool
    expansions: int
    steps: int
    wall_s: float

    @property
    def is_interrupted(self) -> bool:
        """True when it has no end: the process was killed, or is still at it."""
        return self.ended_at is None

    @property
    def outcome(self) -> str:
        """The stop reason as a word; `interrupted` without an end."""
        return StopReason.INTERRUPTED.value if self.stop is None else self.stop.value


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """All that the store knows of an attempt; `theorem.context` is empty.

    expansions: in the order the search was told; telling a new search the same ones, from
    `theorem.state`, brings it where this one was.
    """

    summary: AttemptSummary
    theorem: Theorem
    toolchain: str
    config: dict[str, Any] = field(repr=False)
    seed: int
    proof: str | None
    verdict: Verdict | None
    detail: str
    expansions: tuple[Expansion, ...] = field(repr=False)

    @property
    def attempt(self) -> Attempt:
        """The record; `interrupted` when it has no end."""
        summary = self.summary
        return Attempt(
            self.theorem,
            summary.stop or StopReason.INTERRUPTED,
            self.proof,
            self.verdict,
            summary.expansions,
            summary.steps,
            summary.wall_s,
            self.detail,
        )


@dataclass(frozen=True, slots=True)
class StoredProof:
    """A proof that the verifier accepted in an earlier attempt."""

    attempt_id: int
    proof: str
    axioms: tuple[str, ...]
    toolchain: str


@contextmanager
def undamaged() -> Iterator[None]:
    """Turn contents that cannot be read into StoreError."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        text = f"is damaged: {type(error).__name__}: {error}".splitlines()[0]
        raise StoreError(text) from error


def list_attempts(
    connection: Connection, run_id: int | None, limit: int | None
) -> list[AttemptSummary]:
    """Newest first; of one run or of all."""
    query = _SUMMARY.order_by(AttemptRow.id.desc()).limit(limit)
    if run_id is not None:
        query = query.where(AttemptRow.run_id == run_id)
    return [_summary(connection, row) for row in connection.execute(query).all()]


def list_attempts_at(connection: Connection, theorem: Theorem) -> list[AttemptSummary]:
    """All at the same `sorry` of the same file text, newest first."""
    query = (
        _SUMMARY.join(Text, Text.id == TheoremRow.source_id)
        .where(Text.digest == digest(theorem.source), TheoremRow.start == theorem.start)
        .order_by(AttemptRow.id.desc())
    )
    return [_summary(connection, row) for row in connection.execute(query).all()]


def load_attempt(connection: Connection, attempt_id: int) -> StoredAttempt:
    """One attempt whole. Raises UsageError when there is none of that number."""
    row = connection.execute(_SUMMARY.where(AttemptRow.id == attempt_id)).first()
    if row is None:
        raise UsageError(f"no attempt number {attempt_id}")
    summary = _summary(connection, row)
    query = (
        select(AttemptRow.root, AttemptRow.detail, AttemptRow.proof_id, Text.body)
        .add_columns(TheoremRow.start, TheoremRow.stop, TheoremRow.column, TheoremRow.mode)
        .add_columns(TheoremRow.declaration, TheoremRow.is_prop)
        .add_columns(Run.toolchain, Run.config, Run.seed)
        .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
        .join(Text, Text.id == TheoremRow.source_id)
        .join(Run, Run.id == AttemptRow.run_id)
        .where(AttemptRow.id == attempt_id)
    )
    rest = connection.execute(query).one()
    states = _states(connection, attempt_id, rest.root)
    theorem = Theorem(
        name=summary.theorem,
        source=rest.body,
        path=summary.path,
        start=rest.start,
        stop=rest.stop,
        line=summary.line,
        column=rest.column,
        mode=rest.mode,
        state=states.get(0, ProofState("", root=rest.root)),
        declaration=rest.declaration,
        is_prop=rest.is_prop,
    )
    return StoredAttempt(
        summary=summary,
        theorem=theorem,
        toolchain=rest.toolchain,
        config=rest.config,
        seed=rest.seed,
        proof=_texts(connection, [rest.proof_id]).get(rest.proof_id),
        verdict=_verdict(connection, attempt_id),
        detail=rest.detail,
        expansions=tuple(_expansions(connection, attempt_id, states)),
    )


def find_proof(connection: Connection, theorem: Theorem) -> StoredProof | None:
    """The newest accepted proof of the same `sorry` of the same file text."""
    proof = Text.__table__.alias("proof")
    row = connection.execute(
        select(AttemptRow.id, proof.c.body, VerdictRow.axioms, Run.toolchain)
        .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
        .join(Text, Text.id == TheoremRow.source_id)
        .join(proof, proof.c.id == AttemptRow.proof_id)
        .join(VerdictRow, VerdictRow.attempt_id == AttemptRow.id)
        .join(Run, Run.id == AttemptRow.run_id)
        .where(Text.digest == digest(theorem.source), TheoremRow.start == theorem.start)
        .where(VerdictRow.is_accepted, AttemptRow.stop == StopReason.PROVED.value)
        .order_by(AttemptRow.id.desc())
    ).first()
    return None if row is None else StoredProof(row[0], row[1], tuple(row[2]), row[3])


_SUMMARY: Select[*tuple[Any, ...]] = (
    select(
        AttemptRow.id,
        AttemptRow.run_id,
        TheoremRow.name,
        AttemptRow.path,
        TheoremRow.line,
        AttemptRow.started_at,
        AttemptRow.ended_at,
        AttemptRow.stop,
        VerdictRow.is_accepted,
        AttemptRow.expansions,
        AttemptRow.steps,
        AttemptRow.wall_s,
    )
    .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
    .outerjoin(VerdictRow, VerdictRow.attempt_id == AttemptRow.id)
)


def _summary(connection: Connection, row: Row[Any]) -> AttemptSummary:
    expansions, steps = row.expansions, row.steps
    if row.ended_at is None:
        expansions, steps = (_count(connection, table, row.id) for table in (ExpansionRow, StepRow))
    return AttemptSummary(
        id=row.id,
        run_id=row.run_id,
        theorem=row.name,
        path=row.path,
        line=row.line,
        started_at=row.started_at,
        ended_at=row.ended_at,
        stop=None if row.stop is None else StopReason(row.stop),
        is_accepted=bool(row.is_accepted),
        expansions=expansions,
        steps=steps,
        wall_s=row.wall_s,
    )


def _count(
    connection: Connection, table: type[ExpansionRow] | type[StepRow], attempt_id: int
) -> int:
    query = select(func.count()).select_from(table).where(table.attempt_id == attempt_id)
    return connection.scalar(query) or 0


def _verdict(connection: Connection, attempt_id: int) -> Verdict | None:
    query = select(VerdictRow.is_accepted, VerdictRow.axioms, VerdictRow.reasons)
    row = connection.execute(query.where(VerdictRow.attempt_id == attempt_id)).first()
    if row is None:
        return None
    if row.is_accepted:
        return Accepted(tuple(row.axioms))
    return Refused(tuple(Refusal(RefusalKind(kind), text) for kind, text in row.reasons))


def _texts(connection: Connection, ids: Iterable[int | None]) -> dict[int | None, str]:
    wanted = sorted({id for id in ids if id is not None})
    found: dict[int | None, str] = {}
    for chunk in in_chunks(wanted):
        rows = connection.execute(select(Text.id, Text.body).where(Text.id.in_(chunk)))
        found.update((id, body) for id, body in rows)
    return found


def _states(connection: Connection, attempt_id: int, root: str) -> dict[int, ProofState]:
    """Number to state, without origins."""
    query = select(StateRow.number, StateRow.key, StateRow.goals_id, StateRow.size)
    rows = connection.execute(query.where(StateRow.attempt_id == attempt_id)).all()
    texts = _texts(connection, (row.goals_id for row in rows))
    return {
        row.number: ProofState(
            row.key, goals_from_text(texts[row.goals_id]), size=row.size, root=root
        )
        for row in rows
    }


def _expansions(
    connection: Connection, attempt_id: int, bare: dict[int, ProofState]
) -> Iterator[Expansion]:
    """In the order told; each state with the origin of the first time it was reached."""
    steps = _steps(connection, attempt_id)
    children = _children(connection, attempt_id)
    query = (
        select(ExpansionRow.number, ExpansionRow.state, ExpansionRow.value, ExpansionRow.tokens)
        .where(ExpansionRow.attempt_id == attempt_id)
        .order_by(ExpansionRow.number)
    )
    reached = {0: bare[0]} if bare else {}
    for number, state_number, value, tokens in connection.execute(query).all():
        state = reached.setdefault(state_number, bare[state_number])
        told = []
        for row, tactic, message in steps[number]:
            left = children[number, row.number]
            states = tuple(
                _child(bare[child], state, tactic, index, positions)
                for index, (child, positions) in enumerate(left)
            )
            for (child, _), reached_state in zip(left, states, strict=True):
                reached.setdefault(child, reached_state)
            outcome = _outcome(row.outcome, states, message, row.wall_s)
            told.append(Step(tactic, row.prior, outcome, row.elapsed_ms))
        yield Expansion(state, tuple(told), value, tokens)


def _child(
    bare: ProofState, parent: ProofState, tactic: str, index: int, positions: str | None
) -> ProofState:
    if positions is None:
        return bare
    places = tuple(int(place) for place in positions.split())
    origin = Origin(parent, tactic, index, places)
    return ProofState(bare.key, bare.goals, origin, bare.size, bare.root)


def _outcome(
    word: str, states: tuple[ProofState, ...], message: str | None, wall_s: float | None
) -> Outcome:
    if word == "advanced":
        return Advanced(states)
    if word == "timed_out":
        return TimedOut(wall_s or 0.0)
    return Rejected(message or "", Rejection(word))


_Told = tuple[Row[Any], str, str | None]


def _steps(connection: Connection, attempt_id: int) -> dict[int, list[_Told]]:
    """Expansion number to its steps in order, each with its tactic and message."""
    query = (
        select(StepRow.expansion, StepRow.number, StepRow.tactic_id, StepRow.prior)
        .add_columns(StepRow.outcome, StepRow.message_id, StepRow.wall_s, StepRow.elapsed_ms)
        .where(StepRow.attempt_id == attempt_id)
        .order_by(StepRow.expansion, StepRow.number)
    )
    rows = connection.execute(query).all()
    ids = {row.tactic_id for row in rows} | {row.message_id for row in rows}
    texts = _texts(connection, ids)
    found: dict[int, list[_Told]] = defaultdict(list)
    for row in rows:
        found[row.expansion].append((row, texts[row.tactic_id], texts.get(row.message_id)))
    return found


def _children(
    connection: Connection, attempt_id: int
) -> dict[tuple[int, int], list[tuple[int, str | None]]]:
    """(expansion, step) to the states it left in order, with positions."""
    query = (
        select(ChildRow.expansion, ChildRow.step, ChildRow.state, ChildRow.positions)
        .where(ChildRow.attempt_id == attempt_id)
        .order_by(ChildRow.expansion, ChildRow.step, ChildRow.number)
    )
    found: dict[tuple[int, int], list[tuple[int, str | None]]] = defaultdict(list)
    for expansion, step, state, positions in connection.execute(query):
        found[expansion, step].append((state, positions))
    return found
