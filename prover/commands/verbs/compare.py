"""`lakatos compare`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context

from ..options import Db, Json, Markdown


@dataclass(frozen=True)
class CompareOptions:
    """The options of `lakatos compare`."""

    run: Annotated[int, Argument(help="Number of a run over a problem set.")]
    other: Annotated[int, Argument(help="Number of the other.")]
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
