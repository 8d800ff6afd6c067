"""What `lakatos show` prints: a list of stored attempts, or one attempt with all its details."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...data import files
from ...data.errors import UsageError
from ...data.proof_graph import to_dot
from ...data.report import attempt as report
from ...data.report import json_output
from ...data.report.attempt import attempt_facts, graph_of, statistics, tree
from ...data.report.words import counted, stop_word
from ...data.turns import Turn
from . import console
from .tables import attempt_text
from .verb_options import ShowOptions

if TYPE_CHECKING:
    from ...data.store.attempts import AttemptSummary, StoredAttempt
    from ...data.store.store import Store

LISTED = 30
"""Attempts in a list, without --limit."""

WIDE = 120
"""From this many columns on a list has all its columns."""


def attempts_table(attempts: Sequence[AttemptSummary], now: datetime, width: int) -> Table:
    """A table of stored attempts: number, name, result, age; more columns if it may be wide."""
    table = Table(box=None, title="newest first", title_justify="left")
    table.add_column("attempt", justify="right")
    table.add_column("theorem", no_wrap=True, overflow="fold")
    table.add_column("result", min_width=14)
    table.add_column("ago", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("run", justify="right")
        table.add_column("place", overflow="fold")
        for name in ("started", "expansions", "seconds"):
            table.add_column(name, justify="right", no_wrap=True)
    for a in attempts:
        word = Text(stop_word(a.stop, a.has_proof), style="green" if a.is_accepted else "red")
        more = str(a.run_id), Text(f"{a.path}:{a.line}"), f"{a.started_at:%Y-%m-%d %H:%M}"
        cells = str(a.id), Text(a.theorem), word, ago(now - a.started_at)
        spent = str(a.expansions), f"{a.wall_s:.1f}"
        table.add_row(*cells, *((*more, *spent) if width >= WIDE else ()))
    return table


def ago(age: timedelta) -> str:
    """How long ago, in one unit: `40 s`, `12 min`, `5 h`, `3 d`."""
    seconds = max(0, round(age.total_seconds()))
    for unit, length_s, until in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < until * length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds // 86400} d"


_LOOKS = {
    "proof": "bold green",
    "proved": "green",
    "open": "default",
    "failed": "red",
    "rejected": "dim red",
    "note": "dim",
}


def stored_attempt(stored: StoredAttempt) -> RenderableType:
    """All of a stored attempt, as `lakatos show NUMBER` prints it."""
    graph = graph_of(stored)
    rows = [(name, value) for name, value in attempt_facts(stored) if name not in _ABOVE]
    rows += statistics(stored, graph).rows
    column = max(len(name) for name, _ in rows) + 2
    facts = [Text.assemble((name.ljust(column), "dim"), value) for name, value in rows]
    lines = [Text(line.text, style=_LOOKS[line.style]) for line in tree(stored, graph)]
    return Group(attempt_text(stored.attempt), Text(), *facts, Text(), *lines)


_ABOVE = ("theorem", "file", "result", "wall time")
"""Facts that stand in the first line already."""


def show(options: ShowOptions, store: Store, now: datetime) -> None:
    """Print or write what the options name. Raises UsageError, StoreError."""
    number = options.attempt
    if number is None:
        _list(options, store, now)
        return
    if options.run is not None or options.theorem or options.failed or options.limit:
        raise UsageError("--run, --theorem, --failed and --limit list attempts: no number then")
    for place in (options.html, options.dot):
        if place:
            files.check_writable_file(place)
    stored = store.load_attempt(number)
    if options.html:
        files.write_whole(options.html, report.html_page(stored).encode())
    if options.dot:
        files.write_whole(options.dot, to_dot(graph_of(stored)).encode())
    if options.conversation:
        _print_turns(store.turns(number), number)
    elif options.as_json:
        console.print_json(json_output.stored_object(stored))
    elif not (options.html or options.dot):
        console.standard_output().print(stored_attempt(stored), soft_wrap=True)


def _print_turns(turns: Sequence[Turn], number: int) -> None:
    if not turns:
        raise UsageError(
            f"attempt {number} has no conversation: no model wrote drafts for it, and prompts of a "
            "tactic model are stored only with --keep-prompts"
        )
    out = console.standard_output()
    for turn in turns:
        marks = ["Lean's answer"] if turn.is_feedback else []
        marks += [] if turn.is_right is None else ["accepted" if turn.is_right else "not accepted"]
        marks += [counted(turn.tokens, "token")] if turn.tokens else []
        head = f"conversation {turn.conversation + 1}, {turn.role}"
        out.print(Text(", ".join([head, *marks]), style="bold cyan"), soft_wrap=True)
        out.print(Text(turn.text), soft_wrap=True)
        out.print()


def _list(options: ShowOptions, store: Store, now: datetime) -> None:
    if options.html or options.dot or options.conversation:
        raise UsageError("--html, --dot and --conversation need the number of an attempt")
    limit = options.limit or LISTED
    listed = store.attempts(options.run, limit, theorem=options.theorem, only_failed=options.failed)
    out = console.standard_output()
    if not options.as_json:
        out.print(attempts_table(listed, now, out.width))
        return
    for summary in listed:
        console.print_json(json_output.listed_object(summary))
