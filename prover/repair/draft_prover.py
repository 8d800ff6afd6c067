"""Proves theorems by drafts: whole proofs or sketches that an author writes, opened by Lean.

A draft is put in the theorem's place; what Lean does not take of it is cut out, if it may be;
each hole becomes a state in its exact context and is searched; the lemmas proved are shared by all
drafts of all theorems. What stays open goes back to the author, who writes again. The verifier
judges what is whole. After APOLLO (arXiv:2505.05758) and Draft, Sketch, and Prove
(arXiv:2210.12283).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ...data.errors import LakatosError, ModelUnavailable, UsageError, WorkerDied
from ...data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Outcome,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
    Verdict,
)
from ...data.turns import Turn
from ...lean_env.queries.errors import stumbles
from ...lean_env.verification.script import splice
from ..agent.budget import Budget, Clock, in_time
from ..agent.deferred import PendingProof, is_over_limit, replacement, rests_on_sorry, settle
from ..agent.prover import ReplaySource, fault_of, nothing
from ..agent.recorder import AttemptObserver
from ..agent.rejections import RejectionLookup, no_memory
from ..agent.search_state import untried
from ..concurrency import together
from ..config import DraftConfig, ProverConfig
from ..models.server_watch import SearchWatch, waiting
from ..policy.base import NEUTRAL_VALUE
from .draft_generator import Conversation, DraftGenerator, all_go_on
from .feedback import NO_PROOF, errors_told, feedback, holes_told, proof_told, refusal_told, trimmed
from .hole_filler import BRIEF, DraftBudget, DraftState, HoleFiller, ProverContext
from .lemma_cache import LemmaCache, as_tactic
from .sorrifier import Draft, Sorrifier

T = TypeVar("T")
LEAST_S = 5.0
"""Seconds that a draft's holes get, however many drafts may follow."""


@dataclass(frozen=True, slots=True)
class TriedDraft:
    """What came of one draft. block: as far as it is proved; told: to its author."""

    block: str
    outcome: Outcome
    told: Mapping[str, str] = field(default_factory=feedback)
    verdict: Verdict | None = None
    proof: str | None = None
    is_own: bool = True


