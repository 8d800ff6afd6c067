"""`lakatos show`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass

from typer import Context

from ..options import Db
from ..verb_options import ShowOptions


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
