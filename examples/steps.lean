/-!
Proofs half done: the holes are `have`s, cases and terms inside them.
-/

/-- Every third number, from `n` down. -/
def thirds : Nat → Nat
  | 0 | 1 | 2 => 0
  | n + 3 => thirds n + 1

theorem thirds_le (n : Nat) : thirds n ≤ n := by
  induction n using thirds.induct with
  | case1 | case2 | case3 => simp [thirds]
  | case4 n ih => sorry

theorem square_mod_four (n : Nat) : n * n % 4 = 0 ∨ n * n % 4 = 1 := by
  have split : n % 4 = 0 ∨ n % 4 = 1 ∨ n % 4 = 2 ∨ n % 4 = 3 := by
    sorry
  have square : n * n % 4 = (n % 4) * (n % 4) % 4 := by
    sorry
  sorry

theorem between {a b c d : Nat} (h₁ : a ≤ b) (h₂ : b ≤ c) (h₃ : c ≤ d) : a ≤ d := by
  calc a ≤ b := h₁
    _ ≤ c := by sorry
    _ ≤ d := sorry

example : ∃ n : Nat, n * n = 144 := ⟨12, by sorry⟩

theorem twice_injective (m n : Nat) (h : m + m = n + n) : m = n := by
  have doubled : 2 * m = 2 * n := by sorry
  sorry
