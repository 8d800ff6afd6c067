"""`lakatos extract`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass

from typer import Context

from ..event_loop import run_async
from ..options import Db, LeanOptions
from ..verb_options import ExtractOptions


@dataclass(frozen=True)
class ExtractVerbOptions:
    """The options of `lakatos extract`."""

    extract: ExtractOptions
    lean: LeanOptions
    db: Db = None


def run(context: Context, options: ExtractVerbOptions) -> int:
    """Write training data, or problems; the exit code."""
    from ....data.dataset.tables import check_writable
    from ..extract import job

    environment, extract = context.obj, options.extract
    work = job(extract, lambda: environment.open_store_to_read(options.db))
    if extract.out:
        check_writable(extract.out)
    return run_async(
        work(lambda: environment.find_toolchain(options.lean, extract.path), environment.cache)
    )
