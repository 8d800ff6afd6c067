/-!
Right proofs, to be broken by `repair_corpus.py`: statements of `examples/` and of the core
library (the latter under other names), proved in several steps each.
-/

set_option linter.unusedVariables false

theorem swap_and (p q : Prop) : p ∧ q → q ∧ p := by
  intro h
  obtain ⟨hp, hq⟩ := h
  exact ⟨hq, hp⟩

theorem and_over_or (p q r : Prop) : p ∧ (q ∨ r) ↔ (p ∧ q) ∨ (p ∧ r) := by
  constructor
  · intro h
    cases h.2 with
    | inl hq => exact Or.inl ⟨h.1, hq⟩
    | inr hr => exact Or.inr ⟨h.1, hr⟩
  · intro h
    cases h with
    | inl hpq => exact ⟨hpq.1, Or.inl hpq.2⟩
    | inr hpr => exact ⟨hpr.1, Or.inr hpr.2⟩

theorem contraposition {p q : Prop} (h : p → q) : ¬q → ¬p := by
  intro hnq hp
  have hq : q := h hp
  exact hnq hq

theorem excluded_middle_is_consistent (p : Prop) : ¬¬(p ∨ ¬p) := by
  intro h
  apply h
  right
  intro hp
  exact h (Or.inl hp)

theorem all_and {α : Type} (p q : α → Prop) :
    (∀ x, p x ∧ q x) ↔ (∀ x, p x) ∧ (∀ x, q x) := by
  constructor
  · intro h
    constructor
    · intro x
      exact (h x).1
    · intro x
      exact (h x).2
  · intro h x
    exact ⟨h.1 x, h.2 x⟩

theorem some_or {α : Type} (p q : α → Prop) :
    (∃ x, p x ∨ q x) ↔ (∃ x, p x) ∨ (∃ x, q x) := by
  constructor
  · intro h
    obtain ⟨x, hx⟩ := h
    cases hx with
    | inl hp => exact Or.inl ⟨x, hp⟩
    | inr hq => exact Or.inr ⟨x, hq⟩
  · intro h
    cases h with
    | inl hp =>
      obtain ⟨x, hx⟩ := hp
      exact ⟨x, Or.inl hx⟩
    | inr hq =>
      obtain ⟨x, hx⟩ := hq
      exact ⟨x, Or.inr hx⟩

theorem no_counterexample {α : Type} {p : α → Prop} (h : ¬∃ x, ¬p x) : ∀ x, p x := by
  intro x
  apply Classical.byContradiction
  intro hx
  exact h ⟨x, hx⟩

theorem barber {Person : Type} (shaves : Person → Person → Prop) (b : Person) :
    ¬∀ x, shaves b x ↔ ¬shaves x x := by
  intro h
  have hb := h b
  have hn : ¬shaves b b := fun hs => (hb.mp hs) hs
  exact hn (hb.mpr hn)

theorem related_to_itself {α : Type} (r : α → α → Prop)
    (symm : ∀ x y, r x y → r y x) (trans : ∀ x y z, r x y → r y z → r x z)
    (x y : α) (h : r x y) : r x x := by
  have back : r y x := symm x y h
  exact trans x y x h back

theorem sum_and_difference (x y : Int) (h₁ : x + y = 10) (h₂ : x - y = 4) : x = 7 ∧ y = 3 := by
  have hx : x = 7 := by omega
  constructor
  · exact hx
  · omega

theorem square_of_sum (a b : Int) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by
  rw [Int.add_mul]
  rw [Int.mul_add, Int.mul_add]
  have h : b * a = a * b := Int.mul_comm b a
  rw [h]
  have e : 2 * a * b = a * b + a * b := by
    rw [Int.mul_assoc]
    omega
  rw [e]
  omega

theorem halves (n : Nat) : n / 2 + (n + 1) / 2 = n := by
  cases Nat.mod_two_eq_zero_or_one n with
  | inl h => omega
  | inr h => omega

