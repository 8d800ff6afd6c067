"""The schema's history: named, recorded in `schema_versions`, each in its own transaction.

A new database is made from the models whole and counts every migration as applied; an older
one gets those it lacks, in order; one that knows more than we do is refused. What a migration does
is written here as it was then, and never changes: the models go on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, inspect, select

from ..errors import StoreError
from .schema import Base, SchemaVersion


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of the schema. apply: runs inside the transaction that records it."""

    version: int
    name: str
    apply: Callable[[Connection], None]


def _run(*statements: str) -> Callable[[Connection], None]:
    """What applies a migration that is SQL; `{double}` and `{local}` are a database's own words."""

    def apply(connection: Connection) -> None:
        is_sqlite = connection.dialect.name == "sqlite"
        words = {
            "double": "DOUBLE" if is_sqlite else "DOUBLE PRECISION",
            "local": "WITHOUT ROWID" if is_sqlite else "",
        }
        for statement in statements:
            connection.exec_driver_sql(statement.format(**words))

    return apply


def _missing(connection: Connection) -> None:
    raise StoreError("is damaged: what it began with is missing")


_EVALUATIONS = """
CREATE TABLE evaluations (
    run_id INTEGER NOT NULL,
    problem_set VARCHAR NOT NULL,
    problem_hash VARCHAR NOT NULL,
    revision VARCHAR NOT NULL,
    k INTEGER NOT NULL,
    wall_s {double} NOT NULL,
    CONSTRAINT pk_evaluations PRIMARY KEY (run_id),
    CONSTRAINT fk_evaluations_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
)
"""
_PROBLEMS = """
CREATE TABLE problems (
    run_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    text_id INTEGER NOT NULL,
    header INTEGER NOT NULL,
    hole INTEGER NOT NULL,
    is_core BOOLEAN,
    informal_id INTEGER,
    path VARCHAR NOT NULL,
    flaw VARCHAR NOT NULL,
    outcome VARCHAR(24),
    detail VARCHAR NOT NULL,
    CONSTRAINT pk_problems PRIMARY KEY (run_id, number),
    CONSTRAINT fk_problems_run_id_evaluations
        FOREIGN KEY(run_id) REFERENCES evaluations (run_id),
    CONSTRAINT fk_problems_text_id_texts FOREIGN KEY(text_id) REFERENCES texts (id),
    CONSTRAINT fk_problems_informal_id_texts FOREIGN KEY(informal_id) REFERENCES texts (id)
) {local}
"""
_TRIES = """
CREATE TABLE tries (
    run_id INTEGER NOT NULL,
    problem INTEGER NOT NULL,
    number INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,
    outcome VARCHAR(24) NOT NULL,
    wall_s {double} NOT NULL,
    expansions INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    ended_s {double} NOT NULL,
    seed INTEGER NOT NULL,
    proof_id INTEGER,
    detail VARCHAR NOT NULL,
    CONSTRAINT pk_tries PRIMARY KEY (run_id, problem, number),
    CONSTRAINT fk_tries_run_id_problems
        FOREIGN KEY(run_id, problem) REFERENCES problems (run_id, number),
    CONSTRAINT fk_tries_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id),
    CONSTRAINT fk_tries_proof_id_texts FOREIGN KEY(proof_id) REFERENCES texts (id)
) {local}
"""
_TURNS = """
CREATE TABLE turns (
    attempt_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    role VARCHAR(12) NOT NULL,
    text_id INTEGER NOT NULL,
    is_feedback BOOLEAN NOT NULL,
    is_right BOOLEAN,
    tokens INTEGER NOT NULL,
    CONSTRAINT pk_turns PRIMARY KEY (attempt_id, number),
    CONSTRAINT fk_turns_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id),
    CONSTRAINT fk_turns_text_id_texts FOREIGN KEY(text_id) REFERENCES texts (id)
) {local}
"""
_VISITS = """
CREATE TABLE visits (
    attempt_id INTEGER NOT NULL,
    state INTEGER NOT NULL,
    tactic_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    CONSTRAINT pk_visits PRIMARY KEY (attempt_id, state, tactic_id),
    CONSTRAINT fk_visits_attempt_id_states
        FOREIGN KEY(attempt_id, state) REFERENCES states (attempt_id, number),
    CONSTRAINT fk_visits_tactic_id_texts FOREIGN KEY(tactic_id) REFERENCES texts (id)
) {local}
"""
_USAGE = """
CREATE TABLE model_usage (
    run_id INTEGER NOT NULL,
    counts JSON NOT NULL,
    CONSTRAINT pk_model_usage PRIMARY KEY (run_id),
    CONSTRAINT fk_model_usage_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
)
"""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first schema", _missing),
    Migration(
        2,
        "count tokens",
        _run("ALTER TABLE expansions ADD COLUMN tokens INTEGER DEFAULT 0 NOT NULL"),
    ),
    Migration(3, "add evaluations", _run(_EVALUATIONS, _PROBLEMS, _TRIES)),
    Migration(4, "add turns", _run(_TURNS)),
    Migration(5, "add visits", _run(_VISITS)),
    Migration(6, "add usage of model servers", _run(_USAGE)),
)


_LOCK = 0x1A7A05
"""What migrations lock in PostgreSQL: a number that is ours."""


def migrate(engine: Engine, now: datetime, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the schema of `migrations`, versions ascending; nothing if it is there.

    Raises StoreError for a newer schema or for tables that are not ours.
    """
    known = _known(engine, migrations)
    if not known:
        _create(engine, now, migrations)
        return
    for migration in migrations:
        if migration.version not in known:
            _step(engine, now, migration)


def is_current(engine: Engine, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """Whether `migrate` would find nothing to do. Raises as it."""
    return {migration.version for migration in migrations} <= _known(engine, migrations)


def _known(engine: Engine, migrations: Sequence[Migration]) -> set[int]:
    with engine.connect() as connection:
        known = _applied(connection)
    if known and max(known) > migrations[-1].version:
        raise StoreError(
            f"schema {max(known)} is newer than this program's {migrations[-1].version}: "
            "update lakatos or use another database"
        )
    return known


def _applied(connection: Connection) -> set[int]:
    tables = set(inspect(connection).get_table_names())
    if SchemaVersion.__tablename__ in tables:
        return set(connection.scalars(select(SchemaVersion.version)))
    if tables:
        raise StoreError(f"holds tables of another program ({min(tables)}, ...)")
    return set()


def _create(engine: Engine, now: datetime, migrations: Sequence[Migration]) -> None:
    writing = engine.execution_options(writing=True)
    with writing.begin() as connection:
        _keep_others_out(connection)
        if _applied(connection):  # another process was faster
            return
        Base.metadata.create_all(connection)
        for migration in migrations:
            _record(connection, now, migration)


def _step(engine: Engine, now: datetime, migration: Migration) -> None:
    writing = engine.execution_options(writing=True)
    with writing.begin() as connection:
        _keep_others_out(connection)
        if migration.version not in _applied(connection):
            migration.apply(connection)
            _record(connection, now, migration)


def _keep_others_out(connection: Connection) -> None:
    """Until the end of the transaction; a writing transaction of SQLite does so anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _record(connection: Connection, now: datetime, migration: Migration) -> None:
    row = {"version": migration.version, "name": migration.name, "applied_at": now}
    connection.execute(insert(SchemaVersion), [row])
