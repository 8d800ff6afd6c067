"""Models run through transformers' documented `generate` alone: slower, but it needs no more.

Tokens are drawn by a logits processor with the noise of token_sampling.py, so that samples,
seeds and log-probabilities are those of the decode loop, and a stopping criterion ends rows at
stop texts. Beams are transformers' own. `generate_batch` (read in 5.24) is not used: it ends no
request at a text, its log-probabilities are those after temperature and nucleus, and its noise
is a batch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...data.errors import UsageError
from .agreement import PROMPTS, near
from .base import Completion, Generated
from .decoding import Call, DecodedRow, Decoder, Draws, Vocabulary
from .forward import ValueHead, encoded, padded
from .request_queue import GenerationRequest

if TYPE_CHECKING:
    from torch import Tensor

DEAD = -1e8
"""Beams of less log-probability only fill the width where there are fewer continuations."""


class PublicModel(Decoder):
    """A model of transformers that writes text; new prompts wait for the next batch.

    model: in evaluation mode; its generation settings are replaced, so that they change no
    scores. Raises UsageError when it writes no text.
    """

    shares = False

    def __init__(self, model: Any, head: ValueHead | None = None) -> None:
        if not model.can_generate():
            raise UsageError(f"{type(model).__name__} writes no text")
        self._model = model
        self._head = head
        self._reads_right = bool(model.config.is_encoder_decoder)
        self._forget_settings()
        self._pads = self._pads_well()

    def _run(self, call: Call) -> Iterator[tuple[int, Generated]]:
        jobs, collector = call.jobs, call.collector
        values = self._values(jobs) if self._head is not None else None
        yield from collector.admit(jobs, values)
        writing = [i for i, job in enumerate(jobs) if job.sampling.n]
        if writing and jobs[0].sampling.beam:
            for i in writing:
                if call.wanted(i):
                    yield i, collector.answer(i, self._beam(call.vocabulary, jobs[i]))
            return
        batches = [writing] if self._pads else [[i] for i in writing]
        for batch in batches:
            if batch:
                chooser = TokenChooser(call, batch)
                self._generate(
                    [jobs[i].tokens for i in batch for _ in range(jobs[i].sampling.n)],
                    max(jobs[i].sampling.max_tokens for i in batch),
                    logits_processor=chooser.processors(),
                    stopping_criteria=chooser.criteria(),
                )
                yield from chooser.answers

    def _beam(self, vocabulary: Vocabulary, job: GenerationRequest) -> list[Completion]:
        """The likeliest completions by transformers' beam search; cut ones after the finished."""
        width = job.sampling.n
        out = self._generate(
            [job.tokens],
            job.sampling.max_tokens,
            num_beams=width,
            num_return_sequences=width,
            **({"length_penalty": 0.0, "early_stopping": False} if width > 1 else {}),
            eos_token_id=sorted(vocabulary.ends) or None,
            stopping_criteria=stop_texts(vocabulary, job, self._first(job.tokens)),
            output_scores=True,
            return_dict_in_generate=True,
        )
        if width == 1:
            steps = self._model.compute_transition_scores(
                out.sequences, out.scores, normalize_logits=True
            )
            log_probs = [float(steps[0].sum())]
        else:
            log_probs = out.sequences_scores.tolist()
        rows = []
        for tokens, log_prob in zip(out.sequences.tolist(), log_probs, strict=True):
            row = DecodedRow(0, 0)
            for token in tokens[self._first(job.tokens) :]:
                if row.add(token, 0.0, job, vocabulary):
                    break
            row.log_prob = log_prob
            rows += [row] if log_prob > DEAD else []
        rows.sort(key=lambda row: (not row.finished, -row.log_prob))
        return [row.completion() for row in rows]

    def _first(self, prompt: Sequence[int]) -> int:
        """The place of the first new token in what `generate` gives back."""
        return 1 if self._reads_right else len(prompt)

    def _generate(self, prompts: Sequence[Sequence[int]], cap: int, **settings: Any) -> Any:
        """One call for prompts of any length. cap: most new tokens."""
        import torch

        tokens, mask = padded(prompts, 0, self._model.device, left=not self._reads_right)
        with torch.inference_mode():
            return self._model.generate(
                input_ids=tokens,
                attention_mask=mask.long(),
                max_new_tokens=cap,
                do_sample=False,
                **settings,
            )

    def _forget_settings(self) -> None:
        """Leave nothing in the model's generation settings but what its tokens mean."""
        from transformers import GenerationConfig

        given = self._model.generation_config
        names = ("bos_token_id", "eos_token_id", "decoder_start_token_id")
        tokens = {name: getattr(given, name, None) for name in names}
        plain = GenerationConfig(pad_token_id=0, **tokens)  # type: ignore[no-untyped-call]
        self._model.generation_config = plain

    def _pads_well(self) -> bool:
        """Whether prompts of several lengths may go in one call."""

        def scores(prompts: Sequence[Sequence[int]]) -> Tensor:
            out = self._generate(prompts, 1, output_logits=True, return_dict_in_generate=True)
            first: Tensor = out.logits[0]
            return first.float()

        at_once = scores(PROMPTS)
        pairs = zip(at_once, PROMPTS, strict=True)
        return all(near(row, scores([prompt])[0], self._model.dtype) for row, prompt in pairs)

    def _values(self, jobs: Sequence[GenerationRequest]) -> list[float]:
        """What the value head says of each prompt, one at a time, so that no padding is needed."""
        import torch

        assert self._head is not None
        values: list[float] = []
        for job in jobs:
            tokens, mask = padded([job.tokens], 0, self._model.device, left=True)
            with torch.inference_mode():
                if self._reads_right:
                    _, last = encoded(self._model, tokens, mask)
                else:
                    out = self._model(input_ids=tokens, output_hidden_states=True)
                    last = out.hidden_states[-1][:, -1]
                values += self._head(last)
        return values


