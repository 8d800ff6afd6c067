"""`lakatos extract`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass

from typer import Context

from ..event_loop import run_async
from ..help_page import VerbHelp
from ..options import Db, LeanOptions
from ..verb_options import ExtractOptions

HELP = VerbHelp(
    details="Run it again with the same words to continue after a break. See docs/extraction.md.",
    examples=(
        ("Tactics, states and premises of a project", "lakatos extract MyProject/ --out dataset"),
        (
            "Everything that was tried, without what speaks of miniF2F",
            "lakatos extract store --out tried --exclude miniF2F/",
        ),
        (
            "Problems from Lean's own library: only count them",
            "lakatos extract core --module 'Init.Data.*' --stats",
        ),
    ),
    exit_codes={
        0: "the dataset is written, or counted",
        1: "some files or modules failed; they are listed",
    },
)


@dataclass(frozen=True)
class ExtractVerbOptions:
    """The options of `lakatos extract`."""

    extract: ExtractOptions
    lean: LeanOptions
    db: Db = None


def run(context: Context, options: ExtractVerbOptions) -> int:
    """Write training data, or problems; the exit code."""
    from ....data.dataset.tables import check_writable
    from ..extract import extract_job

    environment, extract = context.obj, options.extract
    work = extract_job(extract, lambda: environment.open_store_to_read(options.db))
    if extract.out:
        check_writable(extract.out)
    return run_async(
        work(lambda: environment.find_toolchain(options.lean, extract.path), environment.cache)
    )
