"""One search under way: its budget, the answers it got, and the steps it may not take again.

Replays recorded expansions before calling Lean, so that a resumed search, or one started again
without a proof that was refused, reaches the same state without repeating work. It knows no pool
and no policy.
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
from .expander import SearchMemory
from .ladder import Ladder, Postponed, TacticBatch, is_cut_off
from .rejections import Rejections, StoredRejections, unknown
from .sampler import split_samples

RETRIED = {
    RefusalKind.NOT_A_BLOCK,
    RefusalKind.FORBIDDEN_SYNTAX,
    RefusalKind.DOES_NOT_COMPILE,
    RefusalKind.AXIOM,
}
"""Refusals after which another proof is looked for; others end the attempt and are reported."""


@dataclass(frozen=True, slots=True)
class StateAnswer:
    """What came of one state that the search asked for: an expansion, or those of a sample.

    is_counted: it has been recorded and taken from the budget before.
    """

    expansions: tuple[Expansion, ...]
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class AskedState:
    """A state that the search asked for.

    answer: where it is remembered. left: tactics that were postponed there, to be tried now.
    """

    state: ProofState
    answer: StateAnswer | None = None
    left: TacticBatch | None = None
    number: int = 0


class SearchState:
    """One search for one theorem.

    Args:
        theorem: what to prove.
        config: the budgets of a theorem, and which search.
        clock: in seconds.
        share: of the budgets, in (0, 1].
        remembered: expansions of an earlier search, in the order in which it got them.
        rejected: what Lean rejected in earlier searches.
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
        ladder = Ladder(config.heartbeats)
        self.memory = SearchMemory(self.banned, Rejections(rejected), ladder)
        self.refused: list[Attempt] = []
        self._drawn: Counter[str] = Counter()
        self._retries = config.retries
        self._answers: list[StateAnswer] = []
        self._postponed = Postponed(ladder)
        self._memory: defaultdict[str, deque[StateAnswer]] = defaultdict(deque)
        whole = [e for e in remembered if not any(map(is_cut_off, e.steps))]
        groups = split_samples(whole) if self.config.samples else [[e] for e in whole]
        for group in groups:
            self._memory[group[0].state.key].append(StateAnswer(tuple(group)))

    def share_of(self, expansions: int) -> int:
        """This search's share of the expansions, at least one."""
        return max(1, round(expansions * self._share))

    def ask(self, n: int) -> list[AskedState]:
        """Up to n states, each with the answer if it is remembered; taken from the budget.

        Each has a number, so that it has draws of its own: for samples the number of the sample;
        else how often the policy was asked about it before.
        """
        asked: list[AskedState] = []
        for state in self.search.ask(n):
            waiting = self._memory.get(state.key)
            answer = waiting.popleft() if waiting else None
            self.budget.taken += answer is None or not answer.is_counted
            left = self._postponed.at(state)
            key = "" if self.config.samples else state.key
            asked.append(AskedState(state, answer, left, self._drawn[key]))
            self._drawn[key] += left is None
        return asked

    def tell(self, answer: StateAnswer) -> list[Expansion]:
        """Tell the search; returns the expansions that are not recorded yet."""
        self._answers.append(replace(answer, is_counted=True))
        self._postponed.note(answer.expansions)
        self.search.tell(answer.expansions)
        if answer.is_counted:
            return []
        self.budget.taken += len(answer.expansions) - 1
        self.budget.spend(answer.expansions)
        return list(answer.expansions)

    def cut_off(self, expansions: Sequence[Expansion]) -> None:
        """Count what was tried when the search had to end."""
        self.budget.spend(expansions)

    def proof(self) -> str:
        """The tactic block of the proof found."""
        return script(self.search.proof())

    def ban(self, refused: Attempt) -> bool:
        """Start again without the refused proof; False if the refusal is final, or one too many.

        The last closing tactic of the proof is not tried again; all else is remembered.
        """
        assert isinstance(refused.verdict, Refused)
        kinds = {reason.kind for reason in refused.verdict.reasons}
        allowed = RETRIED | {RefusalKind.SORRY} if self.theorem.negates else RETRIED
        if len(self.refused) >= self._retries or not kinds <= allowed:
            return False
        self.refused.append(refused)
        self.banned.add(_last_closing(self.search.proof()))
        for answer in reversed(self._answers):
            if not any(
                (expansion.state.key, step.tactic) in self.banned
                for expansion in answer.expansions
                for step in expansion.steps
            ):
                self._memory[answer.expansions[0].state.key].appendleft(answer)
        self._answers = []
        self._postponed = Postponed(self.memory.ladder)
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
        """The attempt that found no proof; with the last refused one, if there was any."""
        if not self.refused:
            if failure := self.watch.failure(stop):
                return self.end(StopReason.MODEL_FAILED, detail=failure)
            is_stuck = stop is StopReason.DEAD_END and len(self.search.graph.nodes) == 1
            return self.end(
                stop, detail=self.watch.all_rejected(self.budget.steps) if is_stuck else ""
            )
        last = self.refused[-1]
        return self.end(
            StopReason.REFUSED, proof=last.proof, verdict=last.verdict, detail=last.detail
        )


def _last_closing(tree: ProofTree) -> tuple[str, str]:
    """The last step of a proof in the order it is written."""
    while tree.children:
        tree = tree.children[-1]
    return tree.state.key, tree.tactic
