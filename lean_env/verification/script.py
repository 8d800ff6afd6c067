"""Turns a proof tree into tactic text, and puts a proof in the place of a `sorry`.

Pure text: Lean's goal list is modelled here, never asked. A script that the model gets wrong
does not compile, and the verifier then refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...data.lean_text import dedented, indent
from ...data.records import DraftHole, Goal, ProofTree, Theorem

_DAGGER = "✝"
_SIMPLE_TAG = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def script(tree: ProofTree) -> str:
    """Write the tree as one tactic block: a tactic a line, no leading indentation.

    The holes of a draft are filled in their places; other states that a tactic leaves follow it.
    Several states after a tactic are focused with `·` in Lean's goal order. A state of several
    goals cannot be focused: the single goals go first, it follows unfocused.
    """
    return "\n".join(_block(tree, ()))


@dataclass(frozen=True)
class _Slot:
    """One place of Lean's goal list: the child it belongs to (None: not ours) and its tag."""

    child: int | None
    tag: str


def _block(tree: ProofTree, trailing: tuple[_Slot, ...]) -> list[str]:
    """Lines that close the tree's goals, which stand first, and leave `trailing` as it was."""
    lines: list[str] = []
    while True:
        lines.extend([*_prelude(tree, trailing), _filled(tree)])
        left = [child for child in tree.children if _hole(child) is None]
        if len(left) != 1 or trailing:
            return [*lines, *_branches(left, trailing)]
        tree = left[0]


def _hole(tree: ProofTree) -> DraftHole | None:
    """The `sorry` of the tactic above that this is the proof of."""
    return tree.state.origin.hole if tree.state.origin is not None else None


def _filled(tree: ProofTree) -> str:
    """The tactic, with the proofs of its holes in their places."""
    raw = tree.tactic.encode()
    holes = [(hole, child) for child in tree.children if (hole := _hole(child)) is not None]
    text, at = "", 0
    for hole, child in sorted(holes, key=lambda each: each[0].start):
        text += raw[at : hole.start].decode()
        text += _in_hole(text, hole.mode, "\n".join(_block(child, ())))
        at = hole.stop
    return dedented(text + raw[at:].decode())


def _in_hole(head: str, mode: str, proof: str) -> str:
    """A block as it stands behind `head`, in the place of a `sorry`."""
    line = head.rpartition("\n")[2]
    if mode == "term":
        return _bracketed("(by ", proof, len(line) + 4)
    if re.fullmatch(r"\s*([·.]\s+)*", line) or re.search(r"(\bby|=>|[·.])\s+$", line):
        return indent(proof, len(line))
    return _bracketed("(", proof, len(line) + 1)


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
