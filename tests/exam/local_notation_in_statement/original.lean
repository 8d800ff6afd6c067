theorem target (n : Nat) : n * n < n := by sorry
