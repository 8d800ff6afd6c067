"""Forward passes of transformers models: prompts to next-token scores, and rows that go on.

A prompt is read once, whatever the number of its siblings. `sharing` rows read the prompt's
keys and values in place (prefix.py); for models where that fails they are copied to each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..data.errors import UsageError
from . import prefix as shared

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = {2: 0.1, 4: 1e-3}
"""Greatest distance of two ways to the same scores, relative to them, by bytes of a number."""

PROBE = ((1, 2, 3, 4), (3, 1))
"""Prompts on which shared attention is tried."""


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
        """Go on with the rows of `fresh`, which never made a step, behind one's own."""
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


def cache_name(model: Any) -> str:
    """What this version of transformers calls the cache, as an argument and in what comes back.

    Raises UsageError for a model that keeps something else than keys and values.
    """
    import inspect

    known = inspect.signature(model.forward).parameters
    attends = hasattr(model.config.get_text_config(), "num_attention_heads")
    for name in ("cache", "past_key_values"):
        if name in known and attends:
            return name
    raise UsageError(f"{type(model).__name__}: models without attention are not run here")


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
    """A decoder-only model. model: any `AutoModelForCausalLM`, in evaluation mode."""

    def __init__(self, model: Any, head: ValueHead | None = None, share: bool = True) -> None:
        import inspect

        self.shares = False
        self._model = model
        self._head = head
        known = inspect.signature(model.forward).parameters
        self._name = cache_name(model)
        self._positions = "position_ids" in known
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in known else {}
        if share and self._positions:
            self.shares = self._try_sharing()

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Read prompts, padded left, in one pass."""
        tokens, mask = padded(prompts, 0, self._model.device, left=True)
        extra: dict[str, Any] = dict(self._last_only)
        if self._positions:
            extra["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
        hidden: list[Tensor] = []
        watch = None
        if self._head is not None:
            layer = self._model.get_output_embeddings()
            watch = layer.register_forward_pre_hook(lambda _, given: hidden.append(given[0]))
        try:
            out = self._model(input_ids=tokens, attention_mask=mask.long(), use_cache=True, **extra)
        finally:
            if watch is not None:
                watch.remove()
        values = self._head(hidden[0][:, -1]) if self._head is not None else None
        cache = out[self._name]

        def rows(owners: Sequence[int]) -> Rows:
            if self.shares:
                return SharedRows(self._model, cache, mask, owners)
            return CopiedRows(self._model, cache, mask, owners, self._positions)

        return Prefilled(out.logits[:, -1].float(), values, rows)

    def _try_sharing(self) -> bool:
        """Switch the model to shared attention if it gives the same scores as copied rows."""
        import torch

        before = self._model.config._attn_implementation
        if before != "sdpa":
            return False
        owners = [0, 0, 1]
        tokens = torch.tensor([2, 4, 2], device=self._model.device)
        with torch.inference_mode():
            wanted = self.prefill(PROBE).rows(owners).step(tokens)
            shared.register()
            self._model.set_attn_implementation(shared.NAME)
            self.shares = True
            rows = self.prefill(PROBE).rows(owners)
            assert isinstance(rows, SharedRows)
            agree = rows.whole and self._near(rows, tokens, wanted) and rows.clean
        if not agree:
            self._model.set_attn_implementation(before)
        return agree

    def _near(self, rows: SharedRows, tokens: Tensor, wanted: Tensor) -> bool:
        try:
            distance = (rows.step(tokens) - wanted).norm() / wanted.norm()
        except RuntimeError:  # shapes of an attention that is built otherwise
            return False
        return bool(distance <= TOLERANCE.get(self._model.dtype.itemsize, 0.0))


class Apart:
    """Rows that cannot go on together with others."""

    joins = False

    def join(self, fresh: Rows) -> None:
        """Never called."""
        raise AssertionError(f"{type(self).__name__} take no others")


class SharedRows:
    """Rows that read their prompt's cache in place and hold only their own tokens.

    A row that joined later has blanks before its first own token, which attention leaves out.
    """

    joins = True

    def __init__(self, model: Any, cache: Any, mask: Tensor, owners: Sequence[int]) -> None:
        import torch
        from transformers import DynamicCache

        plain = all(type(layer).__name__ == "DynamicLayer" for layer in cache.layers)
        self.whole = plain and len(cache.layers) == model.config.num_hidden_layers
        self._model = model
        self._name = cache_name(model)
        self._own: Any = DynamicCache()
        layers = [(layer.keys, layer.values) for layer in cache.layers] if plain else []
        self._prefix = shared.Prefix(layers, mask, owners)
        self._positions = mask.sum(-1)[mask.new_tensor(owners, dtype=torch.long)]
        self._seen_by_all = mask.new_ones(1, 1, 1, 1)
        self._blanks = torch.zeros_like(self._positions)
        self._has_blanks = False

    @property
    def clean(self) -> bool:
        """Whether every layer asked the prefix once a step, and for nothing it cannot do."""
        steps = self._own.get_seq_length()
        expected = steps * int(self._model.config.num_hidden_layers)
        return self._prefix.calls == expected and not self._prefix.foreign

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        own = self._own.get_seq_length() + 1
        columns = self._blanks.new_tensor(range(own))
        blank = columns < self._blanks[:, None] if self._has_blanks else None
        with shared.reading(self._prefix, blank):
            out = self._model(
                input_ids=tokens[:, None],
                attention_mask=self._seen_by_all,
                position_ids=self._positions[:, None],
                **{self._name: self._own},
                use_cache=True,
            )
        self._positions = self._positions + 1
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        chosen = self._positions.new_tensor(index)
        self._prefix.keep(index)
        self._own.batch_select_indices(chosen)
        self._positions, self._blanks = self._positions[chosen], self._blanks[chosen]
        spare = int(self._blanks.min()) if self._has_blanks else 0
        if spare:
            for layer in self._own.layers:
                layer.keys, layer.values = layer.keys[:, :, spare:], layer.values[:, :, spare:]
            self._blanks = self._blanks - spare
            self._has_blanks = bool(self._blanks.any())

    def join(self, fresh: Rows) -> None:
        """Go on with fresh rows too; what this batch has grown so far is blank to them."""
        import torch

        assert isinstance(fresh, SharedRows)
        own, rows = self._own.get_seq_length(), len(fresh._positions)
        for layer in self._own.layers:
            _, heads, _, width = layer.keys.shape
            blank = layer.keys.new_zeros(rows, heads, own, width)
            layer.keys = torch.cat([layer.keys, blank])
            layer.values = torch.cat([layer.values, blank])
        self._blanks = torch.cat([self._blanks, self._blanks.new_full((rows,), own)])
        self._has_blanks |= own > 0
        self._positions = torch.cat([self._positions, fresh._positions])
        self._prefix.join(fresh._prefix)


class CopiedRows(Apart):
    """Rows that each hold a copy of their prompt's cache."""

    def __init__(
        self, model: Any, cache: Any, mask: Tensor, owners: Sequence[int], positions: bool
    ) -> None:
        self._model = model
        self._cache = cache
        self._name = cache_name(model)
        self._mask = mask
        self._use_positions = positions
        self.keep(owners)

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        import torch

        positions = self._mask.sum(-1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=-1)
        extra = {"position_ids": positions[:, None]} if self._use_positions else {}
        out = self._model(
            input_ids=tokens[:, None],
            attention_mask=self._mask.long(),
            **{self._name: self._cache},
            use_cache=True,
            **extra,
        )
        self._cache = out[self._name]
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        import torch

        chosen = self._mask.new_tensor(index, dtype=torch.long)
        self._cache.batch_select_indices(chosen)
        self._mask = self._mask[chosen]


