"""Tries out what a policy needs: its packages, its device or server, and one completion."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from ...data.errors import LakatosError
from ...lean_env.doctor import Finding
from ..config import ModelConfig, key_values
from ..models.base import ChatMessage, Prompt, Sampling
from ..models.server_watch import ServerMonitor, Servers
from ..policy_setup import open_model, open_policy
from ..policy_spec import MixtureSpec, ModelSpec, parse_policy
from .console import note

SHOWN_CHARS = 40
TRIED_TOKENS = 16


async def check_policy(spec: str, words: Sequence[str], key: str | None) -> list[Finding]:
    """What is found of a policy's models. words: options of models, `key=value`; key: of a server.

    Raises UsageError for a specification or an option that is none.
    """
    config, servers = ModelConfig(options=key_values(words)), Servers(key, ServerMonitor(note))
    return [finding async for finding in try_policy(spec, config, servers)]


async def try_policy(spec: str, config: ModelConfig, servers: Servers) -> AsyncIterator[Finding]:
    """What is found of each part of a policy, one line for each step; stops where one fails.

    Raises UsageError for a specification that is none.
    """
    for part in parse_policy(spec).specs:
        if isinstance(part, ModelSpec):
            async for finding in _try_model(part, config, servers):
                yield finding
            continue
        try:
            async with open_policy(MixtureSpec(((part, 1.0),))):
                pass
            yield Finding(f"policy {part.word}", "ready, it needs no model")
        except LakatosError as error:
            yield Finding(f"policy {part.word}", str(error), "name another file in --policy")


async def _try_model(
    part: ModelSpec, config: ModelConfig, servers: Servers
) -> AsyncIterator[Finding]:
    try:
        found = ", ".join(f"{name} {version(name)}" for name in part.packages)
    except PackageNotFoundError as error:
        yield Finding("packages", f"{error.name} is missing", "pip install 'lakatos[llm]'")
        return
    yield Finding("packages", found)
    if part.runs_here:
        yield Finding("device", _device())
    form = part.format(config)
    turns = (ChatMessage("user", "Name a tactic of Lean 4."),) if form.messages else ()
    prompt = Prompt("" if turns else "theorem : 1 = 1 := by ", turns)
    try:
        began_s = time.monotonic()
        async with open_model(part, form, config, servers=servers) as asked:
            yield Finding("model", f"{asked.model.name}, {time.monotonic() - began_s:.1f} s")
            began_s = time.monotonic()
            sampling = Sampling(n=1, max_tokens=TRIED_TOKENS)
            answer = (await asked.model.generate([prompt], sampling))[0]
            took_s = time.monotonic() - began_s
    except LakatosError as error:
        yield Finding("model", str(error), "put that right, or name another model in --policy")
        return
    texts = [" ".join(each.text.split()) for each in answer.completions]
    if not any(texts):
        why = answer.refused or "it answered without text"
        yield Finding("completion", why, "look at the model, and at what its server logs")
        return
    tokens = sum(each.tokens for each in answer.completions)
    completion = f"{texts[0][:SHOWN_CHARS]!r}, {tokens} tokens in {took_s:.1f} s"
    sure = answer.completions[0].log_prob is not None
    yield Finding("completion", completion + ("" if sure else ", without log-probabilities"))


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return ", ".join(f"cuda:{i} {name}" for i, name in enumerate(names))
    return "mps" if torch.backends.mps.is_available() else "no GPU: the model runs on the CPU"
