"""The objects that `--json` prints, one a line; docs/json.md says what each field means.

Lines and columns are counted from 1, as everywhere in the output. Units stand in the names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..evaluation import AttemptResult, Evaluation, EvaluationSummary, ProblemResult
from ..records import Accepted, Attempt, Refused, StopReason, Verdict
from . import statistics
from .attempt import attempt_facts
from .check import EvaluationCheck
from .statistics import Comparison, Estimate

if TYPE_CHECKING:
    from ..store.attempts import AttemptSummary as StoredSummary
    from ..store.attempts import StoredAttempt

SCHEMA = 1
"""Goes up when a field changes its meaning or goes; not when one is added."""


def attempt_object(attempt: Attempt) -> dict[str, Any]:
    """What `prove` tried at one theorem."""
    theorem, verdict = attempt.theorem, attempt.verdict
    disproved = attempt.stop is StopReason.DISPROVED
    return _typed("attempt") | {
        "file": theorem.path,
        "theorem": theorem.name,
        "line": theorem.line,
        "column": theorem.column + 1,
        "proved": attempt.is_proved,
        "stop": attempt.stop.value,
        "proof": None if disproved else attempt.proof,
        "disproof": attempt.proof if disproved else None,
        **_judged(verdict),
        "expansions": attempt.expansions,
        "steps": attempt.steps,
        "wall_s": round(attempt.wall_s, 3),
        "detail": attempt.detail,
    }


def listed_object(summary: StoredSummary) -> dict[str, Any]:
    """One stored attempt in the list of `show`."""
    return _typed("listed") | {
        "attempt": summary.id,
        "run": summary.run_id,
        "theorem": summary.theorem,
        "file": summary.path,
        "line": summary.line,
        "stop": summary.stop and summary.stop.value,
        "proved": summary.is_accepted and summary.stop is StopReason.PROVED,
        "started_at": summary.started_at.isoformat(),
        "expansions": summary.expansions,
        "steps": summary.steps,
        "wall_s": round(summary.wall_s, 3),
    }


def stored_object(stored: StoredAttempt) -> dict[str, Any]:
    """What `show NUMBER` says of a stored attempt."""
    facts = dict(attempt_facts(stored))
    made = {name: facts.get(name) for name in ("command", "policy", "search")}
    return listed_object(stored.summary) | attempt_object(stored.attempt) | made


def verdict_object(name: str, verdict: Verdict) -> dict[str, Any]:
    """What `verify` says of one theorem."""
    accepted = isinstance(verdict, Accepted)
    return _typed("verdict") | {"theorem": name, "accepted": accepted, **_judged(verdict)}


def _judged(verdict: Verdict | None) -> dict[str, Any]:
    reasons = verdict.reasons if isinstance(verdict, Refused) else ()
    return {
        "axioms": list(verdict.axioms) if isinstance(verdict, Accepted) else [],
        "reasons": [{"kind": reason.kind.value, "text": reason.text} for reason in reasons],
    }


def theorem_object(result: ProblemResult) -> dict[str, Any]:
    """What came of one theorem of `eval`."""
    return _typed("theorem") | {
        "name": result.problem.name,
        "source": result.problem.source,
        "split": result.problem.split,
        "outcome": result.outcome.value,
        "detail": result.detail,
        "attempts": [_tried(attempt) for attempt in result.attempts],
    }


def _tried(attempt: AttemptResult) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt_id,
        "number": attempt.number,
        "outcome": attempt.outcome.value,
        "seed": attempt.seed,
        "wall_s": round(attempt.wall_s, 3),
        "expansions": attempt.expansions,
        "steps": attempt.steps,
        "tokens": attempt.tokens,
        "proof": attempt.proof,
        "detail": attempt.detail,
    }


def summary_object(run: Evaluation) -> dict[str, Any]:
    """The end of an `eval`."""
    return _typed("summary") | {
        "run": run.run_id,
        "problem_set": run.problem_set,
        "problem_hash": run.problem_hash,
        "theorems": len(run.results),
        "left_out": run.left_out,
        "classes": {outcome.value: count for outcome, count in run.classes.items()},
        "wall_s": round(run.wall_s, 3),
        "finished": run.is_finished,
        "model_servers": run.usage.as_dict(),
    }


def check_object(check: EvaluationCheck) -> dict[str, Any]:
    """What `eval --check` finds."""
    answer = check.answer
    return _typed("check") | {
        "problem_set": check.name,
        "theorems": check.problems,
        "accepted": check.accepted,
        "unfit": [{"name": name, "reason": reason} for name, reason in check.unfit],
        "left_out": check.left_out,
        "goes_on": check.goes_on,
        "to_try": check.to_try,
        "attempts": check.attempts,
        "places": check.places,
        "model": answer
        and {
            "policy": answer.policy,
            "wall_s": round(answer.seconds, 3),
            "tokens": answer.tokens,
            "tactics": answer.tactics,
            "accepted": answer.accepted,
            "fault": answer.fault,
        },
        "wall_s_most": check.wall_s_most,
        "tokens_most": check.tokens_most,
        "disk_bytes": check.disk_bytes,
        "free_bytes": check.free_bytes,
    }


def report_object(run: Evaluation) -> dict[str, Any]:
    """What `report N` says of a run, the problems themselves left out."""
    tried = statistics.tried(run)
    return summary_object(run) | {
        "type": "report",
        "command": f"lakatos {run.command}",
        "toolchain": run.toolchain,
        "revision": run.commit,
        "config": run.config,
        "seed": run.seed,
        "k": run.k,
        "begun": run.started_at.isoformat(),
        "rates": _rates(run),
        "tried": len(tried.results),
        "rates_of_tried": _rates(tried),
        "sources": [
            {
                "source": share.source,
                "theorems": share.problems,
                "solved": share.solved,
                "rate": _estimate(share.rate),
            }
            for share in statistics.by_source(tried)
        ],
    }


def _rates(run: Evaluation) -> list[dict[str, Any]]:
    return [{"k": k, **_estimate(rate)} for k, rate in enumerate(statistics.pass_rates(run), 1)]


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def run_object(row: EvaluationSummary) -> dict[str, Any]:
    """One run in the list of `report`."""
    return _typed("run") | {
        "run": row.run_id,
        "problem_set": row.problem_set,
        "problem_hash": row.problem_hash,
        "theorems": row.theorems,
        "solved": row.solved,
        "k": row.k,
        "seed": row.seed,
        "toolchain": row.toolchain,
        "command": f"lakatos {row.command}",
        "config": row.config,
        "begun": row.started_at.isoformat(),
        "finished": row.is_finished,
    }


def comparison_object(one: Evaluation, other: Evaluation) -> dict[str, Any]:
    """What `compare` says of two runs."""
    comparison: Comparison = statistics.compare(one, other)
    return _typed("comparison") | {
        "runs": [one.run_id, other.run_id],
        "theorems": comparison.problems,
        "both": comparison.both,
        "first_only": comparison.first,
        "second_only": comparison.second,
        "neither": comparison.neither,
        "difference": _estimate(comparison.difference),
        "p_value": comparison.p_value,
        "significant": comparison.is_significant,
        "too_few": comparison.is_small,
        "gains": list(comparison.gains),
        "losses": list(comparison.losses),
        "only_in": list(comparison.missing),
        "changed": comparison.changed,
        "untried": comparison.untried,
    }


def _typed(kind: str) -> dict[str, Any]:
    return {"type": kind, "schema": SCHEMA}
