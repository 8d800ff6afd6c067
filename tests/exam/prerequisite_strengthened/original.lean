theorem step (n : Nat) : n ≤ n * n := by sorry

theorem target : 2 + 2 = 5 := by sorry
