"""Finds the tactic block in what a model writes, and cuts a block into tactics.

Knows Lean's comments, strings, brackets and layout, and no more: what it gets wrong, Lean rejects.
"""

from __future__ import annotations

import re
import textwrap

from ...data.lean_text import masked

_FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*$", re.MULTILINE)
_LEAN = {"", "lean", "lean4", "tactic", "tactics"}
_DECLARATION = re.compile(
    r"^(?:@\[[^\]]*\]\s*|private\s+|protected\s+|noncomputable\s+)*"
    r"(?:(?:theorem|lemma|def|instance|abbrev)\s+(?P<name>[^\s:({\[]+)|example\b)",
    re.MULTILINE,
)
_COMMAND = re.compile(
    r"^(?:theorem|lemma|example|def|instance|abbrev|structure|inductive|class|end|namespace|section"
    r"|variable|import|private|protected|noncomputable|@\[|#\w+|/--|/-!"
    r"|(?:open|set_option)\b(?![^\n]*\bin\b))",
    re.MULTILINE,
)
_CONTINUES = re.compile(r"<;>|[|)\]}⟩]|(?:at|using|with|then|else|from|by|where)\b|[=≤<≥>+*/∧∨→↔,]")
_EXPECTS_MORE = re.compile(r"(?:\b(?:by|with|do|then|else|from|calc)|=>|:=|<;>|[,(\[⟨{=≤<∧∨→↔])$")


def without_reasoning(answer: str) -> str | None:
    """What follows the model's thoughts; None when it never came to an end of them."""
    if "</think>" in answer:
        return answer.rpartition("</think>")[2]
    return None if "<think>" in answer else answer


def fenced(answer: str) -> str | None:
    """The last block of Lean between ``` marks, one without its end too; None if there is none."""
    marks = list(_FENCE.finditer(answer))
    opened = [mark for mark in marks[::2] if mark[1].lower() in _LEAN]
    if not opened:
        return None
    mark = opened[-1]
    after = [each.start() for each in marks if each.start() > mark.start()]
    return answer[mark.end() : after[0] if after else len(answer)].strip("\n")


def tactic_in(answer: str) -> str | None:
    """The one tactic that an answer proposes; None if there is none."""
    text = without_reasoning(answer)
    if text is None:
        return None
    return _block(fenced(text) or text) or None


def proof_in(answer: str, name: str, *, strict: bool = False) -> str | None:
    """The tactic block that proves `name` in an answer; None if there is none.

    Of a restated theorem the proof alone is taken; a bare block ends with the next command.
    strict: among other declarations only one of this name is taken.
    """
    text = without_reasoning(answer)
    if text is None:
        return None
    code = fenced(text) or text
    bare = masked(code)
    short = name.rpartition(".")[2]
    found = list(_DECLARATION.finditer(bare))
    named = [each for each in found if (each["name"] or "").rpartition(".")[2] == short]
    if not found or not (named or _COMMAND.match(bare.lstrip())):
        return _block(code[: _next_command(bare, 1)]) or None
    if strict and not named:
        return None
    declaration = (named or found)[-1]
    start = _definition(bare, declaration.end())
    if start is None:
        return None
    return _block(code[start : _next_command(bare, start)], is_term=True) or None


def declaration_start(before: str) -> int:
    """Where the last declaration of a text begins, with its comment and attributes; else 0."""
    found = list(_DECLARATION.finditer(masked(before)))
    start = found[-1].start() if found else 0
    above = before[:start].rstrip()
    return above.rfind("/--") if above.endswith("-/") and "/--" in above else start


def command_end(after: str) -> int:
    """Where the command ends that a text is the end of; comments behind it are none of it."""
    bare = masked(after)
    return len(bare[: _next_command(bare, 0)].rstrip())


def _next_command(bare: str, after: int) -> int:
    found = _COMMAND.search(bare, after)
    return found.start() if found else len(bare)


def _definition(bare: str, start: int) -> int | None:
    """Where the text after the declaration's own `:=` begins."""
    depth = 0
    for at in range(start, len(bare)):
        depth += (bare[at] in "([{⟨") - (bare[at] in ")]}⟩")
        if not depth and bare.startswith(":=", at):
            return at + 2
    return None


def _block(text: str, *, is_term: bool = False) -> str:
    """A tactic block with its margin at column 0; a term becomes `exact`."""
    bare = text.strip()
    if by := re.match(r"by\b[ \t]*", bare):
        return _dedent(bare[by.end() :])
    return f"exact {bare}" if is_term and bare else _dedent(text)


def _dedent(text: str) -> str:
    """Shift to column 0, also where the first line has lost its indentation."""
    lines = textwrap.dedent(text.strip("\n").expandtabs()).rstrip().split("\n")
    rest = [line for line in lines[1:] if line.strip()]
    if not rest or lines[0][:1].isspace():
        return "\n".join(lines).strip()
    margin = min(len(line) - len(line.lstrip()) for line in rest)
    goes_on = _CONTINUES.match(rest[0].lstrip()) or _EXPECTS_MORE.search(lines[0].rstrip())
    if margin and not goes_on:
        lines[1:] = [line[margin:] for line in lines[1:]]
    return "\n".join(lines)


def pieces(block: str, size: int) -> list[str]:
    """Cut a block at column 0 into runs of `size` tactics; 0: leave it whole.

    What stands deeper, inside brackets, or goes on (`<;>`, `|`) belongs to the tactic above it.
    """
    if not size:
        return [block]
    tactics: list[list[str]] = []
    depth, only_comment = 0, False
    for line, bare in zip(block.split("\n"), masked(block).split("\n"), strict=True):
        begins = not depth and bare[:1].strip() and not _CONTINUES.match(bare)
        comment = not depth and not bare.strip() and line[:2] in ("--", "/-")
        if not tactics or ((begins or comment) and not only_comment):
            tactics.append([])
        tactics[-1].append(line)
        only_comment = comment or (only_comment and not begins)
        depth = max(0, depth + sum((c in "([{⟨") - (c in ")]}⟩") for c in bare))
    each = ["\n".join(lines).rstrip() for lines in tactics]
    return ["\n".join(each[i : i + size]) for i in range(0, len(each), size)]
