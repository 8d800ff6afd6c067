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
    """What a stored run must be like to go on.

    name: of the problem set. read: its problems, as they are on disk now. toolchain: as the store
    names it. config: of the whole run, as JSON values.
    """

    name: str
    read: Sequence[Problem]
    toolchain: str
    config: Mapping[str, Any]


def same_run(store: Store, wanted: WantedRun, db_option: str = "") -> Evaluation:
    """The newest run that is as wanted. db_option: ` --db FILE`, or nothing.

    Raises UsageError, which names the nearest run and what differs.
    """
    rows = store.evaluations()
    for row in rows:
        if not _differs(store, row, wanted):
            return store.load_evaluation(row.run_id)
    if not rows:
        raise UsageError("--resume: there is no run to go on with; leave it out to begin one")
    differences_of = [(row, _differs(store, row, wanted)) for row in rows]
    row, differing = min(differences_of, key=lambda each: (each[0].is_finished, len(each[1])))
    line = f"{described(store.load_evaluation(row.run_id))} differs: {listed(differing)}."
    go_on = (
        "" if row.is_finished else f" Go on with it: lakatos eval --run {row.run_id}{db_option}."
    )
    raise UsageError(f"{line}{go_on} {BEGIN_ANEW}")


def run_to_retry(store: Store, wanted: WantedRun, db_option: str = "") -> Evaluation:
    """The newest run on these problems with this Lean, whatever its options were.

    Raises UsageError when there is none.
    """
    for row in store.evaluations():
        if row.toolchain == wanted.toolchain and _read_alike(row, wanted):
            return store.load_evaluation(row.run_id)
    raise UsageError(
        f"no run of these problems to retry (lakatos report{db_option} lists the runs)"
    )


def check_same(
    stored: Evaluation, toolchain: str, config: Mapping[str, Any], db_option: str
) -> None:
    """Raise UsageError where a run cannot go on so. config: of now; empty: it may differ."""
    differing = _options_differ(stored.config, config) if config else []
    if stored.toolchain != toolchain:
        differing.append(f"Lean {stored.toolchain}, now {toolchain}")
    if differing:
        raise UsageError(
            f"{described(stored)} differs: {listed(differing)}. "
            f"Go on with it as it was: lakatos eval --run {stored.run_id}{db_option}."
        )


def problems_changed(stored: Evaluation, read: Sequence[Problem]) -> str:
    """How the problems differ from those of a run, in words; empty when they do not."""
    stored_hash = stored.config.get("evaluation", {}).get("read", stored.problem_hash)
    if stored_hash == hash_of(read):
        return ""
    before = [result.problem for result in stored.results]
    return (
        listed(changed(before, read, is_part=stored_hash != stored.problem_hash))
        or "other problems"
    )


def described(stored: Evaluation) -> str:
    """A run and how far it is: `run 38 (2 of 4 done)`."""
    done = len(stored.results) - stored.classes[ResultClass.UNTRIED]
    return f"run {stored.run_id} ({done} of {len(stored.results)} done)"


def _differs(store: Store, row: EvaluationSummary, wanted: WantedRun) -> list[str]:
    """In what a run differs from what is wanted, in words."""
    phrases = _names_differ(row, wanted) + _options_differ(row.config, wanted.config)
    if row.toolchain != wanted.toolchain:
        phrases.append(f"Lean {row.toolchain}, now {wanted.toolchain}")
    if not phrases and not _read_alike(row, wanted):
        phrases.append(problems_changed(store.load_evaluation(row.run_id), wanted.read))
    return phrases


def _names_differ(row: EvaluationSummary | Evaluation, wanted: WantedRun) -> list[str]:
    before, now = row.problem_set, wanted.name
    return [f"NAME {before}, now {now}"] if before != now else []


def _options_differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """As `differences`; what a run of an older version does not say has its default."""
    defaults = dict(flat(asdict(RunConfig())))
    return differences({**defaults, **dict(flat(before))}, dict(flat(now)))


def _read_alike(row: EvaluationSummary, wanted: WantedRun) -> bool:
    stored_hash = row.config.get("evaluation", {}).get("read", row.problem_hash)
    return bool(stored_hash == hash_of(wanted.read))
