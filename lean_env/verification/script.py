"""Turns a proof tree into tactic text, and puts a proof in the place of a `sorry`.

Pure text: Lean's goal list is modelled here, never asked. A script that the model gets wrong
does not compile, and the verifier then refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...data.records import Goal, ProofTree, Theorem

_DAGGER = "✝"
_SIMPLE_TAG = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def script(tree: ProofTree) -> str:
    """Write the tree as one tactic block: a tactic a line, no leading indentation.

    Several states after a tactic are focused with `·` in Lean's goal order. A state of several
    goals cannot be focused: the single goals go first, it follows unfocused.
    """
    return "\n".join(_block(tree, ()))


def indent(text: str, width: int) -> str:
    """Shift all lines but the first by `width` spaces, those inside a string literal excepted."""
    lines = text.split("\n")
    inside = _starts_in_string(text)
    shifted = (
        line if frozen or not line.strip() else " " * width + line
        for line, frozen in zip(lines[1:], inside[1:], strict=True)
    )
    return "\n".join([lines[0], *shifted])


@dataclass(frozen=True)
class _Slot:
    """One place of Lean's goal list: the child it belongs to (None: not ours) and its tag."""

    child: int | None
    tag: str


def _block(tree: ProofTree, trailing: tuple[_Slot, ...]) -> list[str]:
    """Lines that close the tree's goals, which stand first, and leave `trailing` as it was."""
    lines: list[str] = []
    while True:
        lines.extend([*_prelude(tree, trailing), tree.tactic.strip("\n").rstrip()])
        if len(tree.children) != 1 or trailing:
            return [*lines, *_branches(tree.children, trailing)]
        tree = tree.children[0]


def _branches(children: Sequence[ProofTree], trailing: tuple[_Slot, ...]) -> list[str]:
    """Lines that close all children: single goals first, in order, then the coupled ones."""
    lines: list[str] = []
    slots = [*_slots(children), *trailing]
    coupled: list[int] = []
    for index, child in enumerate(children):
        if sum(slot.child == index for slot in slots) > 1:
            coupled.append(index)
            continue
        place = next(i for i, slot in enumerate(slots) if slot.child == index)
        del slots[place]
        lines.extend(_rotated(place, "· " + indent("\n".join(_block(child, ())), 2)))
    for index in coupled:
        lines.extend(_to_front(slots, index))
        slots = [slot for slot in slots if slot.child != index]
        foreign = tuple(_Slot(None, slot.tag) for slot in slots)
        lines.extend(_block(children[index], foreign))
    return lines


def _slots(children: Sequence[ProofTree]) -> list[_Slot]:
    """The goal list that a tactic left, from the positions that its states carry."""
    placed: list[tuple[int, _Slot]] = []
    for index, child in enumerate(children):
        origin = child.state.origin
        positions = origin.positions if origin is not None else (index,)
        for number, position in enumerate(positions):
            tag = child.state.goals[number].tag if number < len(child.state.goals) else ""
            placed.append((position, _Slot(index, tag)))
    return [slot for _, slot in sorted(placed, key=lambda entry: entry[0])]


def _rotated(place: int, focused: str) -> list[str]:
    """Close the goal at `place`; the others keep their order."""
    if place == 0:
        return [focused]
    return [f"rotate_left {place}", focused, f"rotate_right {place}"]


def _to_front(slots: Sequence[_Slot], index: int) -> list[str]:
    """Bring the goals of one child to the front by their tags, when the tags allow it."""
    mine = [slot for slot in slots if slot.child == index]
    if list(slots[: len(mine)]) == mine:
        return []
    tags = [slot.tag for slot in slots]
    names = [slot.tag for slot in mine]
    if all(_SIMPLE_TAG.fullmatch(name) and tags.count(name) == 1 for name in names):
        return [f"case' {' | '.join(names)} => skip"]
    return []


def _prelude(tree: ProofTree, trailing: tuple[_Slot, ...]) -> list[str]:
    """Tactics that give the hypotheses of `tree.state` the names they have in `tree.named`."""
    if tree.named is None:
        return []
    goals, named = tree.state.goals, tree.named.goals
    if len(goals) != len(named):
        return []
    per_goal = [_renaming(old, new) for old, new in zip(goals, named, strict=True)]
    if not any(per_goal):
        return []
    if len(goals) == 1:
        return per_goal[0]
    lines: list[str] = []
    for renaming in per_goal:
        lines.extend([*renaming, "rotate_left"])
    return [*lines, f"rotate_right {len(goals)}"] if trailing else lines


