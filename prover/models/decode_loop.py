"""The decode loop: a batch of prompts in, completions out as they are ready.

Every prompt is read once; its siblings then grow token by token. Rows that are finished, or whose
answer is not waited for any more, leave the batch, and new prompts join it (continuous batching,
Orca, OSDI 2022).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from . import beam_search
from .base import Generated
from .decoding import Call, DecodeBatch, Decoder
from .forward import Forward

JOIN_EVERY = 16
"""Tokens between two looks for new prompts: to read one halts all rows."""


@dataclass(frozen=True, slots=True)
class Loop(Decoder):
    """The decode loop over a forward pass."""

    forward: Forward

    @property
    def shares(self) -> bool:
        """Whether siblings read their prompt's cache in place."""
        return self.forward.shares

    def _run(self, call: Call) -> Iterator[tuple[int, Generated]]:
        vocabulary, jobs, collector = call.vocabulary, call.jobs, call.collector
        prefilled = self.forward.prefill([job.tokens for job in jobs])
        yield from collector.admit(jobs, prefilled.values)
        if not any(job.sampling.n for job in jobs):
            return
        if jobs[0].sampling.beam:
            yield from beam_search.search(prefilled, vocabulary, jobs, call.wanted, collector)
            return
        batch = DecodeBatch.of(prefilled, jobs, 0)
        for steps in itertools.count(1):
            yield from batch.step(vocabulary, call.wanted, collector)
            if not batch.draws.rows:
                return
            if batch.state.joins and steps % JOIN_EVERY == 0 and (late := call.more()):
                prefilled = self.forward.prefill([job.tokens for job in late])
                batch.join(DecodeBatch.of(prefilled, late, len(collector.jobs)))
                yield from collector.admit(late, prefilled.values)
