"""Which run over a problem set goes on; or, in one line, why none does and what differs.

A run goes on only as it was begun: the same problems, Lean and options, so that it ends as if it
had never been broken off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...data.errors import UsageError
from ...data.evaluation import Evaluation, EvaluationSummary, Problem, ResultClass, hash_of
from ..session import RunConfig
from .evaluation_terms import changed, differences, flat, listed

if TYPE_CHECKING:
    from ...data.store.store import Store

BEGIN_ANEW = "Begin a new one: leave --resume out."


@dataclass(frozen=True, slots=True)
class WantedRun:
    """What a run must be like to go on. name: of the problem set; read: its problems as read.

    toolchain: as the store names it. config: as JSON values, of the whole run.
    """

    name: str
    read: Sequence[Problem]
    toolchain: str
    config: Mapping[str, Any]


def same_run(store: Store, wanted: WantedRun, hint: str = "") -> Evaluation:
    """The newest run that is as wanted. hint: what a command needs besides: ` --db FILE`.

    Raises UsageError, which names the nearest run and what differs.
    """
    rows = store.evaluations()
    for row in rows:
        if not _differs(store, row, wanted):
            return store.load_evaluation(row.run_id)
    if not rows:
        raise UsageError("--resume: there is no run to go on with; leave it out to begin one")
    told = [(row, _differs(store, row, wanted)) for row in rows]
    row, differing = min(told, key=lambda each: (each[0].is_finished, len(each[1])))
    line = f"{described(store.load_evaluation(row.run_id))} differs: {listed(differing)}."
    go_on = "" if row.is_finished else f" Go on with it: lakatos eval --run {row.run_id}{hint}."
    raise UsageError(f"{line}{go_on} {BEGIN_ANEW}")


def run_to_retry(store: Store, wanted: WantedRun, hint: str = "") -> Evaluation:
    """The newest run on these problems with this Lean, whatever its options were.

    Raises UsageError when there is none.
    """
    for row in store.evaluations():
        if row.toolchain == wanted.toolchain and _read_alike(row, wanted):
            return store.load_evaluation(row.run_id)
    raise UsageError(f"no run of these problems to retry (lakatos report{hint} lists the runs)")


def check_same(found: Evaluation, toolchain: str, config: Mapping[str, Any], hint: str) -> None:
    """Raise UsageError where a run cannot go on so. config: of now; empty: it may differ."""
    differing = _options_differ(found.config, config) if config else []
    if found.toolchain != toolchain:
        differing.append(f"Lean {found.toolchain}, now {toolchain}")
    if differing:
        raise UsageError(
            f"{described(found)} differs: {listed(differing)}. "
            f"Go on with it as it was: lakatos eval --run {found.run_id}{hint}."
        )


def problems_changed(found: Evaluation, read: Sequence[Problem]) -> str:
    """How the problems differ from those of a run, in words; empty when they do not."""
    told = found.config.get("evaluation", {}).get("read", found.problem_hash)
    if told == hash_of(read):
        return ""
    before = [result.problem for result in found.results]
    return listed(changed(before, read, is_part=told != found.problem_hash)) or "other problems"


def described(found: Evaluation) -> str:
    """A run and how far it is: `run 38 (2 of 4 done)`."""
    done = len(found.results) - found.classes[ResultClass.UNTRIED]
    return f"run {found.run_id} ({done} of {len(found.results)} done)"


def _differs(store: Store, row: EvaluationSummary, wanted: WantedRun) -> list[str]:
    """In what a run differs from what is wanted, in words."""
    found = _names_differ(row, wanted) + _options_differ(row.config, wanted.config)
    if row.toolchain != wanted.toolchain:
        found.append(f"Lean {row.toolchain}, now {wanted.toolchain}")
    if not found and not _read_alike(row, wanted):
        found.append(problems_changed(store.load_evaluation(row.run_id), wanted.read))
    return found


def _names_differ(row: EvaluationSummary | Evaluation, wanted: WantedRun) -> list[str]:
    before, now = row.problem_set, wanted.name
    return [f"NAME {before}, now {now}"] if before != now else []


def _options_differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """As `differences`; what a run of an older version does not say has its default."""
    defaults = dict(flat(asdict(RunConfig())))
    return differences({**defaults, **dict(flat(before))}, dict(flat(now)))


def _read_alike(row: EvaluationSummary, wanted: WantedRun) -> bool:
    told = row.config.get("evaluation", {}).get("read", row.problem_hash)
    return bool(told == hash_of(wanted.read))
