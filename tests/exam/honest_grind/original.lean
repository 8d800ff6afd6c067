theorem target (f : Nat → Nat) (h : ∀ x, f (f x) = x) (a b : Nat) (k : f a = f b) : a = b := by sorry
