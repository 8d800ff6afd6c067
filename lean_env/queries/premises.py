"""What a proof may use, as Lean knows it: the declarations of the imports, those of the file above.

The imports' are read once for each set of them and kept on disk, under a hash of all they
declare. Chooses nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...data.errors import EnvironmentFault, ProtocolError, UsageError
from ...data.files import write_whole
from ...data.records import Premise, ProofState, Theorem
from ..handles import Root
from ..protocol import Json

PAGE = 6_000
"""Constants that Lean looks at in one request, about a second's work."""

FORM = 1
"""Of the files kept; under another number they are read anew."""

NOTHING_YET = 0
"""A page of no constants tells the library's key."""

PRINTED = 250
"""Names whose types Lean prints in one request, about a second's work."""

KEPT_THEOREMS = 256
"""Theorems for which it is remembered what their files offer, the last ones asked of."""

LOG = logging.getLogger("lakatos")


class Asker(Protocol):
    """The part of a pool that is needed here."""

    async def ask_file(self, theorem: Theorem, op: str, **fields: Any) -> Json:
        """A request about the file of a theorem."""
        ...

    async def ask_state(self, state: ProofState, op: str) -> Json | None:
        """A request about a state; None where Lean cannot serve it."""
        ...


@dataclass(frozen=True)
class Symbols:
    """Constants of a state: of its targets, and those that only its hypotheses have. Sorted."""

    targets: tuple[str, ...] = ()
    hypotheses: tuple[str, ...] = ()


class Premises:
    """Asks Lean what may be used. folder: where what it says is kept; None: nowhere. note: is
    told of a kept answer that is damaged.

    Its methods raise UsageError for a theorem of no opened file, WorkerDied, ProtocolError.
    """

    def __init__(
        self, pool: Asker, folder: Path | None = None, note: Callable[[str], None] = LOG.warning
    ) -> None:
        self._note = note
        self._pool = pool
        self.folder = folder
        self._libraries: dict[tuple[str, ...], tuple[Premise, ...]] = {}
        self._keys: dict[tuple[str, ...], str] = {}
        self._reading = asyncio.Lock()
        self._own: dict[str, tuple[Premise, ...]] = {}
        self._texts: dict[tuple[tuple[str, ...], str], str] = {}
        self._faulty: set[Path] = set()

    async def library(self, theorem: Theorem) -> tuple[Premise, ...]:
        """What the imports of its file offer: seconds the first time, then from disk."""
        async with self._reading:
            if theorem.imports not in self._libraries:
                self._libraries[theorem.imports] = await self._library(theorem)
        return self._libraries[theorem.imports]

    async def own(self, theorem: Theorem) -> tuple[Premise, ...]:
        """What its file offers above it, by name; neither itself nor what follows it."""
        root = theorem.state.root
        hole = Root.parse(root).hole
        if hole is None:
            return ()
        if root not in self._own:
            wire = await self._pool.ask_file(theorem, "premises", hole=hole)
            while len(self._own) >= KEPT_THEOREMS:
                self._forget(next(iter(self._own)))
            self._own[root] = _premises(wire)
        return self._own[root]

    def _forget(self, root: str) -> None:
        """Drop what is known of what one theorem's file offers: the oldest of many."""
        for each in self._own.pop(root):
            self._texts.pop(((root,), each.name), None)

    async def symbols(self, state: ProofState) -> Symbols:
        """The constants of a state's goals; none when it cannot be rebuilt."""
        wire = await self._pool.ask_state(state, "symbols")
        if wire is None:
            return Symbols()
        return Symbols(tuple(sorted(wire["targets"])), tuple(sorted(wire["hypotheses"])))

    async def texts(self, theorem: Theorem, premises: Sequence[Premise]) -> list[str]:
        """The binders and type of each as Lean prints them, on one line: `(n : Nat) : n = n`."""
        root = theorem.state.root
        places = [theorem.imports if each.module else (root,) for each in premises]
        keys = list(zip(places, [each.name for each in premises], strict=True))
        for place, hole in ((theorem.imports, None), ((root,), Root.parse(root).hole)):
            names = [n for p, n in dict.fromkeys(keys) if p == place and (p, n) not in self._texts]
            if names:
                fields = {"hole": hole, "names": names}
                wire = await self._pool.ask_file(theorem, "signatures", **fields)
                for name, text in zip(names, wire["texts"], strict=True):
                    self._texts[place, name] = " ".join(text.removeprefix(name).split())
        return [self._texts[key] for key in keys]

    async def library_texts(self, theorem: Theorem) -> list[str]:
        """The texts of all that the imports offer: minutes the first time, then from disk."""
        library = await self.library(theorem)
        path = self._place("texts", self._keys[theorem.imports])
        async with self._reading:
            if any((theorem.imports, each.name) not in self._texts for each in library):
                for name, text in (self._kept(path) or {}).items():
                    self._texts[theorem.imports, name] = text
                for start in range(0, len(library), PRINTED):
                    await self.texts(theorem, library[start : start + PRINTED])
        texts = await self.texts(theorem, library)
        if path and not path.exists():
            names = [each.name for each in library]
            _write(path, json.dumps(dict(zip(names, texts, strict=True)), ensure_ascii=False))
        return texts

    def _kept(self, path: Path | None) -> Json | None:
        """An answer kept before; None where there is none. A damaged one is told, and made anew."""
        if path is None or not path.is_file():
            return None
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._tell(path)
            return None

    def _tell(self, path: Path | None) -> None:
        """Say once that a kept answer cannot be read, and remove it, so that it is made anew."""
        if path is not None and path not in self._faulty:
            self._faulty.add(path)
            self._note(f"{path}: the kept list of premises is damaged, and is made anew")
            with suppress(OSError):
                path.unlink()

    def _place(self, what: str, key: str) -> Path | None:
        return self.folder and self.folder / f"{what}-{FORM}-{key}.json"

    async def _library(self, theorem: Theorem) -> tuple[Premise, ...]:
        wire = await self._pool.ask_file(theorem, "premises", count=NOTHING_YET)
        self._keys[theorem.imports] = str(wire["key"])
        path = self._place("premises", self._keys[theorem.imports])
        if (kept := self._kept(path)) is not None:
            with suppress(ProtocolError):
                return _premises(kept)
            self._tell(path)
        found: list[Premise] = []
        start: int | None = 0
        while start is not None:
            wire = await self._pool.ask_file(theorem, "premises", start=start, count=PAGE)
            found += _premises(wire)
            start = wire["next"]
        if path:
            _keep(path, found)
        return tuple(found)


def _premises(wire: Json) -> tuple[Premise, ...]:
    """The rows of an answer. Raises ProtocolError."""
    try:
        symbols = [str(symbol) for symbol in wire["symbols"]]
        return tuple(
            Premise(
                name, kind, module, tuple([symbols[i] for i in a]), tuple([symbols[i] for i in b])
            )
            for name, kind, module, a, b in wire["rows"]
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ProtocolError(f"worker answered `premises` in no known shape: {error}") from error


def _keep(path: Path, premises: Sequence[Premise]) -> None:
    """Keep a library for later runs."""
    numbers: dict[str, int] = {}
    rows = [
        [p.name, p.kind, p.module]
        + [[numbers.setdefault(s, len(numbers)) for s in each] for each in (p.conclusion, p.others)]
        for p in premises
    ]
    _write(path, json.dumps({"symbols": list(numbers), "rows": rows}, ensure_ascii=False))


def _write(path: Path, text: str) -> None:
    """Write in one step; a disk that takes nothing only costs the next run its time."""
    with suppress(OSError, UsageError, EnvironmentFault):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
