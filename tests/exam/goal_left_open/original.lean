theorem target (n : Nat) : n = n ∧ n = n + 1 := by sorry
