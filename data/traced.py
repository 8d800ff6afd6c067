"""What a Lean file proves and how: declarations, the steps of their proofs, goals, citations.

Immutable, made from what Lean says of a file; knows nothing of how Lean is asked. Places are
(line, column), both from 1, columns in code points, as LeanDojo has them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .lean_text import dedented
from .records import Goal

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant. module: "" for the file's own; place: of its name, where Lean knows it."""

    name: str
    module: str = ""
    place: tuple[Place, Place] | None = None


@dataclass(frozen=True, slots=True)
class TracedGoal:
    """A goal at a moment of a proof. number: of its metavariable, within one command.

    key: Lean's canonical hash of this goal alone, as of a state of one goal.
    """

    number: int
    key: str
    goal: Goal


@dataclass(frozen=True, slots=True)
class Citation:
    """Bytes [start, stop) of the source mean a constant."""

    constant: Constant
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class TracedStep:
    """A tactic of the text, and what it did.

    start, stop: bytes of the source. parent: the index, in its proof, of the step it is a part of.
    before, after: all goals, in Lean's order. used: the constants of what it assigned.
    state: the worker's id of the state before it, if that was asked for.
    """

    tactic: str
    start: int
    stop: int
    parent: int | None
    before: tuple[TracedGoal, ...]
    after: tuple[TracedGoal, ...]
    used: tuple[Constant, ...] = field(default=(), repr=False)
    citations: tuple[Citation, ...] = field(default=(), repr=False)
    state: int | None = None

    @property
    def closed(self) -> tuple[int, ...]:
        """Numbers of the goals that were there before it and are not after it."""
        later = {goal.number for goal in self.after}
        return tuple(goal.number for goal in self.before if goal.number not in later)

    @property
    def opened(self) -> tuple[int, ...]:
        """Numbers of the goals that it made."""
        earlier = {goal.number for goal in self.before}
        return tuple(goal.number for goal in self.after if goal.number not in earlier)


@dataclass(frozen=True, slots=True)
class TracedDeclaration:
    """A declaration of any kind, also an `example`, with its proof.

    start, head, stop: bytes of the source; the whole, and behind its modifiers.
    value: where its value begins; None where it has none. key: Lean's hash of its type, blind to
    names. needs, used: constants of its type, of its value. namespace, opens: in force above it.
    """

    name: str
    kind: str
    start: int
    head: int
    stop: int
    value: int | None = None
    type: str = ""
    key: str = ""
    doc: str | None = None
    namespace: str = ""
    opens: tuple[str, ...] = ()
    needs: tuple[Constant, ...] = field(default=(), repr=False)
    used: tuple[Constant, ...] = field(default=(), repr=False)
    citations: tuple[Citation, ...] = field(default=(), repr=False)
    steps: tuple[TracedStep, ...] = field(default=(), repr=False)
    is_private: bool = False
    has_sorry: bool = False

    @property
    def is_proof(self) -> bool:
        """Whether it is a theorem or an example with steps, and has no `sorry`."""
        return not self.has_sorry and (
            self.kind == "theorem" or (self.kind == "example" and bool(self.steps))
        )

    @property
    def premises(self) -> tuple[str, ...]:
        """The names that its text cites behind its statement, each once."""
        start = self.start if self.value is None else self.value
        behind = [cited.constant.name for cited in self.citations if cited.start >= start]
        return tuple(dict.fromkeys(behind))


@dataclass(frozen=True)
class TracedFile:
    """A traced file. errors: (line, text) of what Lean does not take; its good part is here."""

    path: str
    source: str = field(repr=False)
    lean: str
    imports: tuple[str, ...]
    declarations: tuple[TracedDeclaration, ...]
    errors: tuple[tuple[int, str], ...] = ()

    @cached_property
    def _bytes(self) -> bytes:
        return self.source.encode()

    @cached_property
    def _lines(self) -> list[int]:
        """The byte at which each line starts."""
        return [0, *(at + 1 for at, byte in enumerate(self._bytes) if byte == 10)]

    def text(self, start: int, stop: int) -> str:
        """Bytes [start, stop) of the source."""
        return self._bytes[start:stop].decode(errors="replace")

    def place(self, at: int) -> Place:
        """Line and column of a byte."""
        line = bisect_right(self._lines, at)
        return line, len(self.text(self._lines[line - 1], at)) + 1

    def statement(self, declaration: TracedDeclaration) -> str:
        """The text of a declaration up to its value."""
        stop = declaration.stop if declaration.value is None else declaration.value
        return self.text(declaration.head, stop).rstrip()

    def proof(self, declaration: TracedDeclaration) -> str | None:
        """The text of its value, with the `:=`; None where it has none."""
        if declaration.value is None:
            return None
        return self.text(declaration.value, declaration.stop)

    def annotated(
        self, step: TracedStep, wanted: Callable[[Constant], bool] = lambda _: True
    ) -> tuple[str, list[Constant]]:
        """The tactic with `<a>...</a>` around what it cites, and the constants, in their order.

        Only `wanted` ones that have a place; of citations that overlap the first is taken.
        """
        pieces: list[str] = []
        constants: list[Constant] = []
        at = step.start
        for cited in sorted(step.citations, key=lambda cited: (cited.start, cited.stop)):
            if cited.start < at or cited.constant.place is None or not wanted(cited.constant):
                continue
            pieces += [
                self.text(at, cited.start),
                "<a>",
                self.text(cited.start, cited.stop),
                "</a>",
            ]
            constants.append(cited.constant)
            at = cited.stop
        pieces.append(self.text(at, step.stop))
        return dedented("".join(pieces), self.place(step.start)[1] - 1), constants


def state_text(goals: Sequence[TracedGoal]) -> str:
    """Goals as Lean prints them, a blank line between two; `no goals` if none."""
    return "\n\n".join(goal.goal.pretty for goal in goals) or "no goals"


@dataclass(frozen=True, slots=True)
class Solved:
    """A goal in a proof's AND-tree: the step that closed it, and the goals which that one made."""

    goal: int
    step: int | None
    children: tuple[int, ...]


def proof_tree(steps: Sequence[TracedStep]) -> list[Solved]:
    """The AND-tree of a proof: every goal once, before what it led to.

    A goal's step is the outermost one that closed it; of several, in the branches of a `first`,
    the last. Goals that only steps within steps had are roots too.
    """
    closing: dict[int, int] = {}
    for index, step in enumerate(steps):
        for number in step.closed:
            earlier = closing.get(number)
            if earlier is None or not _is_within(steps, index, earlier):
                closing[number] = index
    made = {number: steps[index].opened for number, index in closing.items()}
    goals = dict.fromkeys(goal.number for step in steps for goal in (*step.before, *step.after))
    # a step that closes several goals at once gives what it made to the first of them
    first = {index: number for number, index in reversed(closing.items())}
    return [
        Solved(number, closing.get(number), made[number] if _owns(first, closing, number) else ())
        for number in goals
    ]


def _owns(first: dict[int, int], closing: dict[int, int], number: int) -> bool:
    return number in closing and first[closing[number]] == number


def _is_within(steps: Sequence[TracedStep], index: int, outer: int) -> bool:
    at: int | None = index
    while at is not None and at != outer:
        at = steps[at].parent
    return at == outer


def keys_of(declaration: TracedDeclaration) -> Iterator[str]:
    """The keys of all goals of its proof."""
    for step in declaration.steps:
        for goal in (*step.before, *step.after):
            yield goal.key
