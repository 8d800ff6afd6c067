"""All that reaches into transformers beyond what it documents: caches and attention.

These names, classes and registries change with its releases. Where one of them is not as it is
read here, something in BROKEN is raised; forward.py tries that out on each model, and a model
that fails runs by `generate` (public_model.py). Read with 5.0 to 5.24.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import shared_prefix as shared

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

CACHE_NAMES = ("cache", "past_key_values")
"""What a model calls its cache, as an argument and in its output: since 5.24, and before."""

ATTENTION = "lakatos_prefix"
"""What transformers calls the attention of shared_prefix.py."""

FOREIGN = ("softcap", "s_aux", "sliding_window", "position_bias")
"""Arguments of attention that change the scores; a model that passes one is not for this."""


class Unfamiliar(ValueError):
    """This release of transformers, or this model, is built in another way."""


BROKEN = (
    Unfamiliar,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a call raises whose names, classes or shapes are not those expected here."""


class CachedModel:
    """A model that is called with the cache of what it read before.

    model: of transformers, in evaluation mode. Raises Unfamiliar when it takes no cache.
    """

    def __init__(self, model: Any) -> None:
        known = inspect.signature(model.forward).parameters
        names = [name for name in CACHE_NAMES if name in known]
        if not names:
            raise Unfamiliar(f"its forward takes none of the arguments {', '.join(CACHE_NAMES)}")
        self.model = model
        self.takes_positions = "position_ids" in known
        self._name = names[0]
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    def __call__(self, cache: Any, **inputs: Any) -> tuple[Tensor, Any]:
        """Scores of the next token, [rows, vocabulary], float32, and the longer cache.

        cache: None at the beginning. inputs: as the model's forward takes them.
        """
        out = self.model(**{self._name: cache}, use_cache=True, **self._last_only, **inputs)
        longer = next((out[name] for name in CACHE_NAMES if name in out), None)
        if longer is None:
            raise Unfamiliar("it gives no cache back")
        return out.logits[:, -1].float(), longer


def empty_cache() -> Any:
    """A cache without tokens."""
    from transformers import DynamicCache

    return DynamicCache()


def tokens_in(cache: Any) -> int:
    """How many tokens a cache holds."""
    return int(cache.get_seq_length())


def select(cache: Any, index: Tensor) -> None:
    """Keep these rows of a cache, in this order; one may come more than once."""
    cache.batch_select_indices(index)


def layers(cache: Any, model: Any) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of each layer, [rows, key heads, tokens, width].

    Raises Unfamiliar when the cache holds anything else, or not all that the model read.
    """
    if any(type(layer).__name__ != "DynamicLayer" for layer in cache.layers):
        raise Unfamiliar("its cache holds more than keys and values of all tokens")
    if len(cache.layers) != model.config.num_hidden_layers:
        raise Unfamiliar("some of its layers have no cache")
    return [(layer.keys, layer.values) for layer in cache.layers]


def change(cache: Any, turn: Callable[[Tensor], Tensor]) -> None:
    """Put a changed tensor in the place of the keys and of the values of each layer."""
    for layer in cache.layers:
        layer.keys, layer.values = turn(layer.keys), turn(layer.values)


@contextmanager
def trying_shared_attention(model: Any) -> Iterator[Callable[[], None]]:
    """Switch a model to shared_prefix.py's attention; back at the end unless that is called."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    before = model.config._attn_implementation
    if before != "sdpa":
        raise Unfamiliar(f"its attention is {before}")
    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    is_wanted = False

    def keep() -> None:
        nonlocal is_wanted
        is_wanted = True

    model.set_attn_implementation(ATTENTION)
    try:
        yield keep
    finally:
        if not is_wanted:
            model.set_attn_implementation(before)


def _attention(
    module: Module, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any
) -> tuple[Tensor, None]:
    """Attention as transformers calls it; without a prefix it is their `sdpa`."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    prefix = shared.active()
    if prefix is None:
        out, _ = sdpa_attention_forward(module, query, key, value, *rest, **options)
        return out, None
    for name in FOREIGN:
        if options.get(name) is not None:
            raise Unfamiliar(f"its attention takes {name}")
    scaling = options.get("scaling")
    scaling = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    layer = int(str(module.layer_idx))
    return prefix.attend(layer, query, key, value, scaling), None
