"""The tables of the store, as SQLAlchemy models; any SQL database.

Long texts (files, goals, tactics, messages) stand once in `texts` and are named by id.
Rows of one attempt are numbered within it, so they are written without asking for ids.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from ..records import Goal, Hypothesis

_PACKED = b"\0"  # first byte of a compressed text
_PACK_ABOVE_BYTES = 200


def pack(text: str) -> bytes:
    """A text as stored: its UTF-8 bytes; a NUL and a zlib stream where that is shorter."""
    plain = text.encode("utf-8", "surrogatepass")
    if len(plain) <= _PACK_ABOVE_BYTES and not plain.startswith(_PACKED):
        return plain
    packed = _PACKED + zlib.compress(plain, 6)
    return packed if len(packed) < len(plain) or plain.startswith(_PACKED) else plain


def unpack(stored: bytes) -> str:
    """The text that `pack` stored. Raises zlib.error or UnicodeError on damage."""
    if stored.startswith(_PACKED):
        stored = zlib.decompress(stored[1:])
    return stored.decode("utf-8", "surrogatepass")


class PackedText(TypeDecorator[str]):
    """A text column, compressed when long."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Pack on the way in."""
        return None if value is None else pack(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unpack on the way out."""
        return None if value is None else unpack(bytes(value))


class Instant(TypeDecorator[datetime]):
    """A UTC time, aware; SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC on the way in."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware on the way out."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


def goals_wire(goals: Sequence[Goal]) -> list[list[Any]]:
    """Goals as JSON values: [[tag, target, [[name, type] or [name, type, value]...]]...]."""
    return [
        [
            goal.tag,
            goal.target,
            [
                [h.name, h.type] if h.value is None else [h.name, h.type, h.value]
                for h in goal.hypotheses
            ],
        ]
        for goal in goals
    ]


def goals_to_text(goals: Sequence[Goal]) -> str:
    """`goals_wire` as JSON text."""
    return json.dumps(goals_wire(goals), ensure_ascii=False, separators=(",", ":"))


def goals_from_text(text: str) -> tuple[Goal, ...]:
    """The goals `goals_to_text` wrote. Raises ValueError or TypeError on anything else."""
    return tuple(
        Goal(target, tuple(Hypothesis(*h) for h in hypotheses), tag)
        for tag, target, hypotheses in json.loads(text)
    )


class Base(DeclarativeBase):
    """All models; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class SchemaVersion(Base):
    """One migration that was applied."""

    __tablename__ = "schema_versions"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    applied_at: Mapped[datetime] = mapped_column(Instant)


class TextRow(Base):
    """A text, once; digest: BLAKE2b-128 of its UTF-8 form."""

    __tablename__ = "texts"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    body: Mapped[str] = mapped_column(PackedText)


class RunRow(Base):
    """One command. outcome: `finished`, `interrupted`, ...; None while it runs or if killed."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    command: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    toolchain: Mapped[str]
    seed: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None]


class TheoremRow(Base):
    """One `sorry` of one file text, the same row in every run.

    `records.Theorem.context` is not kept: Lean gives it again from the source.
    """

    __tablename__ = "theorems"
    __table_args__ = (UniqueConstraint("source_id", "start"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("texts.id"))
    start: Mapped[int]
    stop: Mapped[int]
    line: Mapped[int]
    column: Mapped[int]
    name: Mapped[str]
    mode: Mapped[str] = mapped_column(String(8))
    declaration: Mapped[str | None]
    is_prop: Mapped[bool]


class AttemptRow(Base):
    """One try at one theorem; without an end when it runs or was killed.

    path, root: the file's path and the recipe root's name in that run. State number 0 of an
    attempt is the theorem's root state.
    """

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    theorem_id: Mapped[int] = mapped_column(ForeignKey("theorems.id"), index=True)
    path: Mapped[str]
    root: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    stop: Mapped[str | None] = mapped_column(String(24))
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("texts.id"))
    expansions: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    wall_s: Mapped[float] = mapped_column(Double, default=0.0)
    detail: Mapped[str] = mapped_column(default="")


class VerdictRow(Base):
    """What the verifier said of an attempt's proof; reasons: [[kind, text]...]."""

    __tablename__ = "verdicts"

    attempt_id: Mapped[int] = mapped_column(
        ForeignKey("attempts.id"), primary_key=True, autoincrement=False
    )
    is_accepted: Mapped[bool]
    axioms: Mapped[list[str]] = mapped_column(JSON)
    reasons: Mapped[list[list[str]]] = mapped_column(JSON)


_LOCAL = {"sqlite_with_rowid": False}  # the key is the table: no second tree on disk


