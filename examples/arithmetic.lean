/-!
Natural numbers and integers, without Mathlib.
-/

theorem sum_and_difference (x y : Int) (h₁ : x + y = 10) (h₂ : x - y = 4) : x = 7 ∧ y = 3 := by
  sorry

theorem square_of_sum (a b : Int) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by
  sorry

theorem halves (n : Nat) : n / 2 + (n + 1) / 2 = n := by
  sorry

theorem two_of_three_have_the_same_parity (a b c : Nat) :
    (a + b) % 2 = 0 ∨ (b + c) % 2 = 0 ∨ (a + c) % 2 = 0 := by
  sorry

theorem below_square (n : Nat) : n ≤ n * n + n := by
  sorry

theorem remainder_of_multiple (a b : Nat) : (a * b) % a = 0 := by
  sorry

theorem product_of_consecutive_is_even (n : Nat) : n * (n + 1) % 2 = 0 := by
  sorry

theorem last_digit : 7 ^ 20 % 10 = 1 := by
  sorry

theorem difference_of_squares (x y : Int) (h : x * x = y * y) : (x - y) * (x + y) = 0 := by
  sorry
