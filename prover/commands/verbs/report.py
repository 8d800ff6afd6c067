"""`lakatos report`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from ..options import Db, Json, Markdown


@dataclass(frozen=True)
class ReportOptions:
    """The options of `lakatos report`."""

    run: Annotated[int | None, Argument(help="Its number; none lists such runs.")] = None
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write it as a page, with the graphs.")
    ] = None
    export: Annotated[
        str | None,
        Option(metavar="NAME", help="Write it to --out as llmstep, goedel, reprover, nanoproof."),
    ] = None
    out: Annotated[Path, Option(metavar="DIR", help="Where --export writes.")] = Path()
    markdown: Markdown = False
    as_json: Json = False
    db: Db = None


def run(context: Context, options: ReportOptions) -> int:
    """Print the report of a run, or list runs; the exit code."""
    from ....data import source
    from ....data.report import evaluation_page
    from ....data.report import export as formats
    from .. import console
    from ..report_tables import print_report, print_runs

    with context.obj.open_store_to_read(options.db) as store:
        if options.run is None:
            print_runs(store.evaluations(), options.as_json)
            return 0
        if options.html:
            source.check_writable_file(options.html)
        evaluation = store.load_evaluation(options.run)
        if options.html:
            page = evaluation_page.html_page(evaluation, store.load_attempts)
            source.write_whole(options.html, page.encode("utf-8", "replace"))
        if options.export:
            for path in formats.write(evaluation, options.export, store.load_attempts, options.out):
                console.note(f"written: {path}")
    print_report(evaluation, options.markdown, options.as_json)
    return 0
