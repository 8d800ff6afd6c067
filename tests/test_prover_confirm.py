"""Proofs that passed in their places, and the one check of their file that has the last word."""

import asyncio
from dataclasses import replace

import pytest
from lakatos.data.errors import StoreError
from lakatos.data.records import (
    Accepted,
    Attempt,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
)
from lakatos.prover.agent.confirm import UNCONFIRMED, InPlace, confirm
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.task import ProverContext
from lakatos.prover.config import ProverConfig

from .toy_prover import BROKEN, Judge, Log, ToyPolicy, ToyPool

SORRY = Refused((Refusal(RefusalKind.SORRY, "it rests on another sorry"),))


def found(name, path="F.lean"):
    theorem = Theorem(name, f"file {path}", path, 0, 5, 1, 0, "tactic", ProofState("k"))
    return Attempt(theorem, StopReason.PROVED, f"proof of {name}", Accepted(), 3, 9, 1.5)


class Together:
    """Judges files: `bad` names are refused by name, `breaks` make errors that name nobody."""

    def __init__(self, bad=None, breaks=(), named=()):
        self.bad, self.breaks, self.named = bad or {}, breaks, named
        self.asked = []

    async def verify_together(self, theorems, texts):
        names = [theorem.name for theorem in theorems]
        self.asked.append(names)
        assert texts == [f"proof of {name}" for name in names]
        if errors := [name for name in names if name in self.named]:
            return [BROKEN if name in errors else None for name in names]
        if any(name in self.breaks for name in names):
            return [BROKEN for _ in names]
        return [self.bad.get(name, Accepted(("propext",))) for name in names]


def confirmed(names, together):
    attempts = asyncio.run(confirm([found(name) for name in names], together))
    assert [attempt.theorem.name for attempt in attempts] == list(names)
    return {attempt.theorem.name: attempt for attempt in attempts}


def test_one_check_for_all_proofs_of_a_file():
    together = Together()
    attempts = confirmed("abc", together)
    assert together.asked == [["a", "b", "c"]]
    assert all(a.is_proved and a.verdict == Accepted(("propext",)) for a in attempts.values())
    assert (attempts["a"].expansions, attempts["a"].wall_s) == (3, 1.5)


def test_each_file_is_checked_for_itself():
    together = Together()
    attempts = [found("a"), found("b", "G.lean"), found("c")]
    asyncio.run(confirm(attempts, together))
    assert together.asked == [["a", "c"], ["b"]]


@pytest.mark.parametrize("how", ["bad", "named"])
def test_what_fails_in_the_file_is_left_out_and_the_rest_checked_again(how):
    together = Together(**{how: {"b": BROKEN}})
    attempts = confirmed("abc", together)
    assert together.asked == [["a", "b", "c"], ["a", "c"]]
    assert [n for n, a in attempts.items() if a.is_proved] == ["a", "c"]
    assert attempts["b"].stop is StopReason.REFUSED
    assert attempts["b"].detail == "its proof passed in its place, not in the whole file: line 1"


def test_where_no_proof_is_named_halves_are_tried():
    names = [f"t{n}" for n in range(32)]
    together = Together(breaks={"t13", "t20"})
    attempts = confirmed(names, together)
    assert [n for n, a in attempts.items() if not a.is_proved] == ["t13", "t20"]
    assert len(together.asked) <= 25
    accepted = [n for n in names if n not in together.breaks]
    assert accepted in together.asked, "those that are left were checked as they are"


def test_a_proof_on_a_sorry_that_stays_open_is_refused_with_what_rests_on_it():
    pending = replace(found("b"), stop=StopReason.REFUSED, verdict=SORRY, detail="rests")
    together = Together(bad={"b": SORRY})
    attempts = asyncio.run(confirm([found("a"), pending], together))
    assert [a.is_proved for a in attempts] == [True, False]
    assert attempts[1].detail == "it rests on another sorry"
    attempts = asyncio.run(confirm([found("a"), pending], Together()))
    assert all(a.is_proved for a in attempts)


class PlaceJudge(Judge):
    """Checks in place as it checks else; files by `together`."""

    def __init__(self, together=None, **verdicts):
        super().__init__(**verdicts)
        self.together = together

    verify_in_place = Judge.verify

    async def verify(self, theorem, proof, left_s=None):
        raise AssertionError("the whole file was checked for one proof")

    async def verify_together(self, theorems, texts):
        if isinstance(self.together, BaseException):
            raise self.together
        self.asked.append([theorem.name for theorem in theorems])
        return [Accepted() for _ in theorems]


class FoundLog(Log):
    def proof_found(self, attempt):
        self.calls.append(("found", attempt.theorem.name, attempt.stop))


def prove_in_place(names, judge, log):
    pool = ToyPool()
    context = ProverContext(
        pool, InPlace(judge), ToyPolicy(), log, ProverConfig(), lambda: 0.0, together=judge
    )
    return asyncio.run(Prover.of(context).prove([pool.theorem(name) for name in names]))


def test_nothing_counts_as_proved_before_its_file_was_checked():
    judge, log = PlaceJudge(), FoundLog()
    attempts = prove_in_place(["identity", "curry", "lem"], judge, log)
    assert [a.is_proved for a in attempts] == [True, True, False]
    ends = [call for call in log.calls if call[0] in ("found", "finish")]
    assert {call[:2] for call in ends[:3]} == {
        ("found", "identity"),
        ("found", "curry"),
        ("finish", "lem"),
    }
    assert [call[:2] for call in ends[3:]] == [("finish", "identity"), ("finish", "curry")]


def test_what_ends_before_the_file_was_checked_claims_nothing_and_keeps_the_proof():
    ends = []

    class Keep(FoundLog):
        def finish_attempt(self, attempt):
            ends.append(attempt)

    with pytest.raises(StoreError):
        prove_in_place(["identity"], PlaceJudge(StoreError("the disk is full")), Keep())
    [attempt] = ends
    assert (attempt.stop, attempt.verdict) == (StopReason.INTERRUPTED, None)
    assert attempt.detail == UNCONFIRMED
    assert "intro" in attempt.proof
