"""From a word of the command line to a policy: `hammer`, `scripted:FILE`, a model, a mixture.

    hammer   scripted:FILE   sketch:FILE   hf:PATH_OR_NAME   openai:MODEL@URL
    openai:MODEL@URL,URL   hammer+hf:NAME   0.3*hammer+0.7*openai:MODEL@URL

Each part of a mixture has a share of the prior mass, equal ones where none is told.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..data.errors import UsageError
from .config import ModelConfig, options
from .hammer.policy import Hammer
from .models.base import LanguageModel, Sampling
from .models.load_balancer import LoadBalancer
from .models.server_watch import Servers
from .policy.base import Policy, Proposal, ScriptedPolicy
from .policy.critic import ConstantCritic, ModelCritic
from .policy.language import LanguagePolicy
from .policy.mixture import CriticPolicy, Mixture
from .policy.prompts import PromptFormat, format_for, format_named, formats
from .repair.draft_generator import FileDrafts
from .retrieval.base import Lexical, Retrieval
from .retrieval.dense import Dense, EmbeddedLibrary, Encoder

KINDS = ("hammer", "scripted:FILE", "sketch:FILE", "hf:NAME", "openai:MODEL@URL")
MODELS = {"hf": "few-shot", "openai": "chat"}
"""The kinds that ask a language model, each with its prompt format for an unknown model."""

MOST_AT_ONCE = 64
"""Most samples of whole proofs of one theorem that are checked at once."""

_PART = re.compile(r"\+(?=(?:[\d.]+\*)?(?:hammer\b|(?:scripted|sketch|hf|openai|vllm):))")
_SHARE = re.compile(r"([\d.]+)\*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """One policy of a mixture. kind: up to the colon; name: behind it."""

    kind: str
    name: str = ""
    share: float = 1.0

    @property
    def word(self) -> str:
        """What asks for it in a mixture."""
        return f"{self.share}*{self.kind}" + (f":{self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model, and how it is asked."""

    model: LanguageModel
    form: PromptFormat
    sampling: Sampling
    retrieval: Retrieval | None


def parts(spec: str) -> list[PolicySpec]:
    """What a specification asks for. Raises UsageError, with near names."""
    return [_part(word) for word in _PART.split(spec)]


