"""The report of a run as one HTML page: tables, curves, every problem, and the proof graphs.

The page needs no network and no other file; its look and life are in the folder page/.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ..evaluation import AttemptResult, Evaluation, ProblemResult, ResultClass
from ..records import Expansion
from . import statistics
from .attempt import filled as filled_page
from .attempt import graph_of, graph_page, json_for_html, page_data
from .evaluation import headline, report
from .words import counted, outcome_word, problem_word, told_detail, try_word

if TYPE_CHECKING:
    from ..store.attempts import StoredAttempt

Load: TypeAlias = "Callable[[Iterable[int], int | None], Iterator[StoredAttempt]]"
_OUTCOMES = list(ResultClass)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much of the proof graphs a page holds; the rest is told by the command that shows it."""

    graphs_bytes: int = 16_000_000
    """Of all graphs, packed."""
    steps: int = 600
    """A graph with more is shown in part: the proof, then what was tried first."""
    expansions: int = 20
    """Read of an attempt that did not solve its problem."""


LIMITS = RunLimits()


def html_page(run: Evaluation, load: Load, limits: RunLimits = LIMITS) -> str:
    """The page. load: reads attempts of these numbers, so many expansions of each."""
    data = {
        "title": headline(run),
        "sheets": [[s.title, s.columns, s.rows, s.is_words] for s in report(run)],
        "outcomes": [outcome_word(outcome) for outcome in _OUTCOMES],
        "classes": [run.classes[outcome] for outcome in _OUTCOMES],
        "curves": {name: _rounded(points) for name, points in statistics.curves(run).items()},
        "wall_s": run.wall_s,
        "problems": [_problem(result) for result in run.results],
        "template": graph_page("{{title}}", "{{data}}"),
    }
    graphs = ",".join(f'"{id}":"{packed}"' for id, packed in packed_graphs(run, load, limits))
    body = f"[{json_for_html(data)},{{{graphs}}}]"
    return filled_page("run.html", "run_*.js", title=f"{headline(run)} · lakatos", data=body)


def _rounded(points: statistics.Curve) -> list[tuple[float, int]]:
    return [(round(x, 3), solved) for x, solved in points]


def _problem(result: ProblemResult) -> list[Any]:
    problem = result.problem
    words = problem.name, problem.source, problem.split, problem.path, problem.lean
    outcome = _OUTCOMES.index(result.outcome)
    attempts = [_attempt(attempt) for attempt in result.attempts]
    why = result.detail or problem.flaw
    return [*words, problem.informal, outcome, why, attempts, problem_word(result)]


def _attempt(attempt: AttemptResult) -> list[Any]:
    spent = attempt.expansions, attempt.steps, attempt.tokens
    words = attempt.proof, told_detail(attempt), try_word(attempt)
    outcome = _OUTCOMES.index(attempt.outcome)
    return [attempt.attempt_id, attempt.number, outcome, round(attempt.wall_s, 3), *spent, *words]


def packed_graphs(
    run: Evaluation, load: Load, limits: RunLimits = LIMITS
) -> Iterator[tuple[int, str]]:
    """Attempt and its graph for the page, packed; those that solved first, while there is room."""
    attempts = [a for result in run.results for a in result.attempts]
    solved = [a.attempt_id for a in attempts if a.outcome is ResultClass.SOLVED]
    others = [a.attempt_id for a in attempts if a.outcome is not ResultClass.SOLVED]
    room = limits.graphs_bytes
    for ids, first in ((solved, None), (others, limits.expansions)):
        for stored in load(ids, first) if room > 0 else ():
            packed = _packed(stored, limits.steps)
            room -= len(packed)
            if room < 0:
                return
            yield stored.summary.id, packed


def _packed(stored: StoredAttempt, steps: int) -> str:
    text = json.dumps(_graph_data(stored, steps), separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def _graph_data(stored: StoredAttempt, steps: int) -> dict[str, Any]:
    """What the page of a graph reads; of a large graph a part, and a line that says so."""
    kept = _part(stored, steps)
    data = page_data(replace(stored, expansions=kept))
    count = stored.summary.expansions
    if len(kept) < count:
        some = f"{len(kept)} of {counted(count, 'expansion')}"
        whole = f"{some}; all: lakatos show {stored.summary.id} --html"
        data["facts"].append(["shown", whole])
        data["statistics"] = [["expansions", count], ["tactics tried", stored.summary.steps]]
    return data


def _part(stored: StoredAttempt, steps: int) -> tuple[Expansion, ...]:
    """The expansions to show, in order: those of states of the proof, and the first others.

    Each state shown is reached from the root by what is shown.
    """
    expansions = stored.expansions
    if sum(len(e.steps) for e in expansions) <= steps:
        return expansions
    graph = graph_of(stored)
    shown = {n for n, e in enumerate(expansions) if graph.nodes[e.state.key]["in_proof"]}
    room = steps - sum(len(expansions[n].steps) for n in shown)
    for n, expansion in enumerate(expansions):
        if room <= 0:
            break
        if n not in shown:
            shown.add(n)
            room -= len(expansion.steps)
    return tuple(expansions[n] for n in sorted(shown))
