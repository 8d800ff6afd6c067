"""What was tried, read again to be counted and remembered: from a database, or from a dataset.

A dataset is what `lakatos extract store` wrote; a database is a file of attempts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.dataset.dataset import NOTHING_EXCLUDED, Excluded
from ...data.dataset.rows_read import LEAN_VERSION, lean_versions, table_of
from ...data.errors import UsageError, unreadable
from ...data.outcomes import ADVANCED, PASSING, TIMED_OUT
from ...data.proof_graph import proof_graph
from ...data.records import Advanced, Goal, Hypothesis, Rejection
from .priors import TacticOutcome

if TYPE_CHECKING:
    from ...data.store.attempts import StoredAttempt
    from ...data.store.store import Store

AT_ONCE = 100
"""Attempts whose rows the database is asked for together."""

UNTOLD = (Rejection.POSTPONED, TIMED_OUT)
"""Outcomes that only say what a tactic cost."""


@dataclass
class TacticOutcomes:
    """Tactics that were tried. leans: the versions of Lean; left_out: attempts, by reason."""

    rows: list[TacticOutcome] = field(default_factory=list)
    leans: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def lean(self) -> str:
        """The one version. Raises UsageError where there are several."""
        if len(self.leans) > 1:
            names = " and ".join(sorted(self.leans))
            raise UsageError(f"the attempts are of Lean {names}: choose runs of one with --run")
        return next(iter(self.leans), "")


def read_store(
    store: Store,
    runs: tuple[int, ...] = (),
    excluded: Excluded = NOTHING_EXCLUDED,
    attempts: Collection[int] | None = None,
) -> TacticOutcomes:
    """What the attempts of a database tried. runs: only of these; none: all. attempts: only these.

    excluded: an attempt at one of its statements, or that met one of its states, is left out.
    Raises StoreError.
    """
    found = TacticOutcomes()
    summaries = [each for run in runs or (None,) for each in store.attempts(run, limit=None)]
    place = {
        each.id: (each.run_id, each.theorem, each.id)
        for each in summaries
        if not each.is_interrupted and (attempts is None or each.id in attempts)
    }
    ids, rows = sorted(place), dict[int, list[TacticOutcome]]()
    for start in range(0, len(ids), AT_ONCE):
        for stored in store.load_attempts(ids[start : start + AT_ONCE]):
            if excluded.states and excluded.meets(states_met(stored)):
                found.left_out["it met a problem that is held out"] += 1
                continue
            found.leans.update(LEAN_VERSION.findall(stored.toolchain)[:1])
            rows[stored.summary.id] = list(_of_attempt(stored))
    for number in sorted(rows, key=lambda each: place[each]):  # whatever was done first
        found.rows += rows[number]
    return found


def states_met(stored: StoredAttempt) -> Iterator[str]:
    """The keys of the states that an attempt met."""
    yield stored.theorem.state.key
    for expansion in stored.expansions:
        for step in expansion.steps:
            if isinstance(step.outcome, Advanced):
                yield from (state.key for state in step.outcome.states)


def _of_attempt(stored: StoredAttempt) -> Iterator[TacticOutcome]:
    if not stored.expansions:
        return
    root = stored.expansions[0].state
    nodes = proof_graph(root, stored.expansions).nodes
    number: Counter[str] = Counter()
    is_proved = stored.summary.is_accepted
    found_by = ""
    for expansion in stored.expansions:
        key = expansion.state.key
        for step in expansion.steps:
            node = nodes[key, number[key]]
            number[key] += 1
            searched, found_by = found_by, _search(node["outcome"], step.tactic)
            if not expansion.state.goals or not _counts(node["outcome"], step.elapsed_ms):
                continue
            leads_on = isinstance(step.outcome, Advanced)
            yield TacticOutcome(
                theorem=stored.theorem.state.key or stored.theorem.name,
                goal=expansion.state.goals[0],
                is_root=key == root.key,
                tactic=step.tactic,
                leads_on=leads_on,
                closes=isinstance(step.outcome, Advanced) and not step.outcome.states,
                in_proof=is_proved and node["in_proof"],
                ms=step.elapsed_ms,
                is_told=node["outcome"] not in UNTOLD,
                found_by=searched,
            )


def _search(outcome: str, tactic: str) -> str:
    """The tactic that found the one of the next step; empty: none did."""
    return tactic if outcome == Rejection.REPLACED else ""


def _counts(outcome: str, ms: float) -> bool:
    return bool(ms) if outcome in UNTOLD else outcome not in PASSING


def read_dataset(folder: Path) -> TacticOutcomes:
    """What a dataset of `lakatos extract store` says was tried. Raises UsageError."""
    steps = table_of(folder, "steps")
    if not steps.is_file():
        raise UsageError(f"{folder}: no steps.jsonl there, which `lakatos extract store` writes")
    found = TacticOutcomes(leans=lean_versions(folder))
    found_by = ""
    for line, row in _rows(steps):
        try:
            searched, found_by = found_by, _search(row["outcome"], row["tactic"])
            if _counts(row["outcome"], row["elapsed_ms"]):
                found.rows.append(_of_row(row, searched))
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{steps}, line {line}: no row of a step: {error}") from error
    return found


def _of_row(row: dict[str, Any], found_by: str) -> TacticOutcome:
    leads_on = row["outcome"] == ADVANCED
    return TacticOutcome(
        theorem=row["root_key"],
        goal=goal_of(row["state"]),
        is_root=row["key"] == row["root_key"],
        tactic=row["tactic"],
        leads_on=leads_on,
        closes=leads_on and not row["next_states"],
        in_proof=bool(row["in_proof"]),
        ms=float(row["elapsed_ms"]),
        is_told=row["outcome"] not in UNTOLD,
        found_by=found_by,
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield number, json.loads(line)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


_HYPOTHESIS = re.compile(r"([^\s:⊢][^:]*?) :\s(.*)", re.DOTALL)


def goal_of(text: str) -> Goal:
    """The first goal of a state as Lean prints it: `Goal.pretty`, read again."""
    first = text.split("\n\n")[0]
    above, _, target = first.rpartition("⊢ ") if first.startswith("⊢") else _cut(first)
    found: list[Hypothesis] = []
    for line in re.split(r"\n(?! )", above.strip("\n")):
        if match := _HYPOTHESIS.fullmatch(line):
            type_, is_value, value = match[2].strip().partition(" := ")
            names = match[1].split()
            found += [Hypothesis(name, type_, value if is_value else None) for name in names]
    return Goal(target.strip(), tuple(found))


def _cut(text: str) -> tuple[str, str, str]:
    return text.partition("\n⊢ ")


def merged(parts: Iterable[TacticOutcomes]) -> TacticOutcomes:
    """All of several readings."""
    whole = TacticOutcomes()
    for part in parts:
        whole.rows += part.rows
        whole.leans |= part.leans
        whole.left_out += part.left_out
    return whole
