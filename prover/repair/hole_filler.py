"""Fills the holes of a draft: cuts out what Lean does not take, searches, moves the cuts up.

After APOLLO (arXiv:2505.05758), by Lean's syntax and elaborated states instead of its text. It
serves broken proofs of a file and drafts of a model alike, and judges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...data.records import Attempt, Expansion, StopReason, Theorem
from ...lean_env.pool import LeanPool
from ...lean_env.queries.errors import BrokenCommand
from ...lean_env.verification.rewrite import Edit
from ...lean_env.verification.verifier import Verifier
from ..agent.expander import Expander
from ..agent.negation import is_false
from ..agent.prover import Prover
from ..agent.recorder import AttemptObserver
from ..concurrency import together
from ..config import ProverConfig
from ..hammer.policy import Hammer
from ..policy.base import Policy, PolicyOutput, Query
from .edit_policy import EditPolicy
from .lemma_cache import LemmaCache, LemmaCachePolicy
from .sorrifier import Draft, Sorrifier

FALSE_WALL_S = 3.0
"""Most seconds spent on showing one hole false."""

FALSE_TACTICS = 12
"""Tactics tried at each state on the way there, the hammer's first."""

BRIEF = 3
"""Expansions for a hole before it is asked whether it is false."""

SHARE = 0.35
"""Of the time left, for a level that is not the last."""


@dataclass(frozen=True, slots=True)
class ProverContext:
    """What holes are filled with. policy: searches them; recorder: hears of each search."""

    pool: LeanPool
    verifier: Verifier
    policy: Policy
    recorder: AttemptObserver


@dataclass(frozen=True, slots=True)
class DraftBudget:
    """What may be spent on one draft.

    depth: times that the cuts move up. to_top: the last time to the whole of it. left_s: seconds.
    ask_false: whether to ask of the holes not proved briefly if they are false.
    """

    search: ProverConfig
    left_s: Callable[[], float]
    depth: int = 0
    to_top: bool = False
    ask_false: bool = True


@dataclass(slots=True)
class DraftState:
    """One draft at work, and what it cost.

    open: holes still to be proved, at the places of `draft`, where the proved ones are filled.
    attempts: at the open ones so far, not yet filled.
    """

    cutter: Sorrifier
    draft: Draft
    open: list[Theorem] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    false: list[Theorem] = field(default_factory=list)
    proved: int = 0
    rounds: int = 0
    expansions: int = 0
    steps: int = 0
    checks: int = 0

    @property
    def compilations(self) -> int:
        """Times that Lean elaborated a text of it."""
        return self.cutter.findings.compilations + self.checks

    def count(self, attempts: Sequence[Attempt]) -> None:
        """Add what the searches spent."""
        self.expansions += sum(attempt.expansions for attempt in attempts)
        self.steps += sum(attempt.steps for attempt in attempts)
        self.checks += sum(attempt.proof is not None for attempt in attempts)

    def settle(self, attempts: Sequence[Attempt]) -> None:
        """Fill what was proved."""
        done = [a for a in attempts if a.is_proved]
        self.proved += len(done)
        self.open = [hole for hole in self.open if hole not in [a.theorem for a in done]]
        self.attempts = []
        self.draft = self.draft.edited(edits_of(done))


