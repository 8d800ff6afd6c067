"""The ways to draw siblings from a model: the decode loop of Lakatos, and the public ones.

A way takes states, as texts of token numbers, and gives the work to be timed: a call that draws
all siblings of each. What it cannot do where it runs, it raises.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from lakatos.prover.models.base import Prompt, Sampling
from lakatos.prover.models.decode_loop import Loop
from lakatos.prover.models.decoding import Decoder
from lakatos.prover.models.forward import Causal
from lakatos.prover.models.public_model import PublicModel
from lakatos.prover.models.request_queue import RequestQueue
from lakatos.prover.models.transformers_model import PromptLimits, Transformer
from transformers import GenerationConfig

Answers = list[list[list[int]]]
"""The tokens of each sibling of each state."""

Way = Callable[[Sequence[str]], Callable[[], Answers]]

OURS = "cross_search"

SLOW = ("per_state_generate", "batched_generate")
"""Ways that read a state once for each sibling, or one state at a time: they are asked of few."""


@dataclass(frozen=True)
class Load:
    """What is asked: each of `searches` asks for `rounds` states, one after the other."""

    searches: int
    rounds: int
    siblings: int
    state_tokens: int
    tokens: int


class Numbers:
    """A tokenizer whose texts are token numbers."""

    eos_token_id = None
    chat_template = None

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [int(word) for word in text.split()]}

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        return " ".join(map(str, tokens))


def read(text: str) -> list[int]:
    return Numbers()(text)["input_ids"]


def ways(model: Any, load: Load) -> dict[str, Way]:
    """All ways that share one model in this process; its attention is set anew for each.

    What an earlier load left of `generate_batch` is freed: it was sized for that load.
    """

    def afresh(way: Callable[[Sequence[str]], Callable[[], Answers]]) -> Way:
        def prepared(asked: Sequence[str]) -> Callable[[], Answers]:
            model.set_attn_implementation("sdpa")
            return way(asked)

        return prepared

    getattr(model, "destroy_cached_continuous_batching_manager", lambda: None)()
    batched = partial(by_batcher, load=load)
    return {
        "per_state_generate": afresh(lambda asked: partial(by_state, model, load, asked)),
        "batched_generate": afresh(lambda asked: batched(PublicModel(model), asked)),
        "generate_batch": afresh(lambda asked: partial(by_generate_batch, model, load, asked)),
        OURS: afresh(lambda asked: batched(Loop(Causal(model)), asked)),
    }


def by_state(model: Any, load: Load, asked: Sequence[str]) -> Answers:
    """One call of `generate` for each state, which draws all its siblings."""
    answers = []
    for text in asked:
        tokens = torch.tensor([read(text)], device=model.device)
        out = model.generate(
            tokens, attention_mask=torch.ones_like(tokens), do_sample=True, temperature=1.0,
            top_k=0, top_p=1.0, num_return_sequences=load.siblings, max_new_tokens=load.tokens,
        )  # fmt: skip
        answers.append(out[:, tokens.shape[1] :].tolist())
    return answers


def by_batcher(decoder: Decoder, asked: Sequence[str], load: Load) -> Callable[[], Answers]:
    """All searches at once, each waiting for its answer before it asks again."""
    limits = PromptLimits(prompt=4096, context=0, ends=frozenset())
    batcher = RequestQueue(Transformer("bench", decoder, Numbers(), limits), 1 << 40, remember=0)
    sampling = Sampling(n=load.siblings, max_tokens=load.tokens)
    answers: dict[str, list[list[int]]] = {}

    async def search(mine: Sequence[str]) -> None:
        for text in mine:
            (got,) = await batcher.generate([Prompt(text)], sampling)
            answers[text] = [read(c.text) for c in got.completions]

    async def all_searches() -> None:
        await asyncio.gather(*(search(asked[i :: load.searches]) for i in range(load.searches)))

    def work() -> Answers:
        asyncio.run(all_searches())
        return [answers[text] for text in asked]

    return work


def by_generate_batch(model: Any, load: Load, asked: Sequence[str]) -> Answers:
    """transformers' own continuous batching, siblings forked from one prompt, with log-probs.

    It keeps its cache and its CUDA graphs between calls, and takes flash attention where that
    is installed.
    """
    from transformers import ContinuousBatchingConfig

    on_gpu = model.device.type != "cpu"
    sizes = {"max_memory_percent": 0.5} if on_gpu else {"page_size": 32, "num_blocks": _pages(load)}
    settings = GenerationConfig(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=load.tokens,
        num_return_sequences=load.siblings, eos_token_id=-1, pad_token_id=0,
    )  # fmt: skip
    answers: Answers = []
    for start in range(0, len(asked), load.searches):
        prompts = [read(text) for text in asked[start : start + load.searches]]
        found = model.generate_batch(
            prompts,
            generation_config=settings,
            continuous_batching_config=ContinuousBatchingConfig(return_logprobs=True, **sizes),
            persistent_manager=True,
        )
        whole = [each for each in found.values() if not each.error]
        told = {(len(each.generated_tokens), len(each.logprobs)) for each in whole}
        if len(whole) != len(prompts) * load.siblings or told != {(load.tokens, load.tokens)}:
            errors = {str(each.error) for each in found.values() if each.error}
            raise RuntimeError(f"{len(whole)} siblings, of lengths {told}; {errors or 'no error'}")
        drawn = [each.generated_tokens for each in whole]
        answers += [drawn[i : i + load.siblings] for i in range(0, len(drawn), load.siblings)]
    return answers


def _pages(load: Load) -> int:
    """Pages of 32 tokens that hold all siblings at once, on a CPU."""
    each = -(-(load.state_tokens + load.tokens) // 32) + 1
    return load.searches * load.siblings * each


def vllm_way(model: Any, load: Load) -> Way | None:
    """vLLM's engine with random weights of the same shape; None where it is not installed."""
    if find_spec("vllm") is None:
        return None
    vllm = import_module("vllm")
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        engine = vllm.LLM(
            model=folder, load_format="dummy", skip_tokenizer_init=True,
            dtype=str(model.dtype).removeprefix("torch."), gpu_memory_utilization=0.5,
            max_model_len=load.state_tokens + load.tokens,
        )  # fmt: skip
    settings = vllm.SamplingParams(
        n=load.siblings, temperature=1.0, max_tokens=load.tokens, ignore_eos=True, logprobs=0,
        detokenize=False,
    )  # fmt: skip

    def by_vllm(asked: Sequence[str]) -> Answers:
        answers: Answers = []
        for start in range(0, len(asked), load.searches):
            prompts = [{"prompt_token_ids": read(t)} for t in asked[start : start + load.searches]]
            outs = engine.generate(prompts, settings, use_tqdm=False)
            answers += [[list(each.token_ids) for each in out.outputs] for out in outs]
        return answers

    return lambda asked: partial(by_vllm, asked)
