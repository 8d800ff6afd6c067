example (p : Prop) (h : p) : p := h

example : 1 + 1 = 2 := rfl
