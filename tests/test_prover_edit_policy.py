"""What is tried again of a broken proof, in which order, and that another policy goes on."""

import asyncio

from lakatos.data.records import Hypothesis, ProofState, Theorem
from lakatos.prover.agent.negation import counterexamples
from lakatos.prover.policy.base import Proposal, Query
from lakatos.prover.policy.scripted import ScriptedPolicy
from lakatos.prover.repair.edit_policy import (
    MOST,
    EditPolicy,
    FailedSteps,
    flipped,
    mutations,
    swapped,
)

STATE = ProofState("a")
THEOREM = Theorem("t", "", "t.lean", 0, 0, 1, 0, "tactic", STATE)


def test_near_names_come_before_the_text_itself_and_other_tactics_last():
    steps = FailedSteps(
        removed=("rw [Nat.add_comn]",),
        tactics=("exact h",),
        near=(("Nat.add_comn", ("Nat.add_comm", "Nat.and_comm")),),
    )
    found = list(mutations(steps))
    assert found[:3] == [
        "rw [Nat.add_comm]", "rw [Nat.and_comm]", "rw [Nat.add_comn]",
    ]  # fmt: skip
    assert found[-1] == "exact h"
    assert "rw [← Nat.add_comn]" in found
    assert len(found) == len(set(found))


def test_a_text_with_a_hole_is_not_tried_again():
    assert list(mutations(FailedSteps(removed=("have h : p := sorry",)))) == []


def test_one_thing_is_flipped():
    assert "right\nexact hq" in flipped("left\nexact hq")
    assert "exact h.2" in flipped("exact h.1")
    assert "exact Nat.le_trans h1 h2" in flipped("exact Nat.le_trans h2 h1")
    assert "exact (h).symm" in flipped("exact h")
    assert list(swapped("exact f (g x) y")) == ["exact f y (g x)"]


def test_the_other_policy_goes_on_behind():
    salvage = EditPolicy(
        ScriptedPolicy({}, [Proposal("rfl", 0.2)]), FailedSteps(removed=("exact h",))
    )
    advice = asyncio.run(salvage.propose([Query(THEOREM, STATE)]))[0]
    tactics = [proposal.tactic for proposal in advice.proposals]
    assert tactics[0] == "exact h"
    assert tactics[-1] == "rfl"
    assert all(0 < proposal.prior <= 1 for proposal in advice.proposals)


def test_no_more_than_so_many_mutations():
    many = FailedSteps(tactics=tuple(f"exact h{i}" for i in range(200)))
    salvage = EditPolicy(ScriptedPolicy({}), many)
    advice = asyncio.run(salvage.propose([Query(THEOREM, STATE)]))[0]
    assert len(advice.proposals) == MOST


def test_counterexamples_take_the_variables_that_come_first():
    text = counterexamples([Hypothesis("p", "Prop"), Hypothesis("h", "p"), Hypothesis("n", "Nat")])
    assert text.count("have c := h ") == 2
    assert "h False;" in text
    assert counterexamples([Hypothesis("h", "p")]) == ""
    assert counterexamples([Hypothesis(f"n{i}", "Nat") for i in range(9)]).count("\n") < 160
