"""What is learned from proofs: likeness of goals, tactics in other names, the policy `knn`."""

import asyncio
import sqlite3

import pytest
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    Hypothesis,
    ProofState,
    Rejected,
    Step,
    StopReason,
    Theorem,
)
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.learning.features import features
from lakatos.prover.learning.knn import NearestNeighbours
from lakatos.prover.learning.lessons import observing
from lakatos.prover.learning.memory import TacticMemory
from lakatos.prover.learning.renaming import renamed
from lakatos.prover.policy.base import Query, SeededPolicy, learners
from lakatos.prover.policy.mixture import Mixture


def goal(text):
    """A goal written as Lean shows it, its hypotheses on lines of their own."""
    *above, target = [line.strip() for line in text.strip().splitlines()]
    pairs = [line.split(" : ", 1) for line in above]
    found = [Hypothesis(name, type_) for names, type_ in pairs for name in names.split()]
    return Goal(target.removeprefix("⊢ "), tuple(found))


LENGTH = goal("""
    xs ys : List Nat
    h : xs.length = 0
    ⊢ xs ++ ys = ys""")
LENGTH_AGAIN = goal("""
    n : Nat
    us vs : List Nat
    hu : us.length = 0
    ⊢ us ++ vs = vs""")
SUM = goal("""
    a b : Nat
    h : a < b
    ⊢ a + 7 < b + 7""")


def theorem_at(key, found):
    state = ProofState(key, (found,))
    return Theorem(key, "", "t.lean", 0, 0, 1, 0, "tactic", state)


def proposals(policy, found):
    theorem = theorem_at("new", found)
    (answer,) = asyncio.run(policy.propose([Query(theorem, theorem.state)]))
    return [proposal.tactic for proposal in answer.proposals]


def test_features_are_blind_to_local_names_and_large_numbers():
    text = "x y : List Nat\n⊢ x ++ y = {}"
    other = "as bs : List Nat\n⊢ as ++ bs = {}"
    assert features(goal(text.format(31))) == features(goal(other.format(77)))
    assert features(goal(text.format(1))) != features(goal(text.format(2)))
    assert "⊢·List .length =" in features(goal("x : List Nat\n⊢ x.length = 3"))


@pytest.mark.parametrize(
    ("tactic", "expected"),
    [
        ("have := List.eq_nil_of_length_eq_zero h", "have := List.eq_nil_of_length_eq_zero hu"),
        ("cases xs", "cases us"),
        ("exact h.symm ▸ ys.foo", "exact hu.symm ▸ vs.foo"),
        ("simp_all", "simp_all"),
        ("rw [Nat.h, xs']", "rw [Nat.h, xs']"),
    ],
)
def test_a_tactic_is_written_in_the_names_of_another_goal(tactic, expected):
    assert renamed(tactic, LENGTH, LENGTH_AGAIN) == expected


def test_names_follow_the_order_of_equals():
    old = goal("p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q")
    new = goal("a b : Prop\nx : a\ny : b\n⊢ a ∧ b")
    assert renamed("exact ⟨hp, hq⟩", old, new) == "exact ⟨x, y⟩"


def test_no_name_no_tactic():
    assert renamed("exact h", LENGTH, goal("xs : List Nat\n⊢ xs = xs")) is None
    hidden = goal("x✝ : Nat\n⊢ x✝ = x✝")
    assert renamed("cases x✝", hidden, LENGTH) is None


def test_the_likest_come_first_and_a_theorems_own_never():
    memory = TacticMemory()
    memory.add(SUM, "omega", "sum")
    memory.add(LENGTH, "simp_all", "length")
    memory.add(LENGTH, "simp_all", "the same again")
    assert len(memory) == 2
    found = memory.nearest(LENGTH_AGAIN, 2, "new")
    assert [each.tactic for _, each in found] == ["simp_all", "omega"]
    assert 1 >= found[0][0] > found[1][0] > 0
    assert [each.tactic for _, each in memory.nearest(LENGTH, 2, "length")] == ["omega"]


