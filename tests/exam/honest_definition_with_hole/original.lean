def target (n : Nat) : { m : Nat // n < m } :=
  ⟨n + 1, by sorry⟩

theorem uses (n : Nat) : (target n).val = n + 1 := rfl
