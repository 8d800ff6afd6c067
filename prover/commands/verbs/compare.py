"""`lakatos compare`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context

from ..help_page import VerbHelp
from ..options import Db, Json, Markdown

HELP = VerbHelp(
    details="It says who solved what, whether the difference is significant (McNemar's test), "
    "and in which options the runs differ.",
    examples=(
        ("Compare runs 3 and 25", "lakatos compare 3 25"),
        ("The same as Markdown tables", "lakatos compare 3 25 --markdown"),
    ),
)


@dataclass(frozen=True)
class CompareOptions:
    """The options of `lakatos compare`."""

    run: Annotated[int, Argument(metavar="RUN", help="Number of a run.")]
    other: Annotated[int, Argument(metavar="OTHER", help="Number of another run.")]
    markdown: Markdown = False
    as_json: Json = False
    db: Db = None


def run(context: Context, options: CompareOptions) -> int:
    """Print the comparison of two runs; the exit code."""
    from ..report_tables import print_comparison

    with context.obj.open_store_to_read(options.db) as store:
        one, other = store.load_evaluation(options.run), store.load_evaluation(options.other)
    print_comparison(one, other, options.markdown, options.as_json)
    return 0
