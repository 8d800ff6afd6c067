variable (p q : Prop)

example (h : p ∧ q) : q := by sorry
