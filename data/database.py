"""One SQL database: its address, its connections, and its failures as StoreError.

SQLite runs with a write-ahead log, foreign keys on, and waits for other writers; a writing
transaction takes the write lock first, so it never fails half-way for another writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_data_dir
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from .errors import StoreError, UsageError

BUSY_TIMEOUT_MS = 10_000
_WRITE_TRIES = 5

T = TypeVar("T")

_REASONS = {
    "not a database": "is not an SQLite database",
    "malformed": "is damaged (restore a copy, or use another file with --db)",
    "readonly": "cannot be written (read-only file or directory)",
    "read-only": "cannot be written (read-only)",
    "disk is full": "cannot be written: the disk is full",
    "disk i/o error": "cannot be read or written: input/output error of the disk",
    "locked": f"is kept locked by another process for over {BUSY_TIMEOUT_MS // 1000} s",
    "unable to open": "cannot be opened (missing directory, or no permission)",
    "no such": "is damaged or not ours",
}


def default_url() -> URL:
    """The user's own database: `lakatos.db` in the user's data directory."""
    return to_url(str(Path(user_data_dir("lakatos")) / "lakatos.db"))


def to_url(text: str) -> URL:
    """A database address from a file path or an SQLAlchemy URL.

    Raises UsageError when it has `://` and is no URL we can read.
    """
    if "://" not in text:
        path = text if text == ":memory:" else str(Path(text).expanduser())
        return URL.create("sqlite", database=path)
    try:
        return make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"not a database URL: {text}") from error


class Database:
    """An engine and the name that error lines give it."""

    def __init__(self, url: URL) -> None:
        """Make the engine, and the directory of the default database; does not connect yet.

        Raises UsageError for an unknown kind of database, StoreError for a missing driver or
        when the directory cannot be made.
        """
        is_file = url.get_backend_name() == "sqlite" and url.database
        self.name = str(url.database) if is_file else url.render_as_string()
        if url == default_url():
            try:
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"database {self.name} cannot be made: {error}") from error
        self.engine = _engine(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in one transaction, for reading only."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or not at all."""
        writing = self.engine.execution_options(writing=True)
        with self._translated(), writing.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a writing transaction; again when another writer added the same row."""
        for attempt in range(_WRITE_TRIES):
            try:
                with self.writing() as connection:
                    return work(connection)
            except StoreError as error:
                if not isinstance(error.__cause__, IntegrityError) or attempt + 1 == _WRITE_TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the database's name before a StoreError's text, and translate SQL errors."""
        try:
            with self._translated():
                yield
        except StoreError as error:
            if self.name in str(error):
                raise
            raise StoreError(f"database {self.name}: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"database {self.name} {_reason(error)}") from error


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = (str(cause).splitlines() or [type(error).__name__])[0]
    for sign, reason in _REASONS.items():
        if sign in text.lower():
            return reason
    return f"failed: {text}"


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url)
    except ArgumentError as error:
        name = url.render_as_string()
        raise UsageError(f"no database can be opened by this URL: {name}") from error
    except ModuleNotFoundError as error:
        cure = "'lakatos[postgres]'" if url.get_backend_name() == "postgresql" else error.name
        raise StoreError(f"{url.drivername} needs a package: pip install {cure}") from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not at DML
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        "journal_mode=WAL",
        "synchronous=NORMAL",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
