/-!
Lists, with functions of our own.
-/

namespace Lists

variable {α β : Type}

/-- The list back to front. -/
def backwards : List α → List α
  | [] => []
  | x :: xs => backwards xs ++ [x]

/-- `xs` twice over, element by element. -/
def double : List α → List α
  | [] => []
  | x :: xs => x :: x :: double xs

def total : List Nat → Nat
  | [] => 0
  | n :: ns => n + total ns

theorem backwards_append (xs ys : List α) :
    backwards (xs ++ ys) = backwards ys ++ backwards xs := by
  sorry

theorem backwards_backwards (xs : List α) : backwards (backwards xs) = xs := by
  sorry

theorem length_backwards (xs : List α) : (backwards xs).length = xs.length := by
  sorry

theorem length_double (xs : List α) : (double xs).length = 2 * xs.length := by
  sorry

theorem double_append (xs ys : List α) : double (xs ++ ys) = double xs ++ double ys := by
  sorry

theorem map_double (f : α → β) (xs : List α) : (double xs).map f = double (xs.map f) := by
  sorry

theorem total_append (xs ys : List Nat) : total (xs ++ ys) = total xs + total ys := by
  sorry

theorem total_double (ns : List Nat) : total (double ns) = 2 * total ns := by
  sorry

theorem le_total {n : Nat} {ns : List Nat} (h : n ∈ ns) : n ≤ total ns := by
  sorry

end Lists
