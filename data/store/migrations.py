"""The schema's history: named, recorded in `schema_versions`, each in its own transaction.

A new database is made from the models whole and counts every migration as applied; an older
one gets those it lacks, in order; one that knows more than we do is refused.
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


def _count_tokens(connection: Connection) -> None:
    has = {column["name"] for column in inspect(connection).get_columns("expansions")}
    if "tokens" not in has:  # the first schema makes the tables as they are now
        alter = "ALTER TABLE expansions ADD COLUMN tokens INTEGER DEFAULT 0 NOT NULL"
        connection.exec_driver_sql(alter)


def _add_tables(connection: Connection) -> None:
    Base.metadata.create_all(connection)  # makes only the tables that are not there


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first schema", Base.metadata.create_all),
    Migration(2, "count tokens", _count_tokens),
    Migration(3, "add evaluations", _add_tables),
    Migration(4, "add turns", _add_tables),
    Migration(5, "add visits", _add_tables),
    Migration(6, "add usage of model servers", _add_tables),
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
