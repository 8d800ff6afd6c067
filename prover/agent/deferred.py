"""Proofs that stand on other `sorry`s of their file, and how they are judged in the end.

The rule: such a proof counts only in a round where every proof that is still in question is
accepted with all accepted and all questioned proofs of the file in place. A proof refused in a
round is dropped for good and the next round goes without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from ...data.records import (
    Accepted,
    Attempt,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
    Verdict,
)


class CheckedProof(Protocol):
    """A verdict, and the whole file with the proof in place."""

    @property
    def verdict(self) -> Verdict: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102


class ProofChecker(Protocol):
    """The judge; it never runs a search."""

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> CheckedProof:
        """Judge a tactic block in the place of the theorem's `sorry`, in about `left_s` at most."""
        ...


@dataclass(frozen=True, slots=True)
class PendingProof:
    """A proof whose only fault is another `sorry`. block: the tactics as first judged."""

    attempt: Attempt
    block: str


def rests_on_sorry(verdict: Verdict | None) -> bool:
    """Whether a `sorry` below it is all that the verifier holds against the proof."""
    return isinstance(verdict, Refused) and all(
        reason.kind is RefusalKind.SORRY for reason in verdict.reasons
    )


def is_over_limit(verdict: Verdict | None) -> bool:
    """Whether the check of a proof reached a limit: then no other proof is looked for."""
    return isinstance(verdict, Refused) and any(
        reason.kind is RefusalKind.LIMIT for reason in verdict.reasons
    )


def replacement(theorem: Theorem, source: str) -> str:
    """The text that stands in `source` where the theorem's file has its `sorry`."""
    before = theorem.source.encode()
    after = source.encode()
    return after[theorem.start : len(after) - (len(before) - theorem.stop)].decode()


def in_place(theorem: Theorem, attempts: Sequence[Attempt]) -> Theorem:
    """The theorem in its file with the proofs of these attempts written in, its own left out."""
    mine = (theorem.path, theorem.source)
    proofs = {
        a.theorem.start: a
        for a in attempts
        if (a.theorem.path, a.theorem.source) == mine and a.theorem.start != theorem.start
    }
    text = theorem.source.encode()
    shift = 0
    for start, attempt in sorted(proofs.items(), reverse=True):
        proof = (attempt.proof or "").encode()
        stop = attempt.theorem.stop
        text = text[:start] + proof + text[stop:]
        if start < theorem.start:
            shift += len(proof) - (stop - start)
    start, stop = theorem.start + shift, theorem.stop + shift
    return replace(theorem, source=text.decode(), start=start, stop=stop)


async def settle(
    kept: Sequence[PendingProof], accepted: Sequence[Attempt], verifier: ProofChecker
) -> list[Attempt]:
    """Judge the kept proofs again by the rule above; one final attempt for each, in order."""
    final = {id(k): k.attempt for k in kept}
    open_ = list(kept)
    while open_:
        standing = [*accepted, *(k.attempt for k in open_)]
        for k in open_:
            final[id(k)] = await _judge_again(k, standing, verifier)
        left = [k for k in open_ if final[id(k)].is_proved]
        if len(left) == len(open_):
            break
        open_ = left
    return [final[id(k)] for k in kept]


async def _judge_again(
    kept: PendingProof, standing: Sequence[Attempt], verifier: ProofChecker
) -> Attempt:
    theorem = in_place(kept.attempt.theorem, standing)
    if theorem.source == kept.attempt.theorem.source:
        return kept.attempt
    verified = await verifier.verify(theorem, kept.block)
    if not isinstance(verified.verdict, Accepted):
        return replace(kept.attempt, verdict=verified.verdict)
    proof = replacement(theorem, verified.source)
    return replace(
        kept.attempt, stop=StopReason.PROVED, verdict=verified.verdict, proof=proof, detail=""
    )
