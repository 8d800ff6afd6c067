"""One SQL database: its address, its connections, and its failures as StoreError.

SQLite runs with a write-ahead log, foreign keys on, and waits for other writers; a writing
transaction takes the write lock first, so it never fails half-way for another writer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar
from urllib.parse import quote

from platformdirs import user_data_dir
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from ..errors import StoreError, UsageError

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
    "unable to open": "cannot be opened (no permission)",
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


def file_of(url: URL) -> Path | None:
    """The file of a database that is one; None for a server, for memory, for a URL with options."""
    is_file = url.get_backend_name() == "sqlite" and not url.query
    return Path(url.database) if is_file and url.database not in (None, ":memory:") else None


class Database:
    """An engine and the name that error lines give it."""

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        """Make the engine, and the directory of the default database; does not connect yet.

        read_only: never write into a file, nor beside it; other databases are as ever.
        Raises UsageError for an unknown kind of database, StoreError for a missing driver or
        when the directory cannot be made.
        """
        is_file = url.get_backend_name() == "sqlite" and url.database
        self.name = str(url.database) if is_file else url.render_as_string()
        self._file = file_of(url)
        self._turn: AbstractContextManager[Any] = RLock() if _is_in_memory(url) else nullcontext()
        if url == default_url():
            try:
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"database {self.name} cannot be made: {error}") from error
        if read_only and self._file:
            self.engine = _reading_engine(self._file)
        else:
            self.engine = _engine(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in one transaction, for reading only."""
        with self._turn, self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or not at all."""
        writing = self.engine.execution_options(writing=True)
        with self._turn, self._translated(), writing.begin() as connection:
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
            raise StoreError(f"database {self.name} {_reason(error, self._file)}") from error


def _reason(error: Exception, file: Path | None) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = (str(cause).splitlines() or [type(error).__name__])[0]
    if file is not None and file.is_dir():
        return "cannot be opened: it is a folder"
    if file is not None and not file.parent.is_dir():
        return f"cannot be opened: there is no folder {file.parent}"
    if file is not None and file.exists() and not _can_write(file):
        text = text.replace("unable to open", "readonly")
    for sign, reason in _REASONS.items():
        if sign in text.lower():
            return reason
    return f"failed: {text}"


def _engine(url: URL) -> Engine:
    # a database in memory is that of its one connection, which all threads take in turn
    alone: dict[str, Any] = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(url, **(alone if _is_in_memory(url) else {}))
    except ArgumentError as error:
        name = url.render_as_string()
        raise UsageError(f"no database can be opened by this URL: {name}") from error
    except ModuleNotFoundError as error:
        if url.get_backend_name() != "postgresql":
            known = "it is an SQLite file, or PostgreSQL (postgresql+psycopg://...)"
            raise UsageError(f"no database of the kind {url.drivername}: {known}") from error
        cure = "pip install 'lakatos[postgres]', and an address postgresql+psycopg://..."
        raise StoreError(f"{url.drivername} needs a package: {cure}") from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_in_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _reading_engine(file: Path) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: _opened(file), poolclass=QueuePool)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _opened(file: Path) -> sqlite3.Connection:
    """A connection that only reads.

    SQLite keeps a log beside the file, also for who only reads, and only who may write takes it
    away again; where nothing can be written the log is read if there is one, else the file alone.
    """
    mode = "rw" if _can_write(file) else "ro"
    address = f"file:{quote(str(file.absolute()))}?mode={mode}"
    connection = _connected(address)
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()
        connection.execute("PRAGMA query_only=ON").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.OperationalError:
        connection.close()
        log = file.with_name(f"{file.name}-wal")
        if not file.is_file() or (log.exists() and log.stat().st_size):
            raise
        return _connected(f"{address}&immutable=1")
    return connection


def _can_write(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _connected(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


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
