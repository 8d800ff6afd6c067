"""Refutation beside the search: posed once, judged, shared budgets; a real false theorem."""

import asyncio
from dataclasses import replace

import pytest
from lakatos.data.errors import WorkerDied
from lakatos.data.records import Accepted, Advanced, Rejected, Rejection, Step, StopReason
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.negation import HYPOTHESES_CONTRADICT, negation
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer

from .toy_prover import NAMES, SORRY, Judge, Log, ToyPool, prove

REFUTE = {"refute": 0.4, "expansions": 100, "first_round": 4}


def test_a_false_theorem_is_disproved():
    log = Log()
    attempt = prove(["wrong"], log=log, **REFUTE)["wrong"]
    assert attempt.stop is StopReason.DISPROVED
    assert attempt.verdict == Accepted()
    assert attempt.proof == "by 'intro\\nassumption'"
    assert not attempt.is_proved
    assert [c[1] for c in log.calls if c[0] == "finish"] == ["¬ wrong", "wrong"]


def test_without_the_option_nothing_is_disproved():
    assert prove(["wrong"])["wrong"].stop is StopReason.DEAD_END


def test_a_disproof_that_rests_on_the_theorem_itself_does_not_count():
    judge = Judge(**{"¬ wrong": lambda source: SORRY})
    attempt = prove(["wrong"], judge=judge, **REFUTE)["wrong"]
    assert attempt.stop is StopReason.DEAD_END
    assert attempt.proof is None


def test_refutation_keeps_what_is_provable():
    attempts = prove(NAMES, **REFUTE)
    assert all(attempts[n].is_proved for n in NAMES[:6])
    assert not any(a.stop is StopReason.DISPROVED for a in attempts.values())


def test_the_shares_of_the_budget_are_kept():
    log = Log()
    prove(["peirce"], log=log, refute=0.5, expansions=6, in_flight=1)
    told = {"peirce": 0, "¬ peirce": 0}
    for call in log.calls:
        if call[0] == "expansions":
            told[call[1]] += len(call[2])
    assert told["peirce"] <= 3
    assert 0 < told["¬ peirce"] <= 3


@pytest.mark.parametrize("refute", [0.01, 0.99])
@pytest.mark.parametrize("expansions", [1, 2, 9])
def test_a_small_share_of_a_small_budget_still_ends(refute, expansions):
    attempts = prove(["peirce", "wrong"], refute=refute, expansions=expansions)
    assert attempts["wrong"].stop in (StopReason.DISPROVED, StopReason.DEAD_END)
    assert attempts["peirce"].stop in (StopReason.EXPANSIONS, StopReason.DEAD_END)


def test_no_delay_changes_a_refutation():
    names = ["wrong", "identity", "peirce"]
    logs = []
    for seed in range(3):
        log = Log()
        prove(names, pool=ToyPool(seed), log=log, **REFUTE)
        logs.append([log.of(n) for n in names] + [log.of(f"¬ {n}") for n in names])
    assert logs[0] == logs[1] == logs[2]


class FalseAtValues(ToyPool):
    """Whose worker says that every theorem is false; the negation of `wrong` has that disproof."""

    async def apply(self, state, tactics, **limits):
        if list(tactics) != ["counterexample?"]:
            return await super().apply(state, tactics)
        negated = any("¬" in name and toy.root == state for name, toy in self.toys.items())
        if not negated:
            return [Step("counterexample?", 1.0, Rejected("n = 5", Rejection.FALSE))]
        return [Step("intro\nassumption", 1.0, Advanced(()))]


def test_a_theorem_that_is_false_at_values_is_disproved_before_any_search():
    log = Log()
    attempt = prove(["wrong"], pool=FalseAtValues(), log=log)["wrong"]
    assert attempt.stop is StopReason.DISPROVED
    assert attempt.verdict == Accepted()
    assert attempt.detail == "false: n = 5"
    assert attempt.expansions == 0


