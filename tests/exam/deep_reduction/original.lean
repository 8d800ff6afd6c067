def count : Nat → Nat
  | 0 => 0
  | n + 1 => count n + 1

theorem target : count 1000000 = 1000001 := by sorry
