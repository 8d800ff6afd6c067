"""The tactics of a text, each with the goals before it, for `allTactics` and `rootGoals`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...data.lean_text import dedented, masked
from ...lean_env.protocol import to_goal
from ...lean_env.queries.trace import Traces
from ...lean_env.verification.judge import Asks
from .repl_json import Json, goals_text
from .snippets import position


@dataclass(frozen=True)
class TacticPlace:
    """A tactic, or with is_root the tactics of a whole `by`, at bytes [start, stop) of a text.

    goals: those before it. line, column: where it begins; of a whole `by` that word.
    """

    text: str
    start: int
    stop: int
    goals: str
    tactic: str
    used: tuple[str, ...]
    place: tuple[int, int]
    end: tuple[int, int]
    is_root: bool = False

    @property
    def holed(self) -> str:
        """The text with a `sorry` in its place."""
        raw = self.text.encode()
        return (raw[: self.start] + b"sorry" + raw[self.stop :]).decode()

    @property
    def line(self) -> int:
        """From 1."""
        return self.place[0]

    @property
    def column(self) -> int:
        """From 0."""
        return self.place[1]

    @property
    def end_line(self) -> int:
        """From 1."""
        return self.end[0]

    @property
    def end_column(self) -> int:
        """From 0."""
        return self.end[1]


async def places_of(pool: Asks, text: str, since: int) -> list[TacticPlace]:
    """The tactics from a byte on, and each whole `by`, in the order of the text.

    Raises UsageError when Lean cannot read the text or takes too long, WorkerDied.
    """
    wire = await Traces(pool, "").ask("repl.lean", text)
    names = [row[0] for row in wire["constants"]]
    found = []
    for command in wire["commands"]:
        steps = [step for step in command["steps"] if step["start"] >= since]
        for step in steps:
            found.append(_tactic(text, step, command["goals"], names))
        for by, block in _blocks(text, steps).items():
            found.append(_root(text, by, block, command["goals"]))
    return sorted(found, key=lambda each: (each.start, -each.stop, not each.is_root))


def _tactic(text: str, step: Json, goals: Sequence[Json], names: Sequence[str]) -> TacticPlace:
    raw = text.encode()
    start, stop = step["start"], step["stop"]
    place = position(raw, start)
    return TacticPlace(
        text,
        start,
        stop,
        _goals(step, goals),
        dedented(raw[start:stop].decode(), place[1]),
        tuple(names[number] for number in step["used"]),
        place,
        position(raw, stop),
    )


def _root(text: str, by: int, block: Sequence[Json], goals: Sequence[Json]) -> TacticPlace:
    """A whole block of tactics. by: the character of its `by`."""
    at = position(text.encode(), len(text[:by].encode()))
    start, stop = _first_tactic(text, by + 2), block[-1]["stop"]
    return TacticPlace(text, start, stop, _goals(block[0], goals), "", (), at, at, is_root=True)


def _first_tactic(text: str, after: int) -> int:
    """The byte of the first character behind a place that is neither space nor comment."""
    rest = masked(text[after:])
    return len(text[: after + len(rest) - len(rest.lstrip())].encode())


def _goals(step: Json, goals: Sequence[Json]) -> str:
    return goals_text(to_goal(goals[number]) for number in step["before"])


def _blocks(text: str, steps: Sequence[Json]) -> dict[int, list[Json]]:
    """The outermost steps by the `by` (its character) that they stand behind, in order."""
    raw, words = text.encode(), masked(text)
    blocks: dict[int, list[Json]] = {}
    outer = [(each["start"], each["stop"]) for each in steps if each["parent"] is None]
    spans = [(len(raw[:a].decode()), len(raw[:b].decode())) for a, b in outer]
    bys = [found.start() for found in re.finditer(r"\bby\b", words)]
    free = [by for by in bys if not any(start <= by < stop for start, stop in spans)]
    for step in sorted((s for s in steps if s["parent"] is None), key=lambda s: int(s["start"])):
        place = len(raw[: step["start"]].decode())
        before = [by for by in free if by < place]
        if before:
            blocks.setdefault(before[-1], []).append(step)
    return blocks
