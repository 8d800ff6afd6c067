"""The last word on proofs that passed in their places: their file is judged once, with all of them.

A proof that fails there is left out, and the rest is judged again without it. Where Lean says of
none which it is, halves of them are tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Protocol

from ...data.records import Accepted, Attempt, RefusalKind, Refused, StopReason, Theorem, Verdict
from .deferred import CheckedProof, ProofChecker

UNCONFIRMED = "its proof passed in its place, but its file was not checked with it: use --resume"


class TogetherChecker(Protocol):
    """What judges a file once, with many proofs in it."""

    async def verify_together(
        self, theorems: Sequence[Theorem], texts: Sequence[str]
    ) -> list[Verdict | None]:
        """One verdict each, in order; None: others have errors, so nothing is known of it."""
        ...


class PlaceChecker(ProofChecker, TogetherChecker, Protocol):
    """What can do both, and checks one proof in its place."""

    async def verify_in_place(
        self, theorem: Theorem, proof: str, left_s: float = inf
    ) -> CheckedProof:
        """As `verify`, of its declaration alone."""
        ...


class InPlace(ProofChecker):
    """A verifier that checks proofs in their places; negations, which stand in no file, whole."""

    def __init__(self, verifier: PlaceChecker) -> None:
        self._verifier = verifier

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> CheckedProof:
        """Check a tactic block in the place of the theorem's `sorry`, in about `left_s` at most."""
        if theorem.negates is not None:
            return await self._verifier.verify(theorem, proof, left_s)
        return await self._verifier.verify_in_place(theorem, proof, left_s)

    async def compare(
        self, original: str, submission: str, *, name: str = "submission"
    ) -> list[tuple[str, Verdict]]:
        """Whether a file proves each declaration of the original, and nothing weaker."""
        return await self._verifier.compare(original, submission, name=name)


async def confirm(attempts: Sequence[Attempt], checker: TogetherChecker) -> list[Attempt]:
    """Judge the files of proofs with all of them in it; the final attempt of each, in order."""
    files: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        files[attempt.theorem.path, attempt.theorem.source].append(attempt)
    final: dict[int, Attempt] = {}
    for found in files.values():
        check = _FileCheck(checker)
        await check.settle(found)
        final |= {id(a): _final(a, check.verdicts[id(a)]) for a in found}
    return [final[id(attempt)] for attempt in attempts]


def unconfirmed(attempt: Attempt) -> Attempt:
    """A proof whose file could not be judged any more: found, and nothing is claimed of it."""
    return replace(attempt, stop=StopReason.INTERRUPTED, verdict=None, detail=UNCONFIRMED)


def _final(before: Attempt, verdict: Verdict) -> Attempt:
    if isinstance(verdict, Accepted):
        detail = before.detail if before.is_proved else ""
        return replace(before, stop=StopReason.PROVED, verdict=verdict, detail=detail)
    why = "; ".join(reason.text for reason in verdict.reasons)
    if before.is_proved:
        why = f"its proof passed in its place, not in the whole file: {why}"
    return replace(before, stop=StopReason.REFUSED, verdict=verdict, detail=why)


class _FileCheck:
    """The checks of one file. verdicts: the last on each attempt, by its id."""

    def __init__(self, checker: TogetherChecker) -> None:
        self._checker = checker
        self.verdicts: dict[int, Verdict] = {}

    async def settle(self, attempts: Sequence[Attempt]) -> None:
        """Find those that stand together; every one gets its verdict."""
        left = list(attempts)
        while left and (refused := await self._refused([], left)):
            if len(refused) == len(left) > 1 and all(map(_is_of_errors, refused.values())):
                await self._halve([], left)
                return
            left = [attempt for attempt in left if id(attempt) not in refused]

    async def _halve(self, base: Sequence[Attempt], some: Sequence[Attempt]) -> list[Attempt]:
        """Those of some that stand with a base that stands."""
        if not await self._refused(base, some):
            return list(some)
        if len(some) == 1:
            return []
        half = len(some) // 2
        first = await self._halve(base, some[:half])
        return first + await self._halve([*base, *first], some[half:])

    async def _refused(
        self, base: Sequence[Attempt], some: Sequence[Attempt]
    ) -> dict[int, Refused]:
        """Judge the file with these; none are refused only if all are accepted."""
        attempts = [*base, *some]
        theorems = [attempt.theorem for attempt in attempts]
        texts = [attempt.proof or "" for attempt in attempts]
        said = await self._checker.verify_together(theorems, texts)
        verdicts = {id(a): verdict for a, verdict in zip(attempts, said, strict=True) if verdict}
        refused = {key: v for key, v in verdicts.items() if isinstance(v, Refused)}
        assert refused or len(verdicts) == len(attempts)
        own = {id(attempt) for attempt in some}
        self.verdicts |= {k: v for k, v in refused.items() if k in own} if refused else verdicts
        return refused


def _is_of_errors(verdict: Refused) -> bool:
    return all(reason.kind is RefusalKind.DOES_NOT_COMPILE for reason in verdict.reasons)
