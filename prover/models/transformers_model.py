"""Language models of Hugging Face in this process, run in full batches.

Follows transformers 5. A file `value_head.safetensors` beside a model (tensors `weight`,
[width] or [1, width], and `bias`) makes it judge prompts in the same pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...data.errors import ModelUnavailable, UsageError
from .base import Generated, Prompt, Sampling
from .checkpoint import VALUE_HEAD, Checkpoint, HuggingFaceOptions, first_line
from .decode_loop import Loop
from .decoding import Decoder, Vocabulary
from .forward import Causal, ClassifierModel, Seq2Seq, ValueHead
from .public_model import PublicModel
from .request_queue import GenerationRequest, RequestQueue
from .transformers_internals import BROKEN

LONGEST_PROMPT = 4096
"""Tokens of a prompt when neither the options nor the model set a lower limit."""

CPU_BUDGET = 1 << 15
"""Tokens in the cache of a batch without a GPU."""

FREE_SHARE = 0.5
"""Of the GPU memory free after loading: what the caches of a batch may take."""


def load(name: str, options: HuggingFaceOptions | None = None) -> RequestQueue:
    """Load a causal or sequence-to-sequence model from a folder or by its name.

    Raises UsageError for what the caller can correct: no such model, a missing extra, no such
    device; ModelUnavailable when the model is known but cannot be fetched.
    """
    checkpoint = Checkpoint(name, options or HuggingFaceOptions())
    config = checkpoint.part("AutoConfig")
    if _is_classifier(config):
        raise UsageError(f"hf:{name} judges states and writes nothing: use it as --critic")
    seq2seq = bool(config.is_encoder_decoder)
    tokenizer = checkpoint.tokenizer()  # small: what it lacks is told at once
    model = checkpoint.model("AutoModelForSeq2SeqLM" if seq2seq else "AutoModelForCausalLM")
    head = checkpoint.value_head()
    return _batched(checkpoint, model, tokenizer, decoder_of(checkpoint.name, model, head))


def load_critic(name: str, options: HuggingFaceOptions | None = None) -> RequestQueue:
    """Load a model that judges prompts: sequence classification, or one with a value head.

    It answers `Sampling(n=0)`; the value is sigmoid(score) of one label, or the probability
    of the second of two. Raises as `load`.
    """
    checkpoint = Checkpoint(name, options or HuggingFaceOptions())
    config = checkpoint.part("AutoConfig")
    if not _is_classifier(config):
        if checkpoint.value_head() is None:
            raise UsageError(f"critic {name}: neither a classifier nor a {VALUE_HEAD} beside it")
        return load(name, options)
    if config.num_labels not in (1, 2):
        raise UsageError(f"critic {name}: {config.num_labels} labels; 1 or 2 can be read")
    tokenizer = checkpoint.tokenizer()
    model = checkpoint.model("AutoModelForSequenceClassification")
    return _batched(checkpoint, model, tokenizer, Loop(ClassifierModel(model)))


def _is_classifier(config: Any) -> bool:
    return any("SequenceClassification" in word for word in config.architectures or ())


def decoder_of(name: str, model: Any, head: ValueHead | None = None) -> Decoder:
    """The fastest way that a model runs right. name: for the warning when that is the slow one.

    model: of transformers, in evaluation mode. Raises UsageError when it writes no text.
    """
    kind = Seq2Seq if model.config.is_encoder_decoder else Causal
    try:
        return Loop(kind(model, head))
    except BROKEN as error:
        public = PublicModel(model, head)
        from transformers import __version__

        warnings.warn(
            f"hf:{name} runs by `generate`, several times slower: transformers {__version__} keeps"
            f" what {type(model).__name__} read in a way not known here ({first_line(error)})",
            stacklevel=2,
        )
        return public


class Transformer:
    """A `Generator` over one model. limit: most tokens of a prompt and its completion."""

    def __init__(self, name: str, decoder: Decoder, tokenizer: Any, limits: PromptLimits) -> None:
        self._name = name
        self._decoder: Decoder | None = decoder
        self._tokenizer = tokenizer
        self._limits = limits
        self._vocabulary = Vocabulary(tokenizer, limits.ends)

    @property
    def name(self) -> str:
        """Where it was loaded from."""
        return self._name

    def prepare(self, prompt: Prompt, sampling: Sampling) -> GenerationRequest:
        """Turn a prompt into tokens; too long a prompt loses its beginning."""
        _check(sampling)
        if prompt.messages:
            tokens = self._chat(prompt)
        else:
            tokens = self._tokenizer(prompt.text)["input_ids"]
        room = self._limits.prompt
        if self._limits.context:
            cap = sampling.max_tokens if sampling.n else 0
            room = min(room, self._limits.context - cap)
        if room < 1:
            raise UsageError(
                f"{self._name}: {sampling.max_tokens} new tokens leave no room for a prompt"
                f" in a context of {self._limits.context}"
            )
        return GenerationRequest(
            prompt, sampling, tuple(tokens[-room:]) or (min(self._limits.ends, default=0),)
        )

    def kv_tokens(self, jobs: Sequence[GenerationRequest]) -> int:
        """Prompts padded to the longest, and the completions of each."""
        decoder = self._open()
        longest = max(len(job.tokens) for job in jobs)
        rows = sum(job.sampling.n for job in jobs)
        cap = max(job.sampling.max_tokens for job in jobs)
        if decoder.shares:
            return len(jobs) * longest + rows * cap
        return max(rows, len(jobs)) * longest + rows * cap

    def run(
        self,
        jobs: Sequence[GenerationRequest],
        wanted: Callable[[int], bool],
        more: Callable[[], Sequence[GenerationRequest]],
    ) -> Iterator[tuple[int, Generated]]:
        """Answer a batch and what joins it. Raises MemoryError, with its memory freed."""
        import torch

        full = False
        try:
            yield from self._open().run(self._vocabulary, jobs, wanted, more)
        except torch.OutOfMemoryError:
            full = True
        if full:  # outside the handler: the failed pass no longer holds its tensors
            torch.cuda.empty_cache()
            raise MemoryError(f"{self._name}: a batch of {len(jobs)} prompts")

    def close(self) -> None:
        """Free the model's memory."""
        import torch

        self._decoder = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _open(self) -> Decoder:
        if self._decoder is None:
            raise ModelUnavailable(f"{self._name} was closed")
        return self._decoder

    def _chat(self, prompt: Prompt) -> list[int]:
        if not self._tokenizer.chat_template:
            raise UsageError(f"{self._name} has no chat template: use a prompt of plain text")
        turns = [{"role": turn.role, "content": turn.text} for turn in prompt.messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """What a model's completions keep to. Tokens; context 0: no limit."""

    prompt: int
    context: int
    ends: frozenset[int]


def _check(sampling: Sampling) -> None:
    """Raise UsageError for what nothing can be drawn by."""
    for wrong, line in (
        (sampling.n < 0, f"completions: {sampling.n}; 0 or more are possible"),
        (sampling.max_tokens < 1, f"max_tokens {sampling.max_tokens}: at least 1 is needed"),
        (sampling.temperature <= 0, f"temperature {sampling.temperature}: it must be above 0"),
        (not 0 < sampling.top_p <= 1, f"top_p {sampling.top_p}: it must be in (0, 1]"),
        (not all(sampling.stop), "an empty stop text"),
    ):
        if wrong:
            raise UsageError(line)


def _batched(checkpoint: Checkpoint, model: Any, tokenizer: Any, decoder: Decoder) -> RequestQueue:
    """The model behind the protocol, with a queue."""
    options = checkpoint.options
    context = int(getattr(model.config, "max_position_embeddings", 0) or 0)
    longest = options.prompt_tokens or LONGEST_PROMPT
    if context and model.config.is_encoder_decoder:  # prompt and completion have their own
        longest, context = min(longest, context), 0
    limits = PromptLimits(longest, context, _ends(model, tokenizer))
    generator = Transformer(f"hf:{checkpoint.name}", decoder, tokenizer, limits)
    budget = options.budget or _budget(model, checkpoint.device)
    return RequestQueue(generator, budget, options.remember)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """All tokens that end a completion, by the model's generation settings and its tokenizer."""
    settings = getattr(model, "generation_config", None)
    ends: set[int] = set()
    for given in (getattr(settings, "eos_token_id", None), tokenizer.eos_token_id):
        if given is not None:
            ends |= {given} if isinstance(given, int) else set(given)
    return frozenset(ends)


def _budget(model: Any, device: str) -> int:
    """Tokens in the cache of a batch: from the free memory of a GPU and the size of one token."""
    import torch

    if not device.startswith("cuda"):
        return CPU_BUDGET
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    bytes_per_token = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(free * FREE_SHARE / bytes_per_token))
