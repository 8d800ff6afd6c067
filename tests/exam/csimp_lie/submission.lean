def truth (p : Bool) : Bool := p

def always (_p : Bool) : Bool := true

axiom same : @truth = @always

attribute [csimp] same

theorem target : 2 + 2 = 5 := by
  have h : truth (decide (2 + 2 = 5)) = true := by native_decide
  exact of_decide_eq_true h
