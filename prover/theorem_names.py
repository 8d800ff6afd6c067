"""Which theorems of opened files a user means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..data.errors import UsageError
from ..data.records import Theorem
from ..lean_env.pool import OpenedFile


def broken_theorems(opened: Sequence[OpenedFile]) -> set[Theorem]:
    """The theorems in whose text, before the hole, Lean found an error."""
    return {
        theorem
        for file in opened
        for theorem in file.theorems
        if any(
            message.severity == "error" and theorem.command_start <= message.start < theorem.start
            for message in file.messages
        )
    }


def select(opened: Sequence[OpenedFile], names: Sequence[str]) -> list[Theorem]:
    """The theorems of those names, in file order; all when there are no names.

    A name stands for all holes of its declaration, and may leave out leading namespaces.
    Raises UsageError, with near names, for a name that is in none of the files.
    """
    theorems = [theorem for file in opened for theorem in file.theorems]
    return named(theorems, names, "with a sorry") if names else theorems


def named(theorems: Sequence[Theorem], names: Sequence[str], which: str) -> list[Theorem]:
    """Those of the theorems that have one of the names, in order. which: what they all are.

    Raises UsageError, with near names, for a name that none has.
    """
    for name in names:
        if not any(_is_called(theorem, name) for theorem in theorems):
            raise UsageError(_no_such_theorem(name, theorems, which))
    return [theorem for theorem in theorems if any(_is_called(theorem, name) for name in names)]


def _is_called(theorem: Theorem, name: str) -> bool:
    full = {theorem.name, theorem.declaration or theorem.name}
    return any(each == name or each.endswith(f".{name}") for each in full)


def _no_such_theorem(name: str, theorems: Sequence[Theorem], which: str) -> str:
    known = list(dict.fromkeys(theorem.name for theorem in theorems))
    last = {each.rpartition(".")[2]: each for each in known}
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near += [last[x] for x in difflib.get_close_matches(name.rpartition(".")[2], last, n=3)]
    suggestion = list(dict.fromkeys(near))[:3] or known[:8]
    if not suggestion:
        return f"no theorem {name}: the file has none {which}"
    return f"no theorem {name} {which}; did you mean {', '.join(suggestion)}?"
