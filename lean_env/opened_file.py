"""From the worker's account of an opened file to theorems: names, contexts, root states.

Pure: knows the wire's shapes, not the worker.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

from ..data.records import Declaration, Message, Origin, ProofState, Theorem
from .handles import Root
from .protocol import Json, to_declaration, to_goal, to_message


@dataclass(frozen=True)
class OpenedFile:
    """A Lean file as Lean sees it. theorems: one for each hole that has a state, in file order.

    unread: what Lean's parser could not read; unfilled: declarations that rest on a `sorry` where
    the text has none: it comes out of a macro, `admit` or a default value. stopped: the byte at
    which an `#exit`, or an `import` below the first command, ends the file before its end; 0 where
    its header is broken.
    """

    path: str
    source: str = field(repr=False)
    imports: tuple[str, ...]
    messages: tuple[Message, ...]
    theorems: tuple[Theorem, ...]
    unread: tuple[Message, ...] = ()
    unfilled: tuple[Message, ...] = ()
    stopped: int | None = None


def digest_of(source: str) -> str:
    """What names a source among all: the SHA-256 of its UTF-8 bytes, in hex."""
    return hashlib.sha256(source.encode()).hexdigest()


def to_state(wire: Json, *, root: str, origin: Origin | None = None) -> ProofState:
    """A wire state as a record; its id stays behind."""
    goals = tuple(to_goal(goal) for goal in wire["goals"])
    return ProofState(wire["key"], goals, origin, wire.get("size", 0), root)


def to_opened(path: str, source: str, reply: Json) -> OpenedFile:
    """The result of `open` as a record. Raises KeyError or TypeError on another shape."""
    file = _File(path, source, digest_of(source), tuple(str(name) for name in reply["imports"]))
    commands = reply["commands"]
    contexts = _contexts(commands)
    names = _Names()
    theorems = []
    open_statements = {hole["command"] for hole in reply["holes"] if hole["statement"]}
    for number, hole in enumerate(reply["holes"]):
        name = names.next(hole["declaration"], hole["line"])
        if hole["states"]:
            command = hole["command"]
            span = commands[command]["start"], commands[command]["stop"]
            theorem = _theorem(name, file, number, hole, (*span, contexts[command]))
            theorems.append(replace(theorem, is_stated=command not in open_statements))
    messages = tuple(to_message(message) for message in reply["messages"])
    unread = tuple(to_message(message) for message in reply["parsed"])
    found = tuple(theorems)
    opened = OpenedFile(path, source, file.imports, messages, found, unread, _unfilled(reply))
    return replace(opened, stopped=reply.get("stopped"))


def _unfilled(reply: Json) -> tuple[Message, ...]:
    """Where Lean says that a declaration rests on a `sorry`, and the command has none to fill."""
    commands = reply["commands"]
    holed = {hole["command"] for hole in reply["holes"] if hole["states"]}
    spans = [(c["start"], c["stop"]) for n, c in enumerate(commands) if n in holed]
    said = [m for m in reply["messages"] if m.get("sorry")]
    return tuple(to_message(m) for m in said if not any(a <= m["start"] < b for a, b in spans))


@dataclass(frozen=True)
class _File:
    path: str
    source: str
    digest: str
    imports: tuple[str, ...]


def _theorem(
    name: str,
    file: _File,
    number: int,
    hole: Json,
    place: tuple[int, int, tuple[Declaration, ...]],
) -> Theorem:
    states = [
        to_state(wire, root=Root(file.digest, number, index).name)
        for index, wire in enumerate(hole["states"])
    ]
    return Theorem(
        name=name,
        source=file.source,
        path=file.path,
        start=hole["start"],
        stop=hole["stop"],
        line=hole["line"],
        column=hole["column"],
        mode=hole["mode"],
        state=states[0],
        declaration=hole["declaration"],
        is_prop=hole["prop"],
        context=place[2],
        imports=file.imports,
        command_start=place[0],
        command_stop=place[1],
        others=tuple(states[1:]),
    )


def _contexts(commands: list[Json]) -> list[tuple[Declaration, ...]]:
    """For each command the declarations of the commands before it."""
    contexts: list[tuple[Declaration, ...]] = []
    before: tuple[Declaration, ...] = ()
    for command in commands:
        contexts.append(before)
        added = tuple(to_declaration(declaration) for declaration in command["declarations"])
        before = before + added if added else before
    return contexts


class _Names:
    """Names of holes: `NAME`, `NAME#2`, ...; `example@LINE`; `~2`, ... when taken already."""

    def __init__(self) -> None:
        self._holes: Counter[str] = Counter()
        self._taken: set[str] = set()

    def next(self, declaration: str | None, line: int) -> str:
        if declaration is None:
            name = f"example@{line}"
        else:
            self._holes[declaration] += 1
            number = self._holes[declaration]
            name = declaration if number == 1 else f"{declaration}#{number}"
        unique, copies = name, 1
        while unique in self._taken:
            copies += 1
            unique = f"{name}~{copies}"
        self._taken.add(unique)
        return unique