theorem below_square (n : Nat) : n ≤ n * n + n := by
  have h : 0 ≤ n * n := Nat.zero_le (n * n)
  calc n = 0 + n := by rw [Nat.zero_add]
    _ ≤ n * n + n := Nat.add_le_add_right h n

theorem remainder_of_multiple (a b : Nat) : (a * b) % a = 0 := by
  rw [Nat.mul_comm]
  exact Nat.mul_mod_left b a

theorem product_of_consecutive_is_even (n : Nat) : n * (n + 1) % 2 = 0 := by
  have h : n % 2 = 0 ∨ n % 2 = 1 := Nat.mod_two_eq_zero_or_one n
  rw [Nat.mul_mod]
  cases h with
  | inl h => rw [h, Nat.zero_mul]
  | inr h =>
    have h2 : (n + 1) % 2 = 0 := by omega
    rw [h2, Nat.mul_zero]

theorem difference_of_squares (x y : Int) (h : x * x = y * y) : (x - y) * (x + y) = 0 := by
  rw [Int.sub_mul, Int.mul_add, Int.mul_add]
  have c : y * x = x * y := Int.mul_comm y x
  rw [c, h]
  omega

theorem between {a b c d : Nat} (h₁ : a ≤ b) (h₂ : b ≤ c) (h₃ : c ≤ d) : a ≤ d := by
  have ac : a ≤ c := Nat.le_trans h₁ h₂
  exact Nat.le_trans ac h₃

theorem twice_injective (m n : Nat) (h : m + m = n + n) : m = n := by
  have doubled : 2 * m = 2 * n := by
    rw [Nat.two_mul, Nat.two_mul]
    exact h
  exact Nat.eq_of_mul_eq_mul_left (by decide) doubled

theorem square_mod_four (n : Nat) : n * n % 4 = 0 ∨ n * n % 4 = 1 := by
  have split : n % 4 = 0 ∨ n % 4 = 1 ∨ n % 4 = 2 ∨ n % 4 = 3 := by
    omega
  have square : n * n % 4 = (n % 4) * (n % 4) % 4 := Nat.mul_mod n n 4
  rw [square]
  rcases split with h | h | h | h
  · left
    rw [h]
  · right
    rw [h]
  · left
    rw [h]
  · right
    rw [h]

theorem add_zero_left (n : Nat) : 0 + n = n := by
  induction n with
  | zero => rfl
  | succ n ih =>
    rw [Nat.add_succ, ih]

theorem succ_add_one (n m : Nat) : (n + 1) + m = (n + m) + 1 := by
  induction m with
  | zero => rfl
  | succ m ih =>
    rw [← Nat.add_assoc]
    rw [ih]
    rfl

theorem add_comm_again (n m : Nat) : n + m = m + n := by
  induction n with
  | zero => rw [Nat.zero_add, Nat.add_zero]
  | succ n ih =>
    rw [Nat.succ_add, ih]
    rfl

theorem mul_two_again (n : Nat) : n * 2 = n + n := by
  induction n with
  | zero => rfl
  | succ n ih =>
    rw [Nat.succ_mul, ih]
    omega

theorem mul_add_again (a b c : Nat) : a * (b + c) = a * b + a * c := by
  induction c with
  | zero => rw [Nat.add_zero, Nat.mul_zero, Nat.add_zero]
  | succ c ih =>
    rw [← Nat.add_assoc, Nat.mul_succ, ih]
    rw [Nat.mul_succ, Nat.add_assoc]

theorem pow_add_again (a m n : Nat) : a ^ (m + n) = a ^ m * a ^ n := by
  induction n with
  | zero => rw [Nat.add_zero, Nat.pow_zero, Nat.mul_one]
  | succ n ih =>
    rw [← Nat.add_assoc, Nat.pow_succ, ih]
    rw [Nat.pow_succ, Nat.mul_assoc]

theorem lt_two_pow_again (n : Nat) : n < 2 ^ n := by
  induction n with
  | zero => decide
  | succ n ih =>
    have h : 2 ^ (n + 1) = 2 ^ n + 2 ^ n := by
      rw [Nat.pow_succ, Nat.mul_two]
    rw [h]
    omega

