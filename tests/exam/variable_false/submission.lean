variable (absurd : False)
include absurd

theorem target : 2 + 2 = 5 := absurd.elim