def test_values_without_a_disproof_that_is_accepted_decide_nothing():
    refusing = Judge(**{"¬ wrong": lambda source: SORRY})
    attempt = prove(["wrong"], pool=FalseAtValues(), judge=refusing)["wrong"]
    assert attempt.stop is StopReason.DEAD_END


class DyingLate(ToyPool):
    """Its workers die when asked whether the hypotheses contradict each other."""

    async def apply(self, state, tactics, **limits):
        if "intros" in tactics:
            raise WorkerDied("out of memory")
        return await super().apply(state, tactics)


def test_an_accepted_proof_outlives_what_comes_after():
    assert prove(["identity"], pool=DyingLate(), **REFUTE)["identity"].is_proved


def test_a_theorem_with_two_holes_is_not_negated():
    class TwoHoles(ToyPool):
        async def open(self, path, source):
            opened = await super().open(path, source)
            first = opened.theorems[0]
            return replace(opened, theorems=(first, *opened.theorems))

    pool = TwoHoles()
    assert asyncio.run(negation(pool, pool.theorem("wrong"))) is None
    assert asyncio.run(negation(ToyPool(), pool.theorem("wrong"))) is not None


FILE = """example : ∀ k : Nat, k * k = k := by sorry

namespace Deep
section
variable (α : Type u) (x : α) {n : Nat} (hn : n ≠ n)

theorem poly.{v} (β : Type v) (a b : β) : a = b := by
  sorry

theorem less (m : Nat) : m < m + 0 := by
  have h : m < m := by
    sorry
  exact h

theorem uses : n + 1 < n := by sorry

example : n < n := by
  have := hn
  sorry

theorem true (m : Nat) : m ≤ m := by sorry

private theorem hidden : 1 = 2 := by sorry

theorem vacuous (m : Nat) (h : m < m) : m = 7 := by sorry

end
end Deep
"""


@pytest.mark.lean
def test_lean_disproves_the_false_and_only_them(toolchain):
    async def attempts():
        config = ProverConfig(refute=0.5, wall_s=60, expansions=60)
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("f.lean", FILE)
            assert not [m for m in opened.messages if m.severity == "error"]
            prover = Prover(pool, verifier, Hammer(), config)
            return await prover.prove(opened.theorems)

    found = {a.theorem.name: a for a in asyncio.run(attempts())}
    stops = {name: a.stop.value for name, a in found.items()}
    assert stops.pop("Deep.hidden") != "proved"
    assert stops.pop("Deep.poly") != "proved"
    assert stops == {
        "Deep.less": "disproved",
        "Deep.uses": "disproved",
        "example@1": "disproved",
        "example@19": "proved",
        "Deep.true": "proved",
        "Deep.vacuous": "proved",
    }
    assert found["Deep.vacuous"].detail == HYPOTHESES_CONTRADICT
    assert found["Deep.true"].detail == ""


@pytest.mark.lean
def test_lean_disproves_at_small_values_without_the_option(toolchain):
    async def attempts():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("f.lean", FILE)
            wanted = [t for t in opened.theorems if t.name in ("example@1", "Deep.true")]
            return await Prover(pool, verifier, Hammer(), ProverConfig(wall_s=60)).prove(wanted)

    found = {a.theorem.name: a for a in asyncio.run(attempts())}
    assert found["example@1"].stop is StopReason.DISPROVED
    assert found["example@1"].detail == "false: k = 2"
    assert found["example@1"].expansions == 0
    assert found["Deep.true"].is_proved


@pytest.mark.lean
def test_lean_takes_a_disproof_in_the_lowest_universe(toolchain):
    async def verdicts():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("f.lean", FILE)
            poly = next(t for t in opened.theorems if t.name == "Deep.poly")
            posed = await negation(pool, poly)
            proofs = "intro h\ncases h Bool true false", "intro h\ncases Deep.poly Bool true false"
            return [(await verifier.verify(posed, proof)).verdict for proof in proofs]

    honest, circular = asyncio.run(verdicts())
    assert honest == Accepted()
    assert [reason.kind for reason in circular.reasons] == ["sorry"]
