"""What the prover learned, read from the store as rows to train on; one attempt is held at a time.

steps: every tactic tried at a state, the rejected ones with Lean's message. values: what is known
of each state that was reached. preferences: a tactic that Lean took over one that it rejected, at
one state. proofs, disproofs, refused: whole proofs and what the verifier said. conversations: the
turns of models that were told what was wrong. repairs: a broken proof with Lean's errors, and what
`lakatos repair` made of it, in the same shape.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..outcomes import ADVANCED, PASSING, TIMED_OUT
from ..proof_graph import Graph, proof_graph, states, steps_to_go
from ..records import Accepted, Advanced, Refused, Status, Step, StopReason, Visits
from ..turns import PROMPT, Turn
from .dataset import NOTHING_EXCLUDED, Excluded
from .splits import HELD_OUT_SHARE
from .tables import Columns, Row, new_tables

if TYPE_CHECKING:
    from ..store.attempts import AttemptSummary, StoredAttempt

PAIRS_PER_STATE = 8
AT_ONCE = 200
"""Attempts whose rows the database is asked for together."""


class AttemptReader(Protocol):
    """The part of a store that is read."""

    def attempts(self, run_id: int | None = None, limit: int | None = 100) -> list[AttemptSummary]:
        """Attempts, newest first."""

    def load_attempts(self, ids: Any, first: int | None = None) -> Iterator[StoredAttempt]:
        """Attempts whole, by ascending number."""

    def turns(self, attempt_id: int) -> list[Turn]:
        """What was said with models in an attempt."""

    def visits(self, attempt_id: int) -> Visits:
        """How often the descents of an attempt's tree search took each tactic."""


def rows_of(
    stored: StoredAttempt, turns: list[Turn], visits: Visits, seed: int = 0
) -> Iterator[tuple[str, Row]]:
    """Everything that one attempt teaches, as (one of KINDS, row)."""
    theorem = stored.theorem
    about = {
        "attempt": stored.summary.id,
        "run": stored.summary.run_id,
        "theorem": theorem.name,
        "root_key": theorem.state.key,
        "split": part_of(theorem.state.key or theorem.source, seed),
    }
    if stored.expansions:
        graph = proof_graph(stored.expansions[0].state, stored.expansions)
        yield from (("steps", about | row) for row in _steps(stored, graph, visits))
        yield from (("values", about | row) for row in _values(graph, visits))
        yield from (("preferences", about | row) for row in _preferences(stored, graph))
    if kind := _kind_of_proof(stored):
        yield kind, about | _proof(stored)
    for number, said in groupby(turns, key=lambda turn: turn.conversation):
        turned = list(said)
        if turned[0].role == PROMPT:
            continue  # the steps say what came of it
        kind = "repairs" if turned[0].is_feedback else "conversations"
        yield kind, about | {"conversation": number} | _conversation(turned)


def part_of(key: str, seed: int) -> str:
    """The part of the split that all rows of one statement are in, drawn by its key."""
    draw = int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8]) / 2**64
    if draw < HELD_OUT_SHARE:
        return "test"
    return "val" if draw < 2 * HELD_OUT_SHARE else "train"


def _steps(stored: StoredAttempt, graph: Graph, visits: Visits) -> Iterator[Row]:
    """One row for each step; proves: it closes its state together with what else is known.

    visits, visit_share: of the descents through its state, those that took it, AlphaZero's target
    for a policy. A tactic tried twice has them once; of tactics that leave the same states, the
    first has those of all. None where no descent went on, as in a search that makes none.
    """
    number: Counter[str] = Counter()
    uncounted = dict(visits)
    through = _through(visits)
    for expansion in stored.expansions:
        key = expansion.state.key
        for step in expansion.steps:
            node = graph.nodes[key, number[key]]
            number[key] += 1
            taken = isinstance(step.outcome, Advanced)
            count = None
            if through[key]:
                count = uncounted.pop((key, step.tactic), 0) if taken else 0
            yield {
                "key": key,
                "state": expansion.state.pretty,
                "tactic": step.tactic,
                "prior": step.prior,
                "outcome": node["outcome"],
                "message": node["message"] or None,
                "next_states": _next_states(step) if taken else None,
                "proves": node["status"] is Status.PROVED,
                "in_proof": node["in_proof"],
                "visits": count,
                "visit_share": None if count is None else round(count / through[key], 6),
                "elapsed_ms": round(step.elapsed_ms, 3),
            }


