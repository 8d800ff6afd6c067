"""How the report of a run over a problem set, and a comparison of two, look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...data.evaluation import Evaluation, EvaluationSummary
from ...data.report import evaluation as evaluation_report
from ...data.report import json_output
from ...data.report.evaluation import ReportTable
from ...data.report.evaluation import markdown as to_markdown
from . import console
from .console import standard_output


def print_report(run: Evaluation, markdown: bool, as_json: bool) -> None:
    """Print the report of a run: for a reader, as Markdown, or as a JSON line."""
    if as_json:
        console.print_json(json_output.report_object(run))
    else:
        _print_sheets(evaluation_report.headline(run), evaluation_report.report(run), markdown)


def print_comparison(one: Evaluation, other: Evaluation, markdown: bool, as_json: bool) -> None:
    """Print the comparison of two runs, as `print_report` does."""
    if as_json:
        console.print_json(json_output.comparison_object(one, other))
    else:
        title = f"run {one.run_id} and run {other.run_id}"
        _print_sheets(title, evaluation_report.comparison(one, other), markdown)


def _print_sheets(title: str, sheets: Sequence[ReportTable], markdown: bool) -> None:
    """Print them for a reader, or as Markdown."""
    out = standard_output()
    if markdown:
        out.out(to_markdown(title, sheets), end="", highlight=False)
        return
    for part in sheets_text(title, sheets):
        out.print(part, soft_wrap=isinstance(part, Text))


def sheets_text(title: str, sheets: Sequence[ReportTable]) -> Iterator[RenderableType]:
    """A line, then the tables, a blank line above each."""
    yield Text(title, style="bold")
    for sheet in sheets:
        yield Text(f"\n{sheet.title}", style="bold cyan")
        is_facts = sheet.is_words and not any(sheet.columns)
        yield _facts(sheet) if is_facts else _table(sheet)


def _facts(sheet: ReportTable) -> Text:
    """A name and its value on each line, whole: the terminal breaks what is too long for it."""
    width = max(len(row[0]) for row in sheet.rows)
    lines = [" ".join(["", row[0].ljust(width), "", *row[1:]]).rstrip() for row in sheet.rows]
    return Text("\n".join(lines))


def _table(sheet: ReportTable) -> Table:
    table = Table(box=None, show_header=any(sheet.columns))
    for place, name in enumerate(sheet.columns):
        is_number = place > 0 and not sheet.is_words
        table.add_column(
            Text(name),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for row in sheet.rows:
        table.add_row(*(Text(text) for text in row))
    return table


def print_runs(rows: Sequence[EvaluationSummary], as_json: bool) -> None:
    """List runs over problem sets: as a table, or as JSON lines."""
    if not as_json:
        console.standard_output().print(evaluations_table(rows))
        return
    for row in rows:
        console.print_json(json_output.run_object(row))


def evaluations_table(rows: Sequence[EvaluationSummary]) -> Table:
    """Runs over problem sets, as `lakatos report` lists them. time: of one attempt, at most."""
    table = Table(box=None)
    for name in ("run", "solved", "k", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("problem set", "policy", "search", "begun"):
        table.add_column(name, overflow="fold")
    for row in rows:
        prover = row.config.get("prover", {})
        search = prover.get("search") or {}
        time = f"{prover['wall_s']:g} s" if "wall_s" in prover else ""
        numbers = str(row.run_id), f"{row.solved} of {row.theorems}", str(row.k), time
        begun = f"{row.started_at:%Y-%m-%d %H:%M}" + ("" if row.is_finished else ", not finished")
        words = row.problem_set, row.config.get("policy", ""), search.get("name", ""), begun
        table.add_row(*numbers, *(Text(str(word)) for word in words))
    return table
