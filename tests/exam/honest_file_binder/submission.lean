theorem target (α : Type) [h : Inhabited α] : Nonempty α := ⟨default⟩
