namespace LoopsC

/-! ## Loops -/

def sumList (xs : List Nat) : Nat := Id.run do
  let mut s := 0
  for x in xs do
    s := s + x
  return s

theorem sumList_eq (xs : List Nat) : sumList xs = xs.sum := by sorry

def countOf (a : Array Nat) (v : Nat) : Nat := Id.run do
  let mut c := 0
  for x in a do
    if x == v then
      c := c + 1
  return c

theorem countOf_eq (a : Array Nat) (v : Nat) : countOf a v = a.toList.count v := by sorry

def doubleAll (a : Array Nat) : Array Nat := Id.run do
  let mut out : Array Nat := #[]
  for x in a do
    out := out.push (2 * x)
  return out

theorem doubleAll_eq (a : Array Nat) :
    (doubleAll a).toList = a.toList.map (fun x => 2 * x) := by sorry

def allBelow (xs : List Nat) (b : Nat) : Bool := Id.run do
  let mut ok := true
  for x in xs do
    if x ≥ b then
      ok := false
  return ok

theorem allBelow_eq (xs : List Nat) (b : Nat) :
    allBelow xs b = xs.all (fun x => decide (x < b)) := by sorry

def findBig (xs : List Nat) (b : Nat) : Option Nat := Id.run do
  for x in xs do
    if x > b then
      return some x
  return none

theorem findBig_spec (xs : List Nat) (b : Nat) :
    match findBig xs b with
    | some x => x ∈ xs ∧ b < x
    | none => ∀ x, x ∈ xs → x ≤ b := by sorry

def indexOf (a : Array Nat) (v : Nat) : Option Nat := Id.run do
  for i in [0:a.size] do
    if a[i]! == v then
      return some i
  return none

theorem indexOf_first (a : Array Nat) (v i : Nat) (h : indexOf a v = some i) :
    i < a.size ∧ a[i]! = v ∧ ∀ j, j < i → a[j]! ≠ v := by sorry

def gauss (n : Nat) : Nat := Id.run do
  let mut s := 0
  for i in [0:n+1] do
    s := s + i
  return s

theorem gauss_closed (n : Nat) : 2 * gauss n = n * (n + 1) := by sorry

def minMax (x0 : Int) (xs : List Int) : Int × Int := Id.run do
  let mut lo := x0
  let mut hi := x0
  for x in xs do
    if x < lo then
      lo := x
    if x > hi then
      hi := x
  return (lo, hi)

theorem minMax_bounds (x0 : Int) (xs : List Int) :
    (minMax x0 xs).1 ≤ x0 ∧ x0 ≤ (minMax x0 xs).2 ∧
      ∀ x, x ∈ xs → (minMax x0 xs).1 ≤ x ∧ x ≤ (minMax x0 xs).2 := by sorry

def zeroNegatives (a : Array Int) : Array Int := Id.run do
  let mut b := a
  for i in [0:a.size] do
    if b[i]! < 0 then
      b := b.set! i 0
  return b

theorem zeroNegatives_spec (a : Array Int) :
    (zeroNegatives a).size = a.size ∧
      ∀ i, i < a.size → 0 ≤ (zeroNegatives a)[i]! := by sorry

def reverseLoop {α : Type} (xs : List α) : List α := Id.run do
  let mut out : List α := []
  for x in xs do
    out := x :: out
  return out

theorem reverseLoop_eq {α : Type} (xs : List α) : reverseLoop xs = xs.reverse := by sorry

def runBalance (start : Int) (txs : List Int) : Int := Id.run do
  let mut bal := start
  for d in txs do
    if bal + d ≥ 0 then
      bal := bal + d
  return bal

theorem runBalance_nonneg (start : Int) (txs : List Int) (h : 0 ≤ start) :
    0 ≤ runBalance start txs := by sorry

def reverseInPlace (a : Array Nat) : Array Nat := Id.run do
  let mut b := a
  for i in [0:a.size / 2] do
    let x := b[i]!
    let y := b[a.size - 1 - i]!
    b := b.set! i y
    b := b.set! (a.size - 1 - i) x
  return b

theorem reverseInPlace_spec (a : Array Nat) :
    (reverseInPlace a).size = a.size ∧
      ∀ i, i < a.size → (reverseInPlace a)[i]! = a[a.size - 1 - i]! := by sorry

def isSorted (a : Array Nat) : Bool := Id.run do
  for i in [0:a.size - 1] do
    if a[i]! > a[i+1]! then
      return false
  return true

theorem isSorted_iff (a : Array Nat) :
    isSorted a = true ↔ ∀ i, i + 1 < a.size → a[i]! ≤ a[i+1]! := by sorry

/-! ## Recursion -/

def fib : Nat → Nat
  | 0 => 0
  | 1 => 1
  | n + 2 => fib n + fib (n + 1)

def fibFast (n : Nat) : Nat := go n 0 1
where
  go : Nat → Nat → Nat → Nat
    | 0, a, _ => a
    | k + 1, a, b => go k b (a + b)

theorem fibFast_eq (n : Nat) : fibFast n = fib n := by sorry

inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree

def Tree.toList : Tree → List Nat
  | .leaf => []
  | .node l v r => Tree.toList l ++ v :: Tree.toList r

def Tree.insert (x : Nat) : Tree → Tree
  | .leaf => .node .leaf x .leaf
  | .node l v r =>
    if x < v then .node (Tree.insert x l) v r
    else if v < x then .node l v (Tree.insert x r)
    else .node l v r

theorem mem_insert (x y : Nat) (t : Tree) :
    y ∈ (Tree.insert x t).toList ↔ y = x ∨ y ∈ t.toList := by sorry

def Tree.sumAcc : Tree → Nat → Nat
  | .leaf, acc => acc
  | .node l v r, acc => Tree.sumAcc r (Tree.sumAcc l acc + v)

theorem sumAcc_eq (t : Tree) (acc : Nat) :
    Tree.sumAcc t acc = acc + t.toList.sum := by sorry

def digitSum (n : Nat) : Nat :=
  if h : n < 10 then n
  else n % 10 + digitSum (n / 10)
termination_by n
decreasing_by all_goals omega

theorem digitSum_mod (n : Nat) : digitSum n % 9 = n % 9 ∧ digitSum n ≤ n := by sorry

def fastPow (b n : Nat) : Nat :=
  if h : n = 0 then 1
  else if n % 2 = 0 then fastPow (b * b) (n / 2)
  else b * fastPow (b * b) (n / 2)
termination_by n
decreasing_by all_goals omega

theorem fastPow_eq (b n : Nat) : fastPow b n = b ^ n := by sorry

def bsearch (a : Array Nat) (v : Nat) : Option Nat := go 0 a.size
where
  go (lo hi : Nat) : Option Nat :=
    if h : lo < hi then
      if a[(lo + hi) / 2]! == v then some ((lo + hi) / 2)
      else if a[(lo + hi) / 2]! < v then go ((lo + hi) / 2 + 1) hi
      else go lo ((lo + hi) / 2)
    else none
  termination_by hi - lo
  decreasing_by all_goals omega

theorem bsearch_sound (a : Array Nat) (v i : Nat) (h : bsearch a v = some i) :
    i < a.size ∧ a[i]! = v := by sorry

end LoopsC
