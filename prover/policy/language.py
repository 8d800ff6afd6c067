"""A policy that asks a language model: a prompt for each state, proposals from the completions.

Identical prompts are sent once, and a request is withdrawn when all who wait for it are cancelled.
The answer for a state does not depend on the order of requests. Knows neither how the model runs
nor Lean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import exp

from ...data.records import Premise
from ..concurrency import run_all
from ..models.base import Completion, Generated, LanguageModel, Prompt, Sampling
from ..models.server_watch import WatchGroup, observe_requests, request_observer
from .base import PolicyOutput, Proposal, Query
from .critic import value_of
from .prompts import PromptFormat

REMEMBERED = 4_096
"""Most answers in memory; the oldest are dropped."""

LEAST_PRIOR = 1e-6
"""Of a proposal, against the best one of its state."""

Premises = Callable[[Query], Awaitable[Sequence[Premise]]]
"""Chooses the premises that the prompt for a state shows."""

Question = tuple[Prompt, int]
"""A prompt, and the seed of its draws."""


@dataclass(slots=True)
class PendingQuestion:
    """A request under way, and how many wait for its answer."""

    task: asyncio.Task[Generated]
    watches: WatchGroup
    waiting: int = 0


class LanguagePolicy:
    """Proposes what a model writes.

    Priors are the completions' probabilities where the model gives them, else their frequencies;
    values are those of its value head, else its likelihood. Sample number k is completion k mod n
    of the draw of seed + (k - k mod n).

    Args:
        model: what is asked.
        form: the prompt format.
        sampling: how completions are drawn.
        retrieval: chooses the premises of prompts, if any are shown.
    """

    def __init__(
        self,
        model: LanguageModel,
        form: PromptFormat,
        sampling: Sampling,
        retrieval: Premises | None = None,
    ) -> None:
        self._model = model
        self._retrieval = retrieval
        self._form = form
        self._sampling = replace(sampling, stop=(*form.stop, *sampling.stop))
        self._pending: dict[Question, PendingQuestion] = {}
        self._answers: dict[Question, Generated] = {}

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query, in order. Raises ModelUnavailable, UsageError."""
        answers = await run_all([self._ask(query) for query in queries])
        return [self._advice(*pair) for pair in zip(queries, answers, strict=True)]

    async def _ask(self, query: Query) -> Generated:
        premises = await self._retrieval(query) if self._retrieval else ()
        drawn = query.again if query.sample is None else query.sample // self._sampling.n
        seed = self._sampling.seed + drawn * self._sampling.n
        return await self._answer((self._form.write(query, premises), seed))

    async def _answer(self, question: Question) -> Generated:
        observer = request_observer()
        if question in self._answers:
            observer.answered(self._answers[question], question[0])
            return self._answers[question]
        pending = self._pending.get(question)
        if pending is None:
            watches = WatchGroup()
            pending = PendingQuestion(
                asyncio.create_task(self._generate(question, watches)), watches
            )
            self._pending[question] = pending
        pending.waiting += 1
        pending.watches.join(observer)
        try:
            answer = await asyncio.shield(pending.task)
            observer.answered(answer, question[0])
            return answer
        finally:
            pending.waiting -= 1
            pending.watches.leave(observer)
            if not pending.waiting:
                pending.task.cancel()
                if self._pending.get(question) is pending:
                    del self._pending[question]

    async def _generate(self, question: Question, watches: WatchGroup) -> Generated:
        observe_requests(watches)
        prompt, seed = question
        answer = (await self._model.generate([prompt], replace(self._sampling, seed=seed)))[0]
        if len(self._answers) >= REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = answer
        return answer

    def _advice(self, query: Query, answer: Generated) -> PolicyOutput:
        completions = answer.completions
        if query.sample is not None:
            completions = completions[query.sample % self._sampling.n :][:1]
        found = [(self._read(each, query), each) for each in completions]
        proposals = _priors([(tactic, each) for tactic, each in found if tactic])
        return PolicyOutput(proposals, value_of(answer), sum(each.tokens for each in completions))

    def _read(self, completion: Completion, query: Query) -> str | None:
        if not (completion.finished or self._form.is_whole_proof):
            return None  # half a tactic
        return self._form.read(completion.text, query)


def _priors(found: Sequence[tuple[str, Completion]]) -> tuple[Proposal, ...]:
    """Merge equal tactics; the mass of each, the best one's as 1.

    With log-probabilities it is that of the different texts drawn, without it how often it came.
    """
    texts = {completion.text: (tactic, completion.log_prob) for tactic, completion in found}
    log_probs = [log_prob for _, log_prob in texts.values() if log_prob is not None]
    mass: dict[str, float] = {}
    if log_probs and len(log_probs) == len(texts):
        for tactic, log_prob in texts.values():
            mass[tactic] = mass.get(tactic, 0.0) + exp((log_prob or 0.0) - max(log_probs))
    else:
        for tactic, _ in found:
            mass[tactic] = mass.get(tactic, 0.0) + 1.0
    best = max(mass.values(), default=1.0)
    return tuple(Proposal(t, max(LEAST_PRIOR, m / best)) for t, m in mass.items())
