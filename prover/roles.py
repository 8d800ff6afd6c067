"""Who writes drafts and who searches, of the policies that the command line names.

The one that writes whole proofs or sketches is the writer; the rest of a mixture searches by
tactics, the hammer where there is no rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ..data.errors import UsageError
from .config import DraftConfig, ModelConfig
from .models.server_watch import Servers
from .policy.base import Policy
from .policy.prompts import PromptFormat, format_named
from .policy_setup import open_model, open_policy
from .policy_spec import MixtureSpec, ModelSpec, PolicySpec, parse_policy
from .repair.draft_generator import DraftGenerator, FixedDrafts, ModelDraftGenerator
from .retrieval.dense import EmbeddedLibrary

DEFAULT_FORMATS = {"whole-proof": "chat-proof", "sketch": "chat-sketch"}
"""For a model whose own format does not write what the mode wants."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who does what.

    mode: `tactic`, where nobody writes, `whole-proof` or `sketch`. searcher: who proposes tactics.
    writer: who writes drafts, None in mode tactic. form: the writer's prompt format, None where it
    is no model.
    """

    mode: str
    searcher: MixtureSpec
    writer: PolicySpec | None = None
    form: PromptFormat | None = None


def roles(words: str, config: ModelConfig, mode: str = "auto", search: str | None = None) -> Roles:
    """What the policies that `words` name do in a mode.

    search: one chosen by name; then mode `auto` is `tactic`. Raises UsageError when nobody could
    write drafts, or several would.
    """
    spec = parse_policy(words)
    writers = [part for part in spec.specs if part.writes_proofs(config)]
    if mode == "tactic" or (mode == "auto" and (search or not writers)):
        return Roles("tactic", spec)
    writers = writers or [part for part in spec.specs if part.is_writer]
    if not writers:
        raise UsageError(f"mode {mode} needs a policy that writes: a model, or sketch:FILE")
    if len(writers) > 1:
        raise UsageError(f"mode {mode}: one policy writes drafts, not {len(writers)}")
    writer = writers[0]
    form = writer.format(config) if isinstance(writer, ModelSpec) else None
    if mode == "auto":
        mode = "sketch" if form is None or form.answer == "sketch" else "whole-proof"
    if form and not config.prompt and not _suits(form, mode):
        form = format_named(DEFAULT_FORMATS[mode])
    return Roles(mode, spec.without(writer), writer, form)


def _suits(form: PromptFormat, mode: str) -> bool:
    """Whether a model asked in the format writes what a mode of drafts wants."""
    return form.answer != "tactic" and not (mode == "sketch" and form.answer == "proof")


def check_options(words: str, model: ModelConfig, drafts: DraftConfig, mode: str) -> None:
    """Check that the options given are of use: for models where one is asked, for drafts.

    Raises UsageError for an option that is of none, an unknown prompt format, a missing package.
    """
    from .models.checkpoint import require  # slow to import

    models = parse_policy(words).models
    for asked in models:
        require(f"{asked.word}:{asked.name}", asked.packages, "'lakatos[llm]'")
    if model.prompt:
        format_named(model.prompt)
    if not models:
        _check_default(model, _OF_MODELS, f"for language models; the policy is {words}")
    if mode == "tactic":
        _check_default(drafts, _OF_DRAFTS, "for whole proofs and sketches; the mode is tactic")


_OF_MODELS = "prompt", "samples", "temperature", "premises"
_OF_DRAFTS = "attempts", "turns", "repair_depth"


def _check_default(given: ModelConfig | DraftConfig, names: Sequence[str], why: str) -> None:
    default = type(given)()
    for name in names:
        if getattr(given, name) != getattr(default, name):
            raise UsageError(f"--{name.replace('_', '-')} is {why}")


@asynccontextmanager
async def open_roles(
    found: Roles,
    config: ModelConfig,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
    lean: str = "",
) -> AsyncIterator[tuple[DraftGenerator | None, Policy]]:
    """Set up who writes drafts, if anybody does, and who searches; free their models afterwards.

    Arguments and errors as for `open_policy`.
    """
    if found.writer is None:
        async with open_policy(
            found.searcher, config, seed=seed, servers=servers, source=source, lean=lean
        ) as policy:
            yield None, policy
        return
    rest = config
    if not found.searcher.models:
        rest = replace(rest, options={}, critic="own", retriever="none")
    rest = replace(rest, prompt=None) if found.form else rest
    async with open_policy(
        found.searcher, rest, seed=seed, servers=servers, source=source, lean=lean
    ) as policy:
        if found.form is None or not isinstance(found.writer, ModelSpec):
            async with open_policy(MixtureSpec(((found.writer, 1.0),))) as drafts:
                yield FixedDrafts(drafts), policy
            return
        async with open_model(
            found.writer, found.form, config, seed=seed, servers=servers, source=source
        ) as opened:
            generator = ModelDraftGenerator(
                opened.model, opened.form, opened.sampling, opened.retrieval
            )
            yield generator, policy
