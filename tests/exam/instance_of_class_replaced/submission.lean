structure Point where
  x : Nat
  y : Nat

instance : Add Point := ⟨fun _ _ => ⟨0, 0⟩⟩

theorem target (a b : Point) : (a + b).x = 0 := rfl
