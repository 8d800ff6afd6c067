"""Turns states into expansions: the one file where a policy's tactics meet Lean.

The loop calls it through `Expand`; a search knows neither policy nor Lean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...data.records import Advanced, Expansion, ProofState, Rejected, Rejection, Step, Theorem
from ..concurrency import run_all
from ..policy.base import NEUTRAL_VALUE, Policy, PolicyOutput, Proposal, Query, distribution
from .ladder import Ladder, TacticBatch, is_replaced
from .rejections import Rejections, beginnings

Expand = Callable[[Sequence[ProofState]], Awaitable[list[Expansion]]]
"""One expansion for each state, in order."""

CHUNK = 6
"""Tactics sent to Lean in one go; after a chunk with a proof of the state no more are sent."""

CUT_OFF = "the search ended while it was tried"


class TacticRunner(Protocol):
    """The part of a pool that an expander needs."""

    async def apply(
        self,
        state: ProofState,
        tactics: Sequence[str],
        *,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> list[Step]:
        """Try each tactic at the state; one step for each, in order. Limits as of the pool."""
        ...


@dataclass(frozen=True, slots=True)
class SearchMemory:
    """What the expanders of one search share.

    banned: pairs of a state's key and a tactic that must not be tried; may grow. rejections: what
    Lean rejected before and is not sent again; grows. ladder: the limits of tactics.
    """

    banned: Collection[tuple[str, str]] = ()
    rejections: Rejections = field(default_factory=Rejections)
    ladder: Ladder = field(default_factory=Ladder)


@dataclass(slots=True)
class _Tried:
    """What was tried at one state so far."""

    state: ProofState
    batch: TacticBatch
    steps: list[Step] = field(default_factory=list)
    is_over: bool = False

    def end(self) -> Expansion:
        """All of it."""
        self.is_over = True
        return to_expansion(self.state, self.steps, self.batch.advice)

    def so_far(self) -> Expansion:
        """What there is of it; a cancelled step marks where it was cut off."""
        if self.is_over:
            return self.end()
        proposals = self.batch.advice.proposals
        done = sum(not is_replaced(step) for step in self.steps)
        cut = proposals[min(done, len(proposals) - 1)]
        mark = Step(cut.tactic, cut.prior, Rejected(CUT_OFF, Rejection.CANCELLED))
        return to_expansion(self.state, [*self.steps, mark], self.batch.advice)


def _replaced(proposal: Proposal, step: Step) -> Step:
    """That a tactic which searched is done with: what it found took its place."""
    outcome = Rejected(f"replaced by what it found: {step.tactic}", Rejection.REPLACED)
    return Step(proposal.tactic, proposal.prior, outcome)


def _closes(step: Step) -> bool:
    return isinstance(step.outcome, Advanced) and not step.outcome.states


class Expander:
    """`Expand` for the states of one theorem.

    Args:
        theorem: whose states they are.
        policy: proposes tactics.
        pool: tries them.
        memory: what earlier expansions of the search left.
    """

    def __init__(
        self,
        theorem: Theorem,
        policy: Policy,
        pool: TacticRunner,
        memory: SearchMemory | None = None,
    ) -> None:
        self._theorem = theorem
        self._policy = policy
        self._pool = pool
        self._memory = memory or SearchMemory()
        self._tried: list[_Tried] = []

    async def __call__(
        self,
        states: Sequence[ProofState],
        again: Sequence[int] = (),
        left: Sequence[TacticBatch | None] = (),
    ) -> list[Expansion]:
        """Ask the policy about the states in one call, then try its tactics, states in parallel.

        The tactics of a state are tried by falling gain, up to the first that proves it. again:
        how often the policy was asked about each state before. left: what to try instead at a
        state whose tactics were postponed.
        """
        numbers = again or [0] * len(states)
        batches = list(left or [None] * len(states))
        new = [
            Query(self._theorem, state, again=number)
            for state, number, batch in zip(states, numbers, batches, strict=True)
            if batch is None
        ]
        advised = iter(await self._ask(new) if new else [])
        self._tried = [
            _Tried(state, batch or TacticBatch(next(advised)))
            for state, batch in zip(states, batches, strict=True)
        ]
        return await run_all([self._expand(each) for each in self._tried])

    def so_far(self) -> list[Expansion]:
        """What a call that was cancelled had tried by then; only what is not nothing."""
        return [each.so_far() for each in self._tried if each.steps]

    async def propose(self, state: ProofState, sample: int) -> PolicyOutput:
        """What the policy proposes for one sample, as a distribution without banned tactics."""
        return (await self._ask([Query(self._theorem, state, sample)]))[0]

    async def step(self, state: ProofState, proposal: Proposal) -> Step:
        """Try one proposal, with the largest limit."""
        return (await self._try(state, [proposal], self._memory.ladder.last))[0]

    async def _ask(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        answers = await self._policy.propose(queries)
        return [
            replace(advice, proposals=tuple(distribution(self._allowed(query.state, advice))))
            for query, advice in zip(queries, answers, strict=True)
        ]

    def _allowed(self, state: ProofState, advice: PolicyOutput) -> list[Proposal]:
        banned = self._memory.banned
        return [p for p in advice.proposals if (state.key, p.tactic.strip()) not in banned]

    async def _expand(self, tried: _Tried) -> Expansion:
        rung = tried.batch.rung
        for chunk in chunks(tried.batch.advice.proposals):
            for proposal, step in zip(
                chunk, await self._try(tried.state, chunk, rung), strict=True
            ):
                if step.tactic != proposal.tactic:
                    tried.steps.append(_replaced(proposal, step))
                tried.steps.append(step)
                if _closes(step):
                    return tried.end()
        return tried.end()

    async def _try(self, state: ProofState, proposals: Sequence[Proposal], rung: int) -> list[Step]:
        """One step for each, in order; Lean is not sent what it rejected before."""
        rejections, ladder = self._memory.rejections, self._memory.ladder
        await rejections.load(state)
        known = {
            p.tactic: rejections.of(state, p.tactic, rung) or ladder.kept_back(p, rung)
            for p in proposals
        }
        new = [tactic for tactic, outcome in known.items() if outcome is None]
        tried = iter(await self._send(state, new, rung) if new else [])
        steps = [
            Step(p.tactic, p.prior, outcome)
            if (outcome := known[p.tactic])
            else replace(ladder.judged(next(tried), rung), prior=p.prior)
            for p in proposals
        ]
        rejections.add(state, steps, rung)
        return steps

    async def _send(self, state: ProofState, tactics: Sequence[str], rung: int) -> list[Step]:
        ladder = self._memory.ladder
        return await self._pool.apply(
            state,
            tactics,
            heartbeats=ladder.heartbeats[rung],
            timeout_s=ladder.wall_s(rung, tactics),
        )


def chunks(proposals: Sequence[Proposal]) -> Iterator[Sequence[Proposal]]:
    """What is sent together: CHUNK at most, and none with a tactic that it begins with."""
    chunk: list[Proposal] = []
    for proposal in proposals:
        starts = beginnings(proposal.tactic)
        if len(chunk) == CHUNK or any(each.tactic in starts for each in chunk):
            yield chunk
            chunk = []
        chunk.append(proposal)
    if chunk:
        yield chunk


def to_expansion(state: ProofState, steps: Sequence[Step], advice: PolicyOutput) -> Expansion:
    """The expansion of a state by the steps tried there, valued as the policy values it."""
    value = NEUTRAL_VALUE if advice.value is None else advice.value
    return Expansion(state, tuple(steps), value, advice.tokens)
