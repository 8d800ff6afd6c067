def Odd (n : Nat) : Prop := ∃ m, n = 2 * m + 1

theorem target : Odd 6 := by sorry
