"""Writes of a store in order on a thread of their own, so that nobody waits for the database.

A write that fails stays the first in line: it is told at the next call, and tried again then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriterThread:
    """One thread for all writes of one store; made when first needed.

    What was handed over is written before the interpreter ends, whatever ends it but a kill.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._jobs: deque[Callable[[], None]] = deque()
        self._submitted: deque[Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many writes handed over are not done yet."""
        return len(self._jobs)

    def submit(self, job: Callable[[], None]) -> None:
        """Hand a write over. Raises what an earlier one failed with, StoreError mostly."""
        self._jobs.append(job)
        self._start()
        while self._submitted and self._submitted[0].done():
            self._submitted.popleft().result()

    def wait(self) -> None:
        """Return when all is written. Raises StoreError when the first in line fails again."""
        if self._jobs:
            self._start()
        while self._submitted:
            future = self._submitted.popleft()
            if not self._submitted:
                future.result()
            future.exception()  # what it failed with was tried again behind it

    def run(self, job: Callable[[], None]) -> None:
        """Write now, behind what was handed over before. Raises StoreError; then nothing stays."""
        self.wait()
        self._jobs.append(job)
        try:
            self.wait()
        except BaseException:
            self._jobs.clear()
            raise

    def close(self) -> None:
        """End the thread; what is not written then is lost."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def _start(self) -> None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "lakatos-store")
        self._submitted.append(self._executor.submit(self._work))

    def _work(self) -> None:
        while self._jobs:
            self._jobs[0]()
            self._jobs.popleft()
