"""From the words of the command line to who writes drafts, and who searches their holes.

What writes whole proofs or sketches is the author; the rest of a mixture searches, the hammer
where there is no rest.
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
from .policy_spec import MODELS, PolicySpec, form_of, open_model, open_policy, parts, read_policy
from .repair.draft_generator import DraftGenerator, FixedDrafts, ModelDraftGenerator
from .retrieval.dense import EmbeddedLibrary

DEFAULT_FORMS = {"whole-proof": "chat-proof", "sketch": "chat-sketch"}
"""For a model whose own format does not write what the mode wants."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who does what. mode: `tactic`, where nobody writes; searcher: the others, as one word."""

    mode: str
    writer: PolicySpec | None = None
    form: PromptFormat | None = None
    searcher: str = "hammer"


def roles(spec: str, config: ModelConfig, mode: str = "auto", search: str | None = None) -> Roles:
    """What a policy is for in a mode. search: chosen by name; then `auto` is `tactic`.

    Raises UsageError when nobody could write, or several would.
    """
    found = parts(spec)
    writers = [part for part in found if _writes(part, config)]
    if mode == "tactic" or (mode == "auto" and (search or not writers)):
        return Roles("tactic", searcher=spec)
    writers = writers or [part for part in found if part.kind != "hammer"]
    if not writers:
        raise UsageError(f"mode {mode} needs a policy that writes: a model, or sketch:FILE")
    if len(writers) > 1:
        raise UsageError(f"mode {mode}: one policy writes drafts, not {len(writers)}")
    writer = writers[0]
    form = form_of(writer, config) if writer.kind in MODELS else None
    if mode == "auto":
        mode = "sketch" if form is None or form.answer == "sketch" else "whole-proof"
    if (form and not config.prompt and form.answer == "tactic") or _only_proofs(form, config, mode):
        form = format_named(DEFAULT_FORMS[mode])
    rest = [part.word for part in found if part != writer]
    return Roles(mode, writer, form, "+".join(rest) or "hammer")


def check_told(spec: str, model: ModelConfig, drafts: DraftConfig, mode: str) -> None:
    """Raise UsageError for an option of models where none is asked, or of drafts in mode tactic.

    Also for a prompt format that there is not.
    """
    if model.prompt:
        format_named(model.prompt)
    if not any(part.kind in MODELS for part in parts(spec)):
        _check_default(model, _OF_MODELS, f"for language models; the policy is {spec}")
    if mode == "tactic":
        _check_default(drafts, _OF_DRAFTS, "for whole proofs and sketches; the mode is tactic")


_OF_MODELS = "prompt", "samples", "temperature", "premises"
_OF_DRAFTS = "attempts", "turns", "repair_depth"


def _check_default(told: ModelConfig | DraftConfig, names: Sequence[str], why: str) -> None:
    default = type(told)()
    for name in names:
        if getattr(told, name) != getattr(default, name):
            raise UsageError(f"--{name.replace('_', '-')} is {why}")


def _writes(part: PolicySpec, config: ModelConfig) -> bool:
    if part.kind in MODELS:
        return form_of(part, config).is_whole_proof
    return part.kind == "sketch"


def _only_proofs(form: PromptFormat | None, config: ModelConfig, mode: str) -> bool:
    """Whether the format is for whole proofs where sketches are wanted."""
    return bool(form and mode == "sketch" and form.answer == "proof" and not config.prompt)


@asynccontextmanager
async def open_author(
    found: Roles,
    config: ModelConfig,
    *,
    seed: int = 0,
    servers: Servers | None = None,
    source: EmbeddedLibrary | None = None,
) -> AsyncIterator[tuple[DraftGenerator, Policy]]:
    """Set up who writes and who searches, and free their models afterwards.

    Raises UsageError, ModelUnavailable.
    """
    assert found.writer is not None
    searchers: Sequence[PolicySpec] = parts(found.searcher)
    asks = any(part.kind in MODELS for part in searchers)
    rest = config if asks else replace(config, options={}, critic="own", retriever="none")
    rest = replace(rest, prompt=None) if found.form else rest
    async with open_policy(
        found.searcher, rest, seed=seed, servers=servers, source=source
    ) as policy:
        if found.form is None:
            yield FixedDrafts(read_policy(found.writer)), policy
            return
        opening = open_model(
            found.writer, found.form, config, seed=seed, servers=servers, source=source
        )
        async with opening as asked:
            yield (
                ModelDraftGenerator(asked.model, asked.form, asked.sampling, asked.retrieval),
                policy,
            )