def test_the_oldest_are_forgotten():
    memory = TacticMemory(most=3)
    for number in range(10):
        memory.add(goal(f"x : T{number}\n⊢ x = x"), f"t{number}", "t")
    assert len(memory) == 3
    tactics = {each.tactic for _, each in memory.nearest(goal("x : T1\n⊢ x = x"), 9, "")}
    assert tactics == {"t7", "t8", "t9"}


def test_it_proposes_what_it_learned_best_first():
    policy = NearestNeighbours()
    assert proposals(policy, LENGTH_AGAIN) == []
    policy.learn("sum", [(ProofState("s", (SUM,)), "omega")])
    policy.learn("length", [(ProofState("l", (LENGTH,)), "cases xs <;> simp_all")])
    assert proposals(policy, LENGTH_AGAIN) == ["cases us <;> simp_all", "omega"]
    policy.learn("new", [(ProofState("new", (LENGTH_AGAIN,)), "exact secret")])
    assert "exact secret" not in proposals(policy, LENGTH_AGAIN)


def test_only_the_steps_of_the_proof_are_taught():
    policy, found = NearestNeighbours(), theorem_at("root", LENGTH)
    child = ProofState("child", (goal("ys : List Nat\n⊢ [] ++ ys = ys"),))
    tried = [
        Expansion(found.state, (
            Step("omega", 0.5, Rejected("no")),
            Step("cases xs", 0.5, Advanced((child, ProofState("open", (SUM,))))),
            Step("subst h", 0.5, Advanced((child,))),
        ), 0.5),
        Expansion(child, (Step("rfl", 1.0, Advanced(())),), 0.5),
    ]  # fmt: skip
    lessons = observing(Mixture([(Hammer(), 1.0), (policy, 1.0)]), NoObserver())
    lessons.start_attempt(found)
    lessons.expansions(found, tried)
    lessons.finish_attempt(Attempt(found, StopReason.WALL_TIME))
    assert proposals(policy, LENGTH_AGAIN) == []
    lessons.start_attempt(found)
    lessons.expansions(found, tried)
    lessons.finish_attempt(Attempt(found, StopReason.PROVED, "…", Accepted()))
    assert sorted(proposals(policy, LENGTH_AGAIN)) == ["rfl", "subst hu"]


def test_who_learns_is_found_in_what_it_is_part_of():
    policy = NearestNeighbours()
    assert learners(SeededPolicy(Mixture([(Hammer(), 1.0), (policy, 1.0)]), 0, 8)) == [policy]
    observer = NoObserver()
    assert observing(Hammer(), observer) is observer
    assert learners(Hammer()) == []


TAUGHT = """\
theorem drop_left (xs ys : List Nat) (h : xs.length = 0) : xs ++ ys = ys := by
  have : xs = [] := List.eq_nil_of_length_eq_zero h
  subst this
  simp
"""
LIKE_IT = """\
theorem drop_both (us vs : List Nat) (hu : us.length = 0) : us ++ (vs ++ us) = vs := by
  sorry
"""


@pytest.mark.lean
def test_proofs_of_the_file_and_of_the_database_are_neighbours(run, tmp_path):
    (tmp_path / "like.lean").write_text(LIKE_IT)
    (tmp_path / "taught.lean").write_text(TAUGHT + LIKE_IT)
    knn = ("--policy", "knn", "--time", "20", "--memory", "none")
    code, out, _ = run("prove", "like.lean", *knn)
    assert (code, out[0]) == (1, "✗")
    shipped = ("--db", "other.db", "--memory", "shipped")
    code, out, _ = run("prove", "like.lean", *knn, *shipped)
    assert (code, out[0]) == (0, "✓")
    code, out, _ = run("prove", "taught.lean", *knn)
    assert (code, out[0]) == (0, "✓")
    other = LIKE_IT.replace("us", "left").replace("drop_both", "drop_more").replace("vs", "right")
    (tmp_path / "other.lean").write_text(other.replace("Nat", "Int"))
    code, out, _ = run("prove", "other.lean", *knn)
    assert (code, out[0]) == (0, "✓")
    with sqlite3.connect(tmp_path / "attempts.db") as database:
        assert database.execute("select count(*) from attempts").fetchall() == [(3,)]
