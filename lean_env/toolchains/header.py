"""The header of a Lean file, read without Lean: its imports, and where its commands begin.

Follows Lean.Parser.Module: `module`, `prelude`, then imports, with comments between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = r"(?:«[^»\n]+»|[\w₀-₉'!?]+)(?:\.(?:«[^»\n]+»|[\w₀-₉'!?]+))*"
IMPORT = re.compile(rf"(?:(?:public|private|meta)\s+)*import\s+(?:(?:all|runtime)\s+)?({NAME})")
WORD = re.compile(r"(module|prelude)(?![\w.«'!?])")
COMMENT_EDGE = re.compile(r"/-|-/")


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a header imports. line: from 1."""

    module: str
    line: int


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the first command. stop: in characters, where that begins.

    imports: those written; `Init` stands in front of them unless the file says `prelude`.
    """

    imports: tuple[Imported, ...]
    stop: int
    is_prelude: bool = False

    @property
    def modules(self) -> list[str]:
        """The modules imported, each once."""
        init = [] if self.is_prelude else ["Init"]
        return list(dict.fromkeys([*init, *(each.module for each in self.imports)]))


def read_header(text: str) -> Header:
    """The header of a file; it ends where something else stands."""
    imports: list[Imported] = []
    is_prelude = False
    at = skip_blank(text, 0)
    while found := WORD.match(text, at) or IMPORT.match(text, at):
        if found[0] in ("module", "prelude"):
            is_prelude |= found[0] == "prelude"
        else:
            name = found[1].replace("«", "").replace("»", "")
            imports.append(Imported(name, text.count("\n", 0, found.start(1)) + 1))
        at = skip_blank(text, found.end())
    return Header(tuple(imports), at, is_prelude)


def without_header(text: str) -> str:
    """The text with its header blanked, so that every line keeps its number."""
    stop = read_header(text).stop
    return re.sub(r"[^\n]", " ", text[:stop]) + text[stop:]


def skip_blank(text: str, at: int) -> int:
    """The first place from `at` on that is neither space nor inside a comment."""
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("--", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif text.startswith("/-", at) and not text.startswith(("/--", "/-!"), at):
            at = _comment_end(text, at)
        else:
            return at
    return at


def _comment_end(text: str, at: int) -> int:
    """Where the comment that begins at `at` ends; comments nest."""
    depth = 0
    for edge in COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/-" else -1
        if depth == 0:
            return edge.end()
    return len(text)
