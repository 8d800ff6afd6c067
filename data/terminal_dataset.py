"""How an extraction looks in a terminal: its progress, then what failed and what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .console import err, say, standard_output
from .dataset import Dataset, Figures
from .dataset_card import figure_rows


class TraceLine:
    """A line that says which file is being traced, where a person is watching."""

    def __init__(self, show: bool) -> None:
        self._status = err.status("tracing") if show else None

    def told(self, done: int, total: int, path: str) -> None:
        """One more file is done."""
        if self._status:
            self._status.update(f"tracing: {done} of {total} files, {path}")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it as long as the block lasts."""
        if not self._status:
            yield
            return
        with self._status:
            yield


def tell(dataset: Dataset, figures: Figures) -> int:
    """Name what failed, and print the figures; the exit code."""
    for path, why in dataset.failures:
        say(f"{path}: {why}")
    for name, said in figure_rows(figures):
        standard_output().print(f"{name}: {said}", soft_wrap=True, markup=False)
    return 1 if dataset.failures else 0


def tell_rows(counts: Mapping[str, int]) -> int:
    """Print how many rows went where; the exit code."""
    for where, count in counts.items():
        standard_output().print(f"{where}: {count:,} rows", markup=False)
    return 0