def _renaming(old: Goal, new: Goal) -> list[str]:
    """Tactics on the main goal after which its hypotheses are called as in `new`."""
    before = [h.name for h in old.hypotheses]
    after = [h.name for h in new.hypotheses]
    if len(before) != len(after):
        return []
    wrong = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if not _same(a, b)]
    if not wrong:
        return []
    first = wrong[0]
    hidden = [i for i in range(first, len(before)) if _DAGGER in before[i]]
    if set(wrong) <= set(hidden):
        return ["rename_i " + " ".join(_binder(after[i]) for i in hidden)]
    names = list(before)
    taken = {*before, *after}
    for i in hidden:
        names[i] = next(n for n in (f"h_{k}" for k in range(len(taken) + 1)) if n not in taken)
        taken.add(names[i])
    lines = ["rename_i " + " ".join(names[i] for i in hidden)] if hidden else []
    moved = " ".join(names[first:])
    return [*lines, f"revert {moved}", "intro " + " ".join(_binder(n) for n in after[first:])]


def _same(a: str, b: str) -> bool:
    return a == b or (_DAGGER in a and _DAGGER in b)


def _binder(name: str) -> str:
    return "_" if _DAGGER in name else name


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
            stop = _comment_stop(text, place)
        elif found["hashes"] is not None:
            closing = text.find('"' + found["hashes"], stop)
            stop = len(text) if closing < 0 else closing + 1 + len(found["hashes"])
        yield place, text[place:stop]
        place = stop


def _comment_stop(text: str, start: int) -> int:
    depth = 0
    for found in re.compile(r"/-|-/").finditer(text, start):
        depth += 1 if found.group() == "/-" else -1
        if depth == 0:
            return found.end()
    return len(text)


def _starts_in_string(text: str) -> list[bool]:
    """For each line, whether its first character lies inside a string literal."""
    inside = [False] * (text.count("\n") + 1)
    line = 0
    for _, piece in tokens(text):
        breaks = piece.count("\n")
        if breaks and piece.endswith(('"', "#")):
            inside[line + 1 : line + breaks + 1] = [True] * breaks
        line += breaks
    return inside


def splice(source: str, theorem: Theorem, proof: str) -> list[str]:
    """Put `proof`, a tactic block, in the place of the theorem's `sorry`.

    Gives whole files in several layouts, the best looking first; all other bytes stay.
    """
    raw = source.encode()
    head, tail = raw[: theorem.start].decode(), raw[theorem.stop :].decode()
    proof = proof.strip("\n").rstrip()
    layouts = (_term_layouts if theorem.mode == "term" else _tactic_layouts)(head, proof)
    newline = "\r\n" if "\r\n" in source else "\n"
    return [head + text.replace("\n", newline) + tail for text in dict.fromkeys(layouts)]


def _tactic_layouts(head: str, proof: str) -> list[str]:
    line = head.rpartition("\n")[2]
    aligned = indent(proof, len(line))
    bracketed = _bracketed("(", proof, len(line) + 1)
    if "\n" not in proof:
        return [proof, bracketed]
    if not re.search(r"(\bby|=>)\s*$", line):
        return [aligned, bracketed]
    return [*(_below(proof, width) for width in _widths(head)), aligned, bracketed]


def _term_layouts(head: str, proof: str) -> list[str]:
    column = len(head.rpartition("\n")[2])
    bracketed = _bracketed("(by ", proof, column + 4)
    if "\n" not in proof:
        word = re.fullmatch(r"exact ([\w.'!?]+)", proof)
        return [*([word[1]] if word else []), f"by {proof}", bracketed]
    return [*("by" + _below(proof, width) for width in _widths(head)), bracketed]


def _below(proof: str, width: int) -> str:
    return "\n" + " " * width + indent(proof, width)


def _bracketed(opening: str, proof: str, width: int) -> str:
    """The proof in parentheses; a comment at its end must not swallow the closing one."""
    last = proof.rpartition("\n")[2]
    closing = "\n" + " " * (width - 1) + ")" if "--" in last else ")"
    return opening + indent(proof, width) + closing


_OPENERS = re.compile(
    r"(@\[[^\]]*\]\s*)?((private|protected|noncomputable|nonrec|local|scoped|public)\s+)*"
    r"(theorem|lemma|example|def|abbrev|instance|have|show|suffices|obtain|let|calc|case|next)\b"
)


def _widths(head: str) -> list[int]:
    """Indentations for a block below the line of the `sorry`, the usual one first."""
    lines = head.split("\n")
    own = _column_of_tactic(lines[-1])
    widths = [own + 2]
    if not _OPENERS.match(lines[-1][own:]):
        for line in reversed(lines[:-1]):
            column = _column_of_tactic(line)
            if line.strip() and column < own:
                if _OPENERS.match(line[column:]):
                    widths.insert(0, column + 2)
                break
    return widths


def _column_of_tactic(line: str) -> int:
    """Where the tactic or declaration of a line starts, behind spaces and focus dots."""
    found = re.match(r"\s*([·.]\s+)*", line)
    return found.end() if found else 0
