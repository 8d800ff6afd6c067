"""Full batches for a model that knows no asyncio, from the prompts of all searches.

One thread runs the model; prompts that come while it is busy join its batch where the model can
do that, and else wait for the next. It knows no torch.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ...data.errors import ModelUnavailable
from .base import Generated, Prompt, Sampling


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt in the model's tokens, and how to continue it."""

    prompt: Prompt
    sampling: Sampling
    tokens: tuple[int, ...]


class Backend(Protocol):
    """A model that runs one batch at a time, in the thread that calls it."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    def prepare(self, prompt: Prompt, sampling: Sampling) -> GenerationRequest:
        """Turn a prompt into tokens. Raises UsageError for a prompt it can never answer."""
        ...

    def kv_tokens(self, jobs: Sequence[GenerationRequest]) -> int:
        """Tokens whose keys and values one batch of these jobs holds at most."""
        ...

    def run(
        self,
        jobs: Sequence[GenerationRequest],
        wanted: Callable[[int], bool],
        more: Callable[[], Sequence[GenerationRequest]],
    ) -> Iterator[tuple[int, Generated]]:
        """Give the answers as they are ready, each with the index of its job.

        A job that is no longer wanted may be left without one. `more` may be called at any time
        for jobs that are to join, with the next indices. Raises MemoryError when the batch does
        not fit.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(slots=True)
class QueueStats:
    """What a queue did so far."""

    prompts: int = 0
    """Requested; the same one counts each time."""
    batches: int = 0
    """Run to the end."""
    jobs: int = 0
    """Answered in them."""
    joined: int = 0
    """Of the jobs, those added to a batch under way."""
    tokens: int = 0
    """New tokens in all answers."""
    halvings: int = 0
    """Batches that did not fit."""
    busy_s: float = 0.0
    """Wall time with a batch in the model."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A job, and how many wait for its answer; with none left it is given up."""

    job: GenerationRequest
    answer: asyncio.Future[Generated]
    waiting: int = 0
    running: bool = False


Key = tuple[Prompt, Sampling]


