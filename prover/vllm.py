"""Language models run by vLLM in this process, where it is installed; it batches by itself.

vLLM is no dependency: its engine and parameter class come in from outside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any, Protocol

from ..data.errors import ModelUnavailable, UsageError
from .checkpoint import require
from .expander import together
from .model import Completion, Generated, Prompt, Sampling


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """How vLLM loads a model."""

    dtype: str = "auto"
    """bfloat16, float16, float32; auto: the model's own."""
    revision: str | None = None
    """Commit, tag or branch of the model's repository."""
    memory_share: float = 0.9
    """Of the GPU's memory."""
    gpus: int = 1
    """GPUs that one model is spread over."""
    context: int = 0
    """Most tokens of a prompt and its completion; 0: the model's own."""


class Engine(Protocol):
    """The part of vLLM's AsyncLLM that is used."""

    def generate(self, prompt: Any, sampling_params: Any, request_id: str) -> AsyncIterator[Any]:
        """Yield a request's state, the last one finished."""
        ...

    async def abort(self, request_id: str) -> None:
        """Give a request up."""
        ...

    def shutdown(self) -> None:
        """End the engine's processes."""
        ...


def load(name: str, options: VllmOptions | None = None) -> VllmModel:
    """Start vLLM's engine on a model. Raises UsageError where vLLM is not installed."""
    require(f"vllm:{name}", ("vllm",), "vllm")
    options = options or VllmOptions()
    vllm = import_module("vllm")
    settings = vllm.AsyncEngineArgs(
        model=name,
        dtype=options.dtype,
        revision=options.revision,
        gpu_memory_utilization=options.memory_share,
        tensor_parallel_size=options.gpus,
        max_model_len=options.context or None,
    )
    dead: type[Exception] = import_module("vllm.v1.engine.exceptions").EngineDeadError
    at_the_end = import_module("vllm.sampling_params").RequestOutputKind.FINAL_ONLY
    try:
        engine = vllm.AsyncLLMEngine.from_engine_args(settings)
        tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(
            name, revision=options.revision
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"vllm:{name}: {_line(error)}") from error
    except (RuntimeError, dead) as error:
        raise ModelUnavailable(f"vllm:{name}: {_line(error)}") from error
    parameters = partial(vllm.SamplingParams, output_kind=at_the_end)
    return VllmModel(f"vllm:{name}", engine, parameters, tokenizer, dead)


class VllmModel:
    """A `LanguageModel` over vLLM's engine.

    parameters: makes its SamplingParams. dead: what it raises when its processes are gone.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        parameters: Callable[..., Any],
        tokenizer: Any,
        dead: type[Exception] = RuntimeError,
    ) -> None:
        self._name = name
        self._engine = engine
        self._parameters = parameters
        self._tokenizer = tokenizer
        self._dead = dead
        self._numbers = count()

    @property
    def name(self) -> str:
        """Where it was loaded from."""
        return self._name

    async def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generated]:
        """Continue each prompt; a cancelled call aborts its requests."""
        if sampling.beam or sampling.distinct_first:
            raise UsageError(f"{self._name}: no beam search and no distinct first tokens here")
        if sampling.n == 0:
            raise UsageError(f"{self._name} judges no prompts: it has no value head")
        settings = self._parameters(
            n=sampling.n,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stop),
            seed=sampling.seed,
            logprobs=0,
        )
        return await together([self._one(prompt, settings) for prompt in prompts])

    async def close(self) -> None:
        """End the engine."""
        self._engine.shutdown()

    async def _one(self, prompt: Prompt, settings: Any) -> Generated:
        request, last = f"lakatos-{next(self._numbers)}", None
        try:
            async for state in self._engine.generate(self._text(prompt), settings, request):
                last = state
        except self._dead as error:
            raise ModelUnavailable(f"{self._name}: {_line(error)}") from error
        finally:
            if last is None or not last.finished:
                await self._engine.abort(request)
        if last is None:
            raise ModelUnavailable(f"{self._name} gave no answer")
        completions = tuple(
            Completion(o.text, o.cumulative_logprob, len(o.token_ids), o.finish_reason == "stop")
            for o in sorted(last.outputs, key=lambda output: int(output.index))
        )
        return Generated(completions, None, len(last.prompt_token_ids))

    def _text(self, prompt: Prompt) -> Any:
        if not prompt.messages:
            return prompt.text
        if not self._tokenizer.chat_template:
            raise UsageError(f"{self._name} has no chat template: use a prompt of plain text")
        turns = [{"role": turn.role, "content": turn.text} for turn in prompt.messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return {"prompt_token_ids": self._tokenizer(text, add_special_tokens=False)["input_ids"]}


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
