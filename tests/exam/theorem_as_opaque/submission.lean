opaque target : Nonempty (Fin 3) := ⟨0⟩
