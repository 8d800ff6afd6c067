def even (n : Nat) : Prop := 2 ∣ n

theorem even_step (n : Nat) : even (n * (n + 1)) := by
  have h : n % 2 = 0 ∨ n % 2 = 1 := by omega
  rcases h with h | h
  · exact Nat.dvd_trans (Nat.dvd_of_mod_eq_zero h) (Nat.dvd_mul_right _ _)
  · exact Nat.dvd_trans (Nat.dvd_of_mod_eq_zero (by omega)) (Nat.dvd_mul_left _ _)

theorem target (n : Nat) : 2 ∣ n * (n + 1) := even_step n
