"""Whether a model says the same with a cache as without: tried on each before it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .transformers_internals import Unfamiliar

if TYPE_CHECKING:
    from torch import Tensor

    from .forward import Forward

Plain = Callable[[Sequence[int], Sequence[int]], "Tensor"]
"""A prompt, and tokens after it, to the scores of the next one: [vocabulary], float32."""

PROMPTS = ((1, 2, 3, 4), (3, 1))
"""What is tried."""

TOLERANCE = {4: 1e-3, 8: 1e-6}
"""Greatest distance of two ways to the same scores, relative to them, by bytes of a number."""

HALF = 0.1
"""The same for numbers of fewer bytes."""


def check(forward: Forward, plain: Plain, dtype: Any) -> None:
    """Let rows grow, join, and be picked. dtype: of the model, which the tolerance depends on.

    Raises Unfamiliar when their scores are not the plain ones, BROKEN as the model raises.
    """
    import torch

    with torch.inference_mode():
        _grow(forward, plain, dtype)


def _grow(forward: Forward, plain: Plain, dtype: Any) -> None:
    prefilled = forward.prefill(PROMPTS)
    owners = [0, 0, 1]
    texts: list[list[int]] = [[] for _ in owners]
    rows = prefilled.rows(owners)

    def step(tokens: Sequence[int]) -> Tensor:
        for text, token in zip(texts, tokens, strict=True):
            text.append(token)
        return rows.step(prefilled.logits.new_tensor(tokens).long())

    step([2, 4, 2])
    if rows.joins:
        rows.join(forward.prefill(PROMPTS).rows([1, 0]))
        owners += [1, 0]
        texts += [[], []]
    step([1 + i % 4 for i in range(len(owners))])
    for chosen in ([0, len(owners) - 1], [1]):
        rows.keep(chosen)
        owners = [owners[i] for i in chosen]
        texts = [list(texts[i]) for i in chosen]
        scores = step(range(2, 2 + len(chosen)))
        for owner, text, found in zip(owners, texts, scores, strict=True):
            if not near(found, plain(PROMPTS[owner], text), dtype):
                raise Unfamiliar("its scores with a cache are not those without")


def near(found: Tensor, wanted: Tensor, dtype: Any) -> bool:
    """Whether scores are the same up to rounding. dtype: of the model."""
    finite = wanted.isfinite()  # a model may rule tokens out
    distance = (found - wanted)[finite].norm() / wanted[finite].norm()
    return bool(distance <= TOLERANCE.get(dtype.itemsize, HALF))
