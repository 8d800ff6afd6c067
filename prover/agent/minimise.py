"""Shortens a proof that was found, so that it reads as a person would have written it.

Of `first | a | b` only the alternative that worked stays; unneeded steps, and unneeded lemmas of
`simp` and `grind`, are removed. Every change removes text, and counts only when the check accepts
the whole proof. Where a step begins and ends is guessed from brackets and indentation; a wrong
guess costs a check, never a proof.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import pairwise

from ...data.lean_text import tokens

Proves = Callable[[str], Awaitable[bool]]
"""Whether a tactic block still proves the goal."""

MOST_CHECKS = 100
"""Of one proof."""

_WITH_LEMMAS = {"simp", "simp_all", "simpa", "dsimp", "grind", "only"}
_AROUND = {"try", "all_goals", "any_goals"}
_OPEN, _CLOSED = "([{⟨", ")]}⟩"
Span = tuple[int, int]


async def minimised(block: str, check: Proves, most: int = MOST_CHECKS) -> str:
    """The block, or a shorter one that the check accepts; `most`: how many checks it may take."""
    work = _Work(block, check, most)
    before = ""
    while before != work.text:
        before = work.text
        await work.choose_alternatives()
        await work.drop(_lemmas)
        await work.drop_runs()
        await work.drop(_steps)
        await work.drop(_parts)
    return work.text


class _Work:
    """A proof being shortened. text: the shortest that was accepted by now."""

    def __init__(self, text: str, check: Proves, most: int) -> None:
        self.text = text
        self._check = check
        self._left = most
        self._seen = {text}

    async def _accepts(self, candidate: str) -> bool:
        if candidate in self._seen or len(candidate) >= len(self.text) or not self._left:
            return False
        if not candidate.strip():
            return False
        self._seen.add(candidate)
        self._left -= 1
        return await self._check(candidate)

    async def _take(self, candidate: str) -> bool:
        """Go on with a candidate if it is accepted."""
        if not await self._accepts(candidate):
            return False
        self.text = candidate
        return True

    async def choose_alternatives(self) -> None:
        """Of each `first`, outer ones before those inside, keep what is needed."""
        position = 0
        while (found := _first(self.text, position)) is not None:
            start, stop, alternatives = found
            chosen = await self._chosen(start, stop, alternatives)
            position = start if chosen else start + 1

    async def _chosen(self, start: int, stop: int, alternatives: Sequence[Span]) -> bool:
        """Put the alternative that works in the place of a `first`; else drop some of them."""
        head, tail = self.text[:start], self.text[stop:]
        texts = [self.text[a:b].strip() for a, b in alternatives]
        low, high = 1, len(texts)  # the fewest alternatives, from the first, that will do
        while low < high:
            middle = (low + high) // 2
            if await self._accepts(head + _joined(texts[:middle]) + tail):
                high = middle
            else:
                low = middle + 1
        needed = self._dedented(start, alternatives[high - 1])
        for only in dict.fromkeys((_bare(needed), needed)):
            if await self._take(head + only + tail):
                return True
        left = texts[:high]
        for text in texts[: high - 1]:
            fewer = [each for each in left if each is not text]
            if await self._accepts(head + _joined(fewer) + tail):
                left = fewer
        if len(left) < len(texts):
            self.text = head + _joined(left) + tail
        return False

    def _dedented(self, start: int, alternative: Span) -> str:
        """An alternative of several lines, moved to where its `first` stands."""
        lines = self.text[slice(*alternative)].strip().split("\n")
        here = start - (self.text.rfind("\n", 0, start) + 1)
        inside = len(self.text[: alternative[0]]) - (self.text.rfind("\n", 0, alternative[0]) + 1)
        inside += len(self.text[slice(*alternative)]) - len(self.text[slice(*alternative)].lstrip())
        most = max(0, inside - here)
        rest = [line[min(most, len(line) - len(line.lstrip())) :] for line in lines[1:]]
        return "\n".join([lines[0], *rest])

    async def drop(self, spans: Callable[[str], Iterator[Span]]) -> None:
        """Cut out what is not needed, from the end to the beginning."""
        bound = (len(self.text), 0)
        while found := [span for span in spans(self.text) if span < bound]:
            start, stop = bound = max(found)
            await self._take(self.text[:start] + self.text[stop:])

    async def drop_runs(self) -> None:
        """Cut out runs of steps, half of all first: of many, few may be needed."""
        size = len(list(_steps(self.text))) // 2
        while size > 1:
            spans = list(_steps(self.text))
            for number in range(len(spans) - size, -size, -size):
                run = spans[max(0, number) : number + size]
                stop = max(stop for _, stop in run)
                await self._take((self.text[: run[0][0]] + self.text[stop:]).rstrip("\n"))
            size //= 2


def _joined(alternatives: Sequence[str]) -> str:
    return "first | " + " | ".join(alternatives)


def _bare(text: str) -> str:
    """Without parentheses around the whole, and without a `done` at the end."""
    if text.startswith("(") and text.endswith(")") and _group_end(text, 1) == len(text) - 1:
        text = text[1:-1].strip()
    return re.sub(r"\s*;\s*done$", "", text)


def _first(text: str, position: int) -> tuple[int, int, list[Span]] | None:
    """The next `first` from a place on: where it begins and ends, and its alternatives."""
    for start, piece in tokens(text):
        if start < position or piece != "first":
            continue
        stop = _layout_end(text, start)
        bars = list(_bars(text, start + len("first"), stop))
        if bars:
            edges = [*bars, stop]
            spans = [(a + 1, b) for a, b in pairwise(edges)]
            return start, stop, spans
    return None


def _bars(text: str, start: int, stop: int) -> Iterator[int]:
    """The bars of one `first`: outside of brackets, and before one that stands inside."""
    depth = 0
    for position, piece in tokens(text[:stop]):
        if position < start:
            continue
        depth += (piece in _OPEN) - (piece in _CLOSED)
        if depth == 0 and piece == "first":
            return
        if depth == 0 and piece == "|" and "||" not in text[max(0, position - 1) : position + 2]:
            yield position


def _layout_end(text: str, start: int) -> int:
    """Where what begins at `start` ends: at a closing bracket, or a line as far left."""
    stop = _group_end(text, start)
    begin = text.rfind("\n", 0, start) + 1
    width = len(text[begin:]) - len(text[begin:].lstrip(" "))
    for found in re.finditer(r"\n( *)(?=\S)", text[start:stop]):
        if len(found[1]) <= width:
            return start + found.start()
    return stop


def _group_end(text: str, start: int) -> int:
    """The closing bracket of the group that `start` is in; the end of the text without one."""
    depth = 0
    for position, piece in tokens(text):
        if position < start:
            continue
        depth += (piece in _OPEN) - (piece in _CLOSED)
        if depth < 0:
            return position
    return len(text)


def _steps(text: str) -> Iterator[Span]:
    """Each line with what is indented below it."""
    lines = [(found.start(), found[0]) for found in re.finditer(r"[^\n]+", text)]
    for number, (start, line) in enumerate(lines):
        width = len(line) - len(line.lstrip())
        below = (at for at, other in lines[number + 1 :] if _width(other) <= width)
        stop = next(below, len(text))
        yield (start, stop) if stop < len(text) else (max(0, start - 1), len(text))


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


def _parts(text: str) -> Iterator[Span]:
    """What follows a `<;>` or `;`, a word such as `try`, and parentheses' ends."""
    for found in re.finditer(r"\s*(<;>|;)\s*", text):
        stop = _layout_end(text, found.end())
        line_end = text.find("\n", found.end(), stop)
        stop = stop if line_end < 0 else line_end
        yield found.start(), stop
        if (further := re.search(r"\s*(<;>|;)", text[found.end() : stop])) is not None:
            yield found.start(), found.end() + further.start()
    for start, piece in tokens(text):
        if piece in _AROUND:
            yield start, start + len(piece) + 1


def _lemmas(text: str) -> Iterator[Span]:
    """The lists behind `simp`, `grind` and the like: the whole, and each of their lemmas."""
    words = [(start, piece) for start, piece in tokens(text) if piece in _WITH_LEMMAS]
    for start, word in words:
        behind = start + len(word)
        if text[behind : behind + 2] != " [":
            continue
        stop = _group_end(text, behind + 2)
        yield behind, stop + 1
        depth, edges = 0, [behind + 1]
        for position, piece in tokens(text[: stop + 1]):
            if position > behind + 1:
                depth += (piece in _OPEN) - (piece in _CLOSED)
                if piece == "," and depth == 0:
                    edges.append(position)
        for number, edge in enumerate(edges):
            after = edges[number + 1] if number + 1 < len(edges) else stop
            if number:
                yield edge, after
            elif len(edges) > 1:
                yield edge + 1, after + 2
