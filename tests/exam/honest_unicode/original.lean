theorem «thé̂orème» : True := trivial

theorem target (α β γ : Prop) (h₁ : α → β) (h₂ : β → γ) : α → γ := by sorry
