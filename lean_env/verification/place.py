"""Checks where a proof stands: a declaration on the file above it, or the file from there on.

A worker that has the file open elaborates only the text given, from where the file stands before
it. The judge has elaborated the original for itself: it replays what the text adds on its own
environment before that place, and compares it with what the original has there. So a check costs
what it checks, and nothing of a submission counts above it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...data.records import Accepted, Refusal, RefusalKind, Refused, Theorem, Verdict
from ..protocol import Json, proposed_field
from .judge import CheckTime, FileAsks, Judge, Original, PlacedText, answered, error_key
from .rewrite import (
    EXAMPLE_NAME,
    FORMS,
    Edit,
    Example,
    edit_of,
    examples,
    fill_others,
    name_all,
    rewrite,
)
from .script import splice
from .targets import new_errors


@dataclass(frozen=True)
class Fill:
    """A proof in its place. text: what stands there instead of the `sorry`."""

    theorem: Theorem
    text: str

    @property
    def edit(self) -> Edit:
        """The edit that puts it there."""
        return Edit(self.theorem.start, self.theorem.stop, self.text)


@dataclass(frozen=True)
class FilePart:
    """Bytes [start, stop) of an original, from its command of that number on.

    line: where it begins. blanks: what stands for the text before it in its line, for layout
    counts there.
    """

    original: Original
    command: int
    start: int
    stop: int
    line: int
    blanks: str

    @classmethod
    def of(cls, original: Original, command: int, *, to_end: bool) -> FilePart:
        """One command, or it and all after it."""
        begin = original.commands[command]
        stop = len(original.source.encode()) if to_end else begin["stop"]
        blanks = " " * begin["column"]
        return cls(original, command, begin["start"], stop, begin["line"], blanks)

    @property
    def known(self) -> Counter[str]:
        """The keys of the errors that the original has in it."""
        span = range(self.start, self.stop)
        return Counter(error_key(e["text"]) for e in self.original.errors if e["start"] in span)

    def examples(self) -> list[Example]:
        """Those that stand in it, in order."""
        span = range(self.start, self.stop)
        return [e for e in _examples(self.original.source) if e.keyword in span]

    def text(self, edits: Iterable[Edit]) -> str:
        """It with all edits made, as it is elaborated."""
        raw = self.original.source.encode()[self.start : self.stop].decode()
        moved = (Edit(e.start - self.start, e.stop - self.start, e.text) for e in edits)
        return self.blanks + rewrite(raw, moved)

    def place(self, edits: Iterable[Edit], byte: int) -> int:
        """Where a byte of the original is in that text; what is inserted right there is behind."""
        before = (e for e in edits if e.start < byte)
        moved = sum(len(e.text.encode()) - (e.stop - e.start) for e in before)
        return len(self.blanks) + byte - self.start + moved


@lru_cache(maxsize=8)
def _examples(source: str) -> tuple[Example, ...]:
    return tuple(examples(source))


@dataclass(frozen=True)
class _Question:
    """How the judge is asked of some fills.

    edits: made on both sides. targets: the name to judge for each; stand_ins: of each, what fills
    the other holes of its command; empty where there are none.
    """

    edits: list[Edit]
    targets: list[str]
    stand_ins: list[str]


@dataclass(frozen=True)
class PlaceCheck:
    """One check under way: by which judge, within which time. pool: has the files open."""

    judge: Judge
    pool: FileAsks
    allow: tuple[str, ...]
    time: CheckTime

    async def one(self, original: Original, theorem: Theorem, proof: str) -> tuple[Verdict, str]:
        """The verdict on a tactic block in the place of a hole, and the file with it in place.

        The file is the original where there is no layout that Lean takes.
        """
        hole = _hole_of(original, theorem)
        part = FilePart.of(original, hole["command"], to_end=False)
        refused: list[Refused] = []
        for candidate in splice(theorem.source, theorem, proof):
            fill = Fill(theorem, edit_of(theorem, candidate).text)
            verdict = (await self._verdicts(part, [fill], is_proposed=True))[0]
            if not isinstance(verdict, Refused) or not _is_of_errors(verdict):
                assert verdict is not None
                return verdict, candidate
            refused.append(verdict)
        return min(refused, key=lambda each: len(each.reasons)), theorem.source

    async def together(self, original: Original, fills: Sequence[Fill]) -> list[Verdict | None]:
        """The verdict on each proof, with all of them in the file.

        None: other proofs have errors, so it was not judged. Nothing is accepted then.
        """
        first = min(_hole_of(original, fill.theorem)["command"] for fill in fills)
        part = FilePart.of(original, first, to_end=True)
        return await self._verdicts(part, fills, is_proposed=False)

    async def _verdicts(
        self, part: FilePart, fills: Sequence[Fill], is_proposed: bool
    ) -> list[Verdict | None]:
        question = await self._question(part, fills)
        edits = [*question.edits, *(fill.edit for fill in fills)]
        span = None
        if is_proposed:
            start = part.place(edits, fills[0].theorem.start)
            start += _inserted_at(question.edits, fills[0].theorem.start)
            span = start, start + len(fills[0].text.encode())
        exported = await self._export(part, fills[0].theorem, part.text(edits), span)
        if isinstance(exported, Refusal):
            return [Refused((exported,))] * len(fills)
        if errors := self._errors(part, question.edits, edits, exported, fills[0].theorem.path):
            return _blamed(part, edits, fills, errors)
        place = PlacedText(part.original, part.command, part.text(question.edits))
        allow = [*self.allow, *filter(None, question.stand_ins)]
        targets = list(dict.fromkeys(question.targets))
        judged = await self.judge.judge_at(place, exported, targets, allow, self.time)
        if isinstance(judged, Refusal):
            return [Refused((judged,))] * len(fills)
        named = zip(question.targets, question.stand_ins, strict=True)
        return [_own(judged[target], question.stand_ins, own) for target, own in named]

    async def _question(self, part: FilePart, fills: Sequence[Fill]) -> _Question:
        """Examples get names; the open holes of a command with a proof get a stand-in.

        A stand-in's name depends on the proofs, so no proof can mention it.
        """
        original = part.original
        found = part.examples()
        edits = name_all(found, await self._form(part, found)) if found else []
        digest = hashlib.sha256(original.source.encode())
        for fill in fills:
            digest.update(f"\0{fill.theorem.start}\0{fill.text}".encode())
        filled = {fill.theorem.start for fill in fills}
        targets, stand_ins = [], []
        made: dict[int, str] = {}
        for fill in fills:
            hole = _hole_of(original, fill.theorem)
            number = hole["command"]
            if number not in made:
                name = f"lakatos_hole_{digest.hexdigest()[:16]}_{number}"
                open_ = [h for h in original.holes if h["start"] not in filled or h is hole]
                start = original.commands[number]["start"]
                others = fill_others(open_, hole, start, name)
                edits.extend(others)
                made[number] = name if others else ""
            targets.append(hole["declaration"] or _example_name(part, found, number))
            stand_ins.append(made[number])
        return _Question(edits, targets, stand_ins)

    async def _form(self, part: FilePart, found: Sequence[Example]) -> str:
        """The first way to name these examples that gives the original no new error."""
        for form in FORMS:
            text = part.text(name_all(found, form))
            place = PlacedText(part.original, part.command, text)
            said = await self.judge.elaborate_at(place, self.time)
            if isinstance(said, Refusal):
                continue
            if not new_errors(said["messages"], part.known, "", 0):
                return form
        return FORMS[-1]

    async def _export(
        self, part: FilePart, theorem: Theorem, text: str, span: tuple[int, int] | None
    ) -> Json | Refusal:
        fields = {"command": part.command, "name": theorem.path, "text": text}
        fields |= proposed_field(span)
        asking = self.pool.request_at(theorem, "export_at", wall_s=self.time.left_s, **fields)
        return await answered(asking, "export_at", self.time, fields)

    def _errors(
        self,
        part: FilePart,
        added: Sequence[Edit],
        edits: Sequence[Edit],
        exported: Json,
        path: str,
    ) -> list[tuple[int, Refusal]]:
        """Errors that the original does not have there, each with its byte in the text.

        Their lines are those of the user's file, with the proofs in it.
        """
        moved = [(part.place(edits, e.start), e.text.count("\n")) for e in added]
        messages = []
        for m in exported["messages"]:
            above = sum(lines for at, lines in moved if at <= m["start"])
            messages.append(m | {"line": m["line"] + part.line - 1 - above})
        left = part.known
        errors: list[tuple[int, Refusal]] = []
        for m in messages:
            new = new_errors([m], left, path, 0)
            errors.extend((m["start"], error) for error in new)
            if not new and m["severity"] == "error":
                left[error_key(m["text"])] -= 1
        return errors


def _hole_of(original: Original, theorem: Theorem) -> Json:
    return next(hole for hole in original.holes if hole["start"] == theorem.start)


def _example_name(part: FilePart, found: Sequence[Example], command: int) -> str:
    begin = part.original.commands[command]
    span = range(begin["start"], begin["stop"])
    number = next((n for n, e in enumerate(found, 1) if e.keyword in span), 0)
    return f"{EXAMPLE_NAME}{number}"


def _inserted_at(edits: Iterable[Edit], byte: int) -> int:
    return sum(len(e.text.encode()) for e in edits if e.start == e.stop == byte)


def _is_of_errors(verdict: Refused) -> bool:
    return all(reason.kind is RefusalKind.DOES_NOT_COMPILE for reason in verdict.reasons)


def _blamed(
    part: FilePart,
    edits: Sequence[Edit],
    fills: Sequence[Fill],
    errors: Sequence[tuple[int, Refusal]],
) -> list[Verdict | None]:
    """Hold each error against the proofs of the command it stands in; else against all."""
    verdicts: list[Verdict | None] = []
    for fill in fills:
        command = part.original.commands[_hole_of(part.original, fill.theorem)["command"]]
        start, stop = (part.place(edits, command[end]) for end in ("start", "stop"))
        mine = tuple(error for at, error in errors if start <= at < stop)
        verdicts.append(Refused(mine) if mine else None)
    if any(verdicts):
        return verdicts
    everything = Refused(tuple(error for _, error in errors))
    return [everything] * len(fills)


def _own(verdict: Verdict, stand_ins: Sequence[str], own: str) -> Verdict:
    """A verdict without the stand-in of its own command; with another's it rests on a hole."""
    if isinstance(verdict, Refused):
        return verdict
    left = tuple(axiom for axiom in verdict.axioms if axiom != own)
    if any(axiom in stand_ins for axiom in left):
        text = "it rests on a declaration that has another sorry"
        return Refused((Refusal(RefusalKind.SORRY, text),))
    return Accepted(left)
