theorem target (α : Type) (a : α) : Nonempty α := ⟨a⟩
