theorem target (o : Nat) (f : Nat → Nat) (h : f 0 = 0) : f o = 0 := by sorry
