"""Asks Lean what a file proves and how, and keeps the answers by the file's content.

The op is `trace`; its answer is kept as it came. Knows nothing of what is made of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import ProtocolError, UsageError
from ...data.lean_text import dedented
from ...data.records import TimedOut
from ...data.traced import (
    Citation,
    Constant,
    TracedDeclaration,
    TracedFile,
    TracedGoal,
    TracedStep,
)
from ..cache import keep_answer, kept_answer
from ..protocol import Failure, Json, to_goal
from ..verification.judge import Asks

FORM = 2
"""Of the answers kept; under another number files are traced anew."""

TRACE_WALL_S = 600.0


@dataclass(frozen=True)
class Traces:
    """Traces files. lean: names the toolchain; folder: where answers are kept; None: nowhere."""

    pool: Asks
    lean: str
    folder: Path | None = None
    wall_s: float = TRACE_WALL_S

    def place(self, source: str, context: str = "") -> Path | None:
        """Where the answer for a source is kept. context: what else of a project it rests on."""
        parts = (str(FORM), self.lean, context, source)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self.folder and self.folder / digest[:2] / f"{digest}.json.gz"

    async def trace(self, path: str, source: str, context: str = "") -> tuple[TracedFile, bool]:
        """What a file proves; and whether Lean had to be asked, else it was kept.

        Raises UsageError when Lean cannot open the file or takes too long, WorkerDied.
        """
        place = self.place(source, context)
        if place is not None and place.is_file():
            with suppress(UsageError):
                return self.read(path, source, context), False
        wire = await self.ask(path, source)
        traced = to_traced(path, source, self.lean, wire)
        if place is not None:
            keep_answer(place, wire)
        return traced, True

    def read(self, path: str, source: str, context: str = "") -> TracedFile:
        """What was kept of a file. Raises UsageError when that cannot be read."""
        place = self.place(source, context)
        assert place is not None, "nothing is kept without a folder"
        try:
            return to_traced(path, source, self.lean, kept_answer(place))
        except (OSError, EOFError, ValueError) as error:
            place.unlink(missing_ok=True)
            raise UsageError(f"{path}: its trace is damaged, run again ({error})") from error

    async def ask(self, path: str, source: str, *, keep: bool = False) -> Json:
        """The worker's answer. keep: states stay there, for `apply`. Raises as `trace`."""
        answer = await self.pool.request(
            "trace", wall_s=self.wall_s, name=path, source=source, keep=keep
        )
        if isinstance(answer, TimedOut):
            raise UsageError(f"{path}: Lean took more than {answer.wall_s:g} s")
        if isinstance(answer, Failure):
            raise UsageError(f"{path}: {answer.text}")
        return answer.value


def to_traced(path: str, source: str, lean: str, wire: Json) -> TracedFile:
    """The result of `trace` as a record. Raises ProtocolError on another shape."""
    try:
        constants = [_constant(*row) for row in wire["constants"]]
        declarations: list[TracedDeclaration] = []
        for command in wire["commands"]:
            if not command["failed"]:
                declarations += _Command(source.encode(), command, constants).declarations()
        errors = [m for m in wire["messages"] if m["severity"] == "error"]
        errors_found = tuple((m["line"], m["text"]) for m in errors)
        return TracedFile(
            path, source, lean, tuple(wire["imports"]), tuple(declarations), errors_found
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ProtocolError(f"worker answered `trace` in no known shape: {error!r}") from error


def _constant(name: str, module: str, place: Sequence[int] | None) -> Constant:
    if place is None:
        return Constant(name, module)
    line, column, end_line, end_column = place
    return Constant(name, module, ((line, column), (end_line, end_column)))


class _Command:
    """One command of the answer."""

    def __init__(self, source: bytes, wire: Json, constants: Sequence[Constant]) -> None:
        self._source = source
        self._wire = wire
        self._constants = constants
        self._goals = [TracedGoal(g["goal"], g["key"], to_goal(g)) for g in wire["goals"]]
        self._citations = [Citation(constants[n], a, b) for n, a, b in wire["premises"]]

    def declarations(self) -> list[TracedDeclaration]:
        """What it declares, in the order of the text."""
        steps = self._wire["steps"]
        examples = [
            {**place, "name": f"example@{self._line(place['start'])}", "kind": "example"}
            for place in self._wire["examples"]
        ]
        found = [self._declaration(each, steps) for each in self._wire["declarations"]]
        found += [self._declaration(each, steps) for each in examples]
        return sorted(found, key=lambda each: (each.start, each.head))

    def _declaration(self, wire: Json, steps: Sequence[Json]) -> TracedDeclaration:
        name = None if wire["kind"] == "example" else wire["name"]
        mine = [n for n, step in enumerate(steps) if _is_of(step, name, wire)]
        traced = self._steps([steps[n] for n in mine], mine)
        used = self._numbered(wire.get("used", ()))
        has_sorry = wire.get("sorry", False)
        if name is None:
            used = tuple(dict.fromkeys(each for step in traced for each in step.used))
            has_sorry = any(each.name == "sorryAx" for each in used)
        return TracedDeclaration(
            name=wire["name"],
            kind=wire["kind"],
            start=wire["start"],
            head=wire["head"],
            stop=wire["stop"],
            value=wire["value"],
            type=wire.get("type", ""),
            key=wire.get("key", ""),
            doc=wire.get("doc"),
            namespace=_scope(self._wire["namespace"]),
            opens=tuple(self._wire["opens"]),
            needs=self._numbered(wire.get("statement", ())),
            used=used,
            citations=self._cited(wire["start"], wire["stop"]),
            steps=traced,
            is_private=wire.get("private", False),
            has_sorry=has_sorry,
        )

    def _steps(self, wires: Sequence[Json], numbers: Sequence[int]) -> tuple[TracedStep, ...]:
        index = {number: place for place, number in enumerate(numbers)}
        return tuple(
            TracedStep(
                tactic=self._tactic(wire["start"], wire["stop"]),
                start=wire["start"],
                stop=wire["stop"],
                parent=index.get(wire["parent"]),
                before=tuple(self._goals[n] for n in wire["before"]),
                after=tuple(self._goals[n] for n in wire["after"]),
                used=self._numbered(wire["used"]),
                citations=self._cited(wire["start"], wire["stop"]),
                state=wire.get("state"),
            )
            for wire in wires
        )

    def _tactic(self, start: int, stop: int) -> str:
        """Its text, later lines moved left by the column where it starts."""
        margin = self._source[self._source.rfind(b"\n", 0, start) + 1 : start].decode()
        return dedented(self._source[start:stop].decode(), len(margin))

    def _line(self, at: int) -> int:
        return self._source.count(b"\n", 0, at) + 1

    def _cited(self, start: int, stop: int) -> tuple[Citation, ...]:
        return tuple(each for each in self._citations if start <= each.start and each.stop <= stop)

    def _numbered(self, numbers: Sequence[int]) -> tuple[Constant, ...]:
        return tuple(self._constants[n] for n in numbers)


def _is_of(step: Json, name: str | None, place: Json) -> bool:
    inside = place["start"] <= step["start"] and step["stop"] <= place["stop"]
    return bool(step["declaration"] == name and inside)


def _scope(name: str) -> str:
    return "" if name == "[anonymous]" else name
