"""Lean text as text: its words, literals and comments, and how its lines move together.

Shifts keep what Lean reads: all lines of a block by one amount, those inside a string literal not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""--[^\n]*                         # line comment
      | /-                               # block comment, nested
      | r(?P<hashes>\#*)"                # raw string
      | "(?:[^"\\]|\\.)*(?:"|\Z)         # string
      | '(?:[^'\\]|\\.[^']*)'            # character
      | «[^»]*»
      | [^\W\d]['!?\w]*                  # word
      | .
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """Cut Lean text roughly: (offset, piece) for words, literals, comments, other characters."""
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        assert found is not None  # the last alternative takes any character
        stop = found.end()
        if found.group() == "/-":
            stop = comment_stop(text, place)
        elif found["hashes"] is not None:
            closing = text.find('"' + found["hashes"], stop)
            stop = len(text) if closing < 0 else closing + 1 + len(found["hashes"])
        yield place, text[place:stop]
        place = stop


def masked(text: str) -> str:
    """The text with comments, literals of text and quoted names as blanks; all places stay."""
    return "".join(
        re.sub(r"[^\n]", " ", piece) if _IS_OPAQUE.match(piece) else piece
        for _, piece in tokens(text)
    )


_IS_OPAQUE = re.compile(r"""--|/-|"|r#*"|'.|«.""", re.DOTALL)
_IS_BLANK = re.compile(r"\s|--|/-")


def comment_stop(text: str, start: int) -> int:
    """Where the block comment that starts there ends; the text's end if it never does."""
    depth = 0
    for found in re.compile(r"/-|-/").finditer(text, start):
        depth += 1 if found.group() == "/-" else -1
        if depth == 0:
            return found.end()
    return len(text)


def starts_in_string(text: str) -> list[bool]:
    """For each line, whether its first character lies inside a string literal."""
    inside = [False] * (text.count("\n") + 1)
    line = 0
    for _, piece in tokens(text):
        breaks = piece.count("\n")
        if breaks and piece.endswith(('"', "#")):
            inside[line + 1 : line + breaks + 1] = [True] * breaks
        line += breaks
    return inside


def indent(text: str, width: int) -> str:
    """Shift all lines but the first by `width` spaces, those inside a string literal excepted."""
    lines = text.split("\n")
    inside = starts_in_string(text)
    shifted = (
        line if frozen or not line.strip() else " " * width + line
        for line, frozen in zip(lines[1:], inside[1:], strict=True)
    )
    return "\n".join([lines[0], *shifted])


def dedented(text: str, column: int | None = None) -> str:
    """A block whose first line starts at a column (from 0), moved to column 0 as one.

    column: None where blanks or comments may stand before it; these go. Lines that stand left of
    the column, as alternatives of a tactic in mid-line do, keep two spaces.
    """
    if column is None:
        start = next((n for n, piece in tokens(text) if not _IS_BLANK.match(piece)), len(text))
        column = start - (text.rfind("\n", 0, start) + 1)
        text = text[start:].rstrip()
    lines = text.split("\n")
    fixed = starts_in_string(text)
    moving = [n for n, line in enumerate(lines) if n and line.strip() and not fixed[n]]
    margin = min((len(lines[n]) - len(lines[n].lstrip(" ")) for n in moving), default=0)
    shift = column if margin >= column else max(0, margin - 2)
    for n in moving:
        lines[n] = lines[n][shift:]
    return "\n".join(lines)