def _next_states(step: Step) -> list[str]:
    assert isinstance(step.outcome, Advanced)
    return [state.pretty for state in step.outcome.states]


def _through(visits: Visits) -> Counter[str]:
    """The descents that went on from each state."""
    through: Counter[str] = Counter()
    for (key, _), count in visits.items():
        through[key] += count
    return through


def _values(graph: Graph, visits: Visits) -> Iterator[Row]:
    """One row for each state: is it proved, in how many steps at least, what was it judged."""
    left = steps_to_go(graph)
    through = _through(visits)
    for key in states(graph):
        node = graph.nodes[key]
        yield {
            "key": key,
            "state": node["pretty"],
            "status": node["status"].value,
            "steps_to_go": left.get(key),
            "value": node["value"],
            "expansions": node["visits"],
            "visits": through[key],
        }


def _preferences(stored: StoredAttempt, graph: Graph) -> Iterator[Row]:
    """Pairs at each state: the best tactic that Lean took, and each one that it rejected."""
    best: dict[str, tuple[bool, bool, float, str]] = {}
    rejected: dict[str, dict[str, str]] = {}
    texts = {}
    for row in _steps(stored, graph, {}):
        texts[row["key"]] = row["state"]
        rank = (row["in_proof"], row["proves"], row["prior"], row["tactic"])
        if row["outcome"] == ADVANCED:
            best[row["key"]] = max(best.get(row["key"], rank), rank)
        elif row["outcome"] not in (*PASSING, TIMED_OUT):
            rejected.setdefault(row["key"], {})[row["tactic"]] = row["message"] or ""
    for key, bad in rejected.items():
        if key in best:
            for tactic, message in islice(bad.items(), PAIRS_PER_STATE):
                yield {
                    "key": key,
                    "state": texts[key],
                    "chosen": best[key][3],
                    "chosen_proves": best[key][1],
                    "rejected": tactic,
                    "message": message,
                }


def _kind_of_proof(stored: StoredAttempt) -> str | None:
    if stored.proof is None:
        return None
    if isinstance(stored.verdict, Refused):
        return "refused"
    if not isinstance(stored.verdict, Accepted):
        return None
    found = {StopReason.PROVED: "proofs", StopReason.DISPROVED: "disproofs"}
    return found.get(stored.summary.stop or StopReason.INTERRUPTED)


def _proof(stored: StoredAttempt) -> Row:
    theorem, verdict = stored.theorem, stored.verdict
    raw = theorem.source.encode()
    reasons = verdict.reasons if isinstance(verdict, Refused) else ()
    return {
        "path": theorem.path,
        "state": theorem.state.pretty,
        "before": raw[: theorem.start].decode(),
        "after": raw[theorem.stop :].decode(),
        "proof": stored.proof,
        "axioms": list(verdict.axioms) if isinstance(verdict, Accepted) else None,
        "reasons": [[reason.kind.value, reason.text] for reason in reasons],
        "toolchain": stored.toolchain,
        "expansions": stored.summary.expansions,
    }


def _conversation(turns: list[Turn]) -> Row:
    """Its turns in the shape of chat models; only the answers are to be trained on."""
    return {
        "messages": [
            {
                "role": turn.role,
                "content": turn.text,
                "train": turn.role == "assistant",
                "is_feedback": turn.is_feedback,
                "is_right": turn.is_right,
            }
            for turn in turns
        ],
        "is_right": turns[-1].is_right,
    }


@dataclass
class TrainingRows:
    """What there is: rows of each kind, attempts taken and excluded; Leans and files."""

    counts: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(("attempts", *KINDS), 0))
    )
    toolchains: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def collect_rows(
    store: AttemptReader,
    take: Callable[[str, Row], None],
    seed: int = 0,
    excluded: Excluded = NOTHING_EXCLUDED,
) -> TrainingRows:
    """Give every row of the store to `take`; what there is.

    Attempts that still run are passed over. Where one met a state that is excluded, all attempts
    of its run at its file are: at a theorem's negation, at the holes of a draft of it.
    """
    found = TrainingRows()
    counts = found.counts
    barred = {
        (each.summary.run_id, each.summary.path)
        for each in (_ended(store) if excluded.states else ())
        if excluded.meets(_states_met(each))
    }
    for stored in _ended(store):
        number, path = stored.summary.id, stored.summary.path
        if (stored.summary.run_id, path) in barred:
            counts["excluded"] += 1
            continue
        counts["attempts"] += 1
        found.toolchains.add(stored.toolchain)
        found.files.add(path)
        for kind, row in rows_of(stored, store.turns(number), store.visits(number), seed):
            counts[kind] += 1
            take(kind, row)
    return found


