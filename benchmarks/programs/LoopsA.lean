/-! Loops written with `for`, `let mut` and early `return`, and what they should do. -/

namespace LoopsA

/-- Sum of a list by a loop. -/
def sumList (xs : List Nat) : Nat := Id.run do
  let mut s := 0
  for x in xs do
    s := s + x
  return s

theorem sumList_eq_sum (xs : List Nat) : sumList xs = xs.sum := by sorry

/-- How often `a` occurs. -/
def countEq (a : Nat) (xs : List Nat) : Nat := Id.run do
  let mut c := 0
  for x in xs do
    if x == a then
      c := c + 1
  return c

theorem countEq_eq_count (a : Nat) (xs : List Nat) :
    countEq a xs = xs.count a := by sorry

/-- Largest element of a list, `0` for the empty one. -/
def listMax (xs : List Nat) : Nat := Id.run do
  let mut m := 0
  for x in xs do
    if x > m then
      m := x
  return m

theorem le_listMax (xs : List Nat) (x : Nat) (h : x ∈ xs) : x ≤ listMax xs := by sorry

theorem listMax_mem (xs : List Nat) (h : xs ≠ []) : listMax xs ∈ xs := by sorry

/-- `0 + 1 + ... + n`. -/
def gauss (n : Nat) : Nat := Id.run do
  let mut s := 0
  for i in [0:n+1] do
    s := s + i
  return s

theorem two_mul_gauss (n : Nat) : 2 * gauss n = n * (n + 1) := by sorry

/-- Linear search with an early exit. -/
def containsLoop (a : Int) (xs : Array Int) : Bool := Id.run do
  for x in xs do
    if x == a then
      return true
  return false

theorem containsLoop_iff (a : Int) (xs : Array Int) :
    containsLoop a xs = true ↔ a ∈ xs := by sorry

/-- First index whose element satisfies `p`. -/
def findIndex (p : Nat → Bool) (a : Array Nat) : Option Nat := Id.run do
  for i in [0:a.size] do
    if p a[i]! then
      return some i
  return none

theorem findIndex_some (p : Nat → Bool) (a : Array Nat) (i : Nat)
    (h : findIndex p a = some i) :
    i < a.size ∧ p a[i]! = true ∧ ∀ j, j < i → p a[j]! = false := by sorry

theorem findIndex_none (p : Nat → Bool) (a : Array Nat)
    (h : findIndex p a = none) : ∀ x ∈ a, p x = false := by sorry

/-- Smallest and largest of `x :: xs` in one pass. -/
def minMax (x : Int) (xs : List Int) : Int × Int := Id.run do
  let mut lo := x
  let mut hi := x
  for y in xs do
    if y < lo then
      lo := y
    else
      if y > hi then
        hi := y
  return (lo, hi)

theorem minMax_bounds (x : Int) (xs : List Int) :
    ∀ y ∈ x :: xs, (minMax x xs).1 ≤ y ∧ y ≤ (minMax x xs).2 := by sorry

def fib : Nat → Nat
  | 0 => 0
  | 1 => 1
  | n + 2 => fib n + fib (n + 1)

/-- Fibonacci with two variables. -/
def fibLoop (n : Nat) : Nat := Id.run do
  let mut a := 0
  let mut b := 1
  for _ in [0:n] do
    let c := a + b
    a := b
    b := c
  return a

theorem fibLoop_eq_fib (n : Nat) : fibLoop n = fib n := by sorry

/-- Even elements, in order. -/
def keepEven (a : Array Nat) : Array Nat := Id.run do
  let mut out := #[]
  for x in a do
    if x % 2 = 0 then
      out := out.push x
  return out

theorem mem_keepEven (a : Array Nat) (x : Nat) :
    x ∈ keepEven a ↔ x ∈ a ∧ x % 2 = 0 := by sorry

def revLoop {α : Type} (xs : List α) : List α := Id.run do
  let mut acc := []
  for x in xs do
    acc := x :: acc
  return acc

theorem revLoop_revLoop {α : Type} (xs : List α) : revLoop (revLoop xs) = xs := by sorry

/-- Doubles every element in place. -/
def doubleAll (a : Array Nat) : Array Nat := Id.run do
  let mut b := a
  for i in [0:a.size] do
    b := b.set! i (2 * b[i]!)
  return b

theorem size_doubleAll (a : Array Nat) : (doubleAll a).size = a.size := by sorry

theorem getElem_doubleAll (a : Array Nat) (i : Nat) (h : i < a.size) :
    (doubleAll a)[i]! = 2 * a[i]! := by sorry

/-- Is some pair of elements at different places adding up to `t`? -/
def twoSum (a : Array Int) (t : Int) : Option (Nat × Nat) := Id.run do
  for i in [0:a.size] do
    for j in [i+1:a.size] do
      if a[i]! + a[j]! = t then
        return some (i, j)
  return none

theorem twoSum_some (a : Array Int) (t : Int) (i j : Nat)
    (h : twoSum a t = some (i, j)) :
    i < j ∧ j < a.size ∧ a[i]! + a[j]! = t := by sorry

/-- Kadane's algorithm: the largest sum of a contiguous segment (the empty one counts). -/
def maxSegment (xs : List Int) : Int := Id.run do
  let mut best := 0
  let mut cur := 0
  for x in xs do
    cur := cur + x
    if cur < 0 then
      cur := 0
    if cur > best then
      best := cur
  return best

theorem segment_le_maxSegment (pre seg post : List Int) :
    seg.sum ≤ maxSegment (pre ++ seg ++ post) := by sorry

end LoopsA
