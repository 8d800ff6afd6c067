theorem «tаrget» : 2 + 2 = 4 := rfl
