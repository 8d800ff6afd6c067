"""Finds the theorems with a `sorry` in Lean text, without Lean: by its commands' first words.

Only where a text is cut depends on this. Lean elaborates every piece before anything is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..lean_text import comment_stop, masked

_DECLARATIONS = "theorem|lemma|example|def|abbrev|instance"
_OTHERS = (
    "structure|inductive|coinductive|class|namespace|section|end|open|variable|universe|export|"
    "set_option|import|axiom|opaque|notation|infixl|infixr|infix|prefix|postfix|macro_rules|macro|"
    "syntax|elab_rules|elab|attribute|mutual|deriving|alias|run_cmd|initialize|register_simp_attr|"
    r"add_decl_doc|omit|include|declare_syntax_cat|simproc|#[a-z_]+"
)
_MODIFIERS = "private|protected|public|noncomputable|nonrec|unsafe|partial|scoped|local"
_COMMAND = re.compile(
    rf"^(?:@\[[^\]]*\]\s*)*(?:(?:{_MODIFIERS})\s+)*(?P<other>{_OTHERS})(?![\w'.!?])"
    rf"|^[ \t]*(?:@\[[^\]]*\]\s*)*(?:(?:{_MODIFIERS})\s+)*(?P<word>{_DECLARATIONS})(?![\w'.!?])",
    re.MULTILINE,
)
_NAME = re.compile(r"\s+([^\s:(){}\[\]⦃]+)")
_SORRY = re.compile(r"(?<![\w'.!?«])sorry(?![\w'!?])")
_IN = re.compile(r"\bin\s*\Z")
_PREAMBLE = re.compile(
    r"(?:[ \t]*\n"
    r"|(?:prelude|import|open|set_option|universe|universes)\b[^\n]*(?<!\bin)\n(?:[ \t]+[^\n]+\n)*"
    r"|noncomputable section[ \t]*\n)*"
)
_IMPORT = re.compile(r"^import[ \t]+(?:all[ \t]+)?([\w.«»]+)", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(?P<lean>.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_MARK = r"^[ \t]*--[ \t]*!benchmark[ \t]+@{}[ \t]+{}\b[^\n]*\n"
_REFERENCE = re.compile(
    _MARK.format("start", "proof").replace("^[ \\t]*", "^(?P<indent>[ \\t]*)", 1)
    + "(?P<proof>.*?)(?="
    + _MARK.format("end", "proof").removesuffix("\\n")
    + ")",
    re.MULTILINE | re.DOTALL,
)
_AIDS = re.compile(
    f"(?P<start>{_MARK.format('start', 'proof_aux')}).*?"
    f"(?P<end>{_MARK.format('end', 'proof_aux')})",
    re.MULTILINE | re.DOTALL,
)
_OWN = ("Init", "Std", "Lean")
_PROVABLE = ("theorem", "lemma", "example", "instance")


@dataclass(frozen=True, slots=True)
class Statement:
    """A theorem with holes. name: as declared; empty for an example. document: its docstring.

    header: what stands above it without other theorems that have a `sorry`; empty, or ending in
    a line feed.
    """

    name: str
    header: str
    text: str
    document: str
    holes: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A command with what belongs to it; start: after the end of the one before."""

    start: int
    stop: int
    word: str
    name: str


def statements(text: str) -> list[Statement]:
    """Every theorem, lemma, example and instance with a `sorry`, in order."""
    code = masked(text)
    blocks = _blocks(text, code)
    found: list[Statement] = []
    context = [text[: blocks[0].start]] if blocks else []
    for block in blocks:
        own = text[block.start : block.stop]
        holes = len(_SORRY.findall(code, block.start, block.stop))
        if holes and block.word in _PROVABLE:
            header = "".join(context)
            header += "\n" if header and not header.endswith("\n") else ""
            found.append(Statement(block.name, header, _lined(own), _document(own), holes))
        else:
            context.append(own)
    return found


def holes_elsewhere(text: str) -> int:
    """How many `sorry`s stand in definitions, which are no theorems."""
    inside = sum(statement.holes for statement in statements(text))
    return len(_SORRY.findall(masked(text))) - inside


