unsafe def yes : Decidable (2 + 2 = 5) := unsafeCast (isTrue rfl : Decidable (1 = 1))

@[implemented_by yes]
def decision : Decidable (2 + 2 = 5) := inferInstance

theorem target : 2 + 2 = 5 := @of_decide_eq_true _ decision (by native_decide)
