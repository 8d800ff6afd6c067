"""Reads attempts back from the store as records."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from ..errors import StoreError, UsageError
from ..records import (
    Accepted,
    Attempt,
    Expansion,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
    Verdict,
)
from ..turns import Turn
from .schema import (
    AttemptRow,
    ExpansionRow,
    RunRow,
    StepRow,
    TextRow,
    TheoremRow,
    TurnRow,
    VerdictRow,
)
from .steps import TriedSteps, load_texts, load_tried
from .texts import digest, in_chunks

_STEPS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """One attempt in a listing. ended_at, stop: None when it was killed, or still runs.

    has_proof: whether a proof is stored; it counts when it is accepted.
    """

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
    has_proof: bool = False

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
    command: str = ""
    """What the user typed, behind `lakatos`."""

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


@dataclass(frozen=True, slots=True)
class AttemptFilter:
    """Which attempts a listing is of, as `Store.attempts` says."""

    run_id: int | None
    limit: int | None
    theorem: str | None
    only_failed: bool

    def fits(self, name: str) -> bool:
        """Whether attempts at the theorem of that name are among them."""
        pattern = self.theorem
        return pattern is None or any(fnmatchcase(name, p) for p in (pattern, f"*.{pattern}"))


def list_attempts(connection: Connection, wanted: AttemptFilter) -> list[AttemptSummary]:
    """Newest first."""
    query = _SUMMARY.order_by(AttemptRow.id.desc())
    if wanted.run_id is not None:
        query = query.where(AttemptRow.run_id == wanted.run_id)
    if wanted.only_failed:
        is_proof = and_(AttemptRow.stop == StopReason.PROVED.value, VerdictRow.is_accepted)
        query = query.where(func.coalesce(is_proof, False).is_(False))
    if wanted.theorem is None:
        query = query.limit(wanted.limit)
    rows = (row for row in connection.execute(query).all() if wanted.fits(row.name))
    return [_summary(connection, row) for row in islice(rows, wanted.limit)]


def list_attempts_at(connection: Connection, theorem: Theorem) -> list[AttemptSummary]:
    """All at the same `sorry` of the same file text, newest first."""
    query = (
        _SUMMARY.join(TextRow, TextRow.id == TheoremRow.source_id)
        .where(TextRow.digest == digest(theorem.source), TheoremRow.start == theorem.start)
        .order_by(AttemptRow.id.desc())
    )
    return [_summary(connection, row) for row in connection.execute(query).all()]


def load_attempt(connection: Connection, attempt_id: int) -> StoredAttempt:
    """One attempt whole. Raises UsageError when there is none of that number."""
    for stored in load_attempts(connection, [attempt_id]):
        return stored
    raise UsageError(f"no attempt number {attempt_id}")


def load_attempts(
    connection: Connection, ids: Iterable[int], first: int | None = None
) -> Iterator[StoredAttempt]:
    """Attempts whole, in ascending order of their numbers; numbers of none are passed over.

    A few thousand steps are in memory at a time. first: only so many expansions of each.
    """
    for numbers in in_chunks(sorted(set(ids))):
        rows = connection.execute(_WHOLE.where(AttemptRow.id.in_(numbers))).all()
        for some in _portions(rows):
            tried = load_tried(connection, {row.id: row.root for row in some}, first)
            texts = load_texts(connection, (row.proof_id for row in some))
            verdicts = _verdicts(connection, [row.id for row in some])
            for row in some:
                proof, verdict = texts.get(row.proof_id), verdicts.get(row.id)
                yield _stored(_summary(connection, row), row, proof, verdict, tried[row.id])


def _portions(rows: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Rows of attempts in lists of few steps each; one that was broken off counts as many."""
    some: list[Row[Any]] = []
    room = _STEPS_AT_ONCE
    for row in rows:
        steps = _STEPS_AT_ONCE if row.ended_at is None else row.steps
        if some and steps > room:
            yield some
            some, room = [], _STEPS_AT_ONCE
        some.append(row)
        room -= steps
    if some:
        yield some


