theorem target (h : False) : 2 + 2 = 5 := h.elim
