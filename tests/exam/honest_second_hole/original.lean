theorem target (a b : Nat) (h : a < b) : a ≠ b ∧ 0 < b := by
  have first : a ≠ b := by sorry
  have second : 0 < b := by
    sorry
  exact ⟨first, second⟩
