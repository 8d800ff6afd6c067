"""What attempts tried, read back from the store: the expansions of many attempts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from ..outcomes import ADVANCED, TIMED_OUT
from ..records import (
    Advanced,
    Expansion,
    Origin,
    Outcome,
    ProofState,
    Rejected,
    Rejection,
    Step,
    TimedOut,
    Visits,
)
from .schema import ChildRow, ExpansionRow, StateRow, StepRow, TextRow, VisitRow, goals_from_text
from .texts import in_chunks


@dataclass(frozen=True, slots=True)
class TriedSteps:
    """One attempt's root state, if it was kept, and its expansions in the order told."""

    root: ProofState | None
    expansions: tuple[Expansion, ...]


@dataclass(slots=True)
class _Rows:
    """Rows of one attempt. states: by number, without origins; steps: by expansion;
    children: by expansion and step, each a state's number and its positions."""

    states: dict[int, ProofState] = field(default_factory=dict)
    expansions: list[Row[Any]] = field(default_factory=list)
    steps: dict[int, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))
    children: dict[tuple[int, int], list[tuple[int, str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )


Texts = dict[int | None, str]


def load_visits(connection: Connection, attempt_id: int) -> Visits:
    """What was kept of an attempt's descents; empty for a search without any."""
    query = (
        select(StateRow.key, TextRow.body, VisitRow.count)
        .join(TextRow, TextRow.id == VisitRow.tactic_id)
        .join(StateRow, StateRow.attempt_id == VisitRow.attempt_id)
        .where(StateRow.number == VisitRow.state, VisitRow.attempt_id == attempt_id)
    )
    return {(key, tactic): count for key, tactic, count in connection.execute(query)}


def load_tried(
    connection: Connection, roots: Mapping[int, str], first: int | None = None
) -> dict[int, TriedSteps]:
    """What each attempt tried, by its number. roots: number to the name of its recipe root.

    first: only so many expansions of each.
    """
    tried: dict[int, TriedSteps] = {}
    for ids in in_chunks(sorted(roots)):
        found: dict[int, _Rows] = {attempt: _Rows() for attempt in ids}
        _read_expansions(connection, ids, first, found)
        texts = _read_steps(connection, ids, first, found)
        _read_children(connection, ids, first, found)
        _read_states(connection, roots, found, first is None)
        for attempt, rows in found.items():
            tried[attempt] = TriedSteps(rows.states.get(0), tuple(_expansions(rows, texts)))
    return tried


def load_texts(connection: Connection, ids: Iterable[int | None]) -> Texts:
    """Id to text, for the ids that are not None."""
    wanted = sorted({id for id in ids if id is not None})
    found: Texts = {}
    for chunk in in_chunks(wanted):
        rows = connection.execute(select(TextRow.id, TextRow.body).where(TextRow.id.in_(chunk)))
        found.update((id, body) for id, body in rows)
    return found


def _read_expansions(
    connection: Connection, ids: Sequence[int], first: int | None, found: dict[int, _Rows]
) -> None:
    query = (
        select(ExpansionRow.attempt_id, ExpansionRow.number, ExpansionRow.state)
        .add_columns(ExpansionRow.value, ExpansionRow.tokens)
        .where(ExpansionRow.attempt_id.in_(ids))
        .order_by(ExpansionRow.attempt_id, ExpansionRow.number)
    )
    if first is not None:
        query = query.where(ExpansionRow.number < first)
    for row in connection.execute(query):
        found[row.attempt_id].expansions.append(row)


def _read_steps(
    connection: Connection, ids: Sequence[int], first: int | None, found: dict[int, _Rows]
) -> Texts:
    """Put the steps in place; the texts of their tactics and messages."""
    query = (
        select(StepRow.attempt_id, StepRow.expansion, StepRow.number, StepRow.tactic_id)
        .add_columns(StepRow.prior, StepRow.outcome, StepRow.message_id)
        .add_columns(StepRow.wall_s, StepRow.elapsed_ms)
        .where(StepRow.attempt_id.in_(ids))
        .order_by(StepRow.attempt_id, StepRow.expansion, StepRow.number)
    )
    if first is not None:
        query = query.where(StepRow.expansion < first)
    texts: set[int | None] = set()
    for row in connection.execute(query):
        found[row.attempt_id].steps[row.expansion].append(row)
        texts |= {row.tactic_id, row.message_id}
    return load_texts(connection, texts)


def _read_children(
    connection: Connection, ids: Sequence[int], first: int | None, found: dict[int, _Rows]
) -> None:
    query = (
        select(ChildRow.attempt_id, ChildRow.expansion, ChildRow.step)
        .add_columns(ChildRow.state, ChildRow.positions)
        .where(ChildRow.attempt_id.in_(ids))
        .order_by(ChildRow.attempt_id, ChildRow.expansion, ChildRow.step, ChildRow.number)
    )
    if first is not None:
        query = query.where(ChildRow.expansion < first)
    for attempt, expansion, step, state, positions in connection.execute(query):
        found[attempt].children[expansion, step].append((state, positions))


def _read_states(
    connection: Connection, roots: Mapping[int, str], found: dict[int, _Rows], all_of_them: bool
) -> None:
    """The states; unless `all_of_them`, those that the other rows name, and the roots."""
    query = select(StateRow.attempt_id, StateRow.number, StateRow.key, StateRow.goals_id)
    query = query.add_columns(StateRow.size).where(StateRow.attempt_id.in_(list(found)))
    rows = connection.execute(query).all()
    if not all_of_them:
        named = {attempt: _named(those) for attempt, those in found.items()}
        rows = [row for row in rows if row.number in named[row.attempt_id]]
    texts = load_texts(connection, (row.goals_id for row in rows))
    goals = {id: goals_from_text(text) for id, text in texts.items()}
    for row in rows:
        root = roots[row.attempt_id]
        state = ProofState(row.key, goals[row.goals_id], size=row.size, root=root)
        found[row.attempt_id].states[row.number] = state


def _named(rows: _Rows) -> set[int]:
    reached = {state for left in rows.children.values() for state, _ in left}
    return {0, *reached, *(row.state for row in rows.expansions)}


def _expansions(rows: _Rows, texts: Texts) -> Iterator[Expansion]:
    """In the order told; each state with the origin of the first time it was reached."""
    bare = rows.states
    reached = {0: bare[0]} if bare else {}
    for expansion in rows.expansions:
        state = reached.setdefault(expansion.state, bare[expansion.state])
        tried = []
        for row in rows.steps.get(expansion.number, ()):
            tactic, left = texts[row.tactic_id], rows.children.get((expansion.number, row.number))
            states = tuple(
                _child(bare[child], state, tactic, index, positions)
                for index, (child, positions) in enumerate(left or ())
            )
            for (child, _), reached_state in zip(left or (), states, strict=True):
                reached.setdefault(child, reached_state)
            outcome = _outcome(row.outcome, states, texts.get(row.message_id), row.wall_s)
            tried.append(Step(tactic, row.prior, outcome, row.elapsed_ms))
        yield Expansion(state, tuple(tried), expansion.value, expansion.tokens)


def _child(
    bare: ProofState, parent: ProofState, tactic: str, index: int, positions: str | None
) -> ProofState:
    if positions is None:
        return bare
    places = tuple(int(place) for place in positions.split())
    origin = Origin(parent, tactic, index, places)
    return ProofState(bare.key, bare.goals, origin, bare.size, bare.root)


def _outcome(
    word: str, states: tuple[ProofState, ...], message: str | None, wall_s: float | None
) -> Outcome:
    if word == ADVANCED:
        return Advanced(states)
    if word == TIMED_OUT:
        return TimedOut(wall_s or 0.0)
    return Rejected(message or "", Rejection(word))
