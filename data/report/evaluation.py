"""What there is to say of a run over a problem set, and of two, as tables of words.

report_tables.py, evaluation_page.py and `markdown` show the same tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..evaluation import NOT_TRIED, Evaluation, ResultClass
from . import statistics
from .statistics import FEW, SHARES, Comparison, Estimate
from .words import outcome_word

_NAMES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: the first column holds words; the others numbers, unless `is_words`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_words: bool = False


def percent(estimate: Estimate) -> str:
    """A rate in percent, one digit: `41.7 %`."""
    return f"{100 * estimate.value:.1f} %"


def interval(estimate: Estimate) -> str:
    """The interval of a rate, in percent: `30.0 to 53.3 %`."""
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as far as they matter: `1 h 02 min`, `3 min 20 s`, `4.2 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{seconds:.1f} s"


def headline(run: Evaluation) -> str:
    """The result of a run in a line."""
    solved, total = run.classes[ResultClass.SOLVED], len(run.results)
    left = {outcome: run.classes[outcome] for outcome in NOT_TRIED if run.classes[outcome]}
    if left:
        left_counts = [f"{count} of {total} {outcome.value}" for outcome, count in left.items()]
        so_far = ", ".join([f"{solved} of {run.tried} tried solved", *left_counts])
        return f"{run.problem_set}: {so_far}"
    so_far = "" if run.is_finished else ", not finished"
    return f"{run.problem_set}: {solved} of {total} solved{so_far}"


def report(run: Evaluation) -> list[ReportTable]:
    """All tables of one run."""
    tried = statistics.tried(run)
    shares = statistics.by_source(tried)
    sheets = [
        ReportTable("Run", ("", ""), tuple(facts(run)), is_words=True),
        ReportTable("Solved", ("", "rate", "95 % interval"), tuple(_rates(run))),
        ReportTable("What came of the problems", ("", "problems", "share"), tuple(_classes(run))),
        ReportTable(
            "Solved by source" + (f", of the {len(tried.results)} tried" if tried != run else ""),
            ("", "problems", "solved", "rate", "95 % interval"),
            tuple(
                (s.source, str(s.problems), str(s.solved), percent(s.rate), interval(s.rate))
                for s in shares
            ),
        ),
        _efforts(run, "Spent on a problem until it was solved", solved=True),
        _efforts(run, "Spent by an attempt that did not solve it", solved=False),
    ]
    return [sheet for sheet in sheets if sheet.rows]


def facts(run: Evaluation) -> Iterator[tuple[str, str]]:
    """What a run was made of."""
    yield "run", str(run.run_id)
    yield "command", f"lakatos {run.command}"
    without = f"; left out, since Lean refuses them: {run.left_out}" if run.left_out else ""
    yield "problem set", f"{run.problem_set}, {len(run.results)} problems{without}"
    yield "hash of the problems", run.problem_hash
    yield "Lean", run.toolchain
    yield _revision(run.commit)
    yield "policy", str(run.config.get("policy", "?"))
    prover = run.config.get("prover", {})
    if isinstance(search := prover.get("search"), Mapping):
        yield "search", str(search.get("name", "?"))
    if "wall_s" in prover:
        yield "time for an attempt", f"{prover['wall_s']:g} s"
    yield "attempts for a problem, seed", f"{run.k}, {run.seed}"
    yield "begun", f"{run.started_at:%Y-%m-%d %H:%M} UTC"
    yield "time", duration(run.wall_s) + ("" if run.is_finished else ", not finished")
    if run.usage.requests:
        yield "model servers", run.usage.text


def _revision(revision: str) -> tuple[str, str]:
    """What made the run: a commit, `+` when files differ from it, or an installed version."""
    if found := re.fullmatch(r"([0-9a-f]{12})[0-9a-f]*(\+?)", revision):
        return "commit", found[1] + found[2]
    return "version", f"lakatos {revision}" if revision else "unknown"


def _rates(run: Evaluation) -> Iterator[tuple[str, ...]]:
    """The rates; of a run that is not through both of what was tried and of all."""
    tried = statistics.tried(run)
    parts = {"": run}
    if tried != run:
        parts = {f" of the {len(tried.results)} tried": tried, f" of all {len(run.results)}": run}
    for words, part in parts.items():
        few = "; too few problems" if len(part.results) < FEW else ""
        for k, rate in enumerate(statistics.pass_rates(part), 1):
            if k in (1, run.k) or k.bit_count() == 1:
                yield f"pass@{k}{words}", percent(rate), interval(rate) + few


def _classes(run: Evaluation) -> Iterator[tuple[str, ...]]:
    total = len(run.results)
    for outcome, count in run.classes.items():
        if count:
            yield outcome_word(outcome), str(count), f"{100 * count / total:.1f} %"
    if total:
        yield "all", str(sum(run.classes.values())), "100.0 %"


def _efforts(run: Evaluation, title: str, *, solved: bool) -> ReportTable:
    heads = ("", *("maximum" if s == 1 else f"{100 * s:.0f} %" for s in SHARES))
    efforts = statistics.efforts(run, solved)
    rows = ((name, *map(seconds if name.endswith(", s") else number, v)) for name, v in efforts)
    return ReportTable(title, heads, tuple(rows))


def seconds(value: float) -> str:
    """A measured time in a column of times: `0.13`, `2.00`, `12,300.40`."""
    return f"{value:,.2f}"


def number(value: float) -> str:
    """A number with about three digits: `0.42`, `17`, `12,300`."""
    if value == int(value) or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def comparison(one: Evaluation, other: Evaluation) -> list[ReportTable]:
    """All tables of two runs."""
    comparison = statistics.compare(one, other)
    names = f"run {one.run_id}", f"run {other.run_id}"
    sheets = [
        ReportTable("What differs", ("", *names), tuple(_differences(one, other)), is_words=True),
        ReportTable("On the problems of both", ("", "problems"), tuple(_counts(comparison, names))),
        ReportTable("Difference", ("", ""), tuple(_verdict(comparison, names)), is_words=True),
        _named(f"Solved only by {names[0]}", comparison.losses),
        _named(f"Solved only by {names[1]}", comparison.gains),
    ]
    return [sheet for sheet in sheets if sheet.rows]


def _differences(one: Evaluation, other: Evaluation) -> Iterator[tuple[str, str, str]]:
    sides = [dict(facts(run)) | dict(_flat(run.config)) for run in (one, other)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        first, second = (side.get(name, "none") for side in sides)
        if name != "run" and first != second:
            yield name, first, second


def _flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, str(value)


def _counts(comparison: Comparison, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    yield "problems of both", str(comparison.problems)
    yield "solved by both", str(comparison.both)
    yield f"only by {names[0]}", str(comparison.first)
    yield f"only by {names[1]}", str(comparison.second)
    yield "by neither", str(comparison.neither)
    for name, count in zip(names, comparison.missing, strict=True):
        if count:
            yield f"left out, only in {name}", str(count)
    if comparison.untried:
        yield "left out, not tried in one of them", str(comparison.untried)
    if comparison.changed:
        yield "of these, same name but another statement", str(comparison.changed)


def _verdict(comparison: Comparison, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    difference, low, high = (
        100 * x
        for x in (
            comparison.difference.value,
            comparison.difference.low,
            comparison.difference.high,
        )
    )
    yield "rate, second minus first", f"{difference:+.1f} points"
    yield "95 % interval", f"{low:+.1f} to {high:+.1f} points"
    yield "McNemar's test", f"p = {comparison.p_value:.3g}"
    better = names[comparison.second > comparison.first]
    yes = f"yes, {better} is better" if comparison.is_significant else "no"
    yield (
        "significant at 5 %",
        f"too few problems to say: {comparison.problems}" if comparison.is_small else yes,
    )


def _named(title: str, names: Sequence[str]) -> ReportTable:
    shown = [(name,) for name in names[:_NAMES_SHOWN]]
    more = [(f"and {len(names) - len(shown)} more",)] if len(names) > len(shown) else []
    return ReportTable(f"{title}: {len(names)}", ("",), tuple(shown + more), is_words=True)


def markdown(title: str, sheets: Sequence[ReportTable]) -> str:
    """Tables for a README."""
    blocks = [f"## {_cell(title)}"]
    for sheet in sheets:
        align = "---" if sheet.is_words else "---:"
        lines = [_line(sheet.columns), _line(("---", *(align for _ in sheet.columns[1:])))]
        lines += [_line([_cell(text) for text in row]) for row in sheet.rows]
        blocks.append(f"### {_cell(sheet.title)}\n\n" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """A text that ends no cell and is no markup."""
    for sign in "\\`*_<[|":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
