def limit : Nat := 10

theorem target (n : Nat) (h : n < limit) : n < 9 := by sorry