class RequestQueue:
    """A `LanguageModel` over a `Backend`.

    budget: most tokens in the cache of one batch; a job alone may exceed it.
    remember: answers in memory, for prompts that come again. clock: gives seconds.
    """

    def __init__(
        self,
        backend: Backend,
        budget: int,
        remember: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stats = QueueStats()
        self._backend = backend
        self._budget = budget
        self._remember = remember
        self._clock = clock
        self._answers: OrderedDict[Key, Generated] = OrderedDict()
        self._entries: dict[Key, _Entry] = {}
        self._entries_lock = threading.Lock()  # the model's thread reads them
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lakatos-model")

    @property
    def name(self) -> str:
        """The backend's name."""
        return self._backend.name

    async def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generated]:
        """Answer each prompt, in order, in batches with the prompts of other callers."""
        keys = [(prompt, sampling) for prompt in prompts]
        known = {key: self._answers[key] for key in keys if key in self._answers}
        for key in known:
            self._answers.move_to_end(key)
        entries = self._join([key for key in dict.fromkeys(keys) if key not in known])
        self.stats.prompts += len(keys)
        try:
            if entries:
                await asyncio.wait([entry.answer for entry in entries.values()])
        finally:
            for key, entry in entries.items():
                self._leave(key, entry)
        answers = known | {key: entry.answer.result() for key, entry in entries.items()}
        return [answers[key] for key in keys]

    async def close(self) -> None:
        """Fail all requests without an answer, let the running batch end, free the model."""
        for entry in self._entries.values():
            entry.waiting = 0
            entry.answer.set_exception(ModelUnavailable(f"{self.name} was closed"))
        with self._entries_lock:
            self._entries.clear()
        if self._worker is not None and not self._worker.done():
            await asyncio.wait([self._worker])
        self._thread.shutdown()
        self._backend.close()

    def _join(self, keys: Sequence[Key]) -> dict[Key, _Entry]:
        """Find or make the entry of each key, and count the caller in."""
        jobs = {key: self._backend.prepare(*key) for key in keys if key not in self._entries}
        loop = asyncio.get_running_loop()
        with self._entries_lock:
            self._entries |= {key: _Entry(j, loop.create_future()) for key, j in jobs.items()}
        entries = {key: self._entries[key] for key in keys}
        for entry in entries.values():
            entry.waiting += 1
        if jobs and (self._worker is None or self._worker.done()):
            self._worker = loop.create_task(self._work())
        return entries

    def _leave(self, key: Key, entry: _Entry) -> None:
        """One caller less waits for it; with none left, a job leaves the queue or its batch."""
        entry.waiting -= 1
        if entry.answer.done():
            entry.answer.exception()
        elif entry.waiting <= 0 and self._entries.get(key) is entry:
            self._forget(key)

    async def _work(self) -> None:
        """Run batch after batch until nothing waits."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0)  # all who are ready to ask do so before a batch is made
            batch = self._next_batch()
            if not batch:
                return
            for _, entry in batch:
                entry.running = True
            started = self._clock()
            run = loop.run_in_executor(self._thread, self._run, batch, loop)
            await asyncio.wait([run])
            self.stats.busy_s += self._clock() - started
            self._finish_batch(batch, run.exception())

    def _next_batch(self) -> list[tuple[Key, _Entry]]:
        """Of the jobs like the oldest, by length, the stretch with the oldest that fits."""
        queued = self._queued()
        if not queued:
            return []
        oldest = queued[0]
        alike = [item for item in queued if _shape(item[1].job) == _shape(oldest[1].job)]
        batch: list[tuple[Key, _Entry]] = []
        for item in sorted(alike, key=lambda item: len(item[1].job.tokens)):
            jobs = [entry.job for _, entry in [*batch, item]]
            if batch and self._backend.kv_tokens(jobs) > self._budget:
                if oldest in batch:
                    break
                batch = []
            batch.append(item)
        return batch

    def _forget(self, key: Key) -> None:
        with self._entries_lock:
            del self._entries[key]

    def _queued(self) -> list[tuple[Key, _Entry]]:
        """What waits for a batch, oldest first. It may be called in any thread."""
        with self._entries_lock:
            return [item for item in self._entries.items() if not item[1].running]

    def _run(self, batch: list[tuple[Key, _Entry]], loop: asyncio.AbstractEventLoop) -> None:
        """In the model's thread: hand each answer over as soon as it is there."""

        def more() -> list[GenerationRequest]:
            """Those like the batch that fit beside what is left of it, oldest first."""
            late: list[tuple[Key, _Entry]] = []
            left = [e.job for _, e in batch if e.waiting > 0 and e not in done]
            for item in self._queued():
                job = item[1].job
                beside = [*left, *(entry.job for _, entry in late), job]
                if _shape(job) == shape and self._backend.kv_tokens(beside) <= self._budget:
                    item[1].running = True
                    late.append(item)
            batch.extend(late)
            self.stats.joined += len(late)
            return [entry.job for _, entry in late]

        shape = _shape(batch[0][1].job)
        done: set[_Entry] = set()
        for index, generated in self._backend.run(
            [entry.job for _, entry in batch], lambda i: batch[i][1].waiting > 0, more
        ):
            done.add(batch[index][1])
            loop.call_soon_threadsafe(self._deliver, *batch[index], generated)

    def _deliver(self, key: Key, entry: _Entry, generated: Generated) -> None:
        self.stats.jobs += 1
        self.stats.tokens += sum(completion.tokens for completion in generated.completions)
        if self._entries.get(key) is entry:
            self._forget(key)
            entry.answer.set_result(generated)
        self._answers[key] = generated
        while len(self._answers) > self._remember:
            self._answers.popitem(last=False)

    def _finish_batch(self, batch: list[tuple[Key, _Entry]], error: BaseException | None) -> None:
        """After a batch: jobs without an answer are queued again, or fail with the reason."""
        left = [(k, entry) for k, entry in batch if self._entries.get(k) is entry]
        if isinstance(error, MemoryError):
            self.stats.halvings += 1
            jobs = [entry.job for _, entry in batch]
            if len(batch) > 1:
                self._budget = max(1, min(self._budget, self._backend.kv_tokens(jobs)) // 2)
                for _, entry in left:
                    entry.running = False
                return
            error = ModelUnavailable(f"{self.name}: out of memory with {_description(jobs[0])}")
        elif error is None:
            self.stats.batches += 1
            error = ModelUnavailable(f"{self.name} gave no answer")
        for key, entry in left:
            self._forget(key)
            entry.answer.set_exception(error)


def _shape(job: GenerationRequest) -> tuple[bool, int]:
    """What jobs of one batch share: the way of search, and their length up to a factor of two."""
    return job.sampling.beam, (job.sampling.max_tokens * min(1, job.sampling.n)).bit_length()


def _description(job: GenerationRequest) -> str:
    wanted = f"{job.sampling.n} completions of at most {job.sampling.max_tokens} tokens"
    return f"one prompt of {len(job.tokens)} tokens and {wanted}; ask for fewer"
