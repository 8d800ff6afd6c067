"""`loop_induction?`: proofs along recursive functions, with invariants that Lean's worker finds."""

import asyncio

import pytest
from lakatos.data.records import Accepted, Advanced, Rejected
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.verifier import Verifier

SOURCE = """def firstZero (xs : Array Nat) (i : Nat) : Nat :=
  if i < xs.size then
    if xs[i]! = 0 then i else firstZero xs (i + 1)
  else xs.size

def search (xs : Array Nat) : Nat := firstZero xs 0

def isFirst (xs : Array Nat) (r : Nat) : Prop :=
  r ≤ xs.size ∧ ∀ k, k < r → xs[k]! ≠ 0

theorem found (xs : Array Nat) : isFirst xs (search xs) := by sorry

def largest (xs : Array Int) (i : Nat) (best : Int) : Int :=
  if i < xs.size then
    let next := if best < xs[i]! then xs[i]! else best
    largest xs (i + 1) next
  else best

theorem bound (xs : Array Int) (h : 0 < xs.size) :
    ∀ k, k < xs.size → xs[k]! ≤ largest xs 1 xs[0]! := by sorry

def double : List Nat → List Nat
  | [] => []
  | x :: xs => x :: x :: double xs

theorem twice (xs : List Nat) : (double xs).length = 2 * xs.length := by sorry

def place (x : Nat) : List Nat → List Nat
  | [] => [x]
  | y :: ys => if y < x then y :: x :: ys else y :: place x ys

def reorder : List Nat → List Nat
  | [] => []
  | x :: xs => place x (reorder xs)

theorem reordered (xs : List Nat) : (reorder xs).Perm xs := by sorry

theorem none_called (n : Nat) : n + 0 = n := by sorry
theorem wrong (xs : Array Nat) : xs.size ≤ search xs + 1 := by sorry
"""


@pytest.mark.lean
def test_invariants_of_loops_are_found_and_proved(toolchain):
    async def go():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("Loops.lean", SOURCE)
            for theorem in opened.theorems:
                (step,) = await pool.apply(theorem.state, "loop_induction?", timeout_s=60)
                found[theorem.declaration] = step
                if step.outcome == Advanced(()):
                    checked = await verifier.verify(theorem, step.tactic)
                    assert isinstance(checked.verdict, Accepted)

    found = {}
    asyncio.run(go())
    for name in ("found", "bound", "twice", "reordered"):
        assert found[name].outcome == Advanced(()), found[name]
        assert "fun_induction" in found[name].tactic
        assert found[name].outcome.suggestion == found[name].tactic
    assert "∀ (k : Nat), k < i" in found["found"].tactic
    assert ".Perm (x :: a" in found["reordered"].tactic
    for name in ("none_called", "wrong"):
        assert isinstance(found[name].outcome, Rejected)
        assert found[name].tactic == "loop_induction?"
