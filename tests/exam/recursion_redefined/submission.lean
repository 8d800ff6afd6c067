def fact : Nat → Nat
  | 0 => 0
  | n + 1 => (n + 1) * fact n

theorem target (n : Nat) : fact n = 0 := by
  induction n with
  | zero => rfl
  | succ n ih => simp [fact, ih]
