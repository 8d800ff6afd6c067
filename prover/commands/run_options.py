"""From the options of the command line to the configuration of a run."""

from __future__ import annotations

from pathlib import Path

from ..config import DraftConfig, ModelConfig, ProverConfig, key_values, rising_limits
from ..hammer.policy import Hammer
from ..learning.files import known_steps
from ..learning.ordering import with_priors
from ..session import RunConfig, searched
from .options import RuntimeOptions
from .proving_options import DraftOptions, PolicyOptions, ProvingOptions

LEARNED = ("none", "shipped", "random")
"""Words of `--priors` and `--memory` that name no file."""

BY_TACTICS = ProvingOptions(drafts=DraftOptions(mode="tactic"))


def run_config(
    runtime: RuntimeOptions, policy: PolicyOptions, proving: ProvingOptions = BY_TACTICS
) -> RunConfig:
    """The configuration that the options ask for. Raises UsageError."""
    budget, search, drafts = proving.budget, proving.search, proving.drafts
    model = ModelConfig(
        prompt=policy.prompt,
        samples=policy.samples,
        temperature=policy.temperature,
        critic=policy.critic,
        retriever=policy.retriever,
        premises=policy.premises,
        options=key_values(policy.model_option or ()),
        priors=file_word(policy.priors),
        memory=file_word(policy.memory),
    )
    _check_files(model)
    prover = ProverConfig(
        expansions=budget.expansions,
        wall_s=budget.seconds,
        steps=budget.steps,
        lean_s=budget.lean_time,
        heartbeats=rising_limits(budget.heartbeats),
        tokens=budget.tokens,
        concurrency=budget.concurrency,
        refute=proving.refute,
        seed=runtime.seed,
        minimise=runtime.minimise,
        keep_prompts=runtime.keep_prompts,
    )
    config = RunConfig(
        prover=prover,
        policy=policy.policy,
        model=model,
        workers=runtime.workers,
        allow_axioms=tuple(runtime.allow_axiom or ()),
        drafts=DraftConfig(
            mode=drafts.mode,
            attempts=drafts.attempts,
            turns=drafts.turns,
            repair_depth=drafts.repair_depth,
        ),
        check_s=runtime.check_time,
    )
    return searched(
        config,
        search.search,
        alpha=search.alpha,
        exploration=search.exploration,
        discount=search.discount,
        flatten=search.flatten,
        widening=search.widening,
        sample_steps=search.sample_steps,
        granularity=search.granularity,
    )


def _check_files(model: ModelConfig) -> None:
    """Raise UsageError for a wrong file of `--priors` or `--memory`, before Lean is set up."""
    if model.priors not in (None, *LEARNED):
        with_priors(Hammer(), model.priors, seed=0)
    if model.memory not in (None, *LEARNED):
        known_steps(model.memory)


def file_word(word: str | None) -> str | None:
    """A word of `--priors` or `--memory`, a file as its whole path: the run goes on elsewhere."""
    if word is None or word in LEARNED:
        return word
    name = word.removeprefix("random+")
    return word[: -len(name)] + str(Path(name).expanduser().absolute())
