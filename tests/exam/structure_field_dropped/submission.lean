structure Group' (α : Type) where
  mul : α → α → α
  one : α

theorem target : Nonempty (Group' Bool) := ⟨⟨fun a _ => a, true⟩⟩
