"""Spellings of Lean 3, and slips with one meaning, as Lean 4 writes them.

Pure text. Each rule offers the text with one habit changed; only where Lean's own parser fails is
any of them asked, and only a text that it then reads is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ...data.lean_text import masked

Rule = Callable[[str], str]

_OPENING, _CLOSING = "([{⟨", ")]}⟩"


def spellings(value: str) -> Iterator[str]:
    """Texts that may say what a proof says, fewest changes first; never the same one."""
    seen = {value}
    text = value
    for rule in (*RULES, _margins):
        text = rule(text)
        for each in (rule(value), text):
            if each not in seen and not re.search(r"\bbegin\b", masked(each)):
                yield each
            seen.add(each)


def closing_end(text: str) -> int | None:
    """Where the `begin` block that the text starts with ends; None if it starts otherwise."""
    plain = masked(text)
    if not re.match(r"begin\b", plain):
        return None
    depth = 0
    for found in re.finditer(r"\b(begin|end|match)\b", plain):
        depth += -1 if found[0] == "end" else 1
        if depth == 0:
            return found.end()
    return None


def _replace(text: str, pattern: str, replacement: str) -> str:
    """Replace outside comments and strings."""
    plain = masked(text)
    out, at = [], 0
    for found in re.finditer(pattern, plain, re.MULTILINE):
        out += [text[at : found.start()], found.expand(replacement)]
        at = found.end()
    return "".join([*out, text[at:]])


def _blocks(text: str) -> str:
    """`begin ... end` becomes `by ...`."""
    while found := re.search(r"\bbegin\b", masked(text)):
        start = found.start()
        length = closing_end(text[start:])
        if length is None:
            inside, rest = text[start + 5 :], ""
        else:
            inside, rest = text[start + 5 : start + length - 3], text[start + length :]
        text = text[:start] + "by" + inside.rstrip() + rest
    return text


def _commas(text: str) -> str:
    """Commas between tactics: gone at the end of a line, `;` within one."""
    plain = masked(text)
    out = list(text)
    for position in _loose_commas(plain):
        rest = plain[position + 1 :].partition("\n")[0].strip()
        out[position] = ";" if rest and not rest.startswith("}") else ""
    return "".join(out)


def _loose_commas(plain: str) -> Iterator[int]:
    """Commas that stand in no brackets but braces, and after no binder."""
    stack: list[str] = []
    binder = False
    for position, character in enumerate(plain):
        if character in _OPENING:
            stack.append(character)
        elif character in _CLOSING and stack:
            stack.pop()
        elif character in "∀∃λΠΣ" or re.match(r"\bfun\b", plain[position:]):
            binder = True
        elif character == "," and binder:
            binder = False
        elif character == "," and not (stack and stack[-1] != "{"):
            yield position


def _binders(text: str) -> str:
    """`λ x, t` and `assume x, t` become `fun x => t`."""
    name = r"((?:[^\W\d][\w'₀-₉]*|_|\([^()]*\)|⟨[^⟨⟩]*⟩)(?:\s+(?:[^\W\d][\w'₀-₉]*|_|\([^()]*\)))*)"
    typed = r"(\s*:\s*[^,=\n]+)?"
    text = _replace(text, rf"(?:λ|\bfun\b)\s*{name}{typed},", r"fun \1\2 =>")
    text = _replace(text, rf"\bassume\s+{name}{typed},(?=[ \t]*\S)", r"fun \1\2 =>")
    return _replace(text, r"\bΠ\b", "∀")


def _steps(text: str) -> str:
    """`have h : T, from t`, `have h : T, by t`, `show T, from t`, `T, begin`."""
    text = _replace(text, r"(\b(?:have|suffices)\b[^\n]*?[^\s,:])\s*,\s*from\b", r"\1 := ")
    text = _replace(text, r"(\bhave\b[^\n]*?[^\s,:])\s*,\s*(?=(?:by|begin)\b)", r"\1 := ")
    text = _replace(text, r"(\bhave\b(?:(?!:=)[^\n])*?[^\s,:])\s*,\s*\{(.*)\}", r"\1 := by {\2}")
    text = _replace(text, r"(\bshow\b[^\n]*?)\s*,\s*(?=(?:from|by)\b)", r"\1 ")
    return _replace(text, r"(\bhave\b(?:(?!:=)[^\n])*?[^\s:=])[ \t]+(?=by\b)", r"\1 := ")


def _cases(text: str) -> str:
    """`cases h with a b`, and `induction n with k ih`, before two blocks or none."""
    name = r"[^\W\d][\w'₀-₉]*|_"
    two = rf"({name})[ \t]+({name})[ \t]*,?[ \t]*"
    text = _replace(
        text, rf"\bcases\s+([^\s,]+)\s+with[ \t]+{two}(?=\n?\s*\{{)", r"rcases \1 with \2 | \3"
    )
    text = _replace(text, rf"\bcases\s+([^\s,]+)\s+with[ \t]+{two}$", r"obtain ⟨\2, \3⟩ := \1")
    head = rf"\binduction\s+({name})\s+with[ \t]+{two}\n(\s*)\{{"
    if found := re.search(head, masked(text)):
        first = _closing_brace(text, found.end() - 1)
        if (second := masked(text)[first:].find("{")) >= 0:
            at = first + second + 1
            text = f"{text[:at]} rename_i {found[2]} {found[3]};{text[at:]}"
            text = f"{text[: found.start()]}induction {found[1]}\n{found[4]}{{{text[found.end() :]}"
    return text


def _closing_brace(text: str, opening: int) -> int:
    depth = 0
    for position, character in enumerate(masked(text)[opening:], opening):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return position + 1
    return len(text)


def _words(text: str) -> str:
    """Tactics that have another name now."""
    for pattern, replacement in _RENAMED:
        text = _replace(text, pattern, replacement)
    return text


_TACTIC = r"(?P<before>^[ \t]*(?:[·.{][ \t]*)*|[;{,][ \t]*|\bby[ \t]+)"
_RENAMED = (
    (_TACTIC + r"refl\b", r"\g<before>rfl"),
    (_TACTIC + r"assume\b", r"\g<before>intro"),
    (_TACTIC + r"existsi\b", r"\g<before>exists"),
    (_TACTIC + r"rewrite\b", r"\g<before>rw"),
    (_TACTIC + r"rw[ \t]+(?P<what>(?:←[ \t]*)?[^\s\[,;}←]+)(?=[ \t]*(?:$|,|;|\}|at\b))",
     r"\g<before>rw [\g<what>]"),
    (r"\brefl\b(?=[ \t]*(?:$|,|;|\}))", "rfl"),
    (r"\bnat\.", "Nat."),
    (r"\bint\.", "Int."),
    (r"\blist\.", "List."),
    (r"\bclassical\.", "Classical."),
)  # fmt: skip


def _assignments(text: str) -> str:
    """`: =` for `:=`, `= >` for `=>`, a second `by`."""
    text = _replace(text, r":\s=(?=\s)", ":=")
    text = _replace(text, r"(?<==)\s>(?=\s)", ">")
    return _replace(text, r"\bby\s+by\b", "by")


def _tail(text: str) -> str:
    """A comma, a semicolon or a lone `end` behind the last tactic."""
    return _replace(text, r"(?:\s*[,;]|\s+end)+\s*\Z", "")


def _brackets(text: str) -> str:
    """Brackets left open at the end of the text are closed."""
    stack: list[str] = []
    for character in masked(text):
        if character in _OPENING:
            stack.append(_CLOSING[_OPENING.index(character)])
        elif stack and character == stack[-1]:
            stack.pop()
    return text.rstrip().rstrip(",") + "".join(reversed(stack)) if stack else text


def _margins(text: str) -> str:
    """Lines of a block that are indented wrongly are moved to the nearest margin above."""
    lines = text.split("\n")
    margins: list[int] = []
    for number, line in enumerate(lines[1:], 1):
        body = line.lstrip()
        if not body or body.startswith("--"):
            continue
        column = len(line) - len(body)
        opens = re.search(r"(\bby|=>|\bwith|\bcalc|:=|[,(⟨\[])\s*$", masked(lines[number - 1]))
        fits = not margins or column in margins or (opens and column > margins[-1])
        if not fits:
            column = min(margins, key=lambda margin: (abs(margin - column), -margin))
            lines[number] = " " * column + body
        margins = [margin for margin in margins if margin < column] + [column]
    return "\n".join(lines)


RULES: tuple[Rule, ...] = (
    _blocks,
    _tail,
    _assignments,
    _steps,
    _binders,
    _cases,
    _commas,
    _words,
    _tail,
    _brackets,
)
"""In this order, each on what the ones before it made."""
