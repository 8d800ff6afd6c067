"""One search under way: what it asked and was told, what it remembers, what it may not do.

What was told once is never asked of Lean again: a search taken up from the store, or begun anew
without a proof that was refused, is led through its memory by the same questions in the same
order. It knows no pool and no policy.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...data.records import (
    Attempt,
    Expansion,
    ProofState,
    ProofTree,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
    Verdict,
)
from ...lean_env.verification.script import script
from ..config import ProverConfig
from ..models.server_watch import SearchWatch
from .budget import Budget, Clock
from .rejections import Rejections, StoredRejections, unknown
from .sampler import split_samples

RETRIED = {
    RefusalKind.NOT_A_BLOCK,
    RefusalKind.FORBIDDEN_SYNTAX,
    RefusalKind.DOES_NOT_COMPILE,
    RefusalKind.AXIOM,
}
"""Refusals after which another proof is looked for; the others end the attempt as evidence."""


@dataclass(frozen=True, slots=True)
class StateAnswer:
    """What came of one asked state: an expansion, or the expansions of a sample.

    is_counted: it has been recorded and taken from the budget before.
    """

    expansions: tuple[Expansion, ...]
    is_counted: bool = False


class SearchState:
    """One search for one theorem. remembered: expansions of an earlier one, in order.

    rejected: what Lean rejected before.
    """

    def __init__(
        self,
        theorem: Theorem,
        config: ProverConfig,
        clock: Clock,
        *,
        share: float = 1.0,
        remembered: Iterable[Expansion] = (),
        rejected: StoredRejections = unknown,
    ) -> None:
        self.theorem = theorem
        self._share = share
        self.config = config.search
        self.watch = SearchWatch(clock, config.keep_prompts)
        self.budget = Budget(config, self.watch.time, share)
        self.search = self.config.start(theorem.state)
        self.banned: set[tuple[str, str]] = set()
        self.rejections = Rejections(rejected)
        self.refused: list[Attempt] = []
        self._drawn: Counter[str] = Counter()
        self._retries = config.retries
        self._told: list[StateAnswer] = []
        self._memory: defaultdict[str, deque[StateAnswer]] = defaultdict(deque)
        groups = split_samples(remembered) if self.config.samples else [[e] for e in remembered]
        for group in groups:
            self._memory[group[0].state.key].append(StateAnswer(tuple(group)))

    def part(self, expansions: int) -> int:
        """Its share of this many expansions, at least one."""
        return max(1, round(expansions * self._share))

    def ask(self, n: int) -> list[tuple[ProofState, StateAnswer | None]]:
        """Up to n states, each with the answer if it is remembered; taken from the budget."""
        asked: list[tuple[ProofState, StateAnswer | None]] = []
        for state in self.search.ask(n):
            waiting = self._memory.get(state.key)
            answer = waiting.popleft() if waiting else None
            self.budget.asked += answer is None or not answer.is_counted
            asked.append((state, answer))
        return asked

    def draw(self, asked: Sequence[ProofState]) -> list[int]:
        """A number for each asked state, so that it has draws of its own.

        For samples the number of the sample; else how often the state was asked of before.
        """
        drawn = []
        for state in asked:
            place = "" if self.config.samples else state.key
            drawn.append(self._drawn[place])
            self._drawn[place] += 1
        return drawn

    def tell(self, answer: StateAnswer) -> list[Expansion]:
        """Tell the search; returns the expansions that are news for the record."""
        self._told.append(replace(answer, is_counted=True))
        self.search.tell(answer.expansions)
        if answer.is_counted:
            return []
        self.budget.asked += len(answer.expansions) - 1
        self.budget.tell(answer.expansions)
        return list(answer.expansions)

    def proof(self) -> str:
        """The tactic block of the proof found."""
        return script(self.search.proof())

    def ban(self, refused: Attempt) -> bool:
        """Begin anew without the proof refused; False when that is evidence, or once too often.

        The last closing tactic of the proof is not tried again; all else is remembered.
        """
        assert isinstance(refused.verdict, Refused)
        kinds = {reason.kind for reason in refused.verdict.reasons}
        allowed = RETRIED | {RefusalKind.SORRY} if self.theorem.negates else RETRIED
        if len(self.refused) >= self._retries or not kinds <= allowed:
            return False
        self.refused.append(refused)
        self.banned.add(_last_closing(self.search.proof()))
        for answer in reversed(self._told):
            if not any(
                (expansion.state.key, step.tactic) in self.banned
                for expansion in answer.expansions
                for step in expansion.steps
            ):
                self._memory[answer.expansions[0].state.key].appendleft(answer)
        self._told = []
        self.search = self.config.start(self.theorem.state)
        return True

    def end(
        self,
        stop: StopReason,
        *,
        proof: str | None = None,
        verdict: Verdict | None = None,
        detail: str = "",
    ) -> Attempt:
        """The attempt, with what it has spent by now."""
        spent = self.budget
        counts = spent.expansions, spent.steps, spent.spent_s
        visits = self.search.graph.visits()
        return Attempt(self.theorem, stop, proof, verdict, *counts, detail, visits)

    def give_up(self, stop: StopReason) -> Attempt:
        """The attempt that found nothing, or only what was refused: then that, as evidence."""
        if not self.refused:
            if failure := self.watch.failure(stop):
                return self.end(StopReason.MODEL_FAILED, detail=failure)
            is_stuck = stop is StopReason.DEAD_END and len(self.search.graph.nodes) == 1
            return self.end(
                stop, detail=self.watch.nothing_taken(self.budget.steps) if is_stuck else ""
            )
        last = self.refused[-1]
        return self.end(
            StopReason.REFUSED, proof=last.proof, verdict=last.verdict, detail=last.detail
        )


def untried(theorem: Theorem) -> StopReason | None:
    """Why a theorem is not tried at all; None where it is."""
    if not theorem.is_stated:
        return StopReason.OPEN_STATEMENT
    return None if theorem.is_prop else StopReason.NOT_A_PROPOSITION


def _last_closing(tree: ProofTree) -> tuple[str, str]:
    """The last step of a proof in the order it is written."""
    while tree.children:
        tree = tree.children[-1]
    return tree.state.key, tree.tactic
