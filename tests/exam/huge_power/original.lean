theorem target : 2 ^ (2 ^ 64) = 0 := by sorry
