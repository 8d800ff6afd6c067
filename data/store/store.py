"""The store: runs, theorems, attempts and everything tried, in any SQL database.

Written while the search runs and readable meanwhile; the tables are in schema.py, writing in
writer.py, reading back in attempts.py. Knows nothing of Lean processes or models.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sqlalchemy import URL, Connection, insert, update

from ..evaluation import Evaluation, EvaluationSummary
from ..records import Theorem, Visits
from ..turns import Turn
from . import attempts as loading
from . import evaluations as ledger
from .attempts import AttemptSummary, StoredAttempt, StoredProof, load_turns
from .background import WriterThread
from .database import Database, default_url, file_of, to_url
from .evaluations import EvaluationStore
from .migrations import is_current, migrate
from .rejections import RejectedBefore
from .schema import RunRow
from .steps import load_visits
from .writer import AttemptWriter

__all__ = [
    "AttemptSummary",
    "AttemptWriter",
    "Store",
    "StoredAttempt",
    "StoredProof",
    "default_url",
    "to_url",
]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _current(url: URL) -> Database | None:
    """The database, for reading only; None when its schema is older than ours."""
    database = Database(url, read_only=True)
    try:
        with database.named():
            if is_current(database.engine):
                return database
    except BaseException:
        database.close()
        raise
    database.close()
    return None


class Store:
    """An open database; a context manager that flushes and closes it."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self.database = database
        self._clock = clock
        self._now = now
        self._recorders: list[AttemptWriter] = []
        self._thread = WriterThread()

    @classmethod
    def open(
        cls,
        url: str | URL | None = None,
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> Store:
        """Open or make a database; `url`: a path, an SQLAlchemy URL, or None for the user's own.

        read_only: leave a file, and its folder, as they are; a missing one counts as empty, and
        one of an older schema is brought up to date all the same. clock: seconds, for batching
        only. now: the time to write in rows. Raises StoreError when it cannot be opened, is
        damaged, foreign or newer; UsageError for a bad address.
        """
        address = default_url() if url is None else to_url(url) if isinstance(url, str) else url
        file = file_of(address)
        if read_only and file is not None:
            if not file.exists() and (file.parent.is_dir() or address == default_url()):
                address = to_url(":memory:")
            elif (reading := _current(address)) is not None:
                return cls(reading, clock, now)
        database = Database(address)
        try:
            with database.named():
                migrate(database.engine, now())
        except BaseException:
            database.close()
            raise
        return cls(database, clock, now)

    def check_writable(self) -> None:
        """Raise StoreError when nothing can be written: now, before hours of work."""
        with self.database.named(), self.database.writing():
            pass

    @property
    def name(self) -> str:
        """The file, or the URL without its password."""
        return self.database.name

    def start_run(self, command: str, config: dict[str, Any], toolchain: str, seed: int) -> int:
        """Write that a command began; returns the run's number. config: JSON values."""
        row = {"command": command, "config": config, "toolchain": toolchain, "seed": seed}
        with self.database.writing() as connection:
            made = connection.execute(insert(RunRow).values(**row, started_at=self._now()))
            key = made.inserted_primary_key
            assert key is not None
            return int(key[0])

    def recorder(self, run_id: int) -> AttemptWriter:
        """What writes the attempts of that run."""
        recorder = AttemptWriter(self.database, run_id, self._clock, self._now, self._thread)
        self._recorders.append(recorder)
        return recorder

    def flush(self) -> None:
        """Write all that is buffered, and wait for it. Raises StoreError; it is kept then."""
        for recorder in self._recorders:
            recorder.flush()
        self._thread.wait()

    def wait(self) -> None:
        """Wait for what is being written; what is buffered stays so. Raises StoreError."""
        self._thread.wait()

    def finish_run(self, run_id: int, outcome: str = "finished") -> None:
        """Flush, then write that the command ended."""
        self.flush()
        with self.database.writing() as connection:
            end = {"ended_at": self._now(), "outcome": outcome}
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(end))

    def attempts(
        self,
        run_id: int | None = None,
        limit: int | None = 100,
        *,
        theorem: str | None = None,
        only_failed: bool = False,
    ) -> list[AttemptSummary]:
        """Attempts, newest first. limit: at most so many; None: all.

        theorem: only at theorems whose name fits this pattern (`*`, `?`, `[abc]`), with or
        without its leading namespaces. only_failed: only those of which no proof came.
        """
        wanted = loading.AttemptFilter(run_id, limit, theorem, only_failed)
        with self._reading() as connection:
            return loading.list_attempts(connection, wanted)

    def attempts_at(self, theorem: Theorem) -> list[AttemptSummary]:
        """Attempts at the same `sorry` of the same file text, newest first."""
        with self._reading() as connection:
            return loading.list_attempts_at(connection, theorem)

    def load_attempt(self, attempt_id: int) -> StoredAttempt:
        """One attempt whole. Raises UsageError when there is none of that number."""
        with self._reading() as connection:
            return loading.load_attempt(connection, attempt_id)

    def load_attempts(
        self, ids: Iterable[int], first: int | None = None
    ) -> Iterator[StoredAttempt]:
        """Many attempts whole, by ascending number. first: only so many expansions of each."""
        with self._reading() as connection:
            yield from loading.load_attempts(connection, ids, first)

    def proved(self, theorem: Theorem) -> StoredProof | None:
        """The newest accepted proof of the same `sorry` of the same file text, if any."""
        with self._reading() as connection:
            return loading.find_proof(connection, theorem)

    def turns(self, attempt_id: int) -> list[Turn]:
        """What was said with models in an attempt, by conversation, in order."""
        with self._reading() as connection:
            return load_turns(connection, attempt_id)

    def visits(self, attempt_id: int) -> Visits:
        """How often the descents of an attempt's tree search took each tactic."""
        with self._reading() as connection:
            return load_visits(connection, attempt_id)

    def rejected(self, theorem: Theorem, worker: str) -> RejectedBefore:
        """What Lean rejected in earlier attempts at the same `sorry` of the same file text.

        worker: only in runs that say `worker` so in their configuration.
        """
        return RejectedBefore(self.database, theorem, worker)

    def ledger(self, run_id: int) -> EvaluationStore:
        """What writes the evaluation that this run is."""
        return EvaluationStore(self.database, run_id, self._thread)

    def load_evaluation(self, run_id: int) -> Evaluation:
        """One evaluation whole. Raises UsageError when that run is none."""
        with self._reading() as connection:
            return ledger.load_evaluation(connection, run_id)

    def evaluations(self) -> list[EvaluationSummary]:
        """All evaluations, newest first."""
        with self._reading() as connection:
            return ledger.list_evaluations(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._thread.waiting:
            self._thread.wait()
        with self.database.named(), loading.undamaged(), self.database.reading() as connection:
            yield connection

    def close(self) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            self._thread.close()
            self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
