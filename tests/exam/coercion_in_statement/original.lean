theorem target (b : Bool) : b := by sorry
