theorem target (n : Nat) (h : n > 0) : n > 1 := by sorry
