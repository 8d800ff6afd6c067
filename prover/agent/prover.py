"""The loop where search, policy, Lean and verifier meet: many theorems at once on one pool.

It is the same for every way of proving: by a search of tactics, by drafts, by repair. Answers reach
a search in a fixed order, so the same seed, outcomes and expansion budget give the same attempts
whatever the timing. It prints nothing and stores nothing itself.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ...data.errors import LakatosError, ModelUnavailable, UsageError, WorkerDied
from ...data.records import Attempt, StopReason, Theorem
from ..concurrency import ended, run_all
from ..config import ProverConfig
from ..policy.base import Policy
from .budget import Clock, rounds
from .confirm import TogetherChecker, confirm, unconfirmed
from .deferred import PendingProof, ProofChecker, resolve
from .recorder import AttemptObserver, NoObserver
from .rejections import RejectionLookup, no_memory
from .tactic_task import TacticTask
from .task import (
    Pool,
    ProofMethod,
    ProverContext,
    ReplaySource,
    TheoremTask,
    no_replay,
)

EARLY_S = 2.0
"""Least pause, in seconds, between checks of files while theorems are at work."""

EARLY_PAUSE = 4.0
"""Such a pause as a multiple of what the last check took."""


class Prover:
    """Proves theorems with one policy, one pool and one verifier.

    All theorems get a short search first; those left open go on in longer and longer rounds, each
    where it was, and none waits for another. A proof refused only for another `sorry` of its file
    is checked again after all others, see deferred.py. The budget of a theorem is `config`'s;
    `recorder` observes everything. fault: why it stopped early, where a model is gone or refuses
    for good.
    """

    def __init__(
        self,
        pool: Pool,
        verifier: ProofChecker,
        policy: Policy,
        config: ProverConfig | None = None,
        recorder: AttemptObserver | None = None,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._context = ProverContext(
            pool, verifier, policy, recorder or NoObserver(), config or ProverConfig(), clock
        )
        self._method: ProofMethod = TacticTask
        self._found = asyncio.Event()  # a proof passed in its place
        self.fault: LakatosError | None = None

    @classmethod
    def of(cls, context: ProverContext, method: ProofMethod = TacticTask) -> Prover:
        """A prover of that context, by any way of proving; the constructor's searches tactics."""
        prover = cls(context.pool, context.verifier, context.policy)
        prover._context, prover._method = context, method
        return prover

    def stop(self) -> None:
        """Interrupt the work for good; what was found by now is still checked."""
        self._context.switch.set()

    async def prove(
        self,
        theorems: Sequence[Theorem],
        recall: ReplaySource = no_replay,
        memory: RejectionLookup = no_memory,
    ) -> list[Attempt]:
        """Try to prove each theorem; one attempt for each, in order, all recorded.

        Args:
            theorems: what to prove.
            recall: expansions of earlier attempts, to be taken up.
            memory: what Lean rejected in earlier attempts.

        When cancelled, it records every attempt (INTERRUPTED where work was not over), then lets
        the cancellation through. Raises EnvironmentFault when Lean or the policy fails as a
        whole; a worker that dies again and again ends only its theorem, as FAULT. A model that is
        gone ends one theorem as MODEL_FAILED, one that refuses for good as FAULT; the others are
        interrupted, what they found is still checked, and `fault` says why.
        """
        context = replace(self._context, replay=recall, memory=memory)
        numbers, limits = range(len(theorems)), rounds(context.config)
        tasks: dict[int, TheoremTask] = {}
        ready = [(0, number) for number in numbers]  # a heap: short rounds of all come first

        def begun(number: int) -> TheoremTask:
            if number not in tasks:
                tasks[number] = self._method(theorems[number], context)
            return tasks[number]

        async def work() -> None:
            while ready:
                turn, number = heapq.heappop(ready)
                task = begun(number)
                try:
                    task.attempt = await self._advance(task, limits[turn])
                except asyncio.CancelledError:
                    await task.release()
                    raise
                if not task.attempt:
                    heapq.heappush(ready, (turn + 1, number))
                    continue
                await task.release()
                self._close(task)

        early = asyncio.create_task(self._confirm_early(tasks))
        try:
            await run_all(
                [work() for _ in range(context.config.concurrency or context.pool.workers)]
            )
            await ended(early)
            await self._check_pending([tasks[n] for n in numbers])
            return [attempt for n in numbers if (attempt := tasks[n].attempt)]
        finally:
            await ended(early)
            for task in map(begun, numbers):
                self._break_off(task)

    def _break_off(self, task: TheoremTask) -> None:
        """Record a theorem whose work, or whose last check, has no end."""
        if not task.attempt:
            task.attempt = task.end(StopReason.INTERRUPTED)
            task.finish()
        elif task.pending:
            if task.attempt.is_proved and self._context.together:
                task.attempt = unconfirmed(task.attempt)
            task.finish()

    def _close(self, task: TheoremTask) -> None:
        """Record the end of a theorem's work; not yet of a proof that is to be checked again."""
        attempt = task.attempt
        assert attempt
        if self._context.together and attempt.is_proved:
            task.pending = PendingProof(attempt, attempt.proof or "")
            self._context.recorder.proof_found(attempt)
            self._found.set()
        if not task.pending:
            task.finish()

    async def _advance(self, task: TheoremTask, limit: int) -> Attempt | None:
        """One round of one theorem; its attempt when that is over."""
        if self._context.switch.is_set:
            return task.end(StopReason.INTERRUPTED)
        try:
            return await task.advance(limit)
        except asyncio.CancelledError:
            if not self._context.switch.is_set:
                raise
            return task.end(StopReason.INTERRUPTED)
        except WorkerDied as error:
            return task.end(StopReason.FAULT, str(error))
        except (ModelUnavailable, UsageError) as error:
            self.fault = self.fault or error
            self.stop()
            is_model = isinstance(error, ModelUnavailable)
            return task.end(StopReason.MODEL_FAILED if is_model else StopReason.FAULT, str(error))

    async def _check_pending(self, tasks: Sequence[TheoremTask]) -> None:
        """Check again the proofs that rest on another `sorry`, and record what comes of it.

        Those that passed in their places too, where that is how proofs are checked.
        """
        if together := self._context.together:
            if any(task.pending for task in tasks):
                await self._confirm(tasks, together)
            return
        accepted = [task.attempt for task in tasks if task.attempt and task.attempt.is_proved]
        waiting = [(task, task.pending) for task in tasks if task.pending]
        final = await resolve([proof for _, proof in waiting], accepted, self._context.verifier)
        for (task, _), attempt in zip(waiting, final, strict=True):
            task.attempt = attempt
            task.finish()

    async def _confirm_early(self, tasks: Mapping[int, TheoremTask]) -> None:
        """Judge files with the proofs found so far, now and then, so that results come early.

        It takes a fifth of the time at most. What does not pass waits for the others.
        """
        together, clock = self._context.together, self._context.clock
        pause_s = EARLY_S
        while together:
            await asyncio.sleep(pause_s)
            await self._found.wait()
            self._found.clear()
            began = clock()
            with suppress(LakatosError):  # the check at the end tells of it
                await self._confirm([*tasks.values()], together, is_last=False)
            pause_s = max(EARLY_S, EARLY_PAUSE * (clock() - began))

    async def _confirm(
        self, tasks: Sequence[TheoremTask], together: TogetherChecker, *, is_last: bool = True
    ) -> None:
        """Judge files with all proofs found, and record those that waited for it."""
        found = [(t, t.attempt) for t in tasks if t.attempt and (t.pending or t.attempt.is_proved)]
        if not is_last:
            found = [(task, attempt) for task, attempt in found if attempt.is_proved]
        final = await confirm([attempt for _, attempt in found], together)
        for (task, _), attempt in zip(found, final, strict=True):
            if task.pending and (is_last or attempt.is_proved):
                task.attempt, task.pending = attempt, None
                task.finish()
