theorem target.{u, v} (α : Type u) (β : Type v) (f : α → β) (a : α) : Nonempty β := by sorry
