"""What decoding is made of: rows that grow by tokens, the noise they are drawn with, their answers.

decode_loop.py runs it over a forward pass, public_model.py over transformers' `generate`. It knows
tokens and texts, no tactics.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .base import Completion, Generated
from .forward import Prefilled, Rows
from .request_queue import GenerationRequest
from .token_sampling import Draw, as_tensor, distinct_first, uniform_noise

if TYPE_CHECKING:
    from torch import Tensor

COMPACT = 0.75
"""The batch is rebuilt when no more than this share of its rows still grows."""


class Vocabulary:
    """What the decode loop needs of a tokenizer. ends: the tokens that end a completion."""

    def __init__(self, tokenizer: Any, ends: frozenset[int]) -> None:
        self.ends = ends
        self._tokenizer = tokenizer
        self._pieces: dict[int, str] = {}

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""
        text: str = self._tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def may_end(self, token: int, stop: Sequence[str]) -> bool:
        """Whether a stop text can end in this token, whatever stands before it."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self.text([token])
        partial = not piece or "\ufffd" in piece  # of a letter of several bytes
        return partial or any(s[-1] in piece or s[-1] == " " for s in stop)

    def cut(self, text: str, stop: Sequence[str]) -> str | None:
        """The text before the first stop text; None if there is none in it."""
        starts = [start for s in stop if (start := text.find(s)) >= 0]
        return text[: min(starts)] if starts else None


@dataclass(slots=True)
class DecodedRow:
    """One completion while it grows.

    job: its index in the batch. index: among its siblings, the completions of one prompt. first: a
    first token that was chosen beforehand. finished: whether it ended before its length limit.
    """

    job: int
    index: int
    tokens: list[int] = field(default_factory=list)
    log_prob: float = 0.0
    text: str | None = None
    finished: bool = True
    first: int | None = None

    def add(
        self, token: int, log_prob: float, job: GenerationRequest, vocabulary: Vocabulary
    ) -> bool:
        """Append a token; whether the completion is over."""
        self.tokens.append(token)
        self.log_prob += log_prob
        stop = job.sampling.stop
        if token in vocabulary.ends:
            self.text = vocabulary.text(self.tokens[:-1])
        elif stop and vocabulary.may_end(token, stop):
            self.text = vocabulary.cut(vocabulary.text(self.tokens), stop)
        if self.text is None and len(self.tokens) >= job.sampling.max_tokens:
            self.text = vocabulary.text(self.tokens)
            self.finished = False
        return self.text is not None

    def completion(self) -> Completion:
        """What became of it."""
        return Completion(self.text or "", self.log_prob, len(self.tokens), self.finished)


class CompletionCollector:
    """Collects the completions of each job until all of its siblings are there."""

    def __init__(self) -> None:
        self.jobs: list[GenerationRequest] = []
        self._values: list[float | None] = []
        self._done: list[dict[int, Completion]] = []

    def admit(
        self, jobs: Sequence[GenerationRequest], values: Sequence[float] | None
    ) -> list[tuple[int, Generated]]:
        """Expect answers to these jobs as well; those to jobs that want no completion.

        values: what the model's head says of each.
        """
        first = len(self.jobs)
        self.jobs += jobs
        self._values += [None] * len(jobs) if values is None else values
        self._done += [{} for _ in jobs]
        none = [i for i, job in enumerate(jobs, first) if job.sampling.n == 0]
        return [(i, self.answer(i, ())) for i in none]

    def add(self, row: DecodedRow) -> tuple[int, Generated] | None:
        """Take a finished row; the job's answer when it was the last."""
        done = self._done[row.job]
        done[row.index] = row.completion()
        if len(done) < self.jobs[row.job].sampling.n:
            return None
        return row.job, self.answer(row.job, [done[i] for i in range(len(done))])

    def answer(self, job: int, completions: Sequence[Completion]) -> Generated:
        """An answer with these completions."""
        return Generated(tuple(completions), self._values[job], len(self.jobs[job].tokens))


def nobody() -> Sequence[GenerationRequest]:
    """No further jobs."""
    return ()


@dataclass(frozen=True, slots=True)
class Call:
    """What a decoder is asked at once.

    wanted: whether the answer to a job, by its index, is still waited for. more: gives the jobs
    that are to join now; their indices go on from those before. collector: of all completions.
    """

    vocabulary: Vocabulary
    jobs: Sequence[GenerationRequest]
    wanted: Callable[[int], bool]
    more: Callable[[], Sequence[GenerationRequest]]
    collector: CompletionCollector = field(default_factory=CompletionCollector)


class Decoder(ABC):
    """A way to run a model: prompts in, completions out."""

    @property
    @abstractmethod
    def shares(self) -> bool:
        """Whether siblings read their prompt's cache in place."""

    def run(
        self,
        vocabulary: Vocabulary,
        jobs: Sequence[GenerationRequest],
        wanted: Callable[[int], bool] = lambda _: True,
        more: Callable[[], Sequence[GenerationRequest]] = nobody,
    ) -> Iterator[tuple[int, Generated]]:
        """Answer jobs, each as soon as its last completion is over; all of one kind (beam or not).

        wanted, more: as in Call; `more` need not be called. Sample i of a prompt is the same in
        every batch, up to rounding in the forward pass.
        """
        import torch

        yield from torch.inference_mode()(self._run)(Call(vocabulary, jobs, wanted, more))

    @abstractmethod
    def _run(self, call: Call) -> Iterator[tuple[int, Generated]]:
        """Answer a call."""


