"""The decode loop: a batch of prompts in, completions out as they are ready.

Every prompt is read once; its siblings then grow token by token, and rows that are finished,
or that nobody waits for any more, leave the batch. It knows tokens and texts, no tactics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .batching import Job
from .draw import Draw, distinct_first, noise, on
from .forward import Forward, Prefilled
from .model import Completion, Generated

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
        places = [place for s in stop if (place := text.find(s)) >= 0]
        return text[: min(places)] if places else None


@dataclass(slots=True)
class Row:
    """One completion while it grows. job: its index in the batch; index: among its siblings."""

    job: int
    index: int
    tokens: list[int] = field(default_factory=list)
    log_prob: float = 0.0
    text: str | None = None
    finished: bool = True

    def add(self, token: int, log_prob: float, job: Job, vocabulary: Vocabulary) -> bool:
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


class Gathering:
    """Collects the completions of each job until all of its siblings are there."""

    def __init__(self, jobs: Sequence[Job], values: list[float] | None) -> None:
        self._jobs = jobs
        self._values = values
        self._done: list[dict[int, Completion]] = [{} for _ in jobs]

    def add(self, row: Row) -> tuple[int, Generated] | None:
        """Take a finished row; the job's answer when it was the last."""
        done = self._done[row.job]
        done[row.index] = row.completion()
        if len(done) < self._jobs[row.job].sampling.n:
            return None
        return row.job, self.answer(row.job, [done[i] for i in range(len(done))])

    def answer(self, job: int, completions: Sequence[Completion]) -> Generated:
        """An answer with these completions."""
        value = None if self._values is None else self._values[job]
        return Generated(tuple(completions), value, len(self._jobs[job].tokens))


def run(
    forward: Forward,
    vocabulary: Vocabulary,
    jobs: Sequence[Job],
    wanted: Callable[[int], bool] = lambda _: True,
) -> Iterator[tuple[int, Generated]]:
    """Answer jobs, each as soon as its last completion is over; all of one kind (beam or not).

    Sample i of a prompt is the same in every batch, up to rounding in the forward pass.
    """
    import torch

    yield from torch.inference_mode()(_run)(forward, vocabulary, jobs, wanted)


def _run(
    forward: Forward, vocabulary: Vocabulary, jobs: Sequence[Job], wanted: Callable[[int], bool]
) -> Iterator[tuple[int, Generated]]:
    from . import beam

    prefilled = forward.prefill([job.tokens for job in jobs])
    gathering = Gathering(jobs, prefilled.values)
    for i, job in enumerate(jobs):
        if job.sampling.n == 0:
            yield i, gathering.answer(i, ())
    if any(job.sampling.n for job in jobs):
        search = beam.search if jobs[0].sampling.beam else sample
        yield from search(prefilled, vocabulary, jobs, wanted, gathering)


def sample(
    prefilled: Prefilled,
    vocabulary: Vocabulary,
    jobs: Sequence[Job],
    wanted: Callable[[int], bool],
    gathering: Gathering,
) -> Iterator[tuple[int, Generated]]:
    """Draw n completions of each job."""
    rows = [Row(j, i) for j, job in enumerate(jobs) for i in range(job.sampling.n)]
    owners = [row.job for row in rows]
    state = prefilled.rows(owners)
    logits = prefilled.logits[owners]
    uniform = _noise(jobs, rows).to(logits.device)
    draw = Draw(
        on([jobs[j].sampling.temperature for j in owners], logits),
        on([jobs[j].sampling.top_p for j in owners], logits),
    )
    growing = [True] * len(rows)
    for step in range(uniform.shape[1]):
        tokens, log_probs = draw(logits, uniform[:, step])
        if step == 0:
            tokens, log_probs = _first(prefilled.logits, jobs, tokens, log_probs)
        for i, (token, log_prob) in enumerate(
            zip(tokens.tolist(), log_probs.tolist(), strict=True)
        ):
            if not growing[i]:
                continue
            row = rows[i]
            over = row.add(token, log_prob, jobs[row.job], vocabulary)
            growing[i] = not over and wanted(row.job)
            if over and (answer := gathering.add(row)):
                yield answer
        if not any(growing):
            return
        if sum(growing) <= COMPACT * len(rows):
            index = [i for i, still in enumerate(growing) if still]
            chosen = tokens.new_tensor(index)
            state.keep(index)
            rows, growing = [rows[i] for i in index], [True] * len(index)
            tokens, uniform, draw = tokens[chosen], uniform[chosen], draw.keep(chosen)
        logits = state.step(tokens)


def _noise(jobs: Sequence[Job], rows: Sequence[Row]) -> Tensor:
    """The uniform numbers of each row, one for each token, [rows, longest cap]."""
    import torch

    longest = max(job.sampling.max_tokens for job in jobs)
    uniform = torch.zeros(len(rows), longest)
    for line, row in zip(uniform, rows, strict=True):
        cap = jobs[row.job].sampling.max_tokens
        line[:cap] = noise(jobs[row.job], row.index, cap)
    return uniform


def _first(
    logits: Tensor, jobs: Sequence[Job], tokens: Tensor, log_probs: Tensor
) -> tuple[Tensor, Tensor]:
    """Replace the first tokens of jobs that want different ones."""
    start = 0
    for j, job in enumerate(jobs):
        end = start + job.sampling.n
        if job.sampling.distinct_first and job.sampling.n:
            tokens[start:end] = tokens.new_tensor(distinct_first(logits[j], job))
            log_probs[start:end] = logits[j].log_softmax(-1)[tokens[start:end]]
        start = end
    return tokens, log_probs
