"""Beam search: the n likeliest completions of each prompt, ranked by log-probability.

Nothing is drawn and no length is favoured; wide enough, it is exhaustive search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .base import Generated
from .decoding import CompletionCollector, DecodedRow, Vocabulary
from .forward import Prefilled
from .request_queue import GenerationRequest

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True)
class Beam:
    """One job's search. rows: still growing; over: ended; both by falling log-probability."""

    job: GenerationRequest
    index: int
    rows: list[DecodedRow] = field(default_factory=list)
    over: list[DecodedRow] = field(default_factory=list)

    def is_finished(self) -> bool:
        """Whether no growing row can still become one of the n best."""
        n = self.job.sampling.n
        enough = len(self.over) >= n and all(row.finished for row in self.over[:n])
        return not self.rows or (enough and self.over[n - 1].log_prob >= self.rows[0].log_prob)

    def grow(self, scores: Tensor, vocabulary: Vocabulary) -> list[int]:
        """Extend the rows by one token; the old row (its place) of each new one.

        scores: [rows, vocabulary], log-probability of each row with each token appended. What
        ends counts only among the n best, so that no row is ended where that is unlikely.
        """
        width = self.job.sampling.n
        rows: list[DecodedRow] = []
        parents: list[int] = []
        for rank, (log_prob, parent, token) in enumerate(_ranked(scores, 2 * width)):
            if len(rows) == width or log_prob == float("-inf"):
                break
            old = self.rows[parent]
            row = DecodedRow(self.index, 0, list(old.tokens), old.log_prob)
            if not row.add(token, log_prob - old.log_prob, self.job, vocabulary):
                rows.append(row)
                parents.append(parent)
            elif rank < width:
                self.over.append(row)
        self.rows = rows
        self.over.sort(key=lambda row: (not row.finished, -row.log_prob))
        del self.over[width:]
        return parents


def _ranked(scores: Tensor, take: int) -> Iterator[tuple[float, int, int]]:
    """(score, row, column), highest first; looked up `take` at a time, then twice as many."""
    flat, seen = scores.flatten(), 0
    while seen < len(flat):
        best = flat.topk(min(take, len(flat)))
        found = list(zip(best.values.tolist(), best.indices.tolist(), strict=True))
        for score, place in found[seen:]:
            yield score, *divmod(place, scores.shape[-1])
        seen, take = len(found), 2 * take


def search(
    prefilled: Prefilled,
    vocabulary: Vocabulary,
    jobs: Sequence[GenerationRequest],
    wanted: Callable[[int], bool],
    collector: CompletionCollector,
) -> Iterator[tuple[int, Generated]]:
    """The n likeliest completions of each job, likeliest first; cut ones after the finished."""
    import torch

    beams = [Beam(job, j, [DecodedRow(j, 0)]) for j, job in enumerate(jobs)]
    state = prefilled.rows(range(len(jobs)))
    logs = prefilled.logits.log_softmax(-1)
    while beams:
        index: list[int] = []
        start = 0
        for beam in beams:
            end = start + len(beam.rows)
            so_far = logs.new_tensor([row.log_prob for row in beam.rows])
            parents = beam.grow(logs[start:end] + so_far[:, None], vocabulary)
            if beam.is_finished():
                yield beam.index, collector.answer(beam.index, [r.completion() for r in beam.over])
                beam.rows = []
            elif not wanted(beam.index):
                beam.rows = []
            else:
                index += [start + parent for parent in parents]
            start = end
        beams = [beam for beam in beams if beam.rows]
        if beams:
            state.keep(index)
            tokens = [row.tokens[-1] for beam in beams for row in beam.rows]
            logs = state.step(torch.tensor(tokens, device=logs.device)).log_softmax(-1)
