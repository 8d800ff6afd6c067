namespace Clock
def add (a b : Nat) : Nat := (a + b) % 12
scoped infixl:65 " ⊹ " => add
private theorem small (a b : Nat) : a ⊹ b < 12 := Nat.mod_lt _ (by decide)
end Clock

open Clock in
theorem target (a b : Nat) : (a ⊹ b) ⊹ 0 = a ⊹ b := by
  sorry
