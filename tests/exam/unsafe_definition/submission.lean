unsafe def target : 2 + 2 = 5 := target