def _part(word: str) -> PolicySpec:
    share = 1.0
    if found := _SHARE.fullmatch(word):
        word = found[2]
        try:
            share = float(found[1])
        except ValueError as error:
            raise UsageError(f"no share of a policy: {found[1]}") from error
        if share <= 0:
            raise UsageError(f"the share of {word} must be above 0, not {found[1]}")
    kind, colon, name = word.partition(":")
    if kind == "hammer" and not colon:
        return PolicySpec(kind, share=share)
    if kind in ("scripted", "sketch", *MODELS) and name:
        return PolicySpec(kind, name, share)
    if kind == "vllm" and name:
        served = f"openai:{name}@http://localhost:8000/v1"
        raise UsageError(f"vLLM runs as a server: vllm serve {name}, then --policy {served}")
    heads = {each.partition(":")[0]: each for each in KINDS}
    near = [heads[h] for h in difflib.get_close_matches(kind.partition("+")[0], heads, n=2)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is: {', '.join(KINDS)}"
    raise UsageError(f"no policy {word!r}; {hint}")


def form_of(part: PolicySpec, config: ModelConfig) -> PromptFormat:
    """The prompt format for a part that asks a model. Raises UsageError."""
    if config.prompt:
        return format_named(config.prompt)
    model = _servers(part.name)[0] if part.kind == "openai" else part.name
    return format_for(model, MODELS[part.kind])


def suited(spec: str, config: ModelConfig) -> tuple[str, int]:
    """The search that suits a policy, and how many batches of a theorem to have in flight.

    Whole proofs are sampled and raced; the rest by what proved most with equal Lean calls
    (benchmarks/results/search_order.json). Raises UsageError.
    """
    found = parts(spec)
    whole = [p.kind in MODELS and form_of(p, config).is_whole_proof for p in found]
    return ("whole-proof", min(config.samples, MOST_AT_ONCE)) if all(whole) else ("htps", 2)


@asynccontextmanager
async def open_policy(
    spec: str,
    config: ModelConfig | None = None,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
) -> AsyncIterator[Policy]:
    """Set up a policy, and free its models afterwards. servers: how they are reached; source: of
    premises.

    Raises UsageError for what the caller can mend, ModelUnavailable for a server that is not
    there.
    """
    config = config or ModelConfig()
    found = parts(spec)
    asks = [*(part for part in found if part.kind in MODELS), *_encoders(config)]
    own = _own_options(asks, config.options)
    retrieval = _retrieval(found, config, own, source)
    async with AsyncExitStack() as stack:
        made: list[tuple[Policy, float]] = []
        for part in found:
            if part.kind == "hammer":
                policy: Policy = Hammer()
            elif part.kind not in MODELS:
                policy = read_policy(part)
            else:
                form = form_of(part, config)
                sampling = _sampling(config, form, seed)
                model = await _model(part, own, servers)
                stack.push_async_callback(model.close)
                told = retrieval if form.shows_premises else None
                policy = LanguagePolicy(model, form, sampling, told)
            made.append((policy, part.share))
        mixed = made[0][0] if len(made) == 1 else Mixture(spec, made)
        if config.critic == "own":
            yield mixed
        elif config.critic == "constant":
            yield CriticPolicy(mixed, ConstantCritic())
        else:
            judge = _judge(config.critic, own)
            stack.push_async_callback(judge.close)
            form = format_for(judge.name, "state")
            yield CriticPolicy(mixed, ModelCritic(judge, form.write))


@asynccontextmanager
async def open_model(
    part: PolicySpec,
    form: PromptFormat,
    config: ModelConfig,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
) -> AsyncIterator[OpenedModel]:
    """Set up the model of one part alone, and free it afterwards. Raises as `open_policy`."""
    asks = [part, *_encoders(config)]
    own = _own_options(asks, config.options)
    retrieval = _retrieval([part], config, own, source) if form.shows_premises else None
    sampling = _sampling(config, form, seed)
    model = await _model(part, own, servers)
    try:
        yield OpenedModel(model, form, sampling, retrieval)
    finally:
        await model.close()


def _encoders(config: ModelConfig) -> list[PolicySpec]:
    """The models of the critic and of the retriever."""
    words = [word for word in (config.critic, config.retriever) if word.startswith("hf:")]
    return [PolicySpec("hf", word.removeprefix("hf:")) for word in words]


def read_policy(part: PolicySpec) -> Policy:
    """The policy that a file holds. Raises UsageError."""
    if part.kind == "scripted":
        return scripted(Path(part.name))
    try:
        return FileDrafts(part.word, Path(part.name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{part.name}: cannot be read: {error}") from error


def _retrieval(
    found: Sequence[PolicySpec],
    config: ModelConfig,
    own: Mapping[str, str],
    source: EmbeddedLibrary | None,
) -> Retrieval | None:
    """What chooses premises, if anything does. Raises UsageError when no prompt shows them."""
    if config.retriever == "none" or source is None:
        return None
    forms = [form_of(part, config) for part in found if part.kind in MODELS]
    if not any(form.shows_premises for form in forms):
        shown = [name for name, form in formats().items() if form.shows_premises]
        why = f"prompt {forms[0].name} shows no premises" if forms else "the policy asks no model"
        raise UsageError(f"retriever {config.retriever}: {why}; these do: {', '.join(shown)}")
    if config.retriever == "bm25":
        return Retrieval(Lexical(source), source, config.premises)
    mine = options(_options_of("hf"), _known("hf", _in_one_place(own)), "hf")
    encoder = Encoder(config.retriever.removeprefix("hf:"), mine)
    return Retrieval(Dense(source, encoder), source, config.premises)


async def _model(
    part: PolicySpec, own: Mapping[str, str], servers: Servers | None
) -> LanguageModel:
    """The model of a part; of several servers, or on several devices, as one."""
    places = [own]
    names = [part.name]
    if part.kind == "openai":
        name, urls = _servers(part.name)
        names = [f"{name}@{url}" for url in urls]
    elif part.kind == "hf":
        places = [{**own, "device": each} for each in own.get("device", "auto").split(",")]
    copies: list[LanguageModel] = []
    try:
        for name in names:
            for place in places:
                copies.append(await _copy(part.kind, name, place, servers))
    except BaseException:
        for copy in copies:
            await copy.close()
        raise
    return copies[0] if len(copies) == 1 else LoadBalancer(copies)


async def _copy(
    kind: str, name: str, own: Mapping[str, str], servers: Servers | None
) -> LanguageModel:
    mine = options(_options_of(kind), _known(kind, own), kind)
    if kind == "openai":
        from .models.openai_client import OpenAIServer

        model, (url,) = _servers(name)
        server = OpenAIServer(model, url, servers, mine)
        try:
            await server.check()
        except BaseException:
            await server.close()
            raise
        return server
    from .models import transformers_model as huggingface

    return huggingface.load(name, mine)


def _in_one_place(own: Mapping[str, str]) -> dict[str, str]:
    """The same with the first of several devices, for who judges or retrieves."""
    return {**own, "device": own.get("device", "auto").partition(",")[0]}


def _judge(spec: str, own: Mapping[str, str]) -> LanguageModel:
    from .models import transformers_model as huggingface

    mine = options(_options_of("hf"), _known("hf", _in_one_place(own)), "hf")
    return huggingface.load_critic(spec.removeprefix("hf:"), mine)


def _options_of(kind: str) -> Any:
    if kind == "openai":
        from .models.openai_client import ServerOptions

        return ServerOptions
    from .models.checkpoint import HuggingFaceOptions

    return HuggingFaceOptions


def _known(kind: str, own: Mapping[str, str]) -> dict[str, str]:
    names = {field.name for field in fields(_options_of(kind))}
    return {name: text for name, text in own.items() if name in names}


@dataclass(frozen=True, slots=True)
class Drawing:
    """The options of drawing that every model has."""

    top_p: float = 1.0
    max_tokens: int = 0
    """0: as the prompt format says."""
    beam: bool = False
    distinct_first: bool = False


_DRAWING = tuple(field.name for field in fields(Drawing))


def _own_options(asks: Sequence[PolicySpec], values: Mapping[str, str]) -> dict[str, str]:
    """The options of the models themselves. Raises UsageError for one that none of them has."""
    own = {name: text for name, text in values.items() if name not in _DRAWING}
    if values and not asks:
        raise UsageError(f"no model has the option {next(iter(values))}: the policy asks none")
    for name, text in own.items():
        if not any(_known(part.kind, {name: text}) for part in asks):
            everything = [*_DRAWING, *(f.name for p in asks for f in fields(_options_of(p.kind)))]
            near = difflib.get_close_matches(name, everything, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else f"has: {', '.join(everything)}"
            raise UsageError(f"{asks[0].kind} has no option {name}; {hint}")
    return own


def _sampling(config: ModelConfig, form: PromptFormat, seed: int) -> Sampling:
    told = {name: text for name, text in config.options.items() if name in _DRAWING}
    drawing = options(Drawing, told, "a model")
    if not 0 < drawing.top_p <= 1:
        raise UsageError(f"top_p must lie in (0, 1], not {drawing.top_p}")
    if drawing.max_tokens < 0:
        raise UsageError(f"max_tokens must be at least 1, not {drawing.max_tokens}")
    return Sampling(
        n=config.samples,
        temperature=config.temperature,
        top_p=drawing.top_p,
        max_tokens=drawing.max_tokens or form.max_tokens,
        beam=drawing.beam,
        distinct_first=drawing.distinct_first,
        seed=seed,
    )


def _servers(name: str) -> tuple[str, list[str]]:
    """Model and URLs of `MODEL@URL` or `MODEL@URL,URL`."""
    model, _, told = name.partition("@http")
    found = [re.fullmatch(r"(https?://[^/,]+)(/[^,]*)?", url) for url in f"http{told}".split(",")]
    if not model or not all(found):
        example = "openai:qwen3@http://localhost:8000/v1"
        raise UsageError(f"openai:{name} names no server; write it as {example}")
    return model, [url[1] + (url[2] or "/v1") for url in found if url]


def scripted(path: Path) -> ScriptedPolicy:
    """A policy read from lines of JSON.

    `{"state": KEY or TEXT, "tactics": [TACTIC or [TACTIC, PRIOR]...]}`: what to propose at the
    state of that key, or of that text as Lean prints it; without a state, wherever no line is
    about. Without a prior the tactic number i, from 1, has 1 / i. Raises UsageError.
    """
    table: dict[str, list[Proposal]] = {}
    default: list[Proposal] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            told = [_proposal(i, each) for i, each in enumerate(row["tactics"], 1)]
            state = row.get("state")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            shape = '{"state": TEXT, "tactics": [TACTIC...]}'
            raise UsageError(f"{path}:{number}: not a line {shape}") from error
        if state is None:
            default += told
        else:
            table.setdefault(str(state), []).extend(told)
    return ScriptedPolicy(table, default)


def _proposal(place: int, told: Any) -> Proposal:
    if isinstance(told, str):
        return Proposal(told, 1 / place)
    tactic, prior = told
    if not (isinstance(tactic, str) and 0 < float(prior) <= 1):
        raise ValueError("a tactic and its prior")
    return Proposal(tactic, float(prior))