def _stored(
    summary: AttemptSummary,
    row: Row[Any],
    proof: str | None,
    verdict: Verdict | None,
    tried: TriedSteps,
) -> StoredAttempt:
    theorem = Theorem(
        name=summary.theorem,
        source=row.body,
        path=summary.path,
        start=row.start,
        stop=row.end,
        line=summary.line,
        column=row.column,
        mode=row.mode,
        state=tried.root or ProofState("", root=row.root),
        declaration=row.declaration,
        is_prop=row.is_prop,
    )
    facts = row.toolchain, row.config, row.seed
    came = row.detail, tried.expansions, row.command
    return StoredAttempt(summary, theorem, *facts, proof, verdict, *came)


def find_proof(connection: Connection, theorem: Theorem) -> StoredProof | None:
    """The newest accepted proof of the same `sorry` of the same file text."""
    proof = TextRow.__table__.alias("proof")
    row = connection.execute(
        select(AttemptRow.id, proof.c.body, VerdictRow.axioms, RunRow.toolchain)
        .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
        .join(TextRow, TextRow.id == TheoremRow.source_id)
        .join(proof, proof.c.id == AttemptRow.proof_id)
        .join(VerdictRow, VerdictRow.attempt_id == AttemptRow.id)
        .join(RunRow, RunRow.id == AttemptRow.run_id)
        .where(TextRow.digest == digest(theorem.source), TheoremRow.start == theorem.start)
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
        AttemptRow.proof_id,
    )
    .join(TheoremRow, TheoremRow.id == AttemptRow.theorem_id)
    .outerjoin(VerdictRow, VerdictRow.attempt_id == AttemptRow.id)
)
_WHOLE: Select[*tuple[Any, ...]] = (
    _SUMMARY.add_columns(AttemptRow.root, AttemptRow.detail, TextRow.body)
    .add_columns(TheoremRow.start, TheoremRow.stop.label("end"), TheoremRow.column)
    .add_columns(TheoremRow.mode, TheoremRow.declaration, TheoremRow.is_prop)
    .add_columns(RunRow.toolchain, RunRow.config, RunRow.seed, RunRow.command)
    .join(TextRow, TextRow.id == TheoremRow.source_id)
    .join(RunRow, RunRow.id == AttemptRow.run_id)
    .order_by(AttemptRow.id)
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
        has_proof=row.proof_id is not None,
    )


def _count(
    connection: Connection, table: type[ExpansionRow] | type[StepRow], attempt_id: int
) -> int:
    query = select(func.count()).select_from(table).where(table.attempt_id == attempt_id)
    return connection.scalar(query) or 0


def _verdicts(connection: Connection, ids: Sequence[int]) -> dict[int, Verdict]:
    query = select(VerdictRow.attempt_id, VerdictRow.is_accepted, VerdictRow.axioms)
    query = query.add_columns(VerdictRow.reasons).where(VerdictRow.attempt_id.in_(ids))
    found: dict[int, Verdict] = {}
    for row in connection.execute(query):
        if row.is_accepted:
            found[row.attempt_id] = Accepted(tuple(row.axioms))
        else:
            reasons = tuple(Refusal(RefusalKind(kind), text) for kind, text in row.reasons)
            found[row.attempt_id] = Refused(reasons)
    return found


def load_turns(connection: Connection, attempt_id: int) -> list[Turn]:
    """All turns of an attempt, by conversation, in order."""
    query = (
        select(TurnRow.conversation, TurnRow.role, TextRow.body)
        .add_columns(TurnRow.is_feedback, TurnRow.is_right, TurnRow.tokens)
        .join(TextRow, TextRow.id == TurnRow.text_id)
        .where(TurnRow.attempt_id == attempt_id)
        .order_by(TurnRow.conversation, TurnRow.number)
    )
    return [Turn(*row) for row in connection.execute(query)]
