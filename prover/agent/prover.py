"""The loop where search, policy, Lean and verifier meet: many theorems at once on one pool.

Search is asked and told in a fixed order, so the same seed, outcomes and expansion budget
give the same attempts whatever the timing. It prints nothing and stores nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from ...data.errors import LakatosError, ModelUnavailable, UsageError, WorkerDied
from ...data.records import Attempt, Expansion, StopReason, Theorem
from ..concurrency import together
from ..config import ProverConfig
from ..policy.base import Policy
from .attempt import AttemptLoop
from .budget import Clock, rounds
from .counterexample import counterexample
from .deferred import PendingProof, ProofChecker, rests_on_sorry, settle
from .expander import TacticRunner
from .negation import HYPOTHESES_CONTRADICT, Opener, negation
from .recorder import AttemptObserver, NoObserver
from .rejections import RejectionLookup, no_memory
from .search_state import SearchState, untried

ReplaySource = Callable[[Theorem], Iterable[Expansion]]
"""Expansions of an earlier attempt at a theorem, in the order in which its search was told."""


def nothing(theorem: Theorem) -> Iterable[Expansion]:
    """Recall nothing: start anew."""
    return ()


class Pool(TacticRunner, Opener, Protocol):
    """The part of a pool that the agent needs."""

    @property
    def workers(self) -> int:
        """How many Lean workers there are."""
        ...

    async def forget(self, theorem: Theorem) -> None:
        """Release every state held for the theorem."""
        ...


def fault_of(error: ModelUnavailable | UsageError) -> StopReason:
    """How an attempt ends that this error broke off."""
    is_model = isinstance(error, ModelUnavailable)
    return StopReason.MODEL_FAILED if is_model else StopReason.FAULT


class TheoremTask:
    """One theorem from start to finish: its search, and that of its negation if there is one.

    ended, refuted: what came of the two searches; attempt: of all; None until then.
    kept: its proof, to be judged again.
    """

    def __init__(self, theorem: Theorem) -> None:
        self.theorem = theorem
        self.statement: SearchState | None = None
        self.negation: SearchState | None = None
        self.is_posed = False
        self.ended: Attempt | None = None
        self.refuted: Attempt | None = None
        self.kept: PendingProof | None = None
        self.attempt: Attempt | None = None


class Prover:
    """Proves theorems with one policy, one pool and one verifier.

    All theorems get a short search first; those left open go on in longer and longer rounds, each
    where it was. A search ends when its proof is found: what is still in flight for that theorem
    is cancelled. A proof refused only for another `sorry` of its file is judged again after all
    searches, see deferred.py; after one refused for another ordinary reason the search goes on
    without it, a few times. With `refute`, the negation is searched in turn with the theorem.
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
        self._pool = pool
        self._verifier = verifier
        self._config = config or ProverConfig()
        self._recorder = recorder or NoObserver()
        self._clock = clock
        self._recall: ReplaySource = nothing
        self._memory: RejectionLookup = no_memory
        self.fault: LakatosError | None = None
        self._pursuit = AttemptLoop(pool, verifier, policy, self._config, self._recorder, clock)
        self._stopped = False

    def stop(self) -> None:
        """Interrupt all searches; `prove` judges what they found and returns all its attempts."""
        self._stopped = True
        self._pursuit.stop()

    async def prove(
        self,
        theorems: Sequence[Theorem],
        recall: ReplaySource = nothing,
        memory: RejectionLookup = no_memory,
    ) -> list[Attempt]:
        """Try to prove each theorem; one attempt for each, in order. recall: to take up others;
        memory: what Lean rejected in others.

        When cancelled, it records every attempt (INTERRUPTED where a search was not over), then
        lets the cancellation through. Raises EnvironmentFault when Lean or the policy fails as a
        whole; a worker that dies again and again ends only its theorem, as FAULT. A model that is
        gone ends one theorem as MODEL_FAILED, one that refuses for good as FAULT; the others are
        interrupted, what they found is still judged, and `fault` says why.
        """
        self._stopped = False
        self.fault = None
        self._recall, self._memory = recall, memory
        slots = asyncio.Semaphore(self._config.concurrency or self._pool.workers)
        contests = [TheoremTask(theorem) for theorem in theorems]
        try:
            for limit in rounds(self._config):
                await together([self._turn(c, limit, slots) for c in contests if not c.attempt])
            accepted = [c.attempt for c in contests if c.attempt and c.attempt.is_proved]
            kept = [c for c in contests if c.kept]
            settled = await settle([c.kept for c in kept if c.kept], accepted, self._verifier)
            for contest, attempt in zip(kept, settled, strict=True):
                contest.attempt = attempt
                self._finish(contest)
            return [c.attempt for c in contests if c.attempt]
        finally:
            for contest in contests:
                if not contest.attempt:
                    contest.attempt = self._trial(contest).end(StopReason.INTERRUPTED)
                    self._finish(contest)
                elif contest.kept:
                    self._finish(contest)

    async def _turn(self, contest: TheoremTask, limit: int, slots: asyncio.Semaphore) -> None:
        """One round of one theorem; sets its attempt when that is over."""
        try:
            async with slots:
                trial = self._trial(contest)
                if self._stopped:
                    contest.attempt = trial.end(StopReason.INTERRUPTED)
                else:
                    contest.attempt = await self._advance(contest, trial, limit)
        except asyncio.CancelledError:
            contest.attempt = self._broken_off(contest, StopReason.INTERRUPTED)
        except WorkerDied as error:
            contest.attempt = self._broken_off(contest, StopReason.FAULT, str(error))
        except (ModelUnavailable, UsageError) as error:
            stop = fault_of(error)
            contest.attempt = self._broken_off(contest, stop, str(error))
            self.fault = self.fault or error
            self.stop()
        if contest.attempt:
            for each in (contest.statement, contest.negation):
                if each:
                    await self._pool.forget(each.theorem)
            if not contest.kept:
                self._finish(contest)

    def _broken_off(self, contest: TheoremTask, stop: StopReason, detail: str = "") -> Attempt:
        """What an attempt comes to when it ends from outside; a proof accepted before stays."""
        if contest.ended and contest.ended.is_proved:
            return contest.ended
        return self._trial(contest).end(stop, detail=detail)

    def _trial(self, contest: TheoremTask) -> SearchState:
        """The search for the theorem itself, begun when first needed."""
        if not contest.statement:
            share = 1 - self._config.refute
            contest.statement = self._start(contest.theorem, share)
        return contest.statement

    def _start(self, theorem: Theorem, share: float) -> SearchState:
        self._recorder.start_attempt(theorem)
        told = self._recall(theorem)
        known = self._memory(theorem)
        return SearchState(
            theorem, self._config, self._clock, share=share, remembered=told, rejected=known
        )

    def _finish(self, contest: TheoremTask) -> None:
        """Record the end, of the negation's search first."""
        assert contest.attempt
        contest.kept = None
        if contest.negation:
            cut = contest.negation.end(StopReason.INTERRUPTED, detail="its theorem was decided")
            self._recorder.finish_attempt(contest.refuted or cut)
        self._recorder.finish_attempt(contest.attempt)

    async def _advance(
        self, contest: TheoremTask, trial: SearchState, limit: int
    ) -> Attempt | None:
        """Search for the theorem, then for its negation; the attempt if that decides it."""
        if stop := untried(trial.theorem):
            return trial.end(stop)
        if not contest.ended:
            contest.ended = await self._pursuit.carry_on(trial, trial.part(limit))
            if contest.ended and contest.ended.stop is StopReason.REFUSED:
                if rests_on_sorry(contest.ended.verdict):
                    contest.kept = PendingProof(contest.ended, trial.proof())
                return contest.ended
            if contest.ended and contest.ended.is_proved:
                return await self._with_note(contest.ended)
        if not self._config.refute:
            return contest.ended
        return await self._refute(contest, trial, limit)

    async def _refute(self, contest: TheoremTask, trial: SearchState, limit: int) -> Attempt | None:
        if not contest.is_posed:
            contest.is_posed = True
            if posed := await negation(self._pool, trial.theorem):
                contest.negation = self._start(posed, self._config.refute)
        if contest.negation and not contest.refuted:
            most = contest.negation.part(limit)
            contest.refuted = await self._pursuit.carry_on(contest.negation, most)
            if (found := contest.refuted) and found.is_proved:
                asked = trial.theorem, contest.negation.theorem, found.proof or ""
                detail = await counterexample(self._pool, *asked)
                stop = StopReason.DISPROVED
                return trial.end(stop, proof=found.proof, verdict=found.verdict, detail=detail)
        is_over = not contest.negation or contest.refuted
        return contest.ended if is_over else None

    async def _with_note(self, proved: Attempt) -> Attempt:
        """The attempt, saying so when its theorem holds for a trivial reason."""
        if self._config.refute and await self._pursuit.is_vacuous(proved.theorem):
            return replace(proved, detail=HYPOTHESES_CONTRADICT)
        return proved
