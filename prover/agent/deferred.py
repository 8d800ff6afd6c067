"""Proofs found, and the verifier's word on them; those that rest on other `sorry`s of their file.

Such a proof is pending. It counts only in a round where every pending proof is accepted with all
accepted and all pending proofs of the file in place. A proof refused in a round is dropped for good
and the next round goes without it.
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
from ...lean_env.verification.script import splice


class CheckedProof(Protocol):
    """A verdict, and the whole file with the proof in place; the original where Lean takes none."""

    @property
    def verdict(self) -> Verdict: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102


class ProofChecker(Protocol):
    """The verifier; it never runs a search."""

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> CheckedProof:
        """Check a tactic block in the place of the theorem's `sorry`, in about `left_s` at most."""
        ...

    async def compare(
        self, original: str, submission: str, *, name: str = ...
    ) -> list[tuple[str, Verdict]]:
        """Whether a file proves each declaration of the original, and nothing weaker."""
        ...


@dataclass(frozen=True, slots=True)
class JudgedProof:
    """A proof and the verdict on it.

    block: its tactics at column 0. text: what stands in the file in place of the `sorry`.
    """

    block: str
    text: str
    verdict: Verdict


async def judge(
    verifier: ProofChecker, theorem: Theorem, block: str, left_s: float = inf
) -> JudgedProof:
    """Have a tactic block checked in the place of the theorem's `sorry`, in about `left_s`."""
    checked = await verifier.verify(theorem, block, left_s)
    is_in_place = checked.source != theorem.source
    source = checked.source if is_in_place else splice(theorem.source, theorem, block)[0]
    return JudgedProof(block, replacement(theorem, source), checked.verdict)


@dataclass(frozen=True, slots=True)
class PendingProof:
    """A proof that rests on another `sorry`. block: its tactics as they were first checked."""

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
    """The theorem in its file with the proofs of the other attempts written in."""
    file = (theorem.path, theorem.source)
    proofs = {
        a.theorem.start: a
        for a in attempts
        if (a.theorem.path, a.theorem.source) == file and a.theorem.start != theorem.start
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


async def resolve(
    pending: Sequence[PendingProof], accepted: Sequence[Attempt], verifier: ProofChecker
) -> list[Attempt]:
    """Check the pending proofs again by the rule above; the final attempt of each, in order."""
    final = {id(proof): proof.attempt for proof in pending}
    open_ = list(pending)
    while open_:
        in_question = [*accepted, *(proof.attempt for proof in open_)]
        for proof in open_:
            final[id(proof)] = await _check_again(proof, in_question, verifier)
        left = [proof for proof in open_ if final[id(proof)].is_proved]
        if len(left) == len(open_):
            break
        open_ = left
    return [final[id(proof)] for proof in pending]


async def _check_again(
    pending: PendingProof, in_question: Sequence[Attempt], verifier: ProofChecker
) -> Attempt:
    before = pending.attempt
    theorem = in_place(before.theorem, in_question)
    if theorem.source == before.theorem.source:
        return before
    found = await judge(verifier, theorem, pending.block)
    if not isinstance(found.verdict, Accepted):
        return replace(before, verdict=found.verdict)
    return replace(
        before, stop=StopReason.PROVED, verdict=found.verdict, proof=found.text, detail=""
    )
