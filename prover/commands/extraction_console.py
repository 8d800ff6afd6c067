"""How an extraction looks in a terminal: its progress, then what failed and what there is."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ...data.dataset.dataset import NOTHING_EXCLUDED, Excluded
from ...data.problems.reader import ProblemSet
from ...lean_env.toolchains.find import Toolchain
from ..dataset.decontamination import excluded_by
from .console import err, is_watched, print_error, standard_output, status


class ProgressLine:
    """A line that shows how far an extraction is, where a person is watching.

    doing, of: `tracing`, `files`. after_interrupt: printed after Ctrl-C.
    """

    def __init__(
        self,
        show: bool,
        doing: str = "tracing",
        of: str = "files",
        after_interrupt: str = "run it again to go on",
    ) -> None:
        self._doing, self._of, self._after_interrupt = doing, of, after_interrupt
        self._status = status(f"starting Lean for {doing}") if show else None
        self._done = 0

    def update(self, done: int, total: int, path: str) -> None:
        """Show how many are done."""
        self._done = done
        if self._status:
            self._status.update(f"{self._doing}: {done} of {total} {self._of}, {path}")

    @contextmanager
    def show(self) -> Iterator[None]:
        """Show the line while the block runs; print how far it is after Ctrl-C."""
        with self._status or nullcontext():
            try:
                yield
            except CancelledError:
                err.print(f"interrupted: {self._done} {self._of} are done; {self._after_interrupt}")
                raise


async def read_excluded(sets: Sequence[ProblemSet], find_lean: Callable[[], Toolchain]) -> Excluded:
    """What the problems say that nothing may be learned from, while a line shows how far it is."""
    if not sets:
        return NOTHING_EXCLUDED
    line = ProgressLine(is_watched(), "reading what is excluded", "problems", "nothing is written")
    with line.show():
        return await excluded_by(sets, find_lean(), line.update)


def print_result(
    failures: Iterable[tuple[str, str]],
    figures: Iterable[tuple[str, str]],
    out: Path | None = None,
    empty: str = "",
) -> int:
    """Name what failed, and print the figures; the exit code.

    out: where it was written. empty: why there is nothing in it, if there is not.
    """
    failed = list(failures)
    for name, why in failed:
        print_error(f"{name}: {why}")
    for name, figure in figures:
        standard_output().print(f"{name}: {figure}", soft_wrap=True, markup=False)
    if out:
        standard_output().print(f"written to: {out}", soft_wrap=True, markup=False)
    if empty:
        print_error(empty)
    return 1 if failed else 0


def print_row_counts(counts: Mapping[str, int], out: Path | None = None, empty: str = "") -> int:
    """Print how many rows went where; the exit code. empty: to say where there are none."""
    rows = ((where, f"{count:,} rows") for where, count in counts.items())
    return print_result((), rows, out, "" if any(counts.values()) else empty)
