"""Pages about what was learned: facts, curves, tables; no network needed."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any, Protocol

from .attempt import filled

WIDTH, HEIGHT, EDGE = 640, 320, 44
"""Of a chart, and of the room for its labels, in pixels."""

LEAST_CHANCE = 1e-4
"""Where the axes of a reliability curve begin."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart. points: each with x and y in [0, 1]."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. x, y: what its axes show; ticks: places in [0, 1] with their labels.

    ideal: whether the diagonal is what is hoped for.
    """

    title: str
    curves: Sequence[Curve]
    x: str
    y: str
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    ideal: bool = False


class _Bin(Protocol):
    @property
    def predicted(self) -> float: ...
    @property
    def observed(self) -> float: ...
    @property
    def count(self) -> int: ...


class Reliability(Protocol):
    """The curves of a table of priors."""

    @property
    def leads_on(self) -> Sequence[_Bin]:
        """Of the chance to lead on."""
        ...

    @property
    def proves(self) -> Sequence[_Bin]:
        """Of the chance to prove."""
        ...


def page(title: str, facts: Iterable[tuple[str, str]], parts: Iterable[str]) -> str:
    """A whole page. parts: sections of HTML."""
    body = section("In short", table(("", ""), facts)) + "".join(parts)
    return filled("training.html", "training_*.js", title=title, data=body)


def reliability_page(title: str, facts: Iterable[tuple[str, str]], found: Reliability) -> str:
    """The page about a table of priors."""
    parts = []
    for name, bins in (("leads on", found.leads_on), ("proves", found.proves)):
        points = [(_place(b.predicted), _place(b.observed)) for b in bins]
        ticks = [(_place(10.0**n), f"{10.0**n:g}") for n in range(-4, 1)]
        curve = Curve(f"{name}, on theorems that were not counted", points)
        chart = Chart(
            f"Reliability: a tactic {name}", [curve], "chance", "share", ticks, ticks, ideal=True
        )
        rows = [(f"{b.predicted:.4f}", f"{b.observed:.4f}", f"{b.count:,}") for b in bins]
        head = ("mean chance", "came so", "tactics")
        parts.append(section(chart.title, drawn(chart) + table(head, rows)))
    return page(title, facts, parts)


def learning_page(
    facts: Iterable[tuple[str, str]],
    rounds: Sequence[Mapping[str, Any]],
    left_out: Iterable[Sequence[Any]],
    sizes: tuple[int, int],
) -> str:
    """The page about rounds of learning, as `lakatos learn` keeps them.

    left_out: problems not trained on, the held-out one that each is like, and how much. sizes: of
    the train split and the held-out one.
    """
    last = max(1, rounds[-1]["number"])
    shares = [
        Curve("held out", [(r["number"] / last, len(r["solved"]) / sizes[1]) for r in rounds]),
        Curve("train split", [(r["number"] / last, r["trained"] / sizes[0]) for r in rounds]),
    ]
    x_ticks = [(n / last, str(n)) for n in range(last + 1)]
    y_ticks = [(n / 4, f"{25 * n} %") for n in range(5)]
    chart = Chart("Solved over rounds", shares, "round", "solved", x_ticks, y_ticks)
    head = (
        "round", "runs", "held out, solved", "new", "forgotten", "train split, proved by now",
        "tactics tried for a proof", "lines of a proof",
    )  # fmt: skip
    rows = [
        (
            r["number"], ", ".join(map(str, r["runs"])), len(r["solved"]), len(r["new"]),
            len(r["forgotten"]), r["trained"], f"{r['steps']:g}", f"{r['lines']:g}",
        )
        for r in rounds
    ]  # fmt: skip
    named = [
        (r["number"], ", ".join(r["new"]) or "none", ", ".join(r["forgotten"]) or "none")
        for r in rounds
    ]
    parts = [
        section(chart.title, drawn(chart) + table(head, rows)),
        section("Which", table(("round", "new", "forgotten"), named)),
        section("Left out of training", table(("problem", "is like", "share"), left_out)),
    ]
    return page("Learning from proofs", facts, parts)


def _place(chance: float) -> float:
    """Of a chance on an axis of powers of ten."""
    return 1 - log10(max(LEAST_CHANCE, chance)) / log10(LEAST_CHANCE)


def section(title: str, inside: str) -> str:
    """A part of a page."""
    return f"<section><h2>{html.escape(title)}</h2>{inside}</section>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of texts."""

    def line(cells: Iterable[Any], tag: str) -> str:
        inside = "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
        return f"<tr>{inside}</tr>"

    top = line(head, "th") if any(head) else ""
    return f"<table>{top}{''.join(line(row, 'td') for row in rows)}</table>"


def drawn(chart: Chart) -> str:
    """A chart as SVG."""

    def at(x: float, y: float) -> tuple[float, float]:
        return EDGE + x * (WIDTH - 2 * EDGE), HEIGHT - EDGE - y * (HEIGHT - 2 * EDGE)

    parts = []
    (left, low), (right, high) = at(0, 0), at(1, 1)
    parts.append(f'<path class="axis" d="M{left},{high}V{low}H{right}"/>')
    if chart.ideal:
        parts.append(f'<line class="ideal" x1="{left}" y1="{low}" x2="{right}" y2="{high}"/>')
    for where, text in chart.x_ticks:
        parts.append(_text(at(where, 0)[0], low + 16, text, "middle"))
    for where, text in chart.y_ticks:
        parts.append(_text(left - 6, at(0, where)[1] + 4, text, "end"))
    parts.append(_text(right, HEIGHT - 8, chart.x, "end"))
    parts.append(_text(left, high - 10, chart.y, "middle"))
    for number, curve in enumerate(chart.curves):
        points = [at(x, y) for x, y in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="s{number % 2}" points="{line}"/>')
        parts += [
            f'<circle class="s{number % 2}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points
        ]
        above = 10 + 14 * (len(chart.curves) - 1 - number)  # where no curve goes
        parts.append(_text(right, high - above, curve.name, "end"))
    label = html.escape(chart.title, quote=True)
    size = f"0 0 {WIDTH} {HEIGHT}"
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'