def completed(text: str) -> str:
    """A statement, as rows give it, with a `sorry` for its proof.

    It may have one already, end in `:= by` or `:=`, or have no end. With a proof it stays as is.
    """
    code = masked(text).rstrip()
    cut = text[: len(code)]
    if _SORRY.search(code):
        return _lined(text)
    if re.search(r":=\s*by\Z", code):
        return cut + " sorry\n"
    if code.endswith(":="):
        return cut + " by sorry\n"
    last = max((block.start for block in _blocks(text, code)), default=0)
    return _lined(text) if _has_value(code[last:]) else cut + " := by sorry\n"


def unfenced(text: str) -> str:
    """The Lean text of a markdown answer: what its first fence with a declaration holds."""
    code = masked(text)
    for found in _FENCED.finditer(code):
        if _blocks(text[found.start("lean") : found.end("lean")], found["lean"]):
            return text[found.start("lean") : found.end("lean")]
    return text


def without_reference(text: str) -> str:
    """A task of VERINA with a `sorry` for its reference proof, and without what only that used."""
    found = _REFERENCE.search(text)
    if not found or _SORRY.search(masked(found["proof"])):
        return text
    cut = f"{text[: found.start('proof')]}{found['indent']}sorry\n{text[found.end('proof') :]}"
    return _AIDS.sub(lambda part: part["start"] + part["end"], cut)


def with_theorem(text: str) -> str:
    """The text with `theorem` for `lemma`, which is a word of Mathlib's."""
    code = masked(text)
    for command in reversed(list(_COMMAND.finditer(code))):
        if command["word"] == "lemma":
            text = f"{text[: command.start('word')]}theorem{text[command.end('word') :]}"
    return text


def with_preamble(header: str, preamble: str) -> str:
    """The header with another text in the place of its imports, opens and options above all."""
    found = _PREAMBLE.match(masked(header))
    assert found
    return _lined(preamble) + header[found.end() :].lstrip("\n")


def foreign_imports(header: str) -> list[str]:
    """The modules it imports that do not come with Lean."""
    names = _IMPORT.findall(masked(header))
    return [name for name in names if name.split(".")[0] not in _OWN]


def _blocks(text: str, code: str) -> list[_Block]:
    commands = list(_COMMAND.finditer(code))
    edges = [*(command.start() for command in commands), len(text)]
    units: list[tuple[int, re.Match[str]]] = []
    start: int | None = None
    for command, stop in zip(commands, edges[1:], strict=True):
        start = command.start() if start is None else start
        if not _IN.search(code[command.start() : stop]):  # `open X in` belongs to what follows
            units.append((_with_document(text, start), command))
            start = None
    places = [*(place for place, _ in units), len(text)]
    return [
        _Block(place, stop, command["word"] or "", _name(text, command))
        for (place, command), stop in zip(units, places[1:], strict=True)
    ]


def _name(text: str, command: re.Match[str]) -> str:
    named = _NAME.match(text, command.end())
    return named.group(1).rstrip(".") if named and command["word"] != "example" else ""


def _with_document(text: str, at: int) -> int:
    """Where a command starts with its docstring, if it has one."""
    above = text[:at].rstrip()
    start = above.rfind("/--") if above.endswith("-/") else -1
    return start if start >= 0 and comment_stop(text, start) == len(above) else at


def _document(text: str) -> str:
    if not text.startswith("/--"):
        return ""
    return text[3 : comment_stop(text, 0) - 2].strip()


def _has_value(code: str) -> bool:
    """Whether a `:=` stands outside all brackets."""
    depth = 0
    for sign in re.findall(r"[([{⟨⦃]|[)\]}⟩⦄]|:=", code):
        if sign == ":=" and not depth:
            return True
        depth += 0 if sign == ":=" else 1 if sign in "([{⟨⦃" else -1
    return False


def _lined(text: str) -> str:
    """The text ending in one line feed; nothing stays nothing."""
    return text.rstrip() + "\n" if text.strip() else ""
