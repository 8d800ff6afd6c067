theorem target (o : Nat) (f : Nat → Nat) (h : f 0 = 0) : ∀ ο, ο = 0 → f ο = 0 := fun _ e => e ▸ h
