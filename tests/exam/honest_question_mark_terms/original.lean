theorem target (xs : List Nat) (h : xs[0]? = some 3) : xs ≠ [] ∧ True := by sorry
