"""Proves one theorem by drafts: whole proofs or sketches that a model or the user wrote.

A draft is put in the theorem's place; what Lean rejects of it is cut out, if it may be; each hole
becomes a state in its exact context and is searched; the lemmas proved are shared by all drafts of
all theorems. What stays open goes back to the writer, who writes again. The verifier checks what is
whole. After APOLLO (arXiv:2505.05758) and Draft, Sketch, and Prove (arXiv:2210.12283).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from ...data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Message,
    Outcome,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
)
from ...lean_env.queries.errors import stumbles
from ...lean_env.verification.script import splice
from ..agent.budget import Budget, in_time
from ..agent.deferred import JudgedProof, PendingProof, is_over_limit, judge, rests_on_sorry
from ..agent.recorder import AttemptObserver, ObserverList
from ..agent.task import ProverContext, TheoremTask, untried
from ..config import DraftConfig, ProverConfig
from ..models.server_watch import SearchWatch, observe_requests
from ..policy.base import NEUTRAL_VALUE
from .draft_generator import Conversation, DraftGenerator, continue_all
from .feedback import NO_PROOF, errors_text, feedback, holes_text, proof_text, refusal_text, trimmed
from .hole_filler import MIN_EXPANSIONS, BudgetObserver, DraftBudget, DraftState, HoleFiller
from .lemma_cache import LemmaCache, as_tactic
from .sorrifier import Draft, Sorrifier

T = TypeVar("T")
LEAST_S = 5.0
"""Seconds that a draft's holes get, however many drafts may follow."""


@dataclass(frozen=True, slots=True)
class DraftMethod:
    """Proving by drafts, for a `Prover`.

    Args:
        generator: writes the drafts.
        observer: records conversations, and the searches for holes.
        config: how many drafts, and what is done with one that Lean rejects.
        lemmas: what was proved; shared by all theorems.
    """

    generator: DraftGenerator
    observer: AttemptObserver
    config: DraftConfig
    lemmas: LemmaCache = field(default_factory=LemmaCache)

    def __call__(self, theorem: Theorem, context: ProverContext) -> DraftTask:
        """Begin with a theorem."""
        return DraftTask(theorem, context, self)


@dataclass(frozen=True, slots=True)
class TriedDraft:
    """What came of one draft.

    block: the draft as far as it is proved. feedback: to its writer. is_own: whether the block is
    as the writer wrote it.
    """

    block: str
    outcome: Outcome
    feedback: Mapping[str, str] = field(default_factory=feedback)
    is_own: bool = True

    @property
    def is_right(self) -> bool:
        """Whether its proof ends the attempt."""
        return isinstance(self.outcome, Advanced)


