"""Attention in which the siblings of one prompt read its keys and values from one place.

Plain attention splits by keys: over the prompt and over a sibling's own tokens apart, each with
its log of summed weights, then the two are mixed (Hydragen, arXiv:2402.05099). So a prompt's
cache is read once for all its siblings and never copied. It needs softmax attention with
nothing added to the scores; `forward.py` tries it on each model before it is used. It knows no
transformers: transformers_internals.py calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Prefix:
    """The keys and values of a batch's prompts, and which rows continue which prompt.

    layers: (keys, values) of each, [prompts, key heads, prompt tokens, width], padded left.
    mask: [prompts, prompt tokens], true where a token stands. owners: the prompt of each row.
    """

    def __init__(
        self, layers: list[tuple[Tensor, Tensor]], mask: Tensor, owners: Sequence[int]
    ) -> None:
        self.blank: Tensor | None = None
        self._layers = layers
        self._mask = mask
        self._own(owners)

    def keep(self, index: Sequence[int]) -> None:
        """Go on with these rows, in this order; a prompt without rows is dropped."""
        owners = [self._owners[i] for i in index]
        used = sorted(set(owners))
        if len(used) < len(self._mask):
            self._layers = [(keys[used], values[used]) for keys, values in self._layers]
            self._mask = self._mask[used]
            number = {owner: i for i, owner in enumerate(used)}
            owners = [number[owner] for owner in owners]
        self._own(owners)

    def join(self, other: Prefix) -> None:
        """Append the prompts and rows of another."""
        import torch
        from torch.nn.functional import pad

        here, there = self._mask.shape[1], other._mask.shape[1]
        left, right = max(0, there - here), max(0, here - there)

        def both(own: Tensor, theirs: Tensor) -> Tensor:
            return torch.cat([pad(own, (0, 0, left, 0)), pad(theirs, (0, 0, right, 0))])

        self._layers = [
            (both(keys, their_keys), both(values, their_values))
            for (keys, values), (their_keys, their_values) in zip(
                self._layers, other._layers, strict=True
            )
        ]
        first = len(self._mask)
        self._mask = both(self._mask[..., None], other._mask[..., None])[..., 0]
        self._own([*self._owners, *(first + owner for owner in other._owners)])

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scaling: float
    ) -> Tensor:
        """Attend from one token a row to its prompt and to its own tokens.

        query: [rows, heads, 1, width]; keys, values: [rows, key heads, own tokens, width].
        Returns [rows, 1, heads, width].
        """
        rows, heads, _, width = query.shape
        grouped = query.reshape(rows, keys.shape[1], -1, width)
        own, own_weight = _weighed(grouped, keys, values, scaling, self.blank)
        shared, shared_weight = self._prompts(layer, grouped, scaling)
        share = (shared_weight - own_weight).sigmoid().to(own.dtype)
        return (own + share * (shared - own)).reshape(rows, 1, heads, values.shape[-1])

    def _own(self, owners: Sequence[int]) -> None:
        """Lay the rows out as [prompts, siblings]: row i at `_slots[i]`; all taken: None."""
        import torch

        seen: Counter[int] = Counter()
        ranks = []
        for owner in owners:
            ranks.append(seen[owner])
            seen[owner] += 1
        self._owners = list(owners)
        self._width = max(seen.values())
        slots = [owner * self._width + rank for owner, rank in zip(owners, ranks, strict=True)]
        full = slots == list(range(len(self._mask) * self._width))
        self._slots = None if full else self._mask.new_tensor(slots, dtype=torch.long)
        self._hidden = None if bool(self._mask.all()) else ~self._mask[:, None, None]

    def _prompts(self, layer: int, grouped: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """The part of attention that lies in the prompts, rows laid out by prompt and back."""
        keys, values = self._layers[layer]
        _, groups, each, width = grouped.shape
        prompts, siblings = len(keys), self._width
        laid = grouped
        if self._slots is not None:
            laid = grouped.new_zeros(prompts * siblings, groups, each, width)
            laid[self._slots] = grouped
        laid = laid.view(prompts, siblings, groups, each, width).transpose(1, 2)
        laid = laid.reshape(prompts, groups, siblings * each, width)
        out, weight = _weighed(laid, keys, values, scaling, self._hidden)
        return self._back(out, siblings), self._back(weight, siblings)

    def _back(self, laid: Tensor, siblings: int) -> Tensor:
        prompts, groups, both, width = laid.shape
        rows = laid.view(prompts, groups, siblings, both // siblings, width).transpose(1, 2)
        rows = rows.reshape(prompts * siblings, groups, both // siblings, width)
        return rows if self._slots is None else rows[self._slots]


def _weighed(
    query: Tensor, keys: Tensor, values: Tensor, scaling: float, hidden: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Attention over these keys alone, and the log of its summed weights (float32)."""
    scores = (query @ keys.transpose(-1, -2)).float() * scaling
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    weight = scores.logsumexp(-1, keepdim=True)
    return (scores - weight).exp().to(values.dtype) @ values, weight


_active: ContextVar[Prefix | None] = ContextVar("lakatos_prefix", default=None)


@contextmanager
def reading(prefix: Prefix, blank: Tensor | None) -> Iterator[None]:
    """Within it, attention of this name reads the prompts from `prefix`.

    blank: [rows, own tokens], true where a row has none; None: nowhere.
    """
    prefix.blank = None if blank is None else blank[:, None, None]
    token = _active.set(prefix)
    try:
        yield
    finally:
        _active.reset(token)


def active() -> Prefix | None:
    """The prompts that attention is to read now."""
    return _active.get()
