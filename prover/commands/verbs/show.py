"""`lakatos show`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass

from typer import Context

from ..help_page import VerbHelp
from ..options import Db
from ..verb_options import ShowOptions

HELP = VerbHelp(
    details="Without NUMBER it lists the last attempts; with NUMBER it shows one.",
    examples=(
        ("List what was not proved in run 3", "lakatos show --run 3 --failed"),
        ("Show attempt 12", "lakatos show 12"),
        ("Write its proof graph as a page", "lakatos show 12 --html graph.html"),
    ),
)


@dataclass(frozen=True)
class ShowVerbOptions:
    """The options of `lakatos show`."""

    show: ShowOptions
    db: Db = None


def run(context: Context, options: ShowVerbOptions) -> int:
    """List stored attempts, or show one; the exit code."""
    from datetime import UTC, datetime

    from ..show import show

    with context.obj.open_store_to_read(options.db) as store:
        show(options.show, store, datetime.now(UTC))
    return 0