def sumTo : Nat → Nat
  | 0 => 0
  | n + 1 => sumTo n + (n + 1)

theorem twice_sumTo (n : Nat) : 2 * sumTo n = n * (n + 1) := by
  induction n with
  | zero => rfl
  | succ n ih =>
    rw [sumTo, Nat.mul_add, ih]
    have h : (n + 1) * (n + 1 + 1) = n * (n + 1) + 2 * (n + 1) := by
      rw [← Nat.add_mul, Nat.mul_comm]
    rw [h]

theorem sumTo_le (m n : Nat) (h : m ≤ n) : sumTo m ≤ sumTo n := by
  induction h with
  | refl => exact Nat.le_refl (sumTo m)
  | step h ih =>
    rw [sumTo]
    exact Nat.le_trans ih (Nat.le_add_right _ _)

namespace Lists

variable {α β : Type}

def backwards : List α → List α
  | [] => []
  | x :: xs => backwards xs ++ [x]

def double : List α → List α
  | [] => []
  | x :: xs => x :: x :: double xs

def total : List Nat → Nat
  | [] => 0
  | n :: ns => n + total ns

theorem backwards_append (xs ys : List α) :
    backwards (xs ++ ys) = backwards ys ++ backwards xs := by
  induction xs with
  | nil =>
    rw [backwards, List.append_nil]
    rfl
  | cons x xs ih =>
    rw [List.cons_append, backwards, ih]
    rw [backwards, List.append_assoc]

theorem backwards_backwards (xs : List α) : backwards (backwards xs) = xs := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [backwards, backwards_append, ih]
    rfl

theorem length_backwards (xs : List α) : (backwards xs).length = xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [backwards, List.length_append, ih]
    rfl

theorem length_double (xs : List α) : (double xs).length = 2 * xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [double, List.length_cons, List.length_cons, ih]
    rw [List.length_cons]
    omega

theorem double_append (xs ys : List α) : double (xs ++ ys) = double xs ++ double ys := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [List.cons_append, double, ih]
    rfl

theorem map_double (f : α → β) (xs : List α) : (double xs).map f = double (xs.map f) := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [double, List.map_cons, List.map_cons, ih]
    rfl

theorem total_append (xs ys : List Nat) : total (xs ++ ys) = total xs + total ys := by
  induction xs with
  | nil =>
    rw [List.nil_append, total]
    rw [Nat.zero_add]
  | cons x xs ih =>
    rw [List.cons_append, total, ih]
    rw [total, Nat.add_assoc]

theorem total_double (ns : List Nat) : total (double ns) = 2 * total ns := by
  induction ns with
  | nil => rfl
  | cons n ns ih =>
    rw [double, total, total, ih]
    rw [total]
    omega

theorem le_total {n : Nat} {ns : List Nat} (h : n ∈ ns) : n ≤ total ns := by
  induction ns with
  | nil => cases h
  | cons m ms ih =>
    rw [total]
    cases h with
    | head => exact Nat.le_add_right n (total ms)
    | tail _ h =>
      have hn := ih h
      exact Nat.le_trans hn (Nat.le_add_left (total ms) m)

theorem map_map_again (f : α → β) (g : β → α) (xs : List α) :
    (xs.map f).map g = xs.map (g ∘ f) := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    rw [List.map_cons, List.map_cons, ih]
    rfl

theorem append_assoc_again (xs ys zs : List α) : (xs ++ ys) ++ zs = xs ++ (ys ++ zs) := by
  induction xs with
  | nil => rfl
  | cons x xs ih =>
    show x :: (xs ++ ys ++ zs) = x :: (xs ++ (ys ++ zs))
    rw [ih]

theorem length_filter_le (p : α → Bool) (xs : List α) : (xs.filter p).length ≤ xs.length := by
  induction xs with
  | nil => exact Nat.le_refl 0
  | cons x xs ih =>
    rw [List.filter_cons, List.length_cons]
    split
    · rw [List.length_cons]
      exact Nat.succ_le_succ ih
    · exact Nat.le_trans ih (Nat.le_succ xs.length)

end Lists
