theorem target (n : Nat) (h : n > 4) : n * n > n + 1 := by
  have := Nat.mul_le_mul_right n (show 5 ≤ n from h)
  omega
