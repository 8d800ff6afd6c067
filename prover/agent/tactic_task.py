"""Proves one theorem by a search of tactics, in turn with a search for a proof of its negation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ...data.records import Attempt, StopReason, Theorem
from .attempt import AttemptLoop
from .counterexample import counterexample, disproof_at_values
from .deferred import PendingProof, rests_on_sorry
from .negation import HYPOTHESES_CONTRADICT, negation
from .search_state import SearchState
from .task import ProverContext, TheoremTask, untried


class TacticTask(TheoremTask):
    """One theorem, and with `refute` its negation too, each with its share of the budgets.

    First of all small values are looked for at which the theorem is false.

    A search ends when its proof is found: what is still in flight for it is cancelled. After a
    proof refused for an ordinary reason the search goes on without it, a few times.
    """

    def __init__(self, theorem: Theorem, context: ProverContext) -> None:
        super().__init__(theorem, context)
        self._refute = context.config.refute
        self._loop = AttemptLoop(context)
        self._search = self._start(theorem, 1 - self._refute)
        self._found: Attempt | None = None
        self._are_values_tried = False
        self._is_negation_tried = False
        self._negation: SearchState | None = None
        self._refuted: Attempt | None = None

    def _start(self, theorem: Theorem, share: float) -> SearchState:
        context = self.context
        return SearchState(
            theorem,
            context.config,
            context.clock,
            share=share,
            remembered=context.replay(theorem),
            rejected=context.memory(theorem),
        )

    async def advance(self, limit: int) -> Attempt | None:
        """Search for the theorem, then for its negation."""
        search = self._search
        if stop := untried(self.theorem):
            return search.end(stop)
        if not self._are_values_tried:
            self._are_values_tried = True
            if disproved := await self._disproved_at_values():
                return disproved
        if not self._found:
            self._found = await self._loop.run(search, search.share_of(limit))
            if (found := self._found) and found.stop is StopReason.REFUSED:
                if rests_on_sorry(found.verdict):
                    self.pending = PendingProof(found, search.proof())
                return found
            if found and found.is_proved:
                return await self._with_note(found)
        return await self._search_negation(limit) if self._refute else self._found

    async def _disproved_at_values(self) -> Attempt | None:
        """The attempt where small values make the theorem false, and the verifier agrees."""
        context, budget = self.context, self._search.budget
        with budget.running():
            find = partial(
                disproof_at_values, context.pool, context.verifier, self.theorem, budget.left_s
            )
            found = await context.switch.interruptible(find)
        if found is None:
            return None
        detail, checked = found
        return self._search.end(
            StopReason.DISPROVED, proof=checked.text, verdict=checked.verdict, detail=detail
        )

    async def _search_negation(self, limit: int) -> Attempt | None:
        if not self._is_negation_tried:
            self._is_negation_tried = True
            if stated := await negation(self.context.pool, self.theorem):
                self.context.recorder.start_attempt(stated)
                self._negation = self._start(stated, self._refute)
        if self._negation and not self._refuted:
            most = self._negation.share_of(limit)
            self._refuted = await self._loop.run(self._negation, most)
            if (found := self._refuted) and found.is_proved:
                detail = await counterexample(
                    self.context.pool, self.theorem, self._negation.theorem, found.proof or ""
                )
                return self._search.end(
                    StopReason.DISPROVED, proof=found.proof, verdict=found.verdict, detail=detail
                )
        return self._found if not self._negation or self._refuted else None

    async def _with_note(self, proved: Attempt) -> Attempt:
        """The attempt, saying so when its theorem holds for a trivial reason."""
        if self._refute and await self._loop.is_vacuous(proved.theorem):
            return replace(proved, detail=HYPOTHESES_CONTRADICT)
        return proved

    def end(self, stop: StopReason, detail: str = "") -> Attempt:
        """The attempt, with what its search has spent."""
        if self._found and self._found.is_proved:
            return self._found
        return self._search.end(stop, detail=detail)

    async def release(self) -> None:
        """Free the states of both searches."""
        await super().release()
        if self._negation:
            await self.context.pool.forget(self._negation.theorem)

    def finish(self) -> None:
        """Record the end, of the negation's search first."""
        if self._negation:
            unfinished = self._negation.end(
                StopReason.INTERRUPTED, detail="its theorem was decided"
            )
            self.context.recorder.finish_attempt(self._refuted or unfinished)
        super().finish()