class DraftTask(TheoremTask):
    """One theorem at work."""

    def __init__(self, theorem: Theorem, context: ProverContext, method: DraftMethod) -> None:
        super().__init__(theorem, context)
        self._method = method
        self._config = method.config
        self._watch = SearchWatch(context.clock)
        self._budget = Budget(context.config, self._watch.time)
        self._tried: dict[str, TriedDraft] = {}
        self._drafts = 0  # tried by now
        self._to_come = 0  # drafts still to be tried, the present one included
        self._found: JudgedProof | None = None

    async def advance(self, limit: int) -> Attempt:
        """Try drafts until one is right or the budget is spent, in one go."""
        if stop := untried(self.theorem):
            return self.end(stop)
        observe_requests(self._watch)
        with self._budget.running():
            stop = await self._try_drafts()
        if detail := self._watch.failure(stop):
            stop = StopReason.MODEL_FAILED
        return self.end(stop, detail)

    def end(self, stop: StopReason, detail: str = "") -> Attempt:
        """The attempt; a proof that was found stays."""
        proof, verdict = None, None
        if found := self._found:
            stop, proof, verdict = _stop_of(found), found.text, found.verdict
        spent = self._budget.expansions, self._budget.steps, self._budget.spent_s
        attempt = Attempt(self.theorem, stop, proof, verdict, *spent, detail)
        if found and rests_on_sorry(verdict):
            self.pending = PendingProof(attempt, found.block)
        return attempt

    async def _try_drafts(self) -> StopReason:
        """Round after round of drafts."""
        for block in self._replayed(self.context.replay(self.theorem)):
            if (await self._judge(block, is_own=True)).is_right:
                break
        if stop := self._over():
            return stop
        most = self._config
        number = -(-most.attempts // most.turns)
        generator = self._method.generator
        begun = await self._in_time(lambda: generator.begin(self.theorem, number)) or []
        for turn in range(most.turns):
            self._to_come = min(len(begun) * (most.turns - turn), most.attempts - self._drafts)
            tried: list[tuple[Conversation, Mapping[str, str]]] = []
            for conversation in begun:
                if stop := self._over():
                    return stop
                tried.append((conversation, (await self._try_answer(conversation)).feedback))
                self._to_come -= 1
            if self._found or self._drafts >= most.attempts:
                break
            tried = tried[: most.attempts - self._drafts]
            await self._in_time(partial(continue_all, generator, self.theorem, tried))
            begun = [conversation for conversation, _ in tried if not conversation.is_over]
        return self._over() or StopReason.DEAD_END

    def _over(self) -> StopReason | None:
        """Why no other draft is tried; None where one is."""
        if self._found:
            return _stop_of(self._found)
        return StopReason.INTERRUPTED if self.context.switch.is_set else self._budget.exhausted

    def _replayed(self, expansions: Iterable[Expansion]) -> list[str]:
        """Take drafts of an earlier attempt as tried; returns those that were right."""
        right: list[str] = []
        for step in (step for expansion in expansions for step in expansion.steps):
            if step.outcome == Advanced(()):
                right.append(step.tactic)
            elif isinstance(step.outcome, Rejected) and step.outcome.kind is not Rejection.SORRY:
                errors = f"{trimmed(step.outcome.message)}\n\n"
                self._tried[step.tactic] = TriedDraft(step.tactic, step.outcome, feedback(errors))
        return right

    async def _in_time(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """What the writer answers, if it does so in time."""

        async def answer() -> T | None:
            asking = asyncio.create_task(ask())
            try:
                return await asking if await in_time(asking, self._budget) else None
            finally:
                asking.cancel()

        return await self.context.switch.interruptible(answer)

    async def _try_answer(self, conversation: Conversation) -> TriedDraft:
        """Try the last answer of a conversation, and record it."""
        self._drafts += 1
        clock, block = self.context.clock, conversation.block
        began = clock()
        if block is None:
            tried = TriedDraft("", Rejected(NO_PROOF.strip()), feedback(NO_PROOF))
        elif block in self._tried:
            tried = self._tried[block]
        else:
            tried = self._tried[block] = await self._try(block)
        elapsed_ms = (clock() - began) * 1e3
        own = tried.outcome if tried.is_own else Rejected("it has open goals", Rejection.SORRY)
        steps = [Step(block or conversation.answer, 1.0, own, elapsed_ms)]
        if tried.is_right and not tried.is_own:
            steps.append(Step(tried.block, 1.0, tried.outcome))
        new = [Expansion(self.theorem.state, (step,), NEUTRAL_VALUE) for step in steps]
        new[0] = replace(new[0], tokens=conversation.tokens)
        BudgetObserver(self._budget).expansions(self.theorem, new)
        self.context.recorder.expansions(self.theorem, new)
        turns = conversation.take_turns(tried.is_right and tried.is_own)
        self._method.observer.turns(self.theorem, turns)
        return tried

    async def _try(self, block: str) -> TriedDraft:
        """Open one draft, fill its holes, have it checked when it is whole."""
        draft = await self._placed(block)
        state = DraftState(Sorrifier(self.context.pool, self.theorem.path), draft)
        opened = await state.sorrifier.open(draft)
        span = range(draft.command, draft.stop + 1)
        wrong = [m for m in opened.messages if m.severity == "error" and m.start in span]
        holes = [t for t in opened.theorems if draft.start <= t.start < draft.stop]
        shift = draft.before.count("\n") + draft.value.startswith(("\n", "by\n"))
        errors = errors_text(block, wrong, shift)
        if not wrong and not holes:
            return await self._judge(block, is_own=True)
        if wrong and not self._config.repair_depth:
            if self._config.turns > 1:
                state.draft, state.open = await state.sorrifier.cut_down(draft)
            answer = feedback(errors, holes_text(state.open, ()))
            return TriedDraft(block, Rejected(wrong[0].text), answer)
        if (filled := await self._filled(state)) is not None:
            return await self._judge(block_of(self.theorem, filled), is_own=False)
        return self._rejected(block, wrong, errors, state)

    def _rejected(
        self, block: str, wrong: Sequence[Message], errors: str, state: DraftState
    ) -> TriedDraft:
        """A draft whose holes could not all be filled, with the feedback to its writer."""
        false = [hole.state for hole in state.false]
        open_ = holes_text(state.open or state.false, false)
        proved = proof_text(block_of(self.theorem, state.draft) if state.proved else None)
        why = wrong[0].text if wrong else f"{len(state.open)} open goals"
        kind = Rejection.ELABORATION if wrong else Rejection.SORRY
        return TriedDraft(block, Rejected(why, kind), feedback(errors, open_, proved))

    async def _placed(self, block: str) -> Draft:
        """The draft in its file, in the first layout that Lean can read."""
        theorem = self.theorem
        after = theorem.source.encode()[theorem.stop :].decode()
        before = theorem.source.encode()[: theorem.start].decode()
        head = len(theorem.source.encode()[: theorem.command_start].decode())
        sources = splice(theorem.source, theorem, block)
        values = [source[len(before) : len(source) - len(after)] for source in sources]
        tail = theorem.source.encode()[theorem.stop : theorem.command_stop].decode()
        texts = [before[head:] + value + tail for value in values]
        pool = self.context.pool
        failures = await stumbles(pool, before[:head], texts) if values[1:] else [None]
        readable = [v for v, failed in zip(values, failures, strict=False) if failed is None]
        return Draft(before, (readable or values)[0], after, theorem.command_start)

    async def _filled(self, state: DraftState) -> Draft | None:
        """The draft without a hole, if it is reached within its part of what is left."""
        clock, left_s = self.context.clock, self._budget.left_s
        part_s = min(left_s, max(LEAST_S, left_s / max(1, self._to_come)))
        until = clock() + part_s
        observers = ObserverList([BudgetObserver(self._budget), self._method.observer])
        filler = HoleFiller(replace(self.context, recorder=observers), self._method.lemmas)
        depth, may_reply = max(0, self._config.repair_depth - 1), self._config.turns > 1
        budget = DraftBudget(
            self._config_left(), lambda: until - clock(), depth, ask_false=may_reply
        )
        try:
            async with asyncio.timeout(part_s):
                return await filler.fill(state, budget)
        except TimeoutError:
            return None
        finally:
            state.fill_in(state.attempts)

    def _config_left(self) -> ProverConfig:
        """The search of a hole, with a draft's part of what the theorem has left."""
        config, spent = self.context.config, self._budget
        left = spent.expansions_left // max(1, self._to_come)
        steps = None if config.steps is None else max(1, config.steps - spent.steps)
        return replace(config, expansions=max(MIN_EXPANSIONS, left), steps=steps, refute=0.0)

    async def _judge(self, block: str, *, is_own: bool) -> TriedDraft:
        """The verifier's word on a block without holes."""
        verifier = self.context.verifier
        found = await judge(verifier, self.theorem, block, self._budget.left_s)
        verdict = found.verdict
        is_right = isinstance(verdict, Accepted) or rests_on_sorry(verdict)
        if is_right or is_over_limit(verdict):
            self._found = found
        if is_right:
            return TriedDraft(block, Advanced(()), is_own=is_own)
        reasons = refusal_text(verdict)
        return TriedDraft(block, Rejected(reasons.strip()), feedback(reasons), is_own=is_own)


def _stop_of(found: JudgedProof) -> StopReason:
    """How an attempt ends with this proof: accepted, or refused with no other looked for."""
    is_accepted = isinstance(found.verdict, Accepted)
    return StopReason.PROVED if is_accepted else StopReason.REFUSED


def block_of(theorem: Theorem, draft: Draft) -> str:
    """What stands in a draft for a theorem's `sorry`, as a tactic block at column 0."""
    column = len(draft.before) - draft.before.rfind("\n") - 1
    text = draft.value
    if theorem.mode == "term" and text.startswith("by\n"):
        return as_tactic(replace(theorem, mode="tactic", column=0), text[2:])
    if theorem.mode == "term" and text.startswith("by "):
        return as_tactic(replace(theorem, mode="tactic", column=column + 3), text[3:])
    return as_tactic(replace(theorem, column=column), text)
