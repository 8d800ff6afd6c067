"""Which of the accessible premises suit a state: the protocol, and what keeps to it.

A premise is accessible when it stands above the theorem in its file, or in what that imports.
Knows no model and no prompt; ranks, and has Lean print what was chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...data.records import Premise, ProofState, Theorem
from ...lean_env.queries.premises import Symbols
from ..policy.base import Query
from .bm25 import BM25, name_parts

REMEMBERED = 4_096
"""Answers kept in memory, the latest ones."""

HYPOTHESES, NAME_PARTS = 0.5, 0.3
"""What a constant of the hypotheses, and a part of a constant's name, count in a question."""


class PremiseSource(Protocol):
    """Where premises come from: `lean_env.premises.Premises`."""

    async def library(self, theorem: Theorem) -> tuple[Premise, ...]:
        """What the imports of its file offer."""
        ...

    async def own(self, theorem: Theorem) -> tuple[Premise, ...]:
        """What its file offers above it."""
        ...

    async def symbols(self, state: ProofState) -> Symbols:
        """The constants of a state's goals."""
        ...

    async def texts(self, theorem: Theorem, premises: Sequence[Premise]) -> list[str]:
        """The binders and type of each as Lean prints them."""
        ...


class Retriever(Protocol):
    """Anything that chooses premises for a state."""

    def retrieve(self, query: Query, k: int) -> Coroutine[Any, Any, list[Premise]]:
        """The k accessible premises that suit best, best first; fewer where none else does."""
        ...


class Lexical:
    """Chooses by shared constants, rare ones first (BM25)."""

    def __init__(self, source: PremiseSource) -> None:
        self._source = source
        self._indices: dict[tuple[str, ...], BM25] = {}
        self._building = asyncio.Lock()

    async def retrieve(self, query: Query, k: int) -> list[Premise]:
        """The k premises that share most with the state."""
        symbols = await self._source.symbols(query.state)
        return await self.lookup(query.theorem, symbols, k)

    async def lookup(self, theorem: Theorem, symbols: Symbols, k: int) -> list[Premise]:
        """The k premises accessible to a theorem that share most with some names."""
        library = await self._source.library(theorem)
        own = await self._source.own(theorem)
        async with self._building:
            if theorem.imports not in self._indices:
                index = await asyncio.to_thread(BM25, library)
                self._indices[theorem.imports] = index
        return self._indices[theorem.imports].best(question(symbols), k, own)


def question(symbols: Symbols) -> dict[str, float]:
    """The words to look for, with their weights."""
    words: dict[str, float] = {}
    for weight, names in ((1.0, symbols.targets), (HYPOTHESES, symbols.hypotheses)):
        for name in names:
            words[name] = weight
            for part in name_parts(name):
                words[part] = max(words.get(part, 0.0), weight * NAME_PARTS)
    return words


class Retrieval:
    """A retriever, how many premises it is asked for, and where their texts come from."""

    def __init__(self, retriever: Retriever, source: PremiseSource, k: int) -> None:
        self._retriever = retriever
        self._source = source
        self._k = k
        self._answers: dict[tuple[str, str, str], list[Premise]] = {}

    async def __call__(self, query: Query) -> list[Premise]:
        """The premises for a state, each with its text; those that Lean cannot print left out."""
        place = query.theorem.state.root, query.state.key, query.state.pretty
        if place not in self._answers:
            found = await self._retriever.retrieve(query, self._k)
            texts = await self._source.texts(query.theorem, found)
            if len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            pairs = zip(found, texts, strict=True)
            self._answers[place] = [replace(p, text=text) for p, text in pairs if text]
        return self._answers[place]
