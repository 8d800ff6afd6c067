/-! A typed language. -/
inductive Tm where
  | tru | fls | zero
  | succ (t : Tm) | pred (t : Tm) | iszero (t : Tm)
  | ite (c t e : Tm)

inductive NumVal : Tm → Prop where
  | zero : NumVal .zero
  | succ : NumVal v → NumVal (.succ v)

inductive Step : Tm → Tm → Prop where
  | iteTru : Step (.ite .tru t e) t
  | iteFls : Step (.ite .fls t e) e
  | ite : Step c c' → Step (.ite c t e) (.ite c' t e)
  | succ : Step t t' → Step (.succ t) (.succ t')
  | predZero : Step (.pred .zero) .zero
  | predSucc : NumVal v → Step (.pred (.succ v)) v
  | pred : Step t t' → Step (.pred t) (.pred t')
  | iszeroZero : Step (.iszero .zero) .tru
  | iszeroSucc : NumVal v → Step (.iszero (.succ v)) .fls
  | iszero : Step t t' → Step (.iszero t) (.iszero t')

inductive Ty where
  | bool | nat

inductive HasTy : Tm → Ty → Prop where
  | tru : HasTy .tru .bool
  | fls : HasTy .fls .bool
  | zero : HasTy .zero .nat
  | succ : HasTy t .nat → HasTy (.succ t) .nat
  | pred : HasTy t .nat → HasTy (.pred t) .nat
  | iszero : HasTy t .nat → HasTy (.iszero t) .bool
  | ite : HasTy c .bool → HasTy t T → HasTy e T → HasTy (.ite c t e) T

theorem numVal_stuck (h : NumVal v) : ¬ Step v t := by sorry
theorem Step.deterministic (h : Step t u) (h' : Step t v) : u = v := by sorry
theorem HasTy.unique (h : HasTy t T) (h' : HasTy t S) : T = S := by sorry
theorem preservation (h : HasTy t T) (hs : Step t u) : HasTy u T := by sorry
theorem numVal_hasTy (h : NumVal v) : HasTy v .nat := by sorry
theorem no_tru_succ : ¬ HasTy (.succ .tru) T := by sorry

/-! Sets as predicates. -/
def Pset (α : Type) := α → Prop
def Pset.sub (s t : Pset α) : Prop := ∀ x, s x → t x
def Pset.union (s t : Pset α) : Pset α := fun x => s x ∨ t x
def Pset.inter (s t : Pset α) : Pset α := fun x => s x ∧ t x
theorem Pset.inter_sub (s t : Pset α) : (s.inter t).sub s := by sorry
theorem Pset.union_inter (s t u : Pset α) : s.union (t.inter u) = (s.union t).inter (s.union u) := by sorry
theorem Pset.sub_iff (s t : Pset α) : s.sub t ↔ s.inter t = s := by sorry
theorem Pset.sub_antisymm (s t : Pset α) (h : s.sub t) (h' : t.sub s) : s = t := by sorry

/-! Rings. -/
structure Rg (R : Type) where
  add : R → R → R
  mul : R → R → R
  neg : R → R
  zero : R
  one : R
  add_assoc : ∀ a b c, add (add a b) c = add a (add b c)
  add_comm : ∀ a b, add a b = add b a
  zero_add : ∀ a, add zero a = a
  neg_add : ∀ a, add (neg a) a = zero
  mul_assoc : ∀ a b c, mul (mul a b) c = mul a (mul b c)
  one_mul : ∀ a, mul one a = a
  mul_one : ∀ a, mul a one = a
  left_distrib : ∀ a b c, mul a (add b c) = add (mul a b) (mul a c)
  right_distrib : ∀ a b c, mul (add a b) c = add (mul a c) (mul b c)
theorem Rg.add_left_cancel (r : Rg R) (a b c : R) (h : r.add a b = r.add a c) : b = c := by sorry
theorem Rg.mul_zero (r : Rg R) (a : R) : r.mul a r.zero = r.zero := by sorry
theorem Rg.neg_neg (r : Rg R) (a : R) : r.neg (r.neg a) = a := by sorry
theorem Rg.one_unique (r : Rg R) (u : R) (h : ∀ a, r.mul u a = a) : u = r.one := by sorry

/-! Trees with helpers. -/
inductive Rose where
  | leaf (n : Nat)
  | node (l r : Rose)
def joinAll (xs ys : List Nat) : List Nat := xs ++ ys
def Rose.toList : Rose → List Nat
  | .leaf n => [n]
  | .node l r => joinAll l.toList r.toList
def Rose.leaves : Rose → Nat
  | .leaf _ => 1
  | .node l r => l.leaves + r.leaves
def Rose.total : Rose → Nat
  | .leaf n => n
  | .node l r => l.total + r.total
theorem Rose.length_toList (t : Rose) : t.toList.length = t.leaves := by sorry
theorem Rose.sum_toList (t : Rose) : t.toList.sum = t.total := by sorry
theorem Rose.leaves_pos (t : Rose) : 0 < t.leaves := by sorry

/-! Words and automata. -/
structure Dfa (σ : Type) where
  start : σ
  next : σ → Bool → σ
  final : σ → Bool
def Dfa.run (d : Dfa σ) (s : σ) : List Bool → σ
  | [] => s
  | b :: w => d.run (d.next s b) w
def Dfa.accepts (d : Dfa σ) (w : List Bool) : Bool := d.final (d.run d.start w)
theorem Dfa.run_append (d : Dfa σ) (s : σ) (v w : List Bool) : d.run s (v ++ w) = d.run (d.run s v) w := by sorry
def Dfa.compl (d : Dfa σ) : Dfa σ := { d with final := fun s => !d.final s }
theorem Dfa.run_compl (d : Dfa σ) (s : σ) (w : List Bool) : d.compl.run s w = d.run s w := by sorry
theorem Dfa.accepts_compl (d : Dfa σ) (w : List Bool) : d.compl.accepts w = !d.accepts w := by sorry

/-! Numbers and loops. -/
theorem amgm (a b : Int) : 4 * (a * b) ≤ (a + b) * (a + b) := by sorry
theorem sq_ge (x : Int) : 4 * x ≤ x * x + 4 := by sorry
theorem mono_strict (f : Nat → Nat) (h : ∀ n, f n < f (n + 1)) (n : Nat) : n ≤ f n := by sorry
def total (a : Array Nat) : Nat := Id.run do
  let mut s := 0
  for x in a do
    s := s + x
  return s
theorem total_eq (a : Array Nat) : total a = a.toList.sum := by sorry
def sumSquares (n : Nat) : Nat := Id.run do
  let mut s := 0
  for i in [1:n+1] do
    s := s + i * i
  return s
theorem sumSquares_eq (n : Nat) : 6 * sumSquares n = n * (n + 1) * (2 * n + 1) := by sorry
def evensIn (a : Array Nat) : Array Nat := Id.run do
  let mut b := #[]
  for x in a do
    if x % 2 = 0 then b := b.push x
  return b
theorem evensIn_size (a : Array Nat) : (evensIn a).size ≤ a.size := by sorry
theorem evensIn_even (a : Array Nat) (x : Nat) (h : x ∈ evensIn a) : x % 2 = 0 := by sorry
def logTwo (n : Nat) : Nat := if n < 2 then 0 else 1 + logTwo (n / 2)
theorem logTwo_le (n : Nat) : logTwo n ≤ n := by sorry
theorem two_pow_logTwo (n : Nat) (h : 0 < n) : 2 ^ logTwo n ≤ n := by sorry
