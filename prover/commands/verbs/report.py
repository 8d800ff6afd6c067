"""`lakatos report`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from ..completion import EXPORTS, one_of
from ..help_page import OUTPUT, VerbHelp
from ..options import Db, Json, Markdown

HELP = VerbHelp(
    details="Without RUN it lists the runs.",
    examples=(
        ("List all runs over problem sets", "lakatos report"),
        ("Print the report of run 38", "lakatos report 38"),
        ("Write it as a page, with the proof graphs", "lakatos report 38 --html report.html"),
    ),
)


@dataclass(frozen=True)
class ReportOptions:
    """The options of `lakatos report`."""

    run: Annotated[
        int | None,
        Argument(metavar="RUN", help="Number of the run; without it, runs are listed."),
    ] = None
    html: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write the report as an HTML page, with all problems and their proof graphs.",
        ),
    ] = None
    export: Annotated[
        str | None,
        Option(
            metavar="NAME",
            rich_help_panel=OUTPUT,
            help="Write the results in the format of another prover into the folder of --out: "
            "llmstep, goedel, reprover or nanoproof.",
            autocompletion=one_of(*EXPORTS),
        ),
    ] = None
    out: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            rich_help_panel=OUTPUT,
            help="The folder for --export. Default: the working folder.",
        ),
    ] = None
    markdown: Markdown = False
    as_json: Json = False
    db: Db = None


def run(context: Context, options: ReportOptions) -> int:
    """Print the report of a run, or list runs; the exit code."""
    from ....data import files
    from ....data.report import evaluation_page
    from ....data.report import export as formats
    from .. import console
    from ..report_tables import print_report, print_runs

    with context.obj.open_store_to_read(options.db) as store:
        if options.run is None:
            print_runs(store.evaluations(), options.as_json)
            return 0
        if options.html:
            files.check_writable_file(options.html)
        evaluation = store.load_evaluation(options.run)
        if options.html:
            page = evaluation_page.html_page(evaluation, store.load_attempts)
            files.write_whole(options.html, page.encode("utf-8", "replace"))
        if options.export:
            for path in formats.write(
                evaluation, options.export, store.load_attempts, options.out or Path()
            ):
                console.note(f"written: {path}")
    print_report(evaluation, options.markdown, options.as_json)
    return 0
