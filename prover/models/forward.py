"""Forward passes of transformers models: prompts to next-token scores, and rows that go on.

A prompt is read once, whatever the number of its siblings. `sharing` rows read the prompt's
keys and values in place (shared_prefix.py); where that fails they are copied to each row.
Each model is tried before it is used; one that fails altogether is for public_model.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...data.errors import UsageError
from . import shared_prefix as shared
from .agreement import check
from .transformers_internals import (
    BROKEN,
    CachedModel,
    change,
    empty_cache,
    layers,
    select,
    tokens_in,
    trying_shared_attention,
)

if TYPE_CHECKING:
    from torch import Tensor


class Rows(Protocol):
    """Sequences that all grow by one token a step."""

    joins: bool
    """Whether `join` may be called."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row; [rows] to next-token scores [rows, vocabulary], float32."""
        ...

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows in this order; the rows of a prompt stay side by side."""
        ...

    def join(self, fresh: Rows) -> None:
        """Append the rows of `fresh`, which never made a step."""
        ...


@dataclass(frozen=True)
class Prefilled:
    """Prompts that were read. logits: [prompts, vocabulary], float32; values: one a prompt.

    rows: from the prompt of each row, prompts in order, to the rows that continue them; once.
    """

    logits: Tensor
    values: list[float] | None
    rows: Callable[[Sequence[int]], Rows]


class Forward(Protocol):
    """A model that can read prompts and continue them."""

    shares: bool
    """Whether siblings read their prompt's cache in place."""

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Read prompts of at least one token each."""
        ...


class ValueHead:
    """P(provable) from the last hidden state of a prompt: sigmoid(weight · hidden + bias)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, hidden: Tensor) -> list[float]:
        """[prompts, width] to values in [0, 1]."""
        scores = hidden.float() @ self._weight.to(hidden.device).float().reshape(-1)
        values: list[float] = (scores + self._bias.to(hidden.device).float()).sigmoid().tolist()
        return values


def padded(
    prompts: Sequence[Sequence[int]], pad: int, device: Any, left: bool
) -> tuple[Tensor, Tensor]:
    """Prompts as one rectangle: tokens and mask, each [prompts, longest]."""
    import torch

    longest = max(map(len, prompts))
    rows, masks = [], []
    for prompt in prompts:
        room = longest - len(prompt)
        before, after = (room, 0) if left else (0, room)
        rows.append([pad] * before + list(prompt) + [pad] * after)
        masks.append([False] * before + [True] * len(prompt) + [False] * after)
    return torch.tensor(rows, device=device), torch.tensor(masks, device=device)


class Causal:
    """A decoder-only model. model: any `AutoModelForCausalLM`, in evaluation mode.

    Raises one of BROKEN for a model whose cache is not read and grown right here.
    """

    def __init__(self, model: Any, head: ValueHead | None = None, share: bool = True) -> None:
        self.shares = False
        self._cached = CachedModel(model)
        self._head = head
        if share and self._cached.takes_positions:
            self.shares = self._try_sharing()
        if not self.shares:
            check(self, self._plain, model.dtype)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Read prompts, padded left, in one pass."""
        model = self._cached.model
        tokens, mask = padded(prompts, 0, model.device, left=True)
        extra = {}
        if self._cached.takes_positions:
            extra["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
        hidden: list[Tensor] = []
        watch = None
        if self._head is not None:
            layer = model.get_output_embeddings()
            watch = layer.register_forward_pre_hook(lambda _, given: hidden.append(given[0]))
        try:
            logits, cache = self._cached(
                None, input_ids=tokens, attention_mask=mask.long(), **extra
            )
        finally:
            if watch is not None:
                watch.remove()
        values = self._head(hidden[0][:, -1]) if self._head is not None else None

        def rows(owners: Sequence[int]) -> Rows:
            kind = SharedRows if self.shares else CopiedRows
            return kind(self._cached, cache, mask, owners)

        return Prefilled(logits, values, rows)

    def _plain(self, prompt: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """Scores of the next token, without a cache."""
        model = self._cached.model
        read, mask = padded([[*prompt, *tokens]], 0, model.device, left=True)
        scores: Tensor = model(input_ids=read, attention_mask=mask.long()).logits[0, -1].float()
        return scores

    def _try_sharing(self) -> bool:
        """Switch the model to shared attention if it gives the right scores with it."""
        model = self._cached.model
        try:
            with trying_shared_attention(model) as keep:
                self.shares = True
                check(self, self._plain, model.dtype)
                keep()
        except BROKEN:
            return False
        return True


class UnmixedRows:
    """Rows that no others can join, each with a cache of its own."""

    joins = False
    _cache: Any
    _mask: Tensor

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        import torch

        chosen = self._mask.new_tensor(index, dtype=torch.long)
        select(self._cache, chosen)
        self._mask = self._mask[chosen]

    def join(self, fresh: Rows) -> None:
        """Never called."""
        raise AssertionError(f"{type(self).__name__} take no others")


class SharedRows:
    """Rows that read their prompt's cache in place and hold only their own tokens.

    A row that joined later has blanks before its first own token, which attention leaves out.
    """

    joins = True

    def __init__(
        self, cached: CachedModel, cache: Any, mask: Tensor, owners: Sequence[int]
    ) -> None:
        import torch

        self._cached = cached
        self._own = empty_cache()
        self._prefix = shared.Prefix(layers(cache, cached.model), mask, owners)
        self._positions = mask.sum(-1)[mask.new_tensor(owners, dtype=torch.long)]
        self._seen_by_all = mask.new_ones(1, 1, 1, 1)
        self._blanks = torch.zeros_like(self._positions)
        self._has_blanks = False

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        own = tokens_in(self._own) + 1
        columns = self._blanks.new_tensor(range(own))
        blank = columns < self._blanks[:, None] if self._has_blanks else None
        with shared.reading(self._prefix, blank):
            logits, self._own = self._cached(
                self._own,
                input_ids=tokens[:, None],
                attention_mask=self._seen_by_all,
                position_ids=self._positions[:, None],
            )
        self._positions = self._positions + 1
        return logits

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        chosen = self._positions.new_tensor(index)
        self._prefix.keep(index)
        select(self._own, chosen)
        self._positions, self._blanks = self._positions[chosen], self._blanks[chosen]
        spare = int(self._blanks.min()) if self._has_blanks else 0
        if spare:
            change(self._own, lambda grown: grown[:, :, spare:])
            self._blanks = self._blanks - spare
            self._has_blanks = bool(self._blanks.any())

    def join(self, fresh: Rows) -> None:
        """Go on with fresh rows too; what this batch has grown so far is blank to them."""
        import torch

        assert isinstance(fresh, SharedRows)
        own, rows = tokens_in(self._own), len(fresh._positions)
        change(
            self._own,
            lambda own_rows: torch.cat([own_rows, own_rows.new_zeros(rows, *own_rows.shape[1:])]),
        )
        self._blanks = torch.cat([self._blanks, self._blanks.new_full((rows,), own)])
        self._has_blanks |= own > 0
        self._positions = torch.cat([self._positions, fresh._positions])
        self._prefix.join(fresh._prefix)


class CopiedRows(UnmixedRows):
    """Rows that each hold a copy of their prompt's cache."""

    def __init__(
        self, cached: CachedModel, cache: Any, mask: Tensor, owners: Sequence[int]
    ) -> None:
        self._cached = cached
        self._cache = cache
        self._mask = mask
        self.keep(owners)

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        import torch

        positions = self._mask.sum(-1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=-1)
        extra = {"position_ids": positions[:, None]} if self._cached.takes_positions else {}
        logits, self._cache = self._cached(
            self._cache, input_ids=tokens[:, None], attention_mask=self._mask.long(), **extra
        )
        return logits


