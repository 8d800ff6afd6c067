def always (_p : Bool) : Bool := true

@[implemented_by always]
def truth (p : Bool) : Bool := p

theorem target : 2 + 2 = 5 := by
  have h : truth (decide (2 + 2 = 5)) = true := by native_decide
  exact of_decide_eq_true h
