theorem target.{u} (α : Type u) (a : α) : Nonempty α := by sorry