@dataclass(slots=True)
class Draws:
    """Rows that grow together, and the noise that their tokens are drawn with.

    uniform: [rows, longest cap], the noise of each token; at: [rows], how many tokens each has.
    over: the indices of rows that need no more tokens.
    """

    rows: list[DecodedRow]
    uniform: Tensor
    at: Tensor
    draw: Draw
    over: set[int] = field(default_factory=set)

    @staticmethod
    def of(logits: Tensor, jobs: Sequence[GenerationRequest], numbers: Sequence[int]) -> Draws:
        """The rows of jobs before their first token.

        logits: [jobs, vocabulary], of the first tokens. numbers: the index of each job.
        """
        import torch

        rows: list[DecodedRow] = []
        for scores, job, number in zip(logits, jobs, numbers, strict=True):
            n = job.sampling.n
            first: Sequence[int | None] = [None] * n
            if n and job.sampling.distinct_first:
                first = distinct_first(scores, job)
            rows += [DecodedRow(number, i, first=token) for i, token in enumerate(first)]
        owners = owners_of(jobs)
        uniform = torch.zeros(len(rows), max(job.sampling.max_tokens for job in jobs))
        for line, row, owner in zip(uniform, rows, owners, strict=True):
            cap = jobs[owner].sampling.max_tokens
            line[:cap] = uniform_noise(jobs[owner], row.index, cap)
        samplings = [jobs[owner].sampling for owner in owners]
        draw = Draw(
            as_tensor([each.temperature for each in samplings], logits),
            as_tensor([each.top_p for each in samplings], logits),
        )
        at = torch.zeros(len(rows), dtype=torch.long, device=logits.device)
        return Draws(rows, uniform.to(logits.device), at, draw)

    def add(
        self,
        logits: Tensor,
        vocabulary: Vocabulary,
        wanted: Callable[[int], bool],
        collector: CompletionCollector,
    ) -> tuple[Tensor, list[tuple[int, Generated]]]:
        """Draw a token for each row, [rows], and give the answers that this completes.

        logits: [rows, vocabulary], float32.
        """
        at = self.at.clamp(max=self.uniform.shape[1] - 1)[:, None]
        tokens, log_probs = self.draw(logits, self.uniform.gather(1, at)[:, 0])
        for i, row in enumerate(self.rows):  # first tokens that were chosen beforehand
            if row.first is not None:
                tokens[i] = row.first
                log_probs[i] = logits[i].log_softmax(-1)[row.first]
                row.first = None
        answers = []
        drawn = zip(self.rows, tokens.tolist(), log_probs.tolist(), strict=True)
        for i, (row, token, log_prob) in enumerate(drawn):
            if i in self.over:
                continue
            if row.add(token, log_prob, collector.jobs[row.job], vocabulary):
                self.over.add(i)
                if answer := collector.add(row):
                    answers.append(answer)
            elif not wanted(row.job):
                self.over.add(i)
        self.at = self.at + 1
        return tokens, answers

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        chosen = self.at.new_tensor(index)
        self.rows = [self.rows[i] for i in index]
        self.over = set()
        self.at, self.uniform = self.at[chosen], self.uniform[chosen]
        self.draw = self.draw.keep(chosen)

    def join(self, fresh: Draws) -> None:
        """Go on with fresh rows as well."""
        import torch
        from torch.nn.functional import pad

        self.rows = [*self.rows, *fresh.rows]
        longest = max(self.uniform.shape[1], fresh.uniform.shape[1])
        uniforms = [pad(u, (0, longest - u.shape[1])) for u in (self.uniform, fresh.uniform)]
        self.uniform = torch.cat(uniforms)
        self.at = torch.cat([self.at, fresh.at])
        self.draw = self.draw.join(fresh.draw)


def owners_of(jobs: Sequence[GenerationRequest]) -> list[int]:
    """The index of the job of each row."""
    return [number for number, job in enumerate(jobs) for _ in range(job.sampling.n)]


@dataclass(slots=True)
class DecodeBatch:
    """Rows that grow in a forward pass, and what their next tokens are drawn from.

    logits: [rows, vocabulary]. Rows that are over stay until many are, so that few are moved.
    """

    draws: Draws
    state: Rows
    logits: Tensor

    @staticmethod
    def of(prefilled: Prefilled, jobs: Sequence[GenerationRequest], first: int) -> DecodeBatch:
        """The rows of jobs that were read. first: the index of job 0."""
        draws = Draws.of(prefilled.logits, jobs, range(first, first + len(jobs)))
        owners = owners_of(jobs)
        return DecodeBatch(draws, prefilled.rows(owners), prefilled.logits[owners])

    def step(
        self, vocabulary: Vocabulary, wanted: Callable[[int], bool], collector: CompletionCollector
    ) -> Iterator[tuple[int, Generated]]:
        """Add a token to each row, and give the answers that this completes."""
        draws = self.draws
        tokens, answers = draws.add(self.logits, vocabulary, wanted, collector)
        yield from answers
        if len(draws.rows) - len(draws.over) <= COMPACT * len(draws.rows):
            index = [i for i in range(len(draws.rows)) if i not in draws.over]
            draws.keep(index)
            tokens = tokens[index]
            if index:
                self.state.keep(index)
        if draws.rows:
            self.logits = self.state.step(tokens)

    def join(self, fresh: DecodeBatch) -> None:
        """Go on with fresh rows as well."""
        import torch

        self.draws.join(fresh.draws)
        self.state.join(fresh.state)
        self.logits = torch.cat([self.logits, fresh.logits])
