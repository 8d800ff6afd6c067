structure Point where
  x : Nat
  y : Nat

instance target : LE Point := ⟨fun a b => a.x ≤ b.x ∧ a.y ≤ b.y⟩

class Reflexive (α : Type) [LE α] : Prop where
  refl : ∀ a : α, a ≤ a

instance points : Reflexive Point where
  refl := by sorry
