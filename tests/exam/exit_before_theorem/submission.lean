theorem easy : 2 + 2 = 4 := rfl

#exit

theorem target : 2 + 2 = 5 := rfl
