def fact : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * fact n

theorem target (n : Nat) : fact n = 0 := by sorry
