/-! Numbers, functions, orders. -/
def tri : Nat → Nat
  | 0 => 0
  | n + 1 => tri n + (n + 1)
theorem tri_two (n : Nat) : 2 * tri n = n * (n + 1) := by sorry
def sumSq : Nat → Nat
  | 0 => 0
  | n + 1 => sumSq n + (n + 1) * (n + 1)
theorem sumSq_six (n : Nat) : 6 * sumSq n = n * (n + 1) * (2 * n + 1) := by sorry
def sumCub : Nat → Nat
  | 0 => 0
  | n + 1 => sumCub n + (n + 1) ^ 3
theorem sumCub_eq (n : Nat) : sumCub n = tri n ^ 2 := by sorry
def pow2sum : Nat → Nat
  | 0 => 1
  | n + 1 => pow2sum n + 2 ^ (n + 1)
theorem pow2sum_eq (n : Nat) : pow2sum n + 1 = 2 ^ (n + 1) := by sorry

def lucas : Nat → Nat
  | 0 => 2
  | 1 => 1
  | n + 2 => lucas (n + 1) + lucas n
def fibo : Nat → Nat
  | 0 => 0
  | 1 => 1
  | n + 2 => fibo (n + 1) + fibo n
theorem lucas_fibo (n : Nat) : lucas (n + 1) = fibo n + fibo (n + 2) := by sorry
theorem fibo_sum (n : Nat) : ((List.range n).map fibo).sum + 1 = fibo (n + 1) := by sorry
theorem fibo_lt (n : Nat) : fibo n < 2 ^ n := by sorry
theorem fibo_even (n : Nat) : 2 ∣ fibo (3 * n) := by sorry

def half : Nat → Nat
  | 0 => 0
  | 1 => 0
  | n + 2 => half n + 1
theorem half_eq (n : Nat) : half n = n / 2 := by sorry
theorem half_double (n : Nat) : half (2 * n) = n := by sorry
def parity : Nat → Bool
  | 0 => true
  | n + 1 => !parity n
theorem parity_add (m n : Nat) : parity (m + n) = (parity m == parity n) := by sorry
theorem parity_iff (n : Nat) : parity n = true ↔ n % 2 = 0 := by sorry

def ack : Nat → Nat → Nat
  | 0, n => n + 1
  | m + 1, 0 => ack m 1
  | m + 1, n + 1 => ack m (ack (m + 1) n)
theorem lt_ack (m n : Nat) : n < ack m n := by sorry
theorem ack_one (n : Nat) : ack 1 n = n + 2 := by sorry
theorem ack_two (n : Nat) : ack 2 n = 2 * n + 3 := by sorry

def digits (n : Nat) : List Nat := if h : n < 10 then [n] else (n % 10) :: digits (n / 10)
def undigits : List Nat → Nat
  | [] => 0
  | d :: ds => d + 10 * undigits ds
theorem undigits_digits (n : Nat) : undigits (digits n) = n := by sorry
theorem digits_lt (n d : Nat) (h : d ∈ digits n) : d < 10 := by sorry

theorem dvd_sub_of (a b c : Int) (h : a ∣ b) (h' : a ∣ c) : a ∣ b - c := by sorry
theorem dvd_square (a b : Int) (h : a ∣ b) : a * a ∣ b * b := by sorry
theorem sq_mod_four (n : Nat) : n * n % 4 = 0 ∨ n * n % 4 = 1 := by sorry
theorem six_dvd (n : Nat) : 6 ∣ n * (n + 1) * (n + 2) := by sorry
theorem consecutive (n : Int) : ¬ (2 ∣ n ∧ 2 ∣ n + 1) := by sorry
theorem two_squares (a b : Int) : 2 * a * b ≤ a * a + b * b := by sorry
theorem prod_neg (a b : Int) (h : a < 0) (h' : b < 0) : 0 < a * b := by sorry

def Injective (f : α → β) : Prop := ∀ a b, f a = f b → a = b
def Surjective (f : α → β) : Prop := ∀ b, ∃ a, f a = b
theorem Injective.of_comp (f : α → β) (g : β → γ) (h : Injective (g ∘ f)) : Injective f := by sorry
theorem Surjective.of_comp (f : α → β) (g : β → γ) (h : Surjective (g ∘ f)) : Surjective g := by sorry
theorem Surjective.comp (f : α → β) (g : β → γ) (h : Surjective f) (h' : Surjective g) : Surjective (g ∘ f) := by sorry
theorem Injective.has_left_inverse [Nonempty α] (f : α → β) (h : Injective f) : ∃ g : β → α, ∀ a, g (f a) = a := by sorry
theorem no_surjection (f : α → (α → Bool)) : ¬ Surjective f := by sorry

structure Mono (M : Type) where
  op : M → M → M
  e : M
  assoc : ∀ a b c, op (op a b) c = op a (op b c)
  left : ∀ a, op e a = a
  right : ∀ a, op a e = a
theorem Mono.unit_unique (m : Mono M) (u : M) (h : ∀ a, m.op u a = a) : u = m.e := by sorry
theorem Mono.inverse_unique (m : Mono M) (a b c : M) (h : m.op b a = m.e) (h' : m.op a c = m.e) : b = c := by sorry
def Mono.pow (m : Mono M) (a : M) : Nat → M
  | 0 => m.e
  | n + 1 => m.op a (m.pow a n)
theorem Mono.pow_add (m : Mono M) (a : M) (i j : Nat) : m.pow a (i + j) = m.op (m.pow a i) (m.pow a j) := by sorry
theorem Mono.pow_comm (m : Mono M) (a : M) (n : Nat) : m.op (m.pow a n) a = m.op a (m.pow a n) := by sorry

structure Lat (L : Type) where
  le : L → L → Prop
  refl : ∀ a, le a a
  trans : ∀ a b c, le a b → le b c → le a c
  anti : ∀ a b, le a b → le b a → a = b
  meet : L → L → L
  meet_left : ∀ a b, le (meet a b) a
  meet_right : ∀ a b, le (meet a b) b
  le_meet : ∀ a b c, le c a → le c b → le c (meet a b)
theorem Lat.meet_comm (l : Lat L) (a b : L) : l.meet a b = l.meet b a := by sorry
theorem Lat.meet_idem (l : Lat L) (a : L) : l.meet a a = a := by sorry
theorem Lat.meet_assoc (l : Lat L) (a b c : L) : l.meet (l.meet a b) c = l.meet a (l.meet b c) := by sorry
theorem Lat.le_iff (l : Lat L) (a b : L) : l.le a b ↔ l.meet a b = a := by sorry

inductive Clos (r : α → α → Prop) : α → α → Prop where
  | base : r a b → Clos r a b
  | trans : Clos r a b → Clos r b c → Clos r a c
theorem Clos.mono (r s : α → α → Prop) (h : ∀ a b, r a b → s a b) (hab : Clos r a b) : Clos s a b := by sorry
theorem Clos.idem (r : α → α → Prop) (h : Clos (Clos r) a b) : Clos r a b := by sorry
theorem Clos.least (r s : α → α → Prop) (hs : ∀ a b c, s a b → s b c → s a c) (h : ∀ a b, r a b → s a b) (hab : Clos r a b) : s a b := by sorry
theorem no_descent (f : Nat → Nat) : ¬ ∀ n, f (n + 1) < f n := by sorry
