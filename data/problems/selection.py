"""Which problems of a set a run is about: split, names, slice, shard, the core."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..errors import UsageError
from ..evaluation import Problem


@dataclass(frozen=True, slots=True)
class Selection:
    """What to take, in this order; None or empty: all. Raises UsageError for senseless values."""

    split: str | None = None
    """`valid`, `test`, `train`, or what else the set says."""
    names: tuple[str, ...] = ()
    """Patterns, one of which a name must fit: `amc*`, or a regular expression as `/_p[12]$/`."""
    core: bool = False
    """Only what the set says is of the core, where it says so."""
    part: str | None = None
    """`N`: the first N; `A:B`: from A up to B, counted from 0."""
    shard: str | None = None
    """`I/N`: every Nth, from the Ith on; I from 1 to N."""

    def __post_init__(self) -> None:
        for pattern in self.names:
            _regular(pattern)
        if self.part is not None:
            _slice(self.part)
        if self.shard is not None:
            _shard(self.shard)

    def __call__(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Those selected, in order. Raises UsageError when there are none."""
        chosen = self._of_split(problems)
        if self.names:
            tests = [(pattern, _regular(pattern)) for pattern in self.names]
            chosen = [p for p in chosen if any(_fits(p.name, *test) for test in tests)]
            if not chosen:
                near = ", ".join(p.name for p in problems[:3])
                raise UsageError(f"no name fits {' or '.join(self.names)}; there is {near}, ...")
        if self.core and any(p.is_core is not None for p in chosen):
            chosen = [p for p in chosen if p.is_core]
        if self.part is not None:
            chosen = chosen[_slice(self.part)]
        if self.shard is not None:
            first, count = _shard(self.shard)
            chosen = chosen[first - 1 :: count]
        if not chosen:
            raise UsageError(f"nothing is left of {len(problems)} problems: {self._words()}")
        return tuple(chosen)

    def _of_split(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        if self.split is None:
            return problems
        wanted = {"validation": "valid", "val": "valid"}.get(self.split, self.split)
        if chosen := [p for p in problems if p.split == wanted]:
            return chosen
        there = ", ".join(_unique(p.split for p in problems if p.split)) or "no split at all"
        raise UsageError(f"no problem of the split {self.split}; there is {there}")

    def _words(self) -> str:
        flags = {"--split": self.split, "--slice": self.part, "--shard": self.shard}
        words = [f"{flag} {value}" for flag, value in flags.items() if value is not None]
        return " ".join(words + ["--core"] * self.core)


def _regular(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) < 2 or not (pattern.startswith("/") and pattern.endswith("/")):
        return None
    try:
        return re.compile(pattern[1:-1])
    except re.error as error:
        raise UsageError(f"no regular expression: {pattern}: {error}") from None


def _fits(name: str, pattern: str, regular: re.Pattern[str] | None) -> bool:
    return bool(regular.search(name)) if regular else fnmatchcase(name, pattern)


def _slice(text: str) -> slice:
    found = re.fullmatch(r"(\d*):(\d*)|(\d+)", text)
    if found is None:
        raise UsageError(f"no slice: {text}; it is N, A:B, A: or :B, counted from 0")
    first, last, count = (int(part) if part else None for part in found.groups())
    return slice(first, count if last is None else last)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"no shard: {text}; it is I/N with I from 1 to N")
    return number, count


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