class HoleFiller:
    """Fills drafts, sharing lemmas among all holes of all of them."""

    def __init__(self, tools: ProverContext, lemmas: LemmaCache) -> None:
        self._tools = tools
        self._lemmas = lemmas
        self._stopped = False
        self._provers: set[Prover] = set()

    def stop(self) -> None:
        """End the searches under way and begin no other."""
        self._stopped = True
        for prover in self._provers:
            prover.stop()

    async def fill(
        self, work: DraftState, means: DraftBudget, known: BrokenCommand | None = None
    ) -> Draft | None:
        """Bring a draft to one without a hole; None when that is not reached.

        known: what Lean said of this very draft, where it has been asked.
        """
        work.draft, work.open = await work.cutter.cut_down(work.draft, known)
        for level in range(means.depth + 1):
            work.rounds += 1
            if not work.open:
                return work.draft
            left_s = means.left_s()
            if left_s <= 0 or self._stopped:
                return None
            is_last = level == means.depth or work.draft.value == work.draft.least
            wall_s = left_s if is_last else left_s * SHARE
            attempts = await self._prove(work, means, wall_s, is_last and means.to_top)
            if is_last or self._stopped or all(a.is_proved for a in attempts):
                work.settle(attempts)
                return None if work.open else work.draft
            await self._move_up(work, attempts, means.to_top and level + 1 == means.depth)
        return None

    async def _prove(
        self, work: DraftState, means: DraftBudget, wall_s: float, is_final: bool
    ) -> list[Attempt]:
        """Search for all holes: briefly for each; then longer for those not seen to be false."""
        config = means.search
        brief = config if is_final else replace(config, expansions=min(BRIEF, config.expansions))
        attempts = work.attempts = await self._search(work, work.open, brief, wall_s)
        if is_final or self._stopped:
            return attempts
        if not means.ask_false and any(a.stop is StopReason.DEAD_END for a in attempts):
            return attempts
        failed = [a.theorem for a in attempts if not a.is_proved and a.theorem.is_prop]
        asked = failed if means.ask_false else []
        judged = await together([self._is_false(hole) for hole in asked])
        work.false += [hole for hole, is_false in zip(asked, judged, strict=True) if is_false]
        if any(judged) or not failed:
            return attempts
        again = await self._search(work, failed, config, wall_s)
        return [a for a in attempts if a.theorem not in failed] + again

    async def _search(
        self, work: DraftState, holes: Sequence[Theorem], config: ProverConfig, wall_s: float
    ) -> list[Attempt]:
        """One search for each hole; what is known goes first.

        Of holes with the same goal the first one goes first: the others may learn from it. A
        hole that was given up before has its new texts tried, and no more.
        """
        share = min(1.0, self._tools.pool.workers / len(holes))
        config = replace(config, wall_s=max(0.5, wall_s * share))
        brief = replace(config, expansions=1)
        goals = [{hole.state.key, hole.state.goals[0].target} for hole in holes]
        first = [hole for n, hole in enumerate(holes) if not goals[n] & set().union(*goals[:n])]
        attempts: dict[int, Attempt] = {}
        for wave in (first, [hole for hole in holes if hole not in first]):
            old = [hole for hole in wave if self._lemmas.is_given_up(hole, config.expansions)]
            new = [hole for hole in wave if hole not in old]
            groups = [(group, how) for group, how in ((new, config), (old, brief)) if group]
            found = await together([self._search_alike(work, *group) for group in groups])
            attempts |= {a.theorem.start: a for group in found for a in group}
        return [attempts[hole.start] for hole in holes]

    async def _search_alike(
        self, work: DraftState, holes: Sequence[Theorem], config: ProverConfig
    ) -> list[Attempt]:
        tools, lemmas = self._tools, self._lemmas
        policy = LemmaCachePolicy(EditPolicy(tools.policy, work.cutter.findings.remains), lemmas)
        recorder = _Listening(tools.recorder, lemmas)
        prover = Prover(tools.pool, tools.verifier, policy, config, recorder)
        self._provers.add(prover)
        try:
            attempts = await prover.prove(holes, memory=lemmas.rejected)
        finally:
            self._provers.discard(prover)
        work.count(attempts)
        if prover.fault:
            raise prover.fault
        return attempts

    async def _move_up(self, work: DraftState, attempts: Sequence[Attempt], to_top: bool) -> None:
        """Fill the proved holes, and cut wider around the others."""
        draft, work.attempts = work.draft, []
        if to_top:
            work.cutter.findings.removed.append(draft.value)
            work.draft, work.open = await work.cutter.cut_down(draft.emptied)
            return
        failed = {a.theorem.start: a.theorem in work.false for a in attempts if not a.is_proved}
        wider = await work.cutter.widened(draft, failed)
        kept = [
            a
            for a in attempts
            if a.is_proved
            and not any(e.start <= a.theorem.start and a.theorem.stop <= e.stop for e in wider)
        ]
        work.proved += len(kept)
        work.draft = draft.edited([*wider, *edits_of(kept)])
        work.draft, work.open = await work.cutter.cut_down(work.draft)

    async def _is_false(self, hole: Theorem) -> bool:
        """Whether a short search shows that the hole cannot be filled."""
        pool = self._tools.pool
        try:
            async with asyncio.timeout(FALSE_WALL_S):
                expander = Expander(hole, _First(Hammer(), FALSE_TACTICS), pool)
                return await is_false(hole.state, expander, pool)
        except TimeoutError:
            return False


class _First:
    """The first proposals of another policy."""

    def __init__(self, base: Policy, most: int) -> None:
        self.name = base.name
        self._base = base
        self._most = most

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query in short."""
        answers = await self._base.propose(queries)
        return [replace(each, proposals=each.proposals[: self._most]) for each in answers]


class _Listening:
    """A recorder from which lemmas learn at once what Lean rejected and what is proved."""

    def __init__(self, recorder: AttemptObserver, lemmas: LemmaCache) -> None:
        self._recorder = recorder
        self._lemmas = lemmas
        self.start_attempt = recorder.start_attempt
        self.turns = recorder.turns

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Learn, then tell."""
        self._lemmas.hear(theorem, expansions)
        self._recorder.expansions(theorem, expansions)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Learn, then tell."""
        self._lemmas.learn(attempt)
        self._recorder.finish_attempt(attempt)


def edits_of(proved: Sequence[Attempt]) -> list[Edit]:
    """What puts the proofs into their file."""
    return [Edit(a.theorem.start, a.theorem.stop, a.proof or "") for a in proved]
