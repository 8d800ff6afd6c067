theorem target (a b : Nat) (h : a + 1 ≤ b) : a < b + 1 := by sorry
