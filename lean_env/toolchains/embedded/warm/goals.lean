example (a b : Nat) : a + b = b + a := by sorry

example : ∀ a b c : Nat, a * (b + c) = a * b + a * c := by sorry

example (p q : Prop) : p ∧ q → q ∧ p := by sorry

example (p q r : Prop) : p ∧ (q ∨ r) ↔ (p ∧ q) ∨ (p ∧ r) := by sorry

example : ∀ xs ys : List Nat, (xs ++ ys).length = ys.length + xs.length := by sorry

example : ∀ x y : Int, 2 * x + 3 * y = 7 → x - y = 1 → x = 2 := by sorry

example (f : Nat → Nat) (h : ∀ x, f x = x) : f (f 2) = 2 := by sorry

example : ∀ n : Nat, n ≤ n * n + n := by sorry
