"""What a run over a problem set would do, without running it: `lakatos eval --check`.

Lean elaborates every statement. Where the policy has a model, one attempt of one expansion is made,
so that the model gets one request, just as the run would send it. Nothing is stored.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...data.errors import EnvironmentFault
from ...data.evaluation import Problem, ProblemResult, ResultClass
from ...data.records import Advanced, Attempt, Expansion, Theorem
from ...data.report.check import EvaluationCheck, ModelAnswer
from ...data.turns import Turn
from ...lean_env.pool import LeanPool
from ..agent.recorder import NoObserver
from ..evaluation.elaboration import Unfit, all_unfit, opened_theorem
from ..evaluation.runner import missing
from ..models.server_watch import Servers
from ..policy_spec import parse_policy
from ..session import check_axioms, start_run
from .evaluation_config import EvaluationConfig, RunRecord

BYTES_PER_SEARCH_S = 20_000
"""Bytes that one second of search adds to the database: a little more than 16 steps
(benchmarks/results/eval_minif2f_core.md) of 1,024 bytes (benchmarks/results/eval_overhead.json)."""


@dataclass(slots=True)
class _Count(NoObserver):
    """Counts the tactics that are proposed in one attempt."""

    tactics: int = 0
    accepted: int = 0
    tokens: int = 0

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Count them."""
        for expansion in expansions:
            self.tokens += expansion.tokens
            self.tactics += len(expansion.steps)
            self.accepted += sum(isinstance(s.outcome, Advanced) for s in expansion.steps)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Count what a model wrote in conversation."""
        written = [turn for turn in turns if turn.role == "assistant"]
        self.tactics += len(written)
        self.accepted += sum(turn.is_right is True for turn in written)


async def check_and_report(
    evaluation: EvaluationConfig,
    record: RunRecord,
    key: str | None = None,
    cache: Path | None = None,
) -> int:
    """Check a run and print what is found; the exit code. Arguments and errors as `check`."""
    return evaluation.reporter.checked(await check(evaluation, record, key, cache))


async def check(
    evaluation: EvaluationConfig,
    record: RunRecord,
    key: str | None = None,
    cache: Path | None = None,
) -> EvaluationCheck:
    """Find out what the run would do. key: API key of servers; cache: the folder of Lean.

    Raises UsageError where the run could not begin, EnvironmentFault when Lean fails.
    """
    await check_axioms(evaluation.toolchain, evaluation.config, evaluation.sources)
    found = (
        evaluation.earlier.results
        if evaluation.earlier
        else tuple(map(_untried, evaluation.problems))
    )
    is_open = [_is_open(evaluation, result) for result in found]
    problems = [result.problem for result in found]
    evaluation.reporter.note(f"elaborating {len(problems)} statements")
    async with LeanPool(evaluation.toolchain, workers=evaluation.config.workers) as pool:
        unfit = await all_unfit(pool, problems, lambda known: None)
        slots = evaluation.config.prover.concurrency or pool.workers
    fit = [p for p, why in zip(problems, unfit, strict=True) if why is None]
    answer = (
        await _answer(evaluation, fit[0], key, cache) if fit and _has_model(evaluation) else None
    )
    counted = [
        still and not (evaluation.only_elaborable and why and why.is_refused)
        for still, why in zip(is_open, unfit, strict=True)
    ]
    searched = sum(still and why is None for still, why in zip(counted, unfit, strict=True))
    attempts = evaluation.attempts * searched
    slots = min(slots, max(1, searched))
    search_s = attempts * evaluation.config.prover.wall_s
    return EvaluationCheck(
        name=evaluation.name,
        problems=len(problems),
        unfit=[(p.name, w.detail) for p, w in zip(problems, unfit, strict=True) if w],
        left_out=sum(bool(evaluation.only_elaborable and why and why.is_refused) for why in unfit),
        goes_on=evaluation.earlier.run_id if evaluation.earlier else None,
        to_try=sum(counted),
        attempts=attempts,
        seconds=evaluation.config.prover.wall_s,
        places=slots,
        answer=answer,
        tokens_most=_tokens(evaluation, answer, attempts),
        disk_bytes=round(search_s * BYTES_PER_SEARCH_S),
        free_bytes=_free_bytes(record.store.name),
        store=record.store.name,
    )


def _untried(problem: Problem) -> ProblemResult:
    return ProblemResult(problem, ResultClass.UNTRIED)


def _is_open(evaluation: EvaluationConfig, result: ProblemResult) -> bool:
    """Whether the run would still try this problem."""
    if result.outcome in evaluation.retry:
        return True
    decided = result.outcome is not ResultClass.UNTRIED and not result.attempts
    return not decided and bool(missing(result.attempts, evaluation.plan))


def _has_model(evaluation: EvaluationConfig) -> bool:
    return bool(parse_policy(evaluation.config.policy).models)


async def _answer(
    evaluation: EvaluationConfig, problem: Problem, key: str | None, cache: Path | None
) -> ModelAnswer:
    """Send the model one request, about one problem; if it fails, the answer says why."""
    config = evaluation.proving
    few = replace(config.drafts, attempts=1, turns=1, repair_depth=0)
    config = replace(config, drafts=few, workers=1)
    evaluation.reporter.note(f"asking {config.policy} once, about {problem.name}")
    count, began_s = _Count(), time.monotonic()
    try:
        async with start_run(
            evaluation.toolchain, config, servers=Servers(key), cache=cache
        ) as run:
            _, theorem = await opened_theorem(run.pool, problem)
            assert not isinstance(theorem, Unfit)
            began_s = time.monotonic()
            spend = replace(config.prover, expansions=1, concurrency=1, refute=0.0)
            prover = run.make(count, spend)
            attempt: Attempt = (await prover.prove([theorem]))[0]
            if prover.fault:
                raise prover.fault
    except EnvironmentFault as error:
        return ModelAnswer(config.policy, fault=str(error))
    took_s = time.monotonic() - began_s
    fault = "" if count.tactics else f"no suggestion in its answer ({attempt.stop.value})"
    return ModelAnswer(config.policy, took_s, count.tokens, count.tactics, count.accepted, fault)


def _tokens(evaluation: EvaluationConfig, answer: ModelAnswer | None, attempts: int) -> int | None:
    """The most tokens that the run may take, by what one answer took; None where unknown."""
    budget = evaluation.config.prover
    if budget.tokens is not None:
        return attempts * budget.tokens
    if answer is None or not answer.tokens:
        return None
    in_time = budget.in_flight * budget.wall_s / max(answer.seconds, 0.1)
    return round(attempts * min(in_time, budget.expansions) * answer.tokens)


def _free_bytes(store: str) -> int | None:
    """Free bytes on the disk of the database; None where it is no file on this machine."""
    folder = Path(store).expanduser().absolute().parent
    return shutil.disk_usage(folder).free if folder.is_dir() else None