class StateRow(Base):
    """A state of an attempt. The same key under other hypothesis names is a row of its own."""

    __tablename__ = "states"
    __table_args__ = _LOCAL

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str]
    goals_id: Mapped[int] = mapped_column(ForeignKey("texts.id"))
    size: Mapped[int]


class ExpansionRow(Base):
    """All steps tried from a state at one time; numbered in the order they were told."""

    __tablename__ = "expansions"
    __table_args__ = (
        ForeignKeyConstraint(["attempt_id", "state"], ["states.attempt_id", "states.number"]),
        _LOCAL,
    )

    attempt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[int]
    value: Mapped[float] = mapped_column(Double)
    tokens: Mapped[int] = mapped_column(default=0, server_default="0")


class StepRow(Base):
    """A tried tactic. outcome: `advanced`, `timed_out` or a `Rejection`.

    wall_s: the limit that passed, of a timed out step only.
    """

    __tablename__ = "steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "expansion"], ["expansions.attempt_id", "expansions.number"]
        ),
        _LOCAL,
    )

    attempt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    expansion: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tactic_id: Mapped[int] = mapped_column(ForeignKey("texts.id"))
    prior: Mapped[float] = mapped_column(Double)
    outcome: Mapped[str] = mapped_column(String(16))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("texts.id"))
    wall_s: Mapped[float | None] = mapped_column(Double)
    elapsed_ms: Mapped[float] = mapped_column(Double)


class ChildRow(Base):
    """A state that a step left. positions: of its origin, `0 2`; None: it had no origin."""

    __tablename__ = "children"
    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "expansion", "step"],
            ["steps.attempt_id", "steps.expansion", "steps.number"],
        ),
        ForeignKeyConstraint(["attempt_id", "state"], ["states.attempt_id", "states.number"]),
        _LOCAL,
    )

    attempt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    expansion: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[int]
    positions: Mapped[str | None]


class VisitRow(Base):
    """How many descents of a tree search took a tactic at a state; written at the end.

    state: the first of the attempt's states with that key.
    """

    __tablename__ = "visits"
    __table_args__ = (
        ForeignKeyConstraint(["attempt_id", "state"], ["states.attempt_id", "states.number"]),
        _LOCAL,
    )

    attempt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tactic_id: Mapped[int] = mapped_column(ForeignKey("texts.id"), primary_key=True)
    count: Mapped[int]


class TurnRow(Base):
    """One turn of a conversation about an attempt's theorem; fields as `turns.Turn`."""

    __tablename__ = "turns"
    __table_args__ = _LOCAL

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    conversation: Mapped[int]
    role: Mapped[str] = mapped_column(String(12))
    text_id: Mapped[int] = mapped_column(ForeignKey("texts.id"))
    is_feedback: Mapped[bool]
    is_right: Mapped[bool | None]
    tokens: Mapped[int]


class EvaluationRow(Base):
    """A run over a problem set. wall_s: of all its sessions that ended by themselves."""

    __tablename__ = "evaluations"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id"), primary_key=True, autoincrement=False
    )
    problem_set: Mapped[str]
    problem_hash: Mapped[str]
    revision: Mapped[str]
    k: Mapped[int]
    wall_s: Mapped[float] = mapped_column(Double, default=0.0)


class UsageRow(Base):
    """What the model servers of a run did. counts: of `ModelUsage`."""

    __tablename__ = "model_usage"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id"), primary_key=True, autoincrement=False
    )
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)


class ProblemRow(Base):
    """A problem of an evaluation. text: its Lean file, the first `header` characters its header.

    outcome, detail: only when it was decided without an attempt.
    """

    __tablename__ = "problems"
    __table_args__ = _LOCAL

    run_id: Mapped[int] = mapped_column(ForeignKey("evaluations.run_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    source: Mapped[str]
    split: Mapped[str]
    text_id: Mapped[int] = mapped_column(ForeignKey("texts.id"))
    header: Mapped[int]
    hole: Mapped[int]
    is_core: Mapped[bool | None]
    informal_id: Mapped[int | None] = mapped_column(ForeignKey("texts.id"))
    path: Mapped[str]
    flaw: Mapped[str]
    outcome: Mapped[str | None] = mapped_column(String(24))
    detail: Mapped[str]


class EvaluationAttemptRow(Base):
    """An attempt that is over, as the evaluation counts it; fields as `AttemptSummary`."""

    __tablename__ = "tries"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "problem"], ["problems.run_id", "problems.number"]),
        _LOCAL,
    )

    run_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    problem: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"))
    outcome: Mapped[str] = mapped_column(String(24))
    wall_s: Mapped[float] = mapped_column(Double)
    expansions: Mapped[int]
    steps: Mapped[int]
    tokens: Mapped[int]
    ended_s: Mapped[float] = mapped_column(Double)
    seed: Mapped[int]
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("texts.id"))
    detail: Mapped[str]
