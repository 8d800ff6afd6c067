theorem shift (x y : Nat) (h : x < y) : x + 1 ≤ y := by omega

theorem both (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩

def double (n : Nat) : Nat := n + n

theorem double_eq (n : Nat) : double n = 2 * n := by
  unfold double
  omega

theorem append_length {α : Type} (xs ys : List α) : (xs ++ ys).length = xs.length + ys.length := by
  simp

theorem exists_double (n : Nat) : ∃ m, m = double n ∧ n ≤ m := by
  refine ⟨n + n, rfl, ?_⟩
  have h : n ≤ n + n := Nat.le_add_right n n
  exact h

theorem squares (a b : Int) (h : a = b) : a * a = b * b := by
  subst h
  rfl

theorem sums : ∀ n : Nat, n ≤ n * n + n := by
  intro n
  calc n ≤ n + n * n := Nat.le_add_right n (n * n)
    _ = n * n + n := Nat.add_comm _ _
