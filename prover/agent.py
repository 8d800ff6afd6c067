"""The loop where search, policy, Lean and verifier meet: many theorems at once on one pool.

Search is asked and told in a fixed order, so the same seed, outcomes and expansion budget
give the same attempts whatever the timing. It prints nothing and stores nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from ..data.errors import WorkerDied
from ..data.records import Accepted, Attempt, Expansion, Status, StopReason, Theorem, Verdict
from ..lean_env.script import script, splice
from ..search.best_first import BestFirst
from .budget import Budget, Clock
from .config import ProverConfig
from .deferral import Kept, Verifier, replacement, rests_on_sorry, settle
from .expander import Expander, TacticRunner, together
from .policy import Policy


class Pool(TacticRunner, Protocol):
    """The part of a pool that the agent needs."""

    @property
    def workers(self) -> int:
        """How many Lean workers there are."""
        ...

    async def forget(self, theorem: Theorem) -> None:
        """Release every state held for the theorem."""
        ...


class Recorder(Protocol):
    """Hears of everything as it happens: a store, a live display."""

    def start_attempt(self, theorem: Theorem) -> None:
        """The first call about a theorem."""
        ...

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Expansions in the order in which the search is told of them."""
        ...

    def finish_attempt(self, attempt: Attempt) -> None:
        """The last call about a theorem."""
        ...


class _Trial:
    """One attempt under way: its search, and what it has spent."""

    def __init__(self, theorem: Theorem, config: ProverConfig, clock: Clock) -> None:
        self.theorem = theorem
        self.search = BestFirst(theorem.state, alpha=config.alpha)
        self.budget = Budget(config.expansions, config.wall_s, clock)
        self.expansions = 0
        self.steps = 0

    def tell(self, expansions: list[Expansion]) -> None:
        self.expansions += len(expansions)
        self.steps += sum(len(e.steps) for e in expansions)
        self.search.tell(expansions)

    def end(
        self,
        stop: StopReason,
        *,
        proof: str | None = None,
        verdict: Verdict | None = None,
        detail: str = "",
    ) -> Attempt:
        return Attempt(
            self.theorem,
            stop,
            proof,
            verdict,
            self.expansions,
            self.steps,
            self.budget.spent_s,
            detail,
        )


