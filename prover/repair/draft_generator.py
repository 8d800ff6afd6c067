"""Generates drafts, whole proofs or sketches with holes: by a model in conversation, or from texts.

All first drafts of a theorem are requested at once, and all later ones of a round; so the batches
of a model are full. Draws depend on the seed and the conversation, not on the timing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ...data.errors import unreadable
from ...data.records import Theorem
from ...data.turns import Turn
from ..concurrency import run_all
from ..models.base import Completion, Generated, LanguageModel, Prompt, Sampling
from ..models.server_watch import request_observer
from ..policy.answers import proof_in
from ..policy.base import Policy, PolicyOutput, Proposal, Query
from ..policy.prompts import PromptFormat
from ..retrieval.base import Retrieval

SEED_STRIDE = 1 << 20
"""Seed stride between rounds; exceeds the number of conversations, so that seeds never repeat."""


@dataclass(slots=True)
class Conversation:
    """One conversation about a theorem.

    number: among those of the theorem. answer: the last one. block: its tactic block, if it has
    one. tokens: of the last answer. rounds: answers by now. is_over: there is no further answer.
    unkept: turns that are still to be recorded.
    """

    number: int
    prompt: Prompt = field(default_factory=Prompt)
    answer: str = ""
    block: str | None = None
    tokens: int = 0
    rounds: int = 0
    is_over: bool = False
    unkept: list[Turn] = field(default_factory=list)

    def take_turns(self, is_right: bool) -> list[Turn]:
        """The turns not yet recorded, the last answer marked right or wrong."""
        turns, self.unkept = self.unkept, []
        if turns and turns[-1].role == "assistant":
            turns[-1] = replace(turns[-1], is_right=is_right)
        return turns


class DraftGenerator(Protocol):
    """Anything that generates drafts."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    def with_seed(self, seed: int) -> DraftGenerator:
        """The same generator without any conversation, with draws of the seed."""
        ...

    async def begin(self, theorem: Theorem, most: int) -> list[Conversation]:
        """Begin at most `most` conversations, each with a first draft.

        Raises ModelUnavailable, UsageError.
        """
        ...

    async def go_on(
        self, theorem: Theorem, conversation: Conversation, feedback: Mapping[str, str]
    ) -> None:
        """Go on with a draft in reply to feedback. Raises ModelUnavailable, UsageError."""
        ...


class ModelDraftGenerator:
    """A language model that is asked for whole proofs or sketches."""

    def __init__(
        self,
        model: LanguageModel,
        form: PromptFormat,
        sampling: Sampling,
        retrieval: Retrieval | None = None,
    ) -> None:
        self._model = model
        self._form = form
        self._sampling = replace(sampling, stop=tuple(dict.fromkeys((*form.stop, *sampling.stop))))
        self._retrieval = retrieval

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    def with_seed(self, seed: int) -> ModelDraftGenerator:
        """With draws of its own."""
        sampling = replace(self._sampling, seed=self._sampling.seed + seed)
        return ModelDraftGenerator(self._model, self._form, sampling, self._retrieval)

    async def begin(self, theorem: Theorem, most: int) -> list[Conversation]:
        """As many completions of one prompt."""
        query = Query(theorem, theorem.state)
        premises = await self._retrieval(query) if self._retrieval else ()
        prompt = self._form.write(query, premises)
        sampling = replace(self._sampling, n=most)
        answers = (await self._ask(prompt, sampling)).completions
        begun = [Conversation(number, prompt) for number in range(len(answers))]
        for conversation, answer in zip(begun, answers, strict=True):
            conversation.unkept += _turns(conversation.number, prompt)
            self._record(theorem, conversation, answer)
        return begun

    async def go_on(
        self, theorem: Theorem, conversation: Conversation, feedback: Mapping[str, str]
    ) -> None:
        """The completion of the conversation so far and the feedback."""
        before = conversation.prompt
        prompt = self._form.reply(before, conversation.answer, feedback)
        seed = self._sampling.seed + SEED_STRIDE * (conversation.rounds) + conversation.number
        sampling = replace(self._sampling, n=1, seed=seed)
        answer = (await self._ask(prompt, sampling)).completions
        question = prompt.messages[-1].text if prompt.messages else prompt.text
        conversation.prompt = prompt
        conversation.unkept.append(Turn(conversation.number, "user", question, is_feedback=True))
        if answer:
            self._record(theorem, conversation, answer[0])
        conversation.is_over = not answer

    async def _ask(self, prompt: Prompt, sampling: Sampling) -> Generated:
        answer = (await self._model.generate([prompt], sampling))[0]
        request_observer().answered(answer)
        return answer

    def _record(self, theorem: Theorem, conversation: Conversation, answer: Completion) -> None:
        conversation.answer = answer.text
        conversation.block = self._form.read(answer.text, Query(theorem, theorem.state))
        conversation.tokens = answer.tokens
        conversation.rounds += 1
        turn = Turn(conversation.number, "assistant", answer.text, tokens=answer.tokens)
        conversation.unkept.append(turn)


def _turns(number: int, prompt: Prompt) -> list[Turn]:
    if not prompt.messages:
        return [Turn(number, "user", prompt.text)]
    return [Turn(number, message.role, message.text) for message in prompt.messages]


class FixedDrafts:
    """What a policy proposes at the root, one text after the other; feedback is ignored."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self._policy = policy
        self._left: dict[Theorem, list[Proposal]] = {}

    def with_seed(self, seed: int) -> FixedDrafts:
        """From the first text on."""
        return FixedDrafts(self._policy)

    async def begin(self, theorem: Theorem, most: int) -> list[Conversation]:
        """The first texts."""
        advice = (await self._policy.propose([Query(theorem, theorem.state)]))[0]
        self._left[theorem] = list(advice.proposals[most:])
        first = advice.proposals[:most]
        return [self._answer(Conversation(n), proposal) for n, proposal in enumerate(first)]

    async def go_on(
        self, theorem: Theorem, conversation: Conversation, feedback: Mapping[str, str]
    ) -> None:
        """The next text, if there is one."""
        left = self._left[theorem]
        conversation.is_over = not left
        if left:
            self._answer(conversation, left.pop(0))

    def _answer(self, conversation: Conversation, proposal: Proposal) -> Conversation:
        conversation.answer = conversation.block = proposal.tactic
        conversation.rounds += 1
        return conversation


class FileDrafts:
    """A policy that proposes the drafts of a Lean text: by theorem name, or one block for all."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """The draft, at the root of its theorem."""
        return [PolicyOutput(self._at(query)) for query in queries]

    def _at(self, query: Query) -> tuple[Proposal, ...]:
        if query.state.key != query.theorem.state.key:
            return ()
        block = proof_in(self._text, query.theorem.name, strict=True)
        return (Proposal(block, 1.0),) if block else ()


def read_drafts(path: Path) -> FileDrafts:
    """The drafts of a Lean file. Raises UsageError."""
    try:
        return FileDrafts(f"sketch:{path}", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None


async def continue_all(
    generator: DraftGenerator,
    theorem: Theorem,
    answered: Sequence[tuple[Conversation, Mapping[str, str]]],
) -> None:
    """Go on with several conversations at once, each with its feedback."""
    await run_all([generator.go_on(theorem, each, feedback) for each, feedback in answered])
