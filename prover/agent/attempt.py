"""One search carried on for a while: ask, expand, tell, and judge the proof found.

Batches are launched and told in one order, so what is asked depends only on what was told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ...data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    ProofState,
    Refused,
    Status,
    StopReason,
    Theorem,
)
from ...lean_env.verification.script import splice
from ..config import ProverConfig
from ..models.server_watch import waiting
from ..policy.base import Policy
from .budget import Clock, in_time
from .deferred import ProofChecker, replacement
from .expander import Expander, TacticRunner
from .minimise import minimised
from .negation import is_vacuous
from .recorder import AttemptObserver
from .sampler import Sampler
from .search_state import SearchState, StateAnswer

T = TypeVar("T")
PendingBatch = asyncio.Task[list[StateAnswer]]


class AttemptLoop:
    """Carries searches on with one policy, pool and verifier. recorder: hears of what is new."""

    def __init__(
        self,
        pool: TacticRunner,
        verifier: ProofChecker,
        policy: Policy,
        config: ProverConfig,
        recorder: AttemptObserver,
        clock: Clock = time.monotonic,
    ) -> None:
        self._pool = pool
        self._verifier = verifier
        self._policy = policy
        self._config = config
        self._recorder = recorder
        self._clock = clock
        self._is_stopped = False
        self._running: set[asyncio.Task[object]] = set()

    def stop(self) -> None:
        """Cancel all searches under way, not the judging of what they found."""
        self._is_stopped = True
        for task in self._running:
            task.cancel()

    async def carry_on(self, trial: SearchState, limit: int) -> Attempt | None:
        """Search until decided, or until `limit` expansions were asked for: None then.

        Raises CancelledError when stopped.
        """
        self._is_stopped = False
        while True:
            stop = await self._interruptible(self._search(trial, limit))
            if stop is None:
                return None
            if stop is not StopReason.PROVED:
                return trial.give_up(stop)
            attempt = await self._judge(trial)
            if attempt.is_proved or not trial.ban(attempt):
                return attempt

    async def is_vacuous(self, theorem: Theorem) -> bool:
        """Whether its hypotheses contradict each other, by a short search."""
        expander = Expander(theorem, self._policy, self._pool)
        search = is_vacuous(theorem, expander, self._pool, self._verifier)
        return await self._interruptible(search)

    async def _interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await work
        finally:
            self._running.discard(task)

    async def _search(self, trial: SearchState, limit: int) -> StopReason | None:
        flights: deque[PendingBatch] = deque()
        with trial.budget.running():
            try:
                while trial.search.status is Status.OPEN:
                    self._launch(trial, limit, flights)
                    if not flights:
                        is_paused = trial.budget.asked >= limit
                        return trial.budget.exhausted or (None if is_paused else _DEAD)
                    if not await in_time(flights[0], trial.budget):
                        return StopReason.WALL_TIME
                    for answer in flights.popleft().result():
                        self._tell(trial, answer)
                return StopReason.PROVED if trial.search.status is Status.PROVED else _DEAD
            finally:
                for flight in flights:
                    flight.cancel()
                await asyncio.gather(*flights, return_exceptions=True)
                self._keep(trial)

    def _launch(self, trial: SearchState, limit: int, flights: deque[PendingBatch]) -> None:
        """Put batches in flight up to the limits."""
        budget = trial.budget
        while len(flights) < self._config.in_flight and not budget.exhausted:
            room = min(self._config.batch, budget.expansions_left, limit - budget.asked)
            asked = trial.ask(room) if room > 0 else []
            if not asked:
                return
            numbers = trial.draw([state for state, _ in asked])
            flights.append(asyncio.create_task(self._answer(trial, asked, numbers)))

    async def _answer(
        self,
        trial: SearchState,
        asked: Sequence[tuple[ProofState, StateAnswer | None]],
        numbers: Sequence[int],
    ) -> list[StateAnswer]:
        """The answers in order, from memory or from Lean."""
        waiting.set(trial.watch)
        news = [(state, n) for (state, known), n in zip(asked, numbers, strict=True) if not known]
        fresh = iter(await self._expand(trial, news) if news else [])
        return [known or StateAnswer(tuple(next(fresh))) for _, known in asked]

    async def _expand(
        self, trial: SearchState, news: Sequence[tuple[ProofState, int]]
    ) -> list[list[Expansion]]:
        memory = trial.banned, trial.rejections
        expander = Expander(trial.theorem, self._policy, self._pool, *memory)
        states, numbers = [state for state, _ in news], [number for _, number in news]
        if not trial.config.samples:
            return [[expansion] for expansion in await expander(states, numbers)]
        seed = f"{self._config.seed}:{trial.theorem.name}"
        search = trial.config
        sampler = Sampler(expander, search.sample_steps, seed, search.tactics_per_check)
        return await sampler(states, numbers)

    def _tell(self, trial: SearchState, answer: StateAnswer) -> None:
        if news := trial.tell(answer):
            self._recorder.expansions(trial.theorem, news)
        self._keep(trial)

    def _keep(self, trial: SearchState) -> None:
        if turns := trial.watch.unkept():
            self._recorder.turns(trial.theorem, turns)

    async def _judge(self, trial: SearchState) -> Attempt:
        """The verifier's word on the proof found; one accepted is shortened, and judged again."""
        theorem, block = trial.theorem, trial.proof()
        with trial.budget.running():
            verified = await self._verifier.verify(theorem, block, trial.budget.left_s)
        verdict = verified.verdict
        if isinstance(verdict, Refused):
            proof = replacement(theorem, splice(theorem.source, theorem, block)[0])
            detail = "; ".join(reason.text for reason in verdict.reasons)
            return trial.end(StopReason.REFUSED, proof=proof, verdict=verdict, detail=detail)
        if (shorter := await self._shortened(theorem, block)) != block:
            again = await self._verifier.verify(theorem, shorter)
            verified = again if isinstance(again.verdict, Accepted) else verified
        proof = replacement(theorem, verified.source)
        return trial.end(StopReason.PROVED, proof=proof, verdict=verified.verdict)

    async def _shortened(self, theorem: Theorem, block: str) -> str:
        """The proof without what it does not need, as far as Lean finds in a few seconds."""
        if self._config.minimise == "off" or theorem.others:
            return block
        end_s = self._clock() + MINIMISE_S

        async def proves(candidate: str) -> bool:
            if self._is_stopped or self._clock() >= end_s:
                return False
            (step,) = await self._pool.apply(theorem.state, [candidate])
            return step.outcome == Advanced(())

        return await minimised(block, proves)


_DEAD = StopReason.DEAD_END
MINIMISE_S = 10.0
"""Seconds that shortening one proof may take, beyond the theorem's budget."""
