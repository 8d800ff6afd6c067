theorem target (n : Nat) (h : n > 1) : n * n > n + 1 := by sorry
