example (p : Prop) (h : p) : p := by sorry

example : 1 + 1 = 2 := by sorry