class Seq2Seq:
    """An encoder and a decoder. model: any `AutoModelForSeq2SeqLM`, in evaluation mode."""

    shares = False

    def __init__(self, model: Any, head: ValueHead | None = None) -> None:
        self._model = model
        self._head = head
        config = model.generation_config
        start = config.decoder_start_token_id
        self._start = model.config.decoder_start_token_id if start is None else start

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Encode prompts, padded right, and read the decoder's start token.

        The value head sees the encoder's last hidden state at a prompt's last token.
        """
        import torch

        tokens, mask = padded(prompts, 0, self._model.device, left=False)
        encoded = self._model.get_encoder()(input_ids=tokens, attention_mask=mask.long())
        hidden = encoded.last_hidden_state
        values = None
        if self._head is not None:
            last = (mask.sum(-1) - 1)[:, None, None].expand(-1, 1, hidden.shape[-1])
            values = self._head(hidden.gather(1, last)[:, 0])
        first = EncodedRows(self._model, hidden, mask)
        start = torch.full((len(prompts),), self._start, device=hidden.device)
        logits = first.step(start)

        def rows(owners: Sequence[int]) -> Rows:
            first.keep(owners)
            return first

        return Prefilled(logits, values, rows)


class EncodedRows(Apart):
    """Rows of a decoder over encoded prompts."""

    def __init__(self, model: Any, hidden: Tensor, mask: Tensor) -> None:
        self._model = model
        self._hidden = hidden
        self._mask = mask
        self._name = cache_name(model)
        self._cache: Any = None

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to each row."""
        out = self._model(
            encoder_outputs=(self._hidden,),
            attention_mask=self._mask.long(),
            decoder_input_ids=tokens[:, None],
            **{self._name: self._cache},
            use_cache=True,
        )
        self._cache = out[self._name]
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows."""
        import torch

        chosen = self._mask.new_tensor(index, dtype=torch.long)
        self._cache.batch_select_indices(chosen)
        self._hidden, self._mask = self._hidden[chosen], self._mask[chosen]


class Judge:
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
            places = [i for i, prompt in enumerate(prompts) if len(prompt) == length]
            tokens, mask = padded([prompts[i] for i in places], 0, self._model.device, left=True)
            scores = self._model(input_ids=tokens, attention_mask=mask.long()).logits.float()
            judged = scores.softmax(-1)[:, 1] if scores.shape[-1] == 2 else scores[:, 0].sigmoid()
            for i, value in zip(places, judged.tolist(), strict=True):
                values[i] = value
        return Prefilled(scores, values, self._rows)

    def _rows(self, owners: Sequence[int]) -> Rows:
        raise UsageError("this model judges and writes nothing: ask it with n = 0")
