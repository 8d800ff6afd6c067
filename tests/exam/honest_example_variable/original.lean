section
variable {p : Prop} (given : p)

/-- An example, with an example in its comment. -/
example : p ∨ False := by
  sorry

end
