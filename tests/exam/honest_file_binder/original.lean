theorem target (α : Type) (h : Inhabited α) : Nonempty α := by sorry