class Prover:
    """Proves theorems with one policy, one pool and one verifier.

    A search ends when its proof is found: what is still in flight for that theorem is cancelled.
    A proof refused only for another `sorry` of its file is judged again after all searches, see
    deferral.py; one refused for any other reason ends its attempt as REFUSED, evidence kept.
    """

    def __init__(
        self,
        pool: Pool,
        verifier: Verifier,
        policy: Policy,
        config: ProverConfig | None = None,
        recorder: Recorder | None = None,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._pool = pool
        self._verifier = verifier
        self._policy = policy
        self._config = config or ProverConfig()
        self._recorder = recorder
        self._clock = clock
        self._running: set[asyncio.Task[object]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Interrupt all searches; `prove` judges what they found and returns all its attempts."""
        self._stopped = True
        for task in self._running:
            task.cancel()

    async def prove(self, theorems: Sequence[Theorem]) -> list[Attempt]:
        """Try to prove each theorem; one attempt for each, in order.

        When cancelled, it records every attempt (INTERRUPTED where a search was running), then
        lets the cancellation through. Raises EnvironmentFault when Lean or the policy fails as a
        whole; a worker that dies again and again ends only its theorem, as FAULT.
        """
        self._stopped = False
        slots = asyncio.Semaphore(self._config.concurrency or self._pool.workers)
        kept: dict[int, Kept] = {}
        try:
            attempts = await together(
                [self._attempt(i, theorem, slots, kept) for i, theorem in enumerate(theorems)]
            )
            accepted = [a for a in attempts if a.is_proved]
            order = sorted(kept)
            settled = await settle([kept[i] for i in order], accepted, self._verifier)
            for i, attempt in zip(order, settled, strict=True):
                attempts[i] = self._finish(attempt)
                del kept[i]
            return attempts
        finally:
            for unsettled in kept.values():
                self._finish(unsettled.attempt)

    async def _attempt(
        self, index: int, theorem: Theorem, slots: asyncio.Semaphore, kept: dict[int, Kept]
    ) -> Attempt:
        """One theorem from start to finish; a proof to be judged again goes into `kept`."""
        trial: _Trial | None = None
        try:
            async with slots:
                trial = self._start(theorem)
                stop = StopReason.INTERRUPTED if self._stopped else await self._search(trial)
                attempt = trial.end(stop)
                if stop is StopReason.PROVED:
                    attempt, block = await self._judge(trial)
                    if rests_on_sorry(attempt.verdict):
                        kept[index] = Kept(attempt, block)
                        return attempt
        except asyncio.CancelledError:
            attempt = (trial or self._start(theorem)).end(StopReason.INTERRUPTED)
        except WorkerDied as error:
            assert trial is not None
            attempt = trial.end(StopReason.FAULT, detail=str(error))
        finally:
            await self._pool.forget(theorem)
        return self._finish(attempt)

    def _start(self, theorem: Theorem) -> _Trial:
        if self._recorder:
            self._recorder.start_attempt(theorem)
        return _Trial(theorem, self._config, self._clock)

    def _finish(self, attempt: Attempt) -> Attempt:
        if self._recorder:
            self._recorder.finish_attempt(attempt)
        return attempt

    async def _search(self, trial: _Trial) -> StopReason:
        """Ask, expand, tell, until the search is decided or the budget is spent."""
        if not trial.theorem.is_prop:
            return StopReason.NOT_A_PROPOSITION
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        expand = Expander(trial.theorem, self._policy, self._pool)
        flights: deque[asyncio.Task[list[Expansion]]] = deque()
        try:
            while trial.search.status is Status.OPEN:
                self._launch(trial, expand, flights)
                if not flights:
                    return trial.budget.exhausted or StopReason.DEAD_END
                await asyncio.wait([flights[0]], timeout=trial.budget.left_s)
                if not flights[0].done():
                    return StopReason.WALL_TIME
                self._tell(trial, flights.popleft().result())
            return _DECIDED[trial.search.status]
        finally:
            self._running.discard(task)
            for flight in flights:
                flight.cancel()
            await asyncio.gather(*flights, return_exceptions=True)

    def _launch(
        self, trial: _Trial, expand: Expander, flights: deque[asyncio.Task[list[Expansion]]]
    ) -> None:
        """Put batches in flight up to the limit. What is asked depends only on what was told."""
        while len(flights) < self._config.in_flight and not trial.budget.exhausted:
            states = trial.search.ask(min(self._config.batch, trial.budget.expansions_left))
            if not states:
                return
            trial.budget.spend(len(states))
            flights.append(asyncio.create_task(expand(states)))

    def _tell(self, trial: _Trial, expansions: list[Expansion]) -> None:
        trial.tell(expansions)
        if self._recorder:
            self._recorder.expansions(trial.theorem, expansions)

    async def _judge(self, trial: _Trial) -> tuple[Attempt, str]:
        """The verifier's word on the proof found, and the tactic block it was given."""
        block = script(trial.search.proof())
        verified = await self._verifier.verify(trial.theorem, block)
        if isinstance(verified.verdict, Accepted):
            proof = replacement(trial.theorem, verified.source)
            return trial.end(StopReason.PROVED, proof=proof, verdict=verified.verdict), block
        proof = replacement(trial.theorem, splice(trial.theorem.source, trial.theorem, block)[0])
        detail = "; ".join(reason.text for reason in verified.verdict.reasons)
        refused = trial.end(
            StopReason.REFUSED, proof=proof, verdict=verified.verdict, detail=detail
        )
        return refused, block


_DECIDED = {Status.PROVED: StopReason.PROVED, Status.FAILED: StopReason.DEAD_END}
