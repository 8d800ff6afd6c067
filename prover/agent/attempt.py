"""Runs one search for a while: ask for states, expand them, tell the search, check its proof.

Batches are launched, and their answers given to the search, in one order; so the states that it
asks for depend only on earlier answers, not on timing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Refused,
    Status,
    StopReason,
    Theorem,
)
from ..models.server_watch import observe_requests
from .budget import in_time
from .deferred import judge
from .expander import Expander, SearchMemory
from .ladder import QUICK, Ladder
from .minimise import minimised
from .negation import is_vacuous
from .sampler import Sampler
from .search_state import AskedState, SearchState, StateAnswer
from .task import ProverContext


@dataclass(frozen=True, slots=True, eq=False)
class PendingBatch:
    """States in flight, and who tries tactics at them."""

    task: asyncio.Task[list[StateAnswer]]
    expander: Expander


class AttemptLoop:
    """Runs searches; the recorder of the context observes what is new."""

    def __init__(self, context: ProverContext) -> None:
        self._context = context
        self._config = context.config

    async def run(self, search: SearchState, limit: int) -> Attempt | None:
        """Search until decided, or until `limit` expansions were asked for; None in that case.

        Raises CancelledError when stopped.
        """
        while True:
            stop = await self._context.switch.interruptible(partial(self._search, search, limit))
            if stop is None:
                return None
            if stop is not StopReason.PROVED:
                return search.give_up(stop)
            attempt = await self._judge(search)
            if attempt.is_proved or not search.ban(attempt):
                return attempt

    async def is_vacuous(self, theorem: Theorem) -> bool:
        """Whether its hypotheses contradict each other, by a short search."""
        context = self._context
        memory = SearchMemory(ladder=Ladder(QUICK))
        expander = Expander(theorem, context.policy, context.pool, memory)
        search = partial(is_vacuous, theorem, expander, context.pool, context.verifier)
        return await context.switch.interruptible(search)

    async def _search(self, search: SearchState, limit: int) -> StopReason | None:
        batches: deque[PendingBatch] = deque()
        with search.budget.running():
            is_cut_off = True
            try:
                while search.search.status is Status.OPEN:
                    self._launch(search, limit, batches)
                    if not batches:
                        is_paused = search.budget.taken >= limit
                        is_cut_off = False
                        return search.budget.exhausted or (None if is_paused else _DEAD)
                    if not await in_time(batches[0].task, search.budget):
                        return StopReason.WALL_TIME
                    for answer in batches.popleft().task.result():
                        self._tell(search, answer)
                is_cut_off = False
                return StopReason.PROVED if search.search.status is Status.PROVED else _DEAD
            finally:
                await _cancel(batches)
                if is_cut_off:
                    self._record_cut_off(search, batches)
                self._record_turns(search)

    def _launch(self, search: SearchState, limit: int, batches: deque[PendingBatch]) -> None:
        """Put batches in flight up to the limits."""
        budget, context = search.budget, self._context
        while len(batches) < self._config.in_flight and not budget.exhausted:
            room = min(self._config.batch, budget.expansions_left, limit - budget.taken)
            states = search.ask(room) if room > 0 else []
            if not states:
                return
            expander = Expander(search.theorem, context.policy, context.pool, search.memory)
            task = asyncio.create_task(self._answer(search, states, expander))
            batches.append(PendingBatch(task, expander))

    async def _answer(
        self, search: SearchState, states: Sequence[AskedState], expander: Expander
    ) -> list[StateAnswer]:
        """The answers in order, from memory or from Lean."""
        observe_requests(search.watch)
        new = [asked for asked in states if not asked.answer]
        fresh = iter(await self._expand(search, new, expander) if new else [])
        return [asked.answer or StateAnswer(tuple(next(fresh))) for asked in states]

    async def _expand(
        self, search: SearchState, new: Sequence[AskedState], expander: Expander
    ) -> list[list[Expansion]]:
        states, numbers = [asked.state for asked in new], [asked.number for asked in new]
        config = search.config
        if not config.samples:
            left = [asked.left for asked in new]
            return [[expansion] for expansion in await expander(states, numbers, left)]
        seed = f"{self._config.seed}:{search.theorem.name}"
        sampler = Sampler(expander, config.sample_steps, seed, config.tactics_per_check)
        return await sampler(states, numbers)

    def _record_cut_off(self, search: SearchState, batches: Sequence[PendingBatch]) -> None:
        """Keep what was tried at states in flight when the search had to end."""
        if tried := [each for batch in batches for each in batch.expander.so_far()]:
            search.cut_off(tried)
            self._context.recorder.expansions(search.theorem, tried)

    def _tell(self, search: SearchState, answer: StateAnswer) -> None:
        if new := search.tell(answer):
            self._context.recorder.expansions(search.theorem, new)
        self._record_turns(search)

    def _record_turns(self, search: SearchState) -> None:
        if turns := search.watch.unkept():
            self._context.recorder.turns(search.theorem, turns)

    async def _judge(self, search: SearchState) -> Attempt:
        """The verifier's word on the proof found; one accepted is shortened, and checked again."""
        theorem, verifier = search.theorem, self._context.verifier
        with search.budget.running():
            found = await judge(verifier, theorem, search.proof(), search.budget.left_s)
        if isinstance(found.verdict, Refused):
            detail = "; ".join(reason.text for reason in found.verdict.reasons)
            return search.end(
                StopReason.REFUSED, proof=found.text, verdict=found.verdict, detail=detail
            )
        if (shorter := await self._shortened(theorem, found.block)) != found.block:
            again = await judge(verifier, theorem, shorter)
            found = again if isinstance(again.verdict, Accepted) else found
        return search.end(StopReason.PROVED, proof=found.text, verdict=found.verdict)

    async def _shortened(self, theorem: Theorem, block: str) -> str:
        """The proof without what it does not need, as far as Lean finds in a few seconds."""
        if self._config.minimise == "off" or theorem.others:
            return block
        context = self._context
        end_s = context.clock() + MINIMISE_S

        async def proves(candidate: str) -> bool:
            left_s = end_s - context.clock()
            if context.switch.is_set or left_s <= 0:
                return False
            (step,) = await context.pool.apply(theorem.state, [candidate], timeout_s=left_s)
            return step.outcome == Advanced(())

        return await minimised(block, proves)


async def _cancel(batches: Sequence[PendingBatch]) -> None:
    for batch in batches:
        batch.task.cancel()
    await asyncio.gather(*[batch.task for batch in batches], return_exceptions=True)


_DEAD = StopReason.DEAD_END
MINIMISE_S = 10.0
"""Seconds that shortening one proof may take, beyond the theorem's budget."""
