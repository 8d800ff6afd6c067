/-
theorem target : 2 + 2 = 5 := rfl
-/
theorem other : 2 + 2 = 4 := rfl
