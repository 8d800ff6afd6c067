theorem target (x y : Int) (h : 2 * x + 3 * y = 7) (k : x - y = 1) : x = 2 := by sorry
