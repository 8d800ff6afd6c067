theorem target (a b : Nat) (h : a < b) : a ≠ b ∧ 0 < b := by
  constructor
  · sorry
  · sorry
