theorem step (n : Nat) : n < n + 1 := Nat.lt_succ_self n

theorem target (n : Nat) : n < n + 2 := by sorry
