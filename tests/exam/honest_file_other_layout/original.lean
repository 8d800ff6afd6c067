theorem target (a b : Nat) (h : a < b) : ∃ c, a + c = b := by sorry
