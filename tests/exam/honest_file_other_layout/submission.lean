open Nat

/-- The same statement, as a function type. -/
theorem target : ∀ (a b : Nat) (_h : LT.lt a b), Exists fun c : Nat => a + c = b :=
  fun a b h => ⟨b - a, by omega⟩
