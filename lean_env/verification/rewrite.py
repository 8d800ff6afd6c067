"""Edits that make the judge able to speak of a hole: examples get names, other holes a stand-in.

Pure text. `example` is a reserved word, so each one outside comments and literals is a command.
The same edits are made in the original and in the submission; a wrong one can only make a proof
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...data.lean_text import tokens
from ...data.records import Theorem
from ..protocol import Json

EXAMPLE_NAME = "lakatos_example_"
FORMS = ("include", "theorem", "def")
"""Ways to name an example, best first; which of them Lean takes depends on the file."""


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes [start, stop) of a source become `text`."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True)
class Example:
    """One `example`; byte offsets of its first modifier or comment and of the word itself.

    variables: names of the section's variables in scope, first to last.
    """

    start: int
    keyword: int
    line: int
    variables: tuple[str, ...]


def rewrite(source: str, edits: Iterable[Edit]) -> str:
    """Make all edits, none of which overlap."""
    raw = source.encode()
    parts: list[bytes] = []
    place = 0
    for edit in sorted(edits):
        parts.extend([raw[place : edit.start], edit.text.encode()])
        place = edit.stop
    return b"".join([*parts, raw[place:]]).decode()


def made_span(others: Iterable[Edit], edit: Edit) -> tuple[int, int]:
    """The bytes [start, stop) of an edit's text once it and the others are made."""
    before = (other for other in others if other.start <= edit.start)
    start = edit.start + sum(len(e.text.encode()) - (e.stop - e.start) for e in before)
    return start, start + len(edit.text.encode())


def examples(source: str) -> list[Example]:
    """All examples of a file, in order."""
    found: list[Example] = []
    scopes: list[list[str]] = [[]]
    pieces = list(tokens(source))
    for number, (start, piece) in enumerate(pieces):
        if piece in ("section", "namespace", "mutual"):
            scopes.append([])
        elif piece == "end" and len(scopes) > 1:
            scopes.pop()
        elif piece == "variable":
            scopes[-1].extend(_binders(source, start + len(piece)))
        elif piece == "example":
            first = _first_modifier(pieces, number)
            names = dict.fromkeys(name for scope in scopes for name in scope)
            found.append(
                Example(
                    start=len(source[:first].encode()),
                    keyword=len(source[:start].encode()),
                    line=source.count("\n", 0, start) + 1,
                    variables=tuple(names),
                )
            )
    return found


def name_example(example: Example, name: str, form: str) -> list[Edit]:
    """Make an example a theorem (or definition) called `name` that Lean can be asked about.

    The form `include` adds the section's variables, which an example may use unmentioned.
    """
    word = "def" if form == "def" else "theorem"
    place = example.keyword
    edits = [Edit(place, place + len("example"), f"{word} _root_.{name}")]
    if form == "include" and example.variables:
        text = f"include {' '.join(example.variables)} in "
        edits.append(Edit(example.start, example.start, text))
    return edits


def name_all(found: Sequence[Example], form: str) -> list[Edit]:
    """Name all of a file's examples, given in order, or a part of them: the first is number 1."""
    return [
        edit
        for number, example in enumerate(found, 1)
        for edit in name_example(example, f"{EXAMPLE_NAME}{number}", form)
    ]


def edit_of(theorem: Theorem, candidate: str) -> Edit:
    """The edit that made a spliced file: what it has in the place of the `sorry`."""
    raw = candidate.encode()
    after = len(theorem.source.encode()) - theorem.stop
    return Edit(theorem.start, theorem.stop, raw[theorem.start : len(raw) - after].decode())


def fill_others(holes: Sequence[Json], hole: Json, command_start: int, name: str) -> list[Edit]:
    """Put an axiom called `name` into the other holes of the same command.

    So one hole can be judged while its neighbours are open.
    """
    edits: list[Edit] = []
    for other in holes:
        if other["command"] == hole["command"] and other is not hole and other["prop"]:
            text = f"exact {name}" if other["mode"] == "tactic" else name
            edits.append(Edit(other["start"], other["stop"], text))
    if edits:
        level = f"{name}_u"  # a name that no `variable` or `universe` of the file has
        text = f"axiom _root_.{name}.{{{level}}} {{α : Sort {level}}} : α\n"
        edits.append(Edit(command_start, command_start, text))
    return edits


_BINDERS = re.compile(r"\s*[({\[⦃]([^(){}\[\]⦃⦄]|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\})*[)}\]⦄]")
_MODIFIERS = ("noncomputable", "private", "protected", "unsafe", "partial", "nonrec", "meta")


def _binders(source: str, place: int) -> Iterator[str]:
    """The names bound by the bracketed groups from `place` on."""
    while group := _BINDERS.match(source, place):
        names, colon, _ = group.group().strip()[1:].partition(":")
        if colon:
            yield from (name for name in names.split() if name != "_")
        place = group.end()


def _first_modifier(pieces: Sequence[tuple[int, str]], number: int) -> int:
    """Where the command of a keyword starts: before its modifiers, attributes, doc comment."""
    first = pieces[number][0]
    while number > 0:
        number -= 1
        start, piece = pieces[number]
        if piece == "]":
            opening = number
            while opening > 0 and pieces[opening][1] != "@":
                opening -= 1
            number, start = opening, pieces[opening][0]
        elif not (piece.isspace() or piece in _MODIFIERS or piece.startswith("/--")):
            break
        if not piece.isspace():
            first = start
    return first
