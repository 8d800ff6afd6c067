theorem target : ∀ n : Fin 50, n.val * n.val ≠ 47 := by sorry
