"""How the report of a run over a problem set, and a comparison of two, look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from . import evaluation_page, evaluation_report, json_output, result_formats
from .console import LONG, err, print_json, standard_output
from .evaluation import EvaluationRow
from .evaluation_report import Sheet
from .source import check_writable_file, write_whole
from .store import Store
from .verb_options import Reported


def report(asked: Reported, store: Store) -> None:
    """Print, or write, what is asked for. Raises UsageError, EnvironmentFault."""
    if asked.run is None:
        rows = store.evaluations()
        if not asked.as_json:
            standard_output().print(evaluations_table(rows))
        for row in rows if asked.as_json else ():
            print_json(json_output.run_object(row))
        return
    if asked.html:
        check_writable_file(asked.html)
    told = store.load_evaluation(asked.run)
    if asked.html:
        page = evaluation_page.html_page(told, store.load_attempts)
        write_whole(asked.html, page.encode("utf-8", "replace"))
    if asked.export:
        for path in result_formats.write(told, asked.export, store.load_attempts, asked.out):
            err.print(f"written: {path}", **LONG)
    if asked.as_json:
        print_json(json_output.report_object(told))
    else:
        sheets = evaluation_report.report(told)
        print_sheets(evaluation_report.headline(told), sheets, asked.markdown)


def print_sheets(title: str, sheets: Sequence[Sheet], markdown: bool) -> None:
    """Print them for a reader, a blank line above each, or as Markdown."""
    out = standard_output()
    if markdown:
        out.out(evaluation_report.markdown(title, sheets), end="", highlight=False)
        return
    for part in sheets_text(title, sheets):
        out.print(part, soft_wrap=isinstance(part, Text))


def sheets_text(title: str, sheets: Sequence[Sheet]) -> Iterator[RenderableType]:
    """A line, then the tables, a blank line above each."""
    yield Text(title, style="bold")
    for sheet in sheets:
        yield Text(f"\n{sheet.title}", style="bold cyan")
        is_facts = sheet.is_words and not any(sheet.columns)
        yield _facts(sheet) if is_facts else _table(sheet)


def _facts(sheet: Sheet) -> Text:
    """A name and its value on each line, whole: the terminal breaks what is too long for it."""
    width = max(len(row[0]) for row in sheet.rows)
    lines = [" ".join(["", row[0].ljust(width), "", *row[1:]]).rstrip() for row in sheet.rows]
    return Text("\n".join(lines))


def _table(sheet: Sheet) -> Table:
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


def evaluations_table(rows: Sequence[EvaluationRow]) -> Table:
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
