def IsSquare (n : Nat) : Prop := ∃ m, m * m = n

theorem target : IsSquare 15 := by sorry
