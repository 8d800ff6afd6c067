theorem easy (n : Nat) : n = n + 1 := by sorry

theorem target : 2 + 2 = 5 := by sorry
