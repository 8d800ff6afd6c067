"""From the options of the command line to the configuration of a run."""

from __future__ import annotations

from dataclasses import astuple, replace

from ..config import DraftConfig, ModelConfig, ProverConfig, key_values
from ..session import RunConfig, searched
from .options import BudgetOptions, DraftOptions, PolicyOptions, RuntimeOptions, SearchOptions


def run_config(
    work: RuntimeOptions,
    thinking: PolicyOptions,
    budget: BudgetOptions | None = None,
    search: SearchOptions | None = None,
    refute: float = 0.0,
    drafts: DraftOptions | None = None,
) -> RunConfig:
    """What a run is made of. Raises UsageError."""
    options = key_values(thinking.model_option or ())
    judged = thinking.critic, thinking.retriever, thinking.premises, options
    model = ModelConfig(thinking.prompt, thinking.samples, thinking.temperature, *judged)
    spend = ProverConfig(*astuple(budget or BudgetOptions()))
    spend = replace(spend, refute=refute, seed=work.seed, minimise=work.minimise)
    spend = replace(spend, keep_prompts=work.keep_prompts)
    how = DraftConfig(*astuple(drafts or DraftOptions("tactic")))
    rest = work.workers, tuple(work.allow_axiom or ()), how, work.check_time
    return searched(
        RunConfig(spend, thinking.policy, model, *rest), *astuple(search or SearchOptions())
    )