class Seq2Seq:
    """An encoder and a decoder. model: any `AutoModelForSeq2SeqLM`, in evaluation mode.

    Raises as `Causal`.
    """

    shares = False

    def __init__(self, model: Any, head: ValueHead | None = None) -> None:
        self._cached = CachedModel(model)
        self._head = head
        config = model.generation_config
        start = config.decoder_start_token_id
        self._start = model.config.decoder_start_token_id if start is None else start
        check(self, self._plain, model.dtype)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Encode prompts, padded right, and read the decoder's start token.

        The value head sees the encoder's last hidden state at a prompt's last token.
        """
        import torch

        model = self._cached.model
        tokens, mask = padded(prompts, 0, model.device, left=False)
        hidden, last = encoded(model, tokens, mask)
        values = self._head(last) if self._head is not None else None
        first = EncodedRows(self._cached, hidden, mask)
        start = torch.full((len(prompts),), self._start, device=hidden.device)
        logits = first.step(start)

        def rows(owners: Sequence[int]) -> Rows:
            first.keep(owners)
            return first

        return Prefilled(logits, values, rows)

    def _plain(self, prompt: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """Scores of the decoder's next token, without a cache."""
        model = self._cached.model
        read, mask = padded([prompt], 0, model.device, left=False)
        begun = read.new_tensor([[self._start, *tokens]])
        out = model(input_ids=read, attention_mask=mask.long(), decoder_input_ids=begun)
        scores: Tensor = out.logits[0, -1].float()
        return scores


def encoded(model: Any, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """An encoder's last hidden states: [prompts, tokens, width], and those of the last tokens."""
    hidden = model.get_encoder()(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
    last = (mask.sum(-1) - 1)[:, None, None].expand(-1, 1, hidden.shape[-1])
    return hidden, hidden.gather(1, last)[:, 0]


class EncodedRows(UnmixedRows):
    """Rows of a decoder over encoded prompts."""

    def __init__(self, cached: CachedModel, hidden: Tensor, mask: Tensor) -> None:
        self._cached = cached
        self._hidden = hidden
        self._mask = mask
        self._cache: Any = None

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        logits, self._cache = self._cached(
            self._cache,
            encoder_outputs=(self._hidden,),
            attention_mask=self._mask.long(),
            decoder_input_ids=tokens[:, None],
        )
        return logits

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        self._hidden = self._hidden[list(index)]
        super().keep(index)


class ClassifierModel:
    """A sequence classifier: values, and no completions.

    model: any `AutoModelForSequenceClassification` of one label (sigmoid of its score) or two
    (the probability of the second).
    """

    shares = False

    def __init__(self, model: Any) -> None:
        self._model = model

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Judge prompts one length at a time, so that no padding is needed."""
        values = [0.0] * len(prompts)
        for length in {len(prompt) for prompt in prompts}:
            numbers = [i for i, prompt in enumerate(prompts) if len(prompt) == length]
            tokens, mask = padded([prompts[i] for i in numbers], 0, self._model.device, left=True)
            scores = self._model(input_ids=tokens, attention_mask=mask.long()).logits.float()
            probabilities = (
                scores.softmax(-1)[:, 1] if scores.shape[-1] == 2 else scores[:, 0].sigmoid()
            )
            for i, value in zip(numbers, probabilities.tolist(), strict=True):
                values[i] = value
        return Prefilled(scores, values, self._rows)

    def _rows(self, owners: Sequence[int]) -> Rows:
        raise UsageError("this model judges and writes nothing: ask it with n = 0")