class TokenChooser:
    """Chooses the tokens of one call of `generate`, and says which rows are over.

    batch: the indices of its jobs; their rows are in this order.
    """

    def __init__(self, call: Call, batch: Sequence[int]) -> None:
        self.answers: list[tuple[int, Generated]] = []
        self._call = call
        self._batch = batch
        self._draws: Draws | None = None

    def choose(self, logits: Tensor) -> Tensor:
        """Scores that leave one token a row. logits: [rows, vocabulary], float32."""
        call = self._call
        if self._draws is None:
            jobs = [call.jobs[i] for i in self._batch]
            firsts = [sum(job.sampling.n for job in jobs[:i]) for i in range(len(jobs))]
            self._draws = Draws.of(logits[firsts], jobs, self._batch)
        tokens, answers = self._draws.add(logits, call.vocabulary, call.wanted, call.collector)
        self.answers += answers
        chosen = logits.new_full(logits.shape, float("-inf"))
        return chosen.scatter(1, tokens[:, None], 0.0)

    def over(self, like: Tensor) -> Tensor:
        """Whether each row needs no more tokens. like: a tensor on the same device."""
        import torch

        assert self._draws is not None
        over = [i in self._draws.over for i in range(len(self._draws.rows))]
        return torch.tensor(over, device=like.device)

    def processors(self) -> Any:
        """`choose`, as `generate` takes it."""
        from transformers import LogitsProcessor, LogitsProcessorList

        choose = self.choose

        class Choose(LogitsProcessor):
            def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
                return choose(scores)

        return LogitsProcessorList([Choose()])

    def criteria(self) -> Any:
        """`over`, as `generate` takes it."""
        return _criteria(self.over)


def stop_texts(vocabulary: Vocabulary, job: GenerationRequest, first: int) -> Any:
    """What ends a beam at a stop text. first: the place of its first new token."""
    import torch

    stop = job.sampling.stop

    def ended(row: list[int]) -> bool:
        new = row[first:]
        may = bool(new) and vocabulary.may_end(new[-1], stop)
        return may and vocabulary.cut(vocabulary.text(new), stop) is not None

    def over(sequences: Tensor) -> Tensor:
        ends = [ended(row) for row in sequences.tolist()]
        return torch.tensor(ends, device=sequences.device)

    return _criteria(over) if stop else None


def _criteria(over: Callable[[Tensor], Tensor]) -> Any:
    """A stopping criterion. over: of all sequences so far, which are."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Over(StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:
            return over(input_ids)

    return StoppingCriteriaList([Over()])
