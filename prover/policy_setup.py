"""Sets policies up: their models loaded, their prompts given premises, a critic put over them.

Which policies there are, policy_spec.py says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from pathlib import Path

from ..data.errors import UsageError
from .config import ModelConfig, unknown_option
from .models.server_watch import Servers
from .policy.base import Policy
from .policy.critic import ConstantCritic, ModelCritic
from .policy.mixture import CriticPolicy, Mixture
from .policy.prompts import PromptFormat, format_for, format_of_folder, formats
from .policy_spec import (
    DRAWING,
    MixtureSpec,
    ModelSetup,
    ModelSpec,
    OpenedModel,
    TransformersSpec,
    parse_policy,
)
from .retrieval.base import Lexical, Retrieval
from .retrieval.dense import Dense, EmbeddedLibrary, Encoder

MAX_RACED = 64
"""Most samples of whole proofs of one theorem that are checked at once."""


def suited(spec: MixtureSpec, config: ModelConfig) -> tuple[str, int]:
    """The search that suits a policy, and how many batches of a theorem to have in flight.

    Whole proofs are sampled and raced; the rest by what proved most with equal Lean calls
    (benchmarks/results/search_order.json). Raises UsageError.
    """
    if len(spec.models) == len(spec.parts) and all(m.writes_proofs(config) for m in spec.models):
        return "whole-proof", min(config.samples, MAX_RACED)
    return "htps", 2


@asynccontextmanager
async def open_policy(
    spec: str | MixtureSpec,
    config: ModelConfig | None = None,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
    lean: str = "",
) -> AsyncIterator[Policy]:
    """Set up a policy, and free its models afterwards.

    Args:
        spec: what it is, or the words for that.
        config: how its language models are asked.
        seed: of their draws.
        servers: how model servers are reached.
        source: where the premises of prompts come from; None: no prompt shows any.
        lean: the version that runs; what another one taught is refused.

    Raises UsageError for what the caller can correct, ModelUnavailable for a server that is not
    there.
    """
    spec = parse_policy(spec) if isinstance(spec, str) else spec
    config = config or ModelConfig()
    values = _own_options(spec.models, config)
    retrieval = _retrieval([model.format(config) for model in spec.models], config, values, source)
    setup = ModelSetup(config, seed, values, servers, retrieval, lean)
    async with AsyncExitStack() as stack:
        opened = [(await part.open(setup, stack), share) for part, share in spec.parts]
        policy = opened[0][0] if len(opened) == 1 else Mixture(opened)
        if config.critic == "own":
            yield policy
        elif config.critic == "constant":
            yield CriticPolicy(policy, ConstantCritic())
        else:
            judge = _encoder(config.critic)
            critic = judge.load_critic(values)
            stack.push_async_callback(critic.close)
            yield CriticPolicy(policy, ModelCritic(critic, critic_format(judge.name).write))


@asynccontextmanager
async def open_model(
    spec: ModelSpec,
    form: PromptFormat,
    config: ModelConfig,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
) -> AsyncIterator[OpenedModel]:
    """Set up one model to be asked in a format; arguments and errors as for `open_policy`."""
    values = _own_options([spec], config)
    retrieval = _retrieval([form], config, values, source) if form.shows_premises else None
    setup = ModelSetup(config, seed, values, servers, retrieval)
    async with AsyncExitStack() as stack:
        yield await spec.open_model(setup, form, stack)


def _retrieval(
    forms: Sequence[PromptFormat],
    config: ModelConfig,
    values: Mapping[str, str],
    source: EmbeddedLibrary | None,
) -> Retrieval | None:
    """What chooses premises, if anything does. Raises UsageError when no prompt shows them."""
    if config.retriever == "none" or source is None:
        return None
    if not any(form.shows_premises for form in forms):
        shown = [name for name, form in formats().items() if form.shows_premises]
        why = f"prompt {forms[0].name} shows no premises" if forms else "the policy asks no model"
        raise UsageError(f"retriever {config.retriever}: {why}; these do: {', '.join(shown)}")
    if config.retriever == "bm25":
        return Retrieval(Lexical(source), source, config.premises)
    spec = _encoder(config.retriever)
    encoder = Encoder(spec.name, spec.first_options(values))
    return Retrieval(Dense(source, encoder), source, config.premises)


def _encoder(words: str) -> TransformersSpec:
    """The model of a critic or a retriever: `hf:NAME`."""
    return TransformersSpec(words.removeprefix("hf:"))


def critic_format(name: str) -> PromptFormat:
    """The prompt format in which a critic judges; one that was trained here says it itself."""
    return format_of_folder(Path(name).expanduser()) or format_for(name, "state")


def _own_options(models: Sequence[ModelSpec], config: ModelConfig) -> dict[str, str]:
    """The options of the models themselves, those of critic and retriever included.

    Raises UsageError for an option that none of them has.
    """
    encoders = [word for word in (config.critic, config.retriever) if word.startswith("hf:")]
    every_model = [*models, *map(_encoder, encoders)]
    if config.options and not every_model:
        name = next(iter(config.options))
        raise UsageError(f"no model has the option {name}: the policy asks none")
    values = {name: text for name, text in config.options.items() if name not in DRAWING}
    for name, text in values.items():
        if not any(model.known({name: text}) for model in every_model):
            own = [field.name for model in every_model for field in fields(model.options_type())]
            known = [*DRAWING, *own]
            raise unknown_option(every_model[0].word, name, known)
    return values
