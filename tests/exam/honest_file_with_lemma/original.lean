theorem target (n : Nat) : 2 ∣ n * (n + 1) := by sorry
