"""A policy that first tries what stood in a broken proof, whole and changed a little.

A line that is wrong where it stands is often right elsewhere, or right but for a name, an order,
a direction. Then it proposes what another policy does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..policy.answers import masked
from ..policy.base import Policy, PolicyOutput, Proposal, Query

MOST = 40
"""Texts of the broken proof tried at one state."""

FIRST, STEP = 1.0, 0.015
"""Prior of the first of them, and how much less each next one has."""


@dataclass(frozen=True, slots=True)
class FailedSteps:
    """What is left of a broken proof. removed: texts that were cut out; kept: tactics around.

    near: a word that means nothing, and words it may have meant.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    near: tuple[tuple[str, tuple[str, ...]], ...] = ()


class EditPolicy:
    """Proposes from the remains of one broken proof, then as `base`."""

    def __init__(self, base: Policy, remains: FailedSteps) -> None:
        self.name = base.name
        self._base = base
        self._texts = list(texts(remains))[:MOST]

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query: the remains first."""
        own = [Proposal(text, FIRST - STEP * place) for place, text in enumerate(self._texts)]
        answers = await self._base.propose(queries)
        return [replace(advice, proposals=(*own, *advice.proposals)) for advice in answers]


def texts(remains: FailedSteps) -> Iterator[str]:
    """The tactics to try, each once, likeliest first."""
    seen: set[str] = set()
    for text in _all(remains):
        text = text.strip()
        if text and text not in seen and "sorry" not in text:
            seen.add(text)
            yield text


def _all(remains: FailedSteps) -> Iterator[str]:
    for text in remains.removed:
        yield from renamed(text, remains.near)
    yield from remains.removed
    for text in remains.removed:
        yield from turned(text)
    yield from remains.kept


def renamed(text: str, near: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """The text with a meaningless word replaced by each word near it."""
    for word, others in near:
        pattern = rf"(?<![\w.']){re.escape(word)}(?![\w'])"
        if re.search(pattern, text):
            for other in others:
                yield re.sub(pattern, other.replace("\\", ""), text)


_TURNS = (
    (r"\bleft\b", "right"),
    (r"\bright\b", "left"),
    (r"\bOr\.inl\b", "Or.inr"),
    (r"\bOr\.inr\b", "Or.inl"),
    (r"(?<![\w.])\.inl\b", ".inr"),
    (r"(?<![\w.])\.inr\b", ".inl"),
    (r"\.mp\b", ".mpr"),
    (r"\.mpr\b", ".mp"),
    (r"\.1\b", ".2"),
    (r"\.2\b", ".1"),
    (r"\[← ?", r"["),
    (r"(\brw \[)(?!←)", r"\1← "),
    (r"^split\b", "constructor"),
    (r"^exact ([^\s(⟨]\S*)( .+)$", r"apply \1 <;> assumption"),
    (r"^exact (.+)$", r"exact (\1).symm"),
    (r"^exact ([^\s(⟨]\S*)( .+)$", r"apply \1 <;> first | assumption | omega | simp_all"),
    (r"^apply (.+)$", r"exact \1 (by assumption)"),
)


def turned(text: str) -> Iterator[str]:
    """The text with one thing the other way round: a side, a direction, two arguments."""
    for pattern, replacement in _TURNS:
        for found in list(re.finditer(pattern, text, re.MULTILINE))[:3]:
            yield text[: found.start()] + found.expand(replacement) + text[found.end() :]
    if "\n" in text:
        return
    yield from swapped(text)
    if not re.match(r"(exact|have|rw|simp|apply|refine|intro|by)\b", text):
        yield f"exact {text}"


_ARGUMENT = re.compile(r"\((?:[^()]|\([^()]*\))*\)|[^\s()\[\]⟨⟩,;:=|]+")


def swapped(text: str) -> Iterator[str]:
    """The text with two neighbouring arguments of an application exchanged."""
    found = list(_ARGUMENT.finditer(masked(text)))
    for first, second in pairwise(found[2:]):
        between = text[first.end() : second.start()]
        if (
            between.strip() == ""
            and re.search(r"[\w)]$", first[0])
            and re.match(r"[\w(]", second[0])
        ):
            a, b = text[first.start() : first.end()], text[second.start() : second.end()]
            yield text[: first.start()] + b + between + a + text[second.end() :]
