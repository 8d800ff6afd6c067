/-! Proofs in layouts that are hard to cut out: every step of them is to be taken again. -/

theorem mid_line (n : Nat) : 0 + n = n := by induction n with
  | zero => rfl
  | succ n ih =>
    rw [← Nat.add_assoc]
    rw [ih]

theorem deep (p q r : Prop) (h : p ∧ q ∨ r) : q ∨ r := by
  rcases h with ⟨hp,
      hq⟩ | hr
  · exact
      Or.inl
        hq
  · cases (show r ∨ r from
        Or.inl hr) with
    | inl h => right
               exact h
    | inr h =>
      right; exact h

theorem chained (a b c : Nat) (h : a = b) (k : b = c) : a + 0 = c := by
  calc a + 0
      _ = a := Nat.add_zero a
      _ = b := by
        rw [h]
      _ = c := k

theorem first_on_line (a b c : Nat) (h : a = b) (k : b = c) : a = c := by
  have step : a = c := calc
    a = b := h
    _ = c := k
  exact step

theorem converted (a b : Nat) (h : b = a) : a + 0 = b + 0 := by
  conv =>
    rhs
    rw [h]

theorem conv_in_line (a b : Nat) : a + b = b + a := by
  conv => lhs; rw [Nat.add_comm]

theorem term_mixed (p q : Prop) (hp : p) (hq : q) : p ∧ (q ∧ p) :=
  ⟨hp, by
    constructor
    · exact hq
    · exact (by
        assumption)⟩

theorem lambda (p q : Prop) : p → q → p ∧ q := fun hp hq => by
  exact ⟨by exact hp, show q by
    exact hq⟩

theorem commented (n : Nat) : n + 0 = n ∧ 0 + n = n := by
  constructor -- the first
  -- a line of its own
  · /- before -/ rfl
  · /- over
    two lines -/
    simp -- the end

theorem literal (s : String) (h : s = "a\nb") : s ++ "
  kept  " = "a
b
  kept  " := by
  rw [show s = "a
b" from by
    rw [h]]
  rfl

theorem nested (p q r s : Prop) (hp : p) (hq : q) (hr : r) (hs : s) : (p ∧ q) ∧ (r ∧ s) := by
  refine ⟨?_, ?_⟩
  · refine ⟨?_, ?_⟩
    · exact hp
    · exact hq
  · constructor <;>
      first
        | exact hr
        | exact hs

theorem tried (n : Nat) (h : n = 2) : n + n = 4 := by
  first
    | (exfalso
       omega)
    | subst h
      try simp
  all_goals try rfl

theorem named (n m : Nat) (h : n = m) : m = n := by
  have symm : ∀ a b : Nat, a = b → b = a := by
    intro a b
      hab
    exact hab.symm
  obtain rfl : n = m := h
  exact symm
    _ _ rfl

theorem cases_in_line (b : Bool) : (b && b) = b := by cases b with | true => rfl | false => rfl

theorem matched (n : Nat) : n = 0 ∨ 0 < n := by
  match n with
  | 0 => left; rfl
  | k + 1 =>
    right
    exact Nat.succ_pos
      k

theorem unicode (α β : Prop) (hα : α) (hβ : β) : α ∧ β := by exact ⟨hα,
  hβ⟩

example (x y : Nat) : x + y = y + x := by
  show x + y =
    y + x
  simp only [
    Nat.add_comm
  ]
