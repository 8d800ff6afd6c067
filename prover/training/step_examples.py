"""What the steps of a dataset teach: tactics that were right, pairs of tactics, values of states.

Rows of `lakatos extract store`; of `lakatos extract PATH` the tactics of the proofs. What the
verifier refused teaches nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.dataset.from_store import PAIRS_PER_STATE, rows_of
from ...data.dataset.rows_read import read_rows, table_of
from ...data.outcomes import ADVANCED, PASSING, TIMED_OUT

if TYPE_CHECKING:
    from ...data.store.attempts import StoredAttempt

LONGEST = 400
"""Characters of the longest tactic: a longer one is a proof of its own."""

DISCOUNT = 0.9
"""The value of a proved state falls by this with each further step of its smallest proof."""


@dataclass(frozen=True, slots=True)
class TacticExample:
    """A proof state as Lean prints it, a tactic that was right there, the key of its theorem."""

    state: str
    tactic: str
    theorem: str


@dataclass(frozen=True, slots=True)
class TacticPair:
    """At a state, a tactic of a proof, and one that Lean rejected or that led to a dead end."""

    state: str
    chosen: str
    rejected: str
    theorem: str


@dataclass(frozen=True, slots=True)
class ValuedState:
    """A state and its value in [0, 1]."""

    state: str
    value: float
    theorem: str


def tactic_examples(dataset: Path) -> Iterator[TacticExample]:
    """The steps of proofs found, and the tactics of the proofs of files. Raises UsageError."""
    steps, theorems = table_of(dataset, "steps"), table_of(dataset, "theorems")
    if steps.is_file():
        refused = _refused(dataset)
        for row in read_rows(steps, "state", "tactic", "root_key", "in_proof"):
            if row["in_proof"] and row.get("attempt") not in refused:
                yield TacticExample(row["state"], row["tactic"], row["root_key"])
    if theorems.is_file():
        for row in read_rows(theorems, "key", "traced_tactics"):
            for step in row["traced_tactics"]:
                if step["goals_before"] and len(step["tactic"]) <= LONGEST:
                    yield TacticExample(step["state_before"], step["tactic"], row["key"])


def found_examples(attempts: Iterable[StoredAttempt]) -> Iterator[TacticExample]:
    """The steps of the proofs that attempts found and the verifier accepted."""
    for stored in attempts:
        if stored.summary.is_accepted:
            for kind, row in rows_of(stored, [], {}):
                if kind == "steps" and row["in_proof"]:
                    yield TacticExample(row["state"], row["tactic"], row["root_key"])


def valued_states(dataset: Path) -> Iterator[ValuedState]:
    """The states that were proved or tried in vain; of one met often, the best value.

    Proved: by the steps still to go, after AlphaProof's and LeanProgress's distance
    (arXiv:2502.17925). Expanded and not proved: 0. Never expanded: nothing is known.
    Raises UsageError.
    """
    best: dict[tuple[str, str], float] = {}
    refused = _refused(dataset)
    columns = "state", "root_key", "status", "steps_to_go", "expansions"
    for row in read_rows(table_of(dataset, "values"), *columns):
        place = row["root_key"], row["state"]
        if row["steps_to_go"] is not None and row.get("attempt") not in refused:
            value = DISCOUNT ** max(0, row["steps_to_go"] - 1)
        elif row["status"] != "proved" and row["expansions"]:
            value = 0.0
        else:
            continue
        best[place] = max(value, best.get(place, 0.0))
    for (theorem, state), value in best.items():
        yield ValuedState(state, value, theorem)


def tactic_pairs(dataset: Path) -> Iterator[TacticPair]:
    """At each state with a proof: its best tactic, and those that came to nothing.

    The likeliest of these first, as most is to be learned from them (BFS-Prover,
    arXiv:2502.03438). A tactic that ran out of time is in no pair. Raises UsageError.
    """
    right: dict[tuple[str, str], dict[str, tuple[bool, float]]] = defaultdict(dict)
    wrong: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    dead, refused = _dead_ends(dataset), _refused(dataset)
    columns = "attempt", "root_key", "state", "tactic", "prior", "outcome", "proves", "in_proof"
    for row in read_rows(table_of(dataset, "steps"), *columns, "next_states"):
        place, tactic, prior = (row["root_key"], row["state"]), row["tactic"], row["prior"]
        if row["attempt"] in refused or len(tactic) > LONGEST:
            continue
        if row["in_proof"] or row["proves"]:
            rank = bool(row["in_proof"]), prior
            right[place][tactic] = max(rank, right[place].get(tactic, rank))
        elif _came_to_nothing(row, dead):
            wrong[place][tactic] = max(prior, wrong[place].get(tactic, prior))
    for place, tactics in right.items():
        chosen = max(tactics, key=lambda each: (*tactics[each], each))
        bad = wrong[place].keys() - tactics.keys()
        ranked = sorted(bad, key=lambda each: (-wrong[place][each], each))
        for rejected in islice(ranked, PAIRS_PER_STATE):
            yield TacticPair(place[1], chosen, rejected, place[0])


def _came_to_nothing(row: dict[str, Any], dead: set[tuple[int, str]]) -> bool:
    """Whether Lean rejected a tactic, or all was tried in vain behind it."""
    if row["outcome"] == ADVANCED:
        return any((row["attempt"], state) in dead for state in row["next_states"])
    return row["outcome"] not in (*PASSING, TIMED_OUT)


def _dead_ends(dataset: Path) -> set[tuple[int, str]]:
    """The states at which every tactic failed, each with its attempt."""
    place = table_of(dataset, "values")
    if not place.is_file():
        return set()
    rows = read_rows(place, "attempt", "state", "status")
    return {(row["attempt"], row["state"]) for row in rows if row["status"] == "failed"}


def _refused(dataset: Path) -> set[int]:
    """The attempts whose proof the verifier refused."""
    place = table_of(dataset, "refused")
    return {row["attempt"] for row in read_rows(place, "attempt")} if place.is_file() else set()
