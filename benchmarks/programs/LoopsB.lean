/-! Recursive programs, helpers with accumulators, trees, structures, and some more loops. -/

namespace LoopsB

/-- Length with an accumulator. -/
def len {α : Type} (xs : List α) : Nat := go xs 0
where
  go : List α → Nat → Nat
    | [], acc => acc
    | _ :: t, acc => go t (acc + 1)

theorem len_append {α : Type} (xs ys : List α) : len (xs ++ ys) = len xs + len ys := by sorry

/-- Power by repeated squaring. -/
def powSq (b n : Nat) : Nat :=
  if n = 0 then 1
  else if n % 2 = 0 then powSq (b * b) (n / 2)
  else b * powSq (b * b) (n / 2)
termination_by n

theorem powSq_eq_pow (b n : Nat) : powSq b n = b ^ n := by sorry

/-- Euclid. -/
def euclid (a b : Nat) : Nat :=
  if h : b = 0 then a else euclid b (a % b)
termination_by b
decreasing_by exact Nat.mod_lt _ (Nat.pos_of_ne_zero h)

theorem euclid_dvd (a b : Nat) : euclid a b ∣ a ∧ euclid a b ∣ b := by sorry

theorem dvd_euclid (a b d : Nat) (ha : d ∣ a) (hb : d ∣ b) : d ∣ euclid a b := by sorry

/-- Sum of the decimal digits. -/
def digitSum (n : Nat) : Nat :=
  if n < 10 then n else n % 10 + digitSum (n / 10)
termination_by n

theorem digitSum_mod_nine (n : Nat) : digitSum n % 9 = n % 9 := by sorry

def insert (x : Nat) : List Nat → List Nat
  | [] => [x]
  | y :: ys => if x ≤ y then x :: y :: ys else y :: insert x ys

def insertionSort (xs : List Nat) : List Nat := Id.run do
  let mut out := []
  for x in xs do
    out := insert x out
  return out

theorem insertionSort_sorted (xs : List Nat) :
    (insertionSort xs).Pairwise (· ≤ ·) := by sorry

theorem insertionSort_perm (xs : List Nat) : (insertionSort xs).Perm xs := by sorry

inductive Tree where
  | leaf : Tree
  | node : Tree → Int → Tree → Tree

namespace Tree

def size : Tree → Nat
  | leaf => 0
  | node l _ r => l.size + 1 + r.size

def height : Tree → Nat
  | leaf => 0
  | node l _ r => max l.height r.height + 1

def mirror : Tree → Tree
  | leaf => leaf
  | node l x r => node r.mirror x l.mirror

def toList : Tree → List Int
  | leaf => []
  | node l x r => l.toList ++ x :: r.toList

def insert (t : Tree) (k : Int) : Tree :=
  match t with
  | leaf => node leaf k leaf
  | node l x r =>
    if k < x then node (l.insert k) x r
    else if x < k then node l x (r.insert k)
    else node l x r

theorem toList_mirror (t : Tree) : t.mirror.toList = t.toList.reverse := by sorry

theorem size_lt_two_pow_height (t : Tree) : t.size < 2 ^ t.height := by sorry

theorem mem_toList_insert (t : Tree) (k x : Int) :
    x ∈ (t.insert k).toList ↔ x = k ∨ x ∈ t.toList := by sorry

theorem insert_sorted (t : Tree) (k : Int) (h : t.toList.Pairwise (· < ·)) :
    (t.insert k).toList.Pairwise (· < ·) := by sorry

end Tree

/-- An account that never goes below zero. -/
structure Account where
  balance : Nat
  log : List Int

def Account.withdraw (a : Account) (n : Nat) : Option Account :=
  if n ≤ a.balance then
    some { balance := a.balance - n, log := -(n : Int) :: a.log }
  else
    none

/-- Withdraws all the amounts in order, or nothing. -/
def Account.withdrawAll (a : Account) : List Nat → Option Account
  | [] => some a
  | n :: ns => do
    let b ← a.withdraw n
    b.withdrawAll ns

theorem withdrawAll_balance (a b : Account) (ns : List Nat)
    (h : a.withdrawAll ns = some b) :
    a.balance = b.balance + ns.sum ∧ b.log.length = a.log.length + ns.length := by sorry

/-- A prime test by trial division. -/
def isPrime (n : Nat) : Bool := Id.run do
  if n < 2 then
    return false
  for d in [2:n] do
    if n % d = 0 then
      return false
  return true

theorem isPrime_iff (n : Nat) :
    isPrime n = true ↔ 2 ≤ n ∧ ∀ d, d ∣ n → d = 1 ∨ d = n := by sorry

/-- Binary search in `a[lo..hi)`. -/
def bsearch (a : Array Int) (x : Int) : Option Nat :=
  go 0 a.size
where
  go (lo hi : Nat) : Option Nat :=
    if lo < hi then
      let mid := (lo + hi) / 2
      if a[mid]! = x then some mid
      else if a[mid]! < x then go (mid + 1) hi
      else go lo mid
    else
      none
  termination_by hi - lo

theorem bsearch_some (a : Array Int) (x : Int) (i : Nat) (h : bsearch a x = some i) :
    i < a.size ∧ a[i]! = x := by sorry

theorem bsearch_none (a : Array Int) (x : Int)
    (hs : ∀ i j, i < j → j < a.size → a[i]! ≤ a[j]!)
    (h : bsearch a x = none) : x ∉ a := by sorry

/-- Run-length encoding. -/
def encode : List Char → List (Char × Nat)
  | [] => []
  | c :: cs =>
    match encode cs with
    | [] => [(c, 1)]
    | (d, n) :: rest => if c = d then (d, n + 1) :: rest else (c, 1) :: (d, n) :: rest

def decode (rs : List (Char × Nat)) : List Char := Id.run do
  let mut out := []
  for (c, n) in rs do
    out := out ++ List.replicate n c
  return out

theorem decode_encode (cs : List Char) : decode (encode cs) = cs := by sorry

end LoopsB
