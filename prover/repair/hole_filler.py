"""Fills the holes of a draft: cuts out what Lean rejects, searches, widens what was cut out.

After APOLLO (arXiv:2505.05758), by Lean's syntax and elaborated states instead of its text. It
serves broken proofs of a file and drafts of a model alike, and has nothing checked in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...data.records import Attempt, Expansion, StopReason, Theorem
from ...lean_env.queries.errors import BrokenCommand
from ...lean_env.verification.rewrite import Edit
from ..agent.budget import Budget
from ..agent.expander import Expander, SearchMemory
from ..agent.ladder import QUICK, Ladder
from ..agent.negation import is_false
from ..agent.prover import Prover
from ..agent.recorder import AttemptObserver, ObserverList
from ..agent.task import ProverContext
from ..concurrency import run_all
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

MIN_EXPANSIONS = 3
"""Expansions for a hole before it is asked whether it is false."""

SHARE = 0.35
"""Of the time left, for a level that is not the last."""


@dataclass(frozen=True, slots=True)
class DraftBudget:
    """What may be spent on one draft.

    Args:
        search: the search for one hole; its time is set by `left_s`.
        left_s: seconds that are left.
        depth: how often the region around what stays open may be widened.
        to_top: whether the last time widens it to the whole proof.
        ask_false: whether to ask if the holes are false that a brief search does not prove.
    """

    search: ProverConfig
    left_s: Callable[[], float]
    depth: int = 0
    to_top: bool = False
    ask_false: bool = True


@dataclass(slots=True)
class DraftState:
    """One draft at work, and what it cost.

    draft: where the proved holes are filled in. open: its holes still to be proved. attempts: at
    those, by now, not yet filled in. false: holes seen to be false. proved: how many are filled.
    rounds: of searches. checks: texts that Lean elaborated beside those of the sorrifier.
    """

    sorrifier: Sorrifier
    draft: Draft
    open: list[Theorem] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    false: list[Theorem] = field(default_factory=list)
    proved: int = 0
    rounds: int = 0
    checks: int = 0

    @property
    def compilations(self) -> int:
        """Times that Lean elaborated a text of it."""
        return self.sorrifier.log.compilations + self.checks

    def fill_in(self, attempts: Sequence[Attempt]) -> None:
        """Put the proofs found into the draft."""
        done = [a for a in attempts if a.is_proved]
        self.proved += len(done)
        self.open = [hole for hole in self.open if hole not in [a.theorem for a in done]]
        self.attempts = []
        self.draft = self.draft.edited(edits_of(done))


class BudgetObserver(AttemptObserver):
    """Counts the searches for holes in the budget of their theorem."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Spend them."""
        self._budget.taken += len(expansions)
        self._budget.spend(expansions)


