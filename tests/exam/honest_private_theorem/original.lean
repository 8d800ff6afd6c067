private def double (n : Nat) : Nat := n + n

private theorem target (n : Nat) : double n = 2 * n := by sorry

theorem uses : double 4 = 8 := target 4
