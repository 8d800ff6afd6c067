structure Point where
  x : Nat
  y : Nat

instance : Add Point := ⟨fun a b => ⟨a.x + b.x, a.y + b.y⟩⟩

theorem target (a b : Point) : (a + b).x = 0 := by sorry
