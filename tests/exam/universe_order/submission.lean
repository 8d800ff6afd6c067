theorem target.{v, u} (α : Type u) (β : Type v) (f : α → β) (a : α) : Nonempty β := ⟨f a⟩
