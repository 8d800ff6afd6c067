"""How the report of a run over a problem set, and a comparison of two, look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .console import standard_output
from .evaluation import EvaluationRow
from .evaluation_report import Sheet
from .evaluation_report import markdown as to_markdown


def print_sheets(title: str, sheets: Sequence[Sheet], markdown: bool) -> None:
    """Print them for a reader, or as Markdown."""
    if markdown:
        standard_output().out(to_markdown(title, sheets), end="", highlight=False)
    else:
        standard_output().print(sheets_text(title, sheets))


def sheets_text(headline: str, sheets: Sequence[Sheet]) -> RenderableType:
    """A line, then the tables, a blank line above each."""
    parts: list[RenderableType] = [Text(headline, style="bold")]
    for sheet in sheets:
        parts += [Text(), Text(sheet.title, style="bold cyan"), _table(sheet)]
    return Group(*parts)


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
    """Runs over problem sets, as `lakatos report` lists them."""
    table = Table(box=None)
    for name in ("run", "solved", "problems", "attempts"):
        table.add_column(name, justify="right")
    for name in ("problem set", "policy", "begun", ""):
        table.add_column(name, overflow="fold")
    for row in rows:
        numbers = (str(n) for n in (row.run_id, row.solved, row.theorems, row.k))
        policy = str(row.config.get("policy", ""))
        end = "" if row.is_finished else "not finished"
        begun = f"{row.started_at:%Y-%m-%d %H:%M}"
        table.add_row(*numbers, Text(row.problem_set), Text(policy), begun, end)
    return table
