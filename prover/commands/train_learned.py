"""Trains what needs no language model: the order of the hammer's tactics, the memory of `knn`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...data.dataset.dataset import NOTHING_EXCLUDED, Excluded
from ...data.errors import UsageError
from ...data.files import check_writable_file, write_whole
from ...data.problems.reader import read_problems
from ...data.report.training_page import reliability_page
from ...lean_env.toolchains.find import Toolchain
from ..learning.files import write_memory, write_priors
from ..learning.outcomes import TacticOutcomes, merged, read_dataset, read_store
from ..training.memory import train_memory
from ..training.priors import PriorReport, train_priors
from .extraction_console import print_result, read_excluded

if TYPE_CHECKING:
    from ...data.store.store import Store


@dataclass(frozen=True)
class LearnedTraining:
    """One `lakatos train priors` or `memory`.

    Args:
        what: `priors` or `memory`.
        out: the file to write.
        data: datasets and database files; none: the user's database.
        runs: of databases, only these; none: all.
        exclude: problem sets that nothing may be learned from.
        html: where a page about the priors goes.
    """

    what: str
    out: Path
    data: tuple[Path, ...] = ()
    runs: tuple[int, ...] = ()
    exclude: tuple[Path, ...] = ()
    html: Path | None = None


async def train_learned(
    training: LearnedTraining,
    open_store: Callable[[], Store],
    find_lean: Callable[[], Toolchain],
) -> int:
    """Learn, write the file, and say what was learned; the exit code.

    Raises UsageError for what the caller can correct, StoreError, EnvironmentFault for the disk.
    """
    if training.html and training.what != "priors":
        raise UsageError("--html is for priors")
    for place in (training.out, training.html):
        if place:
            check_writable_file(place)
    sets = [read_problems(path.stem, path) for path in training.exclude]
    for path in training.data:
        if not path.exists():
            raise UsageError(f"no such dataset or database: {path}")
    excluded = await read_excluded(sets, find_lean)
    tried = read_tried(training, open_store, excluded)
    if training.what == "memory":
        steps = train_memory(tried)
        write_memory(training.out, steps, tried.lean)
        theorems = len({each.theorem for each in steps})
        figures = [("steps of proofs", f"{len(steps):,} of {theorems:,} theorems")]
    else:
        table, report = train_priors(tried)
        write_priors(training.out, table)
        if training.html:
            page = reliability_page("What the hammer's tactics come to", prior_rows(report), report)
            write_whole(training.html, page.encode())
        figures = prior_rows(report)
    figures += [("left out", f"{n:,} attempts: {why}") for why, n in tried.left_out.items()]
    return print_result((), figures, training.out)


def read_tried(
    training: LearnedTraining, open_store: Callable[[], Store], excluded: Excluded
) -> TacticOutcomes:
    """All that was tried, by the database or by the data named. Raises UsageError, StoreError."""
    from ...data.store.store import Store

    if not training.data:
        with open_store() as store:
            return read_store(store, training.runs, excluded)
    found = []
    for path in training.data:
        if path.is_dir():
            if excluded is not NOTHING_EXCLUDED:
                raise UsageError(f"{path}: give --exclude to the extract store that writes it")
            found.append(read_dataset(path))
        else:
            with Store.open(str(path), read_only=True) as store:
                found.append(read_store(store, training.runs, excluded))
    return merged(found)


def prior_rows(report: PriorReport) -> list[tuple[str, str]]:
    """A report in words."""

    def loss(pair: tuple[float, float]) -> str:
        return f"{pair[0]:.4f} nats; {pair[1]:.4f} by the bare rate"

    return [
        ("learned from", f"{report.tactics:,} tactics at {report.theorems:,} theorems"),
        ("Lean", report.lean or "unknown"),
        ("led on, proved", f"{report.led_on:,}, {report.proved:,}"),
        ("loss, leads on", loss(report.loss_leads_on)),
        ("loss, proves", loss(report.loss_proves)),
        (
            "waiting for the second limit",
            f"{report.waiting:.0%} of all tactics, {1 - report.kept:.0%} of those that prove",
        ),
    ]