class HoleFiller:
    """Fills drafts, sharing lemmas among all holes of all of them."""

    def __init__(self, context: ProverContext, lemmas: LemmaCache) -> None:
        self._context = context
        self._lemmas = lemmas

    async def fill(
        self, work: DraftState, budget: DraftBudget, known: BrokenCommand | None = None
    ) -> Draft | None:
        """Bring a draft to one without a hole; None when that is not reached.

        known: what Lean said of this very draft, where it has been asked.
        """
        work.draft, work.open = await work.sorrifier.cut_down(work.draft, known)
        for level in range(budget.depth + 1):
            work.rounds += 1
            if not work.open:
                return work.draft
            left_s = budget.left_s()
            if left_s <= 0 or self._context.switch.is_set:
                return None
            is_last = level == budget.depth or work.draft.value == work.draft.least
            wall_s = left_s if is_last else left_s * SHARE
            attempts = await self._prove(work, budget, wall_s, is_last and budget.to_top)
            if is_last or self._context.switch.is_set or all(a.is_proved for a in attempts):
                work.fill_in(attempts)
                return None if work.open else work.draft
            await self._move_up(work, attempts, budget.to_top and level + 1 == budget.depth)
        return None

    async def _prove(
        self, work: DraftState, budget: DraftBudget, wall_s: float, is_final: bool
    ) -> list[Attempt]:
        """Search for all holes: briefly for each; then longer for those not seen to be false."""
        config = budget.search
        brief = (
            config
            if is_final
            else replace(config, expansions=min(MIN_EXPANSIONS, config.expansions))
        )
        attempts = work.attempts = await self._search(work, work.open, brief, wall_s)
        if is_final or self._context.switch.is_set:
            return attempts
        if not budget.ask_false and any(a.stop is StopReason.DEAD_END for a in attempts):
            return attempts
        failed = [a.theorem for a in attempts if not a.is_proved and a.theorem.is_prop]
        doubted = failed if budget.ask_false else []
        answers = await run_all([self._is_false(hole) for hole in doubted])
        work.false += [hole for hole, is_false in zip(doubted, answers, strict=True) if is_false]
        if any(answers) or not failed:
            return attempts
        longer = await self._search(work, failed, config, wall_s)
        return [a for a in attempts if a.theorem not in failed] + longer

    async def _search(
        self, work: DraftState, holes: Sequence[Theorem], config: ProverConfig, wall_s: float
    ) -> list[Attempt]:
        """One search for each hole; what is known goes first.

        Of holes with the same goal the first one goes first: the others may learn from it. A
        hole that was given up before has its new texts tried, and no more.
        """
        share = min(1.0, self._context.pool.workers / len(holes))
        config = replace(config, wall_s=max(0.5, wall_s * share))
        brief = replace(config, expansions=1)
        goals = [{hole.state.key, hole.state.goals[0].target} for hole in holes]
        first = [hole for n, hole in enumerate(holes) if not goals[n] & set().union(*goals[:n])]
        attempts: dict[int, Attempt] = {}
        for wave in (first, [hole for hole in holes if hole not in first]):
            old = [hole for hole in wave if self._lemmas.is_given_up(hole, config.expansions)]
            new = [hole for hole in wave if hole not in old]
            groups = [(group, how) for group, how in ((new, config), (old, brief)) if group]
            found = await run_all([self._search_alike(work, *group) for group in groups])
            attempts |= {a.theorem.start: a for group in found for a in group}
        return [attempts[hole.start] for hole in holes]

    async def _search_alike(
        self, work: DraftState, holes: Sequence[Theorem], config: ProverConfig
    ) -> list[Attempt]:
        context, lemmas = self._context, self._lemmas
        policy = LemmaCachePolicy(
            EditPolicy(context.policy, work.sorrifier.log.failed_steps), lemmas
        )
        recorder = ObserverList([lemmas, context.recorder])
        prover = Prover.of(replace(context, policy=policy, config=config, recorder=recorder))
        attempts = await prover.prove(holes, memory=lemmas.rejected)
        work.checks += sum(attempt.proof is not None for attempt in attempts)
        if prover.fault:
            raise prover.fault
        return attempts

    async def _move_up(self, work: DraftState, attempts: Sequence[Attempt], to_top: bool) -> None:
        """Fill the proved holes, and cut wider around the others."""
        draft, work.attempts = work.draft, []
        if to_top:
            work.sorrifier.log.removed.append(draft.value)
            work.draft, work.open = await work.sorrifier.cut_down(draft.emptied)
            return
        failed = {a.theorem.start: a.theorem in work.false for a in attempts if not a.is_proved}
        wider = await work.sorrifier.widened(draft, failed)
        proved = [
            a
            for a in attempts
            if a.is_proved
            and not any(e.start <= a.theorem.start and a.theorem.stop <= e.stop for e in wider)
        ]
        work.proved += len(proved)
        work.draft = draft.edited([*wider, *edits_of(proved)])
        work.draft, work.open = await work.sorrifier.cut_down(work.draft)

    async def _is_false(self, hole: Theorem) -> bool:
        """Whether a short search shows that the hole cannot be filled."""
        pool = self._context.pool
        try:
            async with asyncio.timeout(FALSE_WALL_S):
                memory = SearchMemory(ladder=Ladder(QUICK))
                expander = Expander(hole, _First(Hammer(), FALSE_TACTICS), pool, memory)
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


def edits_of(proved: Sequence[Attempt]) -> list[Edit]:
    """What puts the proofs into their file."""
    return [Edit(a.theorem.start, a.theorem.stop, a.proof or "") for a in proved]
