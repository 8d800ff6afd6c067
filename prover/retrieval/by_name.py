"""Which premises have a name: exactly, at its end, or in it."""

from __future__ import annotations

from collections.abc import Iterable

from ...data.records import Premise


def by_name(premises: Iterable[Premise], name: str, k: int) -> list[Premise]:
    """The k premises whose names have the text, without regard to case; the closest first."""
    wanted = name.casefold()

    def rank(premise: Premise) -> tuple[int, int, str]:
        known = premise.name.casefold()
        last = known.rpartition(".")[2]
        kinds = (known == wanted, last == wanted, last.startswith(wanted), True)
        return kinds.index(True), len(known), premise.name

    return sorted((each for each in premises if wanted in each.name.casefold()), key=rank)[:k]
