"""How an extraction looks in a terminal: its progress, then what failed and what there is."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from .console import err, say, standard_output, status


class TraceLine:
    """A line that says how far it is, where a person is watching. doing: what is done, of what.

    hint: for one who has interrupted it.
    """

    def __init__(
        self,
        show: bool,
        doing: str = "tracing",
        of: str = "files",
        hint: str = "run it again to go on",
    ) -> None:
        self._doing, self._of, self._hint = doing, of, hint
        self._status = status(f"starting Lean for {doing}") if show else None
        self._done = 0

    def told(self, done: int, total: int, path: str) -> None:
        """One more is done."""
        self._done = done
        if self._status:
            self._status.update(f"{self._doing}: {done} of {total} {self._of}, {path}")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it as long as the block lasts; say how far it is when that is broken off."""
        with self._status or nullcontext():
            try:
                yield
            except CancelledError:
                err.print(f"interrupted: {self._done} {self._of} are done; {self._hint}")
                raise


def tell(
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
        say(f"{name}: {why}")
    for name, said in figures:
        standard_output().print(f"{name}: {said}", soft_wrap=True, markup=False)
    if out:
        standard_output().print(f"written to: {out}", soft_wrap=True, markup=False)
    if empty:
        say(empty)
    return 1 if failed else 0


def tell_rows(counts: Mapping[str, int], out: Path | None = None, empty: str = "") -> int:
    """Print how many rows went where; the exit code. empty: to say where there are none."""
    rows = ((where, f"{count:,} rows") for where, count in counts.items())
    return tell((), rows, out, "" if any(counts.values()) else empty)