class DraftProver:
    """Proves theorems with one author. lemmas: grow; fault: why it stopped early."""

    def __init__(
        self,
        tools: ProverContext,
        author: DraftGenerator,
        keeper: AttemptObserver,
        config: ProverConfig,
        drafts: DraftConfig,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._tools = tools
        self._author = author
        self._keeper = keeper
        self._config = config
        self._drafts = drafts
        self._clock = clock
        self._stopped = False
        self._recall: ReplaySource = nothing
        self._fillers: set[HoleFiller] = set()
        self._waiting: set[asyncio.Task[object]] = set()
        self.lemmas = LemmaCache()
        self.fault: LakatosError | None = None

    def stop(self) -> None:
        """Interrupt all; what is whole is still judged."""
        self._stopped = True
        for filler in self._fillers:
            filler.stop()
        for task in self._waiting:
            task.cancel()

    async def prove(
        self,
        theorems: Sequence[Theorem],
        recall: ReplaySource = nothing,
        memory: RejectionLookup = no_memory,
    ) -> list[Attempt]:
        """Try to prove each theorem; one attempt for each, in order; all of it is recorded.

        recall: drafts of an earlier attempt; one that was right goes first, and one that Lean
        did not take is not tried again. Errors are as `Prover.prove` says.
        """
        self._stopped, self.fault = False, None
        self._recall = recall
        slots = asyncio.Semaphore(self._config.concurrency or self._tools.pool.workers)
        ended = await together([self._one(theorem, slots) for theorem in theorems])
        accepted = [attempt for attempt, block in ended if attempt.is_proved]
        kept = [PendingProof(attempt, block) for attempt, block in ended if block]
        settled = iter(await settle(kept, accepted, self._tools.verifier))
        attempts = [next(settled) if block else attempt for attempt, block in ended]
        for attempt, (_, block) in zip(attempts, ended, strict=True):
            if block:
                self._tools.recorder.finish_attempt(attempt)
        return attempts

    async def _one(self, theorem: Theorem, slots: asyncio.Semaphore) -> tuple[Attempt, str]:
        """The attempt, recorded; a block where it rests on another sorry, not yet recorded."""
        async with slots:
            self._tools.recorder.start_attempt(theorem)
            work = _Work(theorem, self._config, self._clock)
            stop, detail = StopReason.INTERRUPTED, ""
            try:
                waiting.set(work.watch)
                with work.budget.running():
                    stop = await self._converse(work)
                if detail := work.watch.failure(stop):
                    stop = StopReason.MODEL_FAILED
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
            except WorkerDied as error:
                stop, detail = StopReason.FAULT, str(error)
            except (ModelUnavailable, UsageError) as error:
                stop, detail = fault_of(error), str(error)
                self.fault = self.fault or error
                self.stop()
            finally:
                attempt = work.end(stop, detail)
                waits = rests_on_sorry(attempt.verdict)
                if not waits:
                    self._tools.recorder.finish_attempt(attempt)
            return attempt, work.block if waits else ""

    async def _converse(self, work: _Work) -> StopReason:
        """Round after round of drafts until one is right or the budget is spent."""
        theorem, most = work.theorem, self._drafts
        if stop := untried(theorem):
            return stop
        if self._stopped:
            return StopReason.INTERRUPTED
        for block in work.remember(self._recall(theorem)):
            if isinstance((await self._judged(work, block, is_own=True)).outcome, Advanced):
                return work.stop
        number = -(-most.attempts // most.turns)
        begun = await self._unless_late(work, self._author.begin(theorem, number))
        for turn in range(most.turns):
            waiting = len(begun or ()) * (most.turns - turn)
            work.expected = min(waiting, most.attempts - work.drafts)
            told: list[tuple[Conversation, Mapping[str, str]]] = []
            for conversation in begun or ():
                if stop := self._over(work):
                    return stop
                tried = await self._hear(work, conversation)
                if isinstance(tried.outcome, Advanced):
                    return work.stop
                told.append((conversation, tried.told))
                work.expected -= 1
            if work.drafts >= most.attempts:
                break
            told = told[: most.attempts - work.drafts]
            await self._unless_late(work, all_go_on(self._author, theorem, told))
            begun = [each for each, _ in told if not each.is_over]
        return self._over(work) or StopReason.DEAD_END

    def _over(self, work: _Work) -> StopReason | None:
        if self._stopped:
            return StopReason.INTERRUPTED
        return work.budget.exhausted or (work.stop if work.block else None)

    async def _unless_late(self, work: _Work, answer: Awaitable[T]) -> T | None:
        """What the author says, if it does so in time."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            asking = asyncio.ensure_future(answer)
            try:
                return await asking if await in_time(asking, work.budget) else None
            finally:
                asking.cancel()
        finally:
            self._waiting.discard(task)

    async def _hear(self, work: _Work, conversation: Conversation) -> TriedDraft:
        """Try the last answer of a conversation, and record it."""
        work.drafts += 1
        began, block = self._clock(), conversation.block
        if block is None:
            tried = TriedDraft("", Rejected(NO_PROOF.strip()), feedback(NO_PROOF))
        elif block in work.tried:
            tried = work.tried[block]
        else:
            tried = work.tried[block] = await self._try(work, block)
        elapsed_ms = (self._clock() - began) * 1e3
        is_right = isinstance(tried.outcome, Advanced)
        own = tried.outcome if tried.is_own else Rejected("it has open goals", Rejection.SORRY)
        steps = [Step(block or conversation.answer, 1.0, own, elapsed_ms)]
        if is_right and not tried.is_own:
            steps.append(Step(tried.block, 1.0, tried.outcome))
        root = work.theorem.state
        news = [Expansion(root, (s,), NEUTRAL_VALUE) for s in steps]
        news[0] = replace(news[0], tokens=conversation.tokens)
        work.tell(news)
        self._tools.recorder.expansions(work.theorem, news)
        self._keeper.turns(work.theorem, conversation.judged(is_right and tried.is_own))
        return tried

    async def _try(self, work: _Work, block: str) -> TriedDraft:
        """Open one draft, fill its holes, judge what is whole."""
        theorem = work.theorem
        draft = await self._placed(theorem, block)
        filling = DraftState(Sorrifier(self._tools.pool, theorem.path), draft)
        opened = await filling.cutter.open(draft)
        span = range(draft.command, draft.stop + 1)
        wrong = [m for m in opened.messages if m.severity == "error" and m.start in span]
        holes = [t for t in opened.theorems if draft.start <= t.start < draft.stop]
        shift = draft.before.count("\n") + draft.value.startswith(("\n", "by\n"))
        errors = errors_told(block, wrong, shift)
        if not wrong and not holes:
            return await self._judged(work, block, is_own=True)
        if wrong and not self._drafts.repair_depth:
            if self._drafts.turns > 1:
                filling.draft, filling.open = await filling.cutter.cut_down(draft)
            told = feedback(errors, holes_told(filling.open, ()))
            return TriedDraft(block, Rejected(wrong[0].text), told)
        whole = await self._filled(work, filling)
        if whole is not None:
            return await self._judged(work, block_of(theorem, whole), is_own=False)
        false = [hole.state for hole in filling.false]
        open_ = holes_told(filling.open or filling.false, false)
        so_far = proof_told(block_of(theorem, filling.draft) if filling.proved else None)
        why = wrong[0].text if wrong else f"{len(filling.open)} open goals"
        kind = Rejection.ELABORATION if wrong else Rejection.SORRY
        return TriedDraft(block, Rejected(why, kind), feedback(errors, open_, so_far))

    async def _placed(self, theorem: Theorem, block: str) -> Draft:
        """The draft in its file, in the first layout that Lean can read."""
        after = theorem.source.encode()[theorem.stop :].decode()
        before = theorem.source.encode()[: theorem.start].decode()
        head = len(theorem.source.encode()[: theorem.command_start].decode())
        sources = splice(theorem.source, theorem, block)
        values = [source[len(before) : len(source) - len(after)] for source in sources]
        tail = theorem.source.encode()[theorem.stop : theorem.command_stop].decode()
        texts = [before[head:] + value + tail for value in values]
        places = await stumbles(self._tools.pool, before[:head], texts) if values[1:] else [None]
        value = next((v for v, place in zip(values, places, strict=False) if place is None), None)
        return Draft(before, value or values[0], after, theorem.command_start)

    async def _filled(self, work: _Work, filling: DraftState) -> Draft | None:
        """The draft without a hole, if it is reached within its part of what is left."""
        left = max(1, work.expected)
        part_s = min(work.budget.left_s, max(LEAST_S, work.budget.left_s / left))
        until = self._clock() + part_s
        filler = HoleFiller(
            replace(self._tools, recorder=_Counting(work, self._keeper)), self.lemmas
        )
        self._fillers.add(filler)
        config = work.config_left()
        depth, may_reply = max(0, self._drafts.repair_depth - 1), self._drafts.turns > 1
        means = DraftBudget(config, lambda: until - self._clock(), depth, ask_false=may_reply)
        try:
            async with asyncio.timeout(part_s):
                return await filler.fill(filling, means)
        except TimeoutError:
            return None
        finally:
            self._fillers.discard(filler)
            filling.settle(filling.attempts)

    async def _judged(self, work: _Work, block: str, *, is_own: bool) -> TriedDraft:
        """The verifier's word on a block without holes."""
        theorem = work.theorem
        verified = await self._tools.verifier.verify(theorem, block, work.budget.left_s)
        verdict = verified.verdict
        if isinstance(verdict, Accepted) or rests_on_sorry(verdict):
            source = verified.source
            if not isinstance(verdict, Accepted):
                source = splice(theorem.source, theorem, block)[0]
            work.found(block, replacement(theorem, source), verdict)
            return TriedDraft(block, Advanced(()), verdict=verdict, is_own=is_own)
        if is_over_limit(verdict):
            proof = replacement(theorem, splice(theorem.source, theorem, block)[0])
            work.found(block, proof, verdict)
        told = refusal_told(verdict)
        return TriedDraft(block, Rejected(told.strip()), feedback(told), verdict, is_own=is_own)


class _Work:
    """One theorem at work. drafts: tried; expected: to be tried, the present one included."""

    def __init__(self, theorem: Theorem, config: ProverConfig, clock: Clock) -> None:
        self.theorem = theorem
        self.watch = SearchWatch(clock)
        self.budget = Budget(config, self.watch.time)
        self.tried: dict[str, TriedDraft] = {}
        self.drafts = self.expected = 0
        self.block = ""
        self.stop = StopReason.DEAD_END
        self._config = config
        self._proof: str | None = None
        self._verdict: Verdict | None = None

    def remember(self, told: Iterable[Expansion]) -> list[str]:
        """Take drafts of an earlier attempt as tried; those that were right."""
        right: list[str] = []
        for step in (step for expansion in told for step in expansion.steps):
            if step.outcome == Advanced(()):
                right.append(step.tactic)
            elif isinstance(step.outcome, Rejected) and step.outcome.kind is not Rejection.SORRY:
                errors = f"{trimmed(step.outcome.message)}\n\n"
                self.tried[step.tactic] = TriedDraft(step.tactic, step.outcome, feedback(errors))
        return right

    def tell(self, news: Sequence[Expansion]) -> None:
        """Count what was done."""
        self.budget.asked += len(news)
        self.budget.tell(news)

    def config_left(self) -> ProverConfig:
        """The search of a hole, with a draft's part of what the theorem has left."""
        left = self.budget.expansions_left // max(1, self.expected)
        config = self._config
        steps = None if config.steps is None else max(1, config.steps - self.budget.steps)
        return replace(config, expansions=max(BRIEF, left), steps=steps, refute=0.0)

    def found(self, block: str, proof: str, verdict: Verdict) -> None:
        """Keep a proof that ends the attempt: accepted, or waiting for another sorry, or one
        whose check reached its limit.
        """
        is_right = isinstance(verdict, Accepted)
        self.stop = StopReason.PROVED if is_right else StopReason.REFUSED
        self.block, self._proof, self._verdict = block, proof, verdict

    def end(self, stop: StopReason, detail: str) -> Attempt:
        """The attempt; a proof that was found stays."""
        stop = self.stop if self._proof else stop
        spent = self.budget.expansions, self.budget.steps, self.budget.spent_s
        return Attempt(self.theorem, stop, self._proof, self._verdict, *spent, detail)


class _Counting:
    """The recorder of a draft's holes: what they cost is the theorem's."""

    def __init__(self, work: _Work, keeper: AttemptObserver) -> None:
        self._work = work
        self._keeper = keeper

    def start_attempt(self, theorem: Theorem) -> None:
        """A hole."""
        self._keeper.start_attempt(theorem)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Of its search."""
        self._work.tell(expansions)
        self._keeper.expansions(theorem, expansions)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Of what a model was asked about it."""
        self._keeper.turns(theorem, turns)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Of the hole."""
        self._keeper.finish_attempt(attempt)


def block_of(theorem: Theorem, draft: Draft) -> str:
    """What stands in a draft for a theorem's `sorry`, as a tactic block at column 0."""
    column = len(draft.before) - draft.before.rfind("\n") - 1
    text = draft.value
    if theorem.mode == "term" and text.startswith("by\n"):
        return as_tactic(replace(theorem, mode="tactic", column=0), text[2:])
    if theorem.mode == "term" and text.startswith("by "):
        return as_tactic(replace(theorem, mode="tactic", column=column + 3), text[3:])
    return as_tactic(replace(theorem, column=column), text)
