"""From the words of `--policy` to policies: `hammer`, `scripted:FILE`, a model, a mixture.

    hammer   knn   scripted:FILE   sketch:FILE   hf:PATH_OR_NAME   openai:MODEL@URL
    openai:MODEL@URL,URL   hammer+hf:NAME   0.3*hammer+0.7*openai:MODEL@URL

Each word has one class, a `PolicySpec` listed in SPECS; nothing else knows the words. Each part of
a mixture has a share of the prior mass, 1 where none is given.
"""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from ..data.errors import UsageError
from .config import ModelConfig, options
from .hammer.policy import Hammer
from .learning.files import known_steps
from .learning.knn import NearestNeighbours
from .learning.ordering import with_priors
from .models.base import LanguageModel, Sampling
from .models.load_balancer import LoadBalancer
from .models.server_watch import Servers
from .policy.base import Policy
from .policy.language import LanguagePolicy
from .policy.prompts import PromptFormat, format_for, format_named, format_of_folder
from .policy.scripted import read_script
from .repair.draft_generator import read_drafts
from .retrieval.base import Retrieval

_SHARE = re.compile(r"([\d.]+)\*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The options of drawing that every model has."""

    top_p: float = 1.0
    max_tokens: int = 0
    """0: as the prompt format says."""
    beam: bool = False
    distinct_first: bool = False


DRAWING = tuple(field.name for field in fields(Drawing))


@dataclass(frozen=True, slots=True)
class ModelSetup:
    """What the language models of a policy are set up with.

    Args:
        config: how they are asked.
        seed: of all their draws.
        values: options of the models themselves, as `key=value` words; checked.
        servers: how model servers are reached.
        retrieval: chooses the premises of prompts; None: prompts show none.
        lean: the version that runs; empty where none does.
    """

    config: ModelConfig
    seed: int
    values: Mapping[str, str]
    servers: Servers | None
    retrieval: Retrieval | None
    lean: str = ""

    def sampling(self, form: PromptFormat) -> Sampling:
        """How completions in a format are drawn. Raises UsageError."""
        given = {name: text for name, text in self.config.options.items() if name in DRAWING}
        drawing = options(Drawing, given, "a model")
        if not 0 < drawing.top_p <= 1:
            raise UsageError(f"top_p must lie in (0, 1], not {drawing.top_p}")
        if drawing.max_tokens < 0:
            raise UsageError(f"max_tokens must be at least 1, not {drawing.max_tokens}")
        return Sampling(
            n=self.config.samples,
            temperature=self.config.temperature,
            top_p=drawing.top_p,
            max_tokens=drawing.max_tokens or form.max_tokens,
            beam=drawing.beam,
            distinct_first=drawing.distinct_first,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model, and how it is asked. retrieval: chooses the premises of its prompts, if any."""

    model: LanguageModel
    form: PromptFormat
    sampling: Sampling
    retrieval: Retrieval | None


@dataclass(frozen=True)
class PolicySpec(ABC):
    """One policy as the command line names it: `WORD`, or `WORD:NAME`.

    A subclass says how the policy is opened, and what it needs; it is listed in SPECS.
    """

    name: str = ""
    word: ClassVar[str]
    argument: ClassVar[str] = ""
    """What stands after the colon, as errors show it; empty: there is no colon."""
    is_writer: ClassVar[bool] = True
    """Whether it can write whole proofs where a mode asks for them."""

    @classmethod
    def parse(cls, name: str) -> PolicySpec:
        """The specification with this text after the colon. Raises UsageError."""
        return cls(name)

    def writes_proofs(self, config: ModelConfig) -> bool:
        """Whether it writes whole proofs or sketches unless it is asked for tactics."""
        return False

    @abstractmethod
    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """Set the policy up; what must be freed again is pushed on the stack.

        Raises UsageError for what the caller can correct, ModelUnavailable for a server that is not
        there.
        """


class HammerSpec(PolicySpec):
    """Tactics by the shape of the goal, without a model."""

    word = "hammer"
    is_writer = False

    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """The hammer, with the priors that are wanted. Raises UsageError for a wrong file."""
        return with_priors(Hammer(), setup.config.priors, setup.seed, setup.lean)


class NearestNeighboursSpec(PolicySpec):
    """Tactics that proved goals like this one, without a model."""

    word = "knn"
    is_writer = False

    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """With the memory that is wanted. Raises UsageError for a wrong file."""
        return NearestNeighbours(known_steps(setup.config.memory, setup.lean))


class ScriptedSpec(PolicySpec):
    """A table of states and tactics in a file of JSON lines."""

    word = "scripted"
    argument = "FILE"

    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """Read the table."""
        return read_script(Path(self.name))


class SketchSpec(PolicySpec):
    """The user's own drafts in a Lean file, with `sorry` for their holes."""

    word = "sketch"
    argument = "FILE"

    def writes_proofs(self, config: ModelConfig) -> bool:
        """Always."""
        return True

    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """Read the drafts."""
        return read_drafts(Path(self.name))


class ModelSpec(PolicySpec):
    """A language model; a subclass says where it runs and which options it has of its own."""

    default_format: ClassVar[str]
    """The prompt format for a model whose name no format knows."""
    packages: ClassVar[tuple[str, ...]]
    """What it needs of the extra `llm`."""
    runs_here: ClassVar[bool]
    """Whether it runs in this process, on a GPU where there is one."""

    def format(self, config: ModelConfig) -> PromptFormat:
        """The prompt format it is asked in. Raises UsageError."""
        if config.prompt:
            return format_named(config.prompt)
        return format_for(self.name, self.default_format)

    def writes_proofs(self, config: ModelConfig) -> bool:
        """By its prompt format."""
        return self.format(config).is_whole_proof

    async def open(self, setup: ModelSetup, stack: AsyncExitStack) -> Policy:
        """Load the model, and ask it for tactics in its format."""
        opened = await self.open_model(setup, self.format(setup.config), stack)
        return LanguagePolicy(opened.model, opened.form, opened.sampling, opened.retrieval)

    async def open_model(
        self, setup: ModelSetup, form: PromptFormat, stack: AsyncExitStack
    ) -> OpenedModel:
        """Load the model, to be asked in a format. Raises as `open`."""
        sampling = setup.sampling(form)
        model = await self._load(setup)
        stack.push_async_callback(model.close)
        return OpenedModel(model, form, sampling, setup.retrieval if form.shows_premises else None)

    async def _load(self, setup: ModelSetup) -> LanguageModel:
        """The model; of several servers, or on several devices, as one."""
        copies: list[LanguageModel] = []
        try:
            async for copy in self.copies(setup):
                copies.append(copy)
        except BaseException:
            for copy in copies:
                await copy.close()
            raise
        return copies[0] if len(copies) == 1 else LoadBalancer(copies)

    @abstractmethod
    def copies(self, setup: ModelSetup) -> AsyncIterator[LanguageModel]:
        """Load a copy for each server or device. Raises as `open`."""

    @staticmethod
    @abstractmethod
    def options_type() -> type[Any]:
        """The dataclass of the options that such a model has of its own."""

    def known(self, values: Mapping[str, str]) -> dict[str, str]:
        """Those of the options that such a model has."""
        names = {field.name for field in fields(self.options_type())}
        return {name: text for name, text in values.items() if name in names}

    def read_options(self, values: Mapping[str, str]) -> Any:
        """Its options, from `key=value` words. Raises UsageError."""
        return options(self.options_type(), self.known(values), self.word)


class TransformersSpec(ModelSpec):
    """A model of the package transformers, in this process; `device=` may name several."""

    word = "hf"
    argument = "NAME"
    default_format = "few-shot"
    packages = ("torch", "transformers")
    runs_here = True

    def format(self, config: ModelConfig) -> PromptFormat:
        """As of every model; one that was trained here says it itself."""
        own = None if config.prompt else format_of_folder(Path(self.name).expanduser())
        return own or super().format(config)

    @staticmethod
    def options_type() -> type[Any]:
        """How a checkpoint is loaded and run."""
        from .models.checkpoint import HuggingFaceOptions

        return HuggingFaceOptions

    async def copies(self, setup: ModelSetup) -> AsyncIterator[LanguageModel]:
        """Load the model on each device."""
        from .models import transformers_model

        for device in setup.values.get("device", "auto").split(","):
            own = self.read_options({**setup.values, "device": device})
            yield transformers_model.load(self.name, own)

    def load_critic(self, values: Mapping[str, str]) -> LanguageModel:
        """The model as a judge of states, on the first device."""
        from .models import transformers_model

        return transformers_model.load_critic(self.name, self.first_options(values))

    def first_options(self, values: Mapping[str, str]) -> Any:
        """Its options on the first device, for a critic or a retriever."""
        device = values.get("device", "auto").partition(",")[0]
        return self.read_options({**values, "device": device})


@dataclass(frozen=True)
class OpenAISpec(ModelSpec):
    """A model behind servers that speak OpenAI's interface. urls: of each server, up to `/v1`."""

    urls: tuple[str, ...] = ()
    word = "openai"
    argument = "MODEL@URL"
    default_format = "chat"
    packages = ("openai",)
    runs_here = False

    @classmethod
    def parse(cls, name: str) -> PolicySpec:
        """From `MODEL@URL` or `MODEL@URL,URL`."""
        model, _, rest = name.partition("@http")
        urls = f"http{rest}".split(",")
        found = [re.fullmatch(r"(https?://[^/,]+)(/[^,]*)?", url) for url in urls]
        if not model or not all(found):
            example = "openai:qwen3@http://localhost:8000/v1"
            raise UsageError(f"openai:{name} names no server; write it as {example}")
        return cls(model, tuple(url[1] + (url[2] or "/v1") for url in found if url))

    @staticmethod
    def options_type() -> type[Any]:
        """How a server is asked."""
        from .models.openai_client import ServerOptions

        return ServerOptions

    async def copies(self, setup: ModelSetup) -> AsyncIterator[LanguageModel]:
        """Connect to each server, and try it out."""
        from .models.openai_client import OpenAIServer

        own = self.read_options(setup.values)
        for url in self.urls:
            server = OpenAIServer(self.name, url, setup.servers, own)
            try:
                await server.check()
            except BaseException:
                await server.close()
                raise
            yield server


SPECS: tuple[type[PolicySpec], ...] = (
    HammerSpec,
    NearestNeighboursSpec,
    ScriptedSpec,
    SketchSpec,
    TransformersSpec,
    OpenAISpec,
)
"""Every word of `--policy`, in the order in which errors name them."""

_WORDS = "|".join(each.word + (":" if each.argument else r"\b") for each in SPECS)
_PLUS = re.compile(rf"\+(?=(?:[\d.]+\*)?(?:{_WORDS}|vllm:))")


@dataclass(frozen=True, slots=True)
class MixtureSpec:
    """Policies that share the prior mass; most often one. parts: each with its share."""

    parts: tuple[tuple[PolicySpec, float], ...]

    @property
    def specs(self) -> list[PolicySpec]:
        """The policies, in order."""
        return [spec for spec, _ in self.parts]

    @property
    def models(self) -> list[ModelSpec]:
        """Those that ask a language model."""
        return [spec for spec in self.specs if isinstance(spec, ModelSpec)]

    def without(self, spec: PolicySpec) -> MixtureSpec:
        """The other policies; the hammer where there are none."""
        rest = tuple(part for part in self.parts if part[0] != spec)
        return MixtureSpec(rest or ((HammerSpec(), 1.0),))


def parse_policy(words: str) -> MixtureSpec:
    """What the words of `--policy` name. Raises UsageError, with near names."""
    return MixtureSpec(tuple(_part(word) for word in _PLUS.split(words)))


def _part(text: str) -> tuple[PolicySpec, float]:
    share = 1.0
    if found := _SHARE.fullmatch(text):
        text = found[2]
        try:
            share = float(found[1])
        except ValueError as error:
            raise UsageError(f"no share of a policy: {found[1]}") from error
        if share <= 0:
            raise UsageError(f"the share of {text} must be above 0, not {found[1]}")
    word, colon, name = text.partition(":")
    for each in SPECS:
        if each.word == word and (name if each.argument else not colon):
            return each.parse(name), share
    if word == "vllm" and name:
        served = f"openai:{name}@http://localhost:8000/v1"
        raise UsageError(f"vLLM runs as a server: vllm serve {name}, then --policy {served}")
    usages = {each.word: f"{each.word}:{each.argument}".rstrip(":") for each in SPECS}
    near = [usages[w] for w in difflib.get_close_matches(word.partition("+")[0], usages, n=2)]
    known = ", ".join(usages.values())
    suggestion = f"did you mean {' or '.join(near)}?" if near else f"there is: {known}"
    raise UsageError(f"no policy {text!r}; {suggestion}")
