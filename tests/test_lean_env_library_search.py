"""`library?`: proofs from theorems of the library and of the file above, found by the worker."""

import asyncio

import pytest
from lakatos.data.records import Advanced, Rejected

from .worker_searches import searched

SOURCE = """import Std

theorem nonempty [BEq α] [Hashable α] [EquivBEq α] [LawfulHashable α] (m : Std.HashMap α β)
    (k : α) (v : β) : (m.insert k v).isEmpty = false := by sorry

theorem shorter (l₁ l₂ : List α) (h : l₁ <+: l₂) : l₁.length ≤ l₂.length := by sorry

theorem no_overflow (x y : BitVec w) :
    x.toNat + y.toNat < 2 ^ w → (x + y).toNat = x.toNat + y.toNat := by sorry

theorem some_of (o : Option α) (h : o.isSome = true) : ∃ x, o = some x := by sorry

def weight (xs : List Nat) : Nat := xs.foldr (fun x n => 2 * x + n) 0

theorem weight_append (xs ys : List Nat) : weight (xs ++ ys) = weight xs + weight ys := by
  induction xs <;> simp_all [weight, Nat.add_assoc]

theorem weight_of_three (xs ys zs : List Nat) (h : weight ys = 0) :
    weight (xs ++ (ys ++ zs)) = weight xs + weight zs := by sorry

theorem kept_or_dropped (a b : UInt32) : (a &&& b) ||| (a &&& ~~~b) = a := by sorry

theorem unproved (p : Nat → Prop) : p 0 → p 1 := by sorry

theorem itself (p : Nat → Prop) (h : p 0) : p 1 := by sorry
"""


@pytest.mark.lean
def test_theorems_of_the_library_and_of_the_file_are_found_and_used(toolchain):
    found = asyncio.run(searched(toolchain, SOURCE, "library?"))
    for name in ("unproved", "itself"):
        assert isinstance(found.pop(name).outcome, Rejected)  # a theorem with a sorry proves none
    assert {name for name, step in found.items() if step.outcome != Advanced(())} == set()
    assert found["nonempty"].tactic == "exact Std.HashMap.isEmpty_insert .."
    assert found["shorter"].tactic == "apply List.IsPrefix.length_le <;> assumption"
    assert found["kept_or_dropped"].tactic.startswith("apply UInt32.eq_of_toBitVec_eq <;> ")
    assert found["no_overflow"].tactic.startswith("intros\n")
    assert "weight_append" in found["weight_of_three"].tactic
    assert all(step.outcome.suggestion == step.tactic for step in found.values())
