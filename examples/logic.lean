/-!
Propositions and quantifiers: each `sorry` is a hole for `lakatos prove`.
-/

theorem swap_and (p q : Prop) : p ∧ q → q ∧ p := by
  sorry

theorem and_over_or (p q r : Prop) : p ∧ (q ∨ r) ↔ (p ∧ q) ∨ (p ∧ r) := by
  sorry

theorem contraposition {p q : Prop} (h : p → q) : ¬q → ¬p := by
  sorry

theorem excluded_middle_is_consistent (p : Prop) : ¬¬(p ∨ ¬p) := by
  sorry

theorem all_and {α : Type} (p q : α → Prop) :
    (∀ x, p x ∧ q x) ↔ (∀ x, p x) ∧ (∀ x, q x) := by
  sorry

theorem some_or {α : Type} (p q : α → Prop) :
    (∃ x, p x ∨ q x) ↔ (∃ x, p x) ∨ (∃ x, q x) := by
  sorry

theorem no_counterexample {α : Type} {p : α → Prop} (h : ¬∃ x, ¬p x) : ∀ x, p x := by
  sorry

/-- No barber shaves exactly those who do not shave themselves. -/
theorem barber {Person : Type} (shaves : Person → Person → Prop) (b : Person) :
    ¬∀ x, shaves b x ↔ ¬shaves x x := by
  sorry

/-- Every relation that is symmetric and transitive is reflexive where it relates anything. -/
theorem related_to_itself {α : Type} (r : α → α → Prop)
    (symm : ∀ x y, r x y → r y x) (trans : ∀ x y z, r x y → r y z → r x z)
    (x y : α) (h : r x y) : r x x := by
  sorry
