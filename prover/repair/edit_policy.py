"""A policy that first tries the steps of a broken proof again, as they are and changed a little.

A step that is wrong where it stands is often right elsewhere, or right but for a name, an order,
a direction. Then it proposes what another policy does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...data.lean_text import masked
from ..policy.base import Policy, PolicyOutput, Proposal, Query

MOST = 40
"""Texts of the broken proof tried at one state."""

FIRST, STEP = 1.0, 0.015
"""Prior of the first of them, and how much less each next one has."""


@dataclass(frozen=True, slots=True)
class FailedSteps:
    """The steps of a broken proof.

    removed: texts that were cut out. tactics: those that stand around them. near: unknown
    identifier to similar known identifiers, as Lean suggested.
    """

    removed: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    near: tuple[tuple[str, tuple[str, ...]], ...] = ()


class EditPolicy:
    """Proposes the steps of one broken proof, then as `base`."""

    def __init__(self, base: Policy, steps: FailedSteps) -> None:
        self.name = base.name
        self._base = base
        self._texts = list(mutations(steps))[:MOST]

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query: the steps first."""
        own = [Proposal(text, FIRST - STEP * number) for number, text in enumerate(self._texts)]
        answers = await self._base.propose(queries)
        return [replace(advice, proposals=(*own, *advice.proposals)) for advice in answers]


def mutations(steps: FailedSteps) -> Iterator[str]:
    """The tactics to try, each once, likeliest first."""
    seen: set[str] = set()
    for text in _all(steps):
        text = text.strip()
        if text and text not in seen and "sorry" not in text:
            seen.add(text)
            yield text


def _all(steps: FailedSteps) -> Iterator[str]:
    for text in steps.removed:
        yield from renamed(text, steps.near)
    yield from steps.removed
    for text in steps.removed:
        yield from flipped(text)
    yield from steps.tactics


def renamed(text: str, near: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """The text with an unknown identifier replaced by each similar one."""
    for word, known in near:
        pattern = rf"(?<![\w.']){re.escape(word)}(?![\w'])"
        if re.search(pattern, text):
            for each in known:
                yield re.sub(pattern, each.replace("\\", ""), text)


_FLIPS = (
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


def flipped(text: str) -> Iterator[str]:
    """The text with one thing the other way round: a side, a direction, two arguments."""
    for pattern, replacement in _FLIPS:
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
