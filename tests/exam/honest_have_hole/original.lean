theorem target (a b : Nat) (h : a < b) : a * 2 < b * 2 := by
  have positive : 0 < b := by sorry
  omega