def _ended(store: AttemptReader) -> Iterator[StoredAttempt]:
    """All attempts that are over, by ascending number."""
    ids = sorted(each.id for each in store.attempts(limit=None) if not each.is_interrupted)
    for start in range(0, len(ids), AT_ONCE):
        yield from store.load_attempts(ids[start : start + AT_ONCE])


def _states_met(stored: StoredAttempt) -> Iterator[str]:
    yield stored.theorem.state.key
    for expansion in stored.expansions:
        for step in expansion.steps:
            if isinstance(step.outcome, Advanced):
                yield from (state.key for state in step.outcome.states)


def write(
    store: AttemptReader,
    out: Path,
    formats: Iterable[str] = ("jsonl",),
    seed: int = 0,
    excluded: Excluded = NOTHING_EXCLUDED,
) -> TrainingRows:
    """Write a table for each kind, and README.md; what was written.

    Raises UsageError when the disk takes nothing, StoreError.
    """
    with new_tables(out, formats) as tables:
        takers = {kind: tables.open(kind, COLUMNS[kind]) for kind in KINDS}
        found = collect_rows(store, lambda kind, row: takers[kind](row), seed, excluded)
        tables.describe(card(found, seed, excluded, tables.hash))
    return found


def card(found: TrainingRows, seed: int, excluded: Excluded, digest: str) -> str:
    """The text of README.md. digest: of the rows."""
    counts = found.counts
    lines = [
        f"- source: {counts['attempts']:,} attempts at theorems of {len(found.files):,} files; "
        "what their licences ask for holds for their statements",
        f"- checked by {', '.join(sorted(found.toolchains)) or 'no Lean'}",
        f"- seed of the splits: {seed}",
        f"- hash: {digest}",
    ]
    if excluded.name:
        lines.append(
            f"- without {counts['excluded']:,} attempts at files with a problem of {excluded.name}"
        )
    rows = "\n".join(f"| {kind} | {counts[kind]:,} |" for kind in KINDS)
    return "\n\n".join(
        [
            "# What the prover learned",
            "Made by `lakatos extract store`.",
            "\n".join(lines),
            "All rows of one statement are in one part of the split. A tactic that timed out is in "
            "no pair. `steps_to_go`: of the smallest proof found. `visits`: the descents of a tree "
            "search through a tactic or on from a state; `visit_share`: its part of them. `train` "
            "marks what a model wrote, or `lakatos repair`.",
            f"| table | rows |\n|---|---|\n{rows}\n",
        ]
    )


_ABOUT: Columns = {
    **dict.fromkeys(("attempt", "run"), "number"),
    **dict.fromkeys(("theorem", "root_key", "split"), "text"),
}
_STATE: Columns = {**_ABOUT, "key": "text", "state": "text"}
_WHOLE: Columns = {
    **_ABOUT,
    **dict.fromkeys(("path", "state", "before", "after", "proof"), "text"),
    "axioms": ["text"],
    "reasons": [["text"]],
    "toolchain": "text",
    "expansions": "number",
}
_SPOKEN: Columns = {
    **_ABOUT,
    "conversation": "number",
    "messages": [
        {
            **dict.fromkeys(("role", "content"), "text"),
            **dict.fromkeys(("train", "is_feedback", "is_right"), "bool"),
        }
    ],
    "is_right": "bool",
}
COLUMNS: Mapping[str, Columns] = {
    "steps": {
        **_STATE,
        "tactic": "text",
        "prior": "real",
        **dict.fromkeys(("outcome", "message"), "text"),
        "next_states": ["text"],
        **dict.fromkeys(("proves", "in_proof"), "bool"),
        "visits": "number",
        **dict.fromkeys(("visit_share", "elapsed_ms"), "real"),
    },
    "values": {
        **_STATE,
        "status": "text",
        "steps_to_go": "number",
        "value": "real",
        **dict.fromkeys(("expansions", "visits"), "number"),
    },
    "preferences": {
        **_STATE,
        "chosen": "text",
        "chosen_proves": "bool",
        **dict.fromkeys(("rejected", "message"), "text"),
    },
    **dict.fromkeys(("proofs", "disproofs", "refused"), _WHOLE),
    **dict.fromkeys(("conversations", "repairs"), _SPOKEN),
}
"""Of each table, in order."""

KINDS: tuple[str, ...] = tuple(COLUMNS)
