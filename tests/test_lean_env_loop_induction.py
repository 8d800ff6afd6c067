"""`loop_induction?`: proofs along recursive functions, with invariants that Lean's worker finds."""

import asyncio

import pytest
from lakatos.data.records import Advanced, Rejected

from .worker_searches import searched

SOURCE = """def firstZero (xs : Array Nat) (i : Nat) : Nat :=
  if i < xs.size then
    if xs[i]! = 0 then i else firstZero xs (i + 1)
  else xs.size

def search (xs : Array Nat) : Nat := firstZero xs 0

def isFirst (xs : Array Nat) (r : Nat) : Prop :=
  r ≤ xs.size ∧ ∀ k, k < r → xs[k]! ≠ 0

theorem found (xs : Array Nat) : isFirst xs (search xs) := by sorry

def largest (xs : Array Int) (i : Nat) (best : Int) : Int :=
  if i < xs.size then
    let next := if best < xs[i]! then xs[i]! else best
    largest xs (i + 1) next
  else best

theorem bound (xs : Array Int) (h : 0 < xs.size) :
    ∀ k, k < xs.size → xs[k]! ≤ largest xs 1 xs[0]! := by sorry

def double : List Nat → List Nat
  | [] => []
  | x :: xs => x :: x :: double xs

theorem twice (xs : List Nat) : (double xs).length = 2 * xs.length := by sorry

def place (x : Nat) : List Nat → List Nat
  | [] => [x]
  | y :: ys => if y < x then y :: x :: ys else y :: place x ys

def reorder : List Nat → List Nat
  | [] => []
  | x :: xs => place x (reorder xs)

theorem reordered (xs : List Nat) : (reorder xs).Perm xs := by sorry

def countBelow (xs : Array Nat) (n i acc : Nat) : Nat :=
  if i < xs.size then
    countBelow xs n (i + 1) (if xs[i]! < n then acc + 1 else acc)
  else acc

theorem counted (xs : Array Nat) (n : Nat) :
    countBelow xs n 0 0 = xs.foldl (fun c x => if x < n then c + 1 else c) 0 := by sorry

def root (n : Nat) : Nat → Nat → Nat
  | 0, r => r
  | fuel + 1, r => if (r + 1) * (r + 1) ≤ n then root n fuel (r + 1) else r

theorem rooted (n : Nat) : n < (root n (n + 1) 0 + 1) * (root n (n + 1) 0 + 1) := by sorry

def allSame (xs : Array Nat) (i : Nat) : Bool :=
  if i < xs.size then (if xs[i]! = xs[0]! then allSame xs (i + 1) else false) else true

theorem same (xs : Array Nat) (h : 0 < xs.size) :
    allSame xs 1 = true → xs.toList.Pairwise (· = ·) := by sorry

def halves : List Nat → List Nat × List Nat
  | [] => ([], [])
  | x :: xs =>
    let (small, large) := halves xs
    if x < 10 then (x :: small, large) else (small, x :: large)

theorem halved (xs : List Nat) :
    (halves xs).1 ++ (halves xs).2 = xs.filter (· < 10) ++ xs.filter (10 ≤ ·) := by sorry

def sumUp : List Nat → Nat → Nat
  | [], acc => acc
  | x :: xs, acc => sumUp xs (acc + x)

theorem summed (xs : List Nat) : sumUp xs 0 = xs.sum := by sorry

inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree

def insert (x : Nat) : Tree → Tree
  | .leaf => .node .leaf x .leaf
  | .node l v r => if x < v then .node (insert x l) v r else .node l v (insert x r)

def mem (x : Nat) : Tree → Prop
  | .leaf => False
  | .node l v r => x = v ∨ mem x l ∨ mem x r

theorem kept (x y : Nat) (t : Tree) : mem y (insert x t) ↔ y = x ∨ mem y t := by sorry

def below (n : Nat) : Nat := go n
where
  go : Nat → Nat
    | 0 => 0
    | k + 1 => if (k + 1) * (k + 1) ≤ n then k + 1 else go k

theorem fuelled_by_what_stays (n : Nat) : below n * below n ≤ n := by sorry

theorem none_called (n : Nat) : n + 0 = n := by sorry
theorem wrong (xs : Array Nat) : xs.size ≤ search xs + 1 := by sorry
"""

FOR_LOOPS = """def largest (a : Array Nat) : Nat := Id.run do
  let mut most := 0
  for x in a do
    if most < x then most := x
  return most
theorem a_bound (a : Array Nat) (i : Nat) (h : i < a.size) : a[i] ≤ largest a := by sorry

def occurrences (a : Array Nat) (x : Nat) : Nat := Id.run do
  let mut n := 0
  for y in a do
    if y = x then n := n + 1
  return n
theorem an_equation (a : Array Nat) (x : Nat) : occurrences a x = a.toList.count x := by sorry

def positive (a : List Int) : Nat × Int := Id.run do
  let mut n := 0
  let mut sum := 0
  for x in a do
    if 0 < x then
      n := n + 1
      sum := sum + x
  return (n, sum)
theorem an_invariant (a : List Int) : 0 ≤ (positive a).2 := by sorry

def first (a : Array Nat) (k : Nat) : Nat := Id.run do
  for x in a do
    if k < x then return x
  return 0
theorem an_early_end (a : Array Nat) (k : Nat) : first a k = 0 ∨ k < first a k := by sorry

def sumTo (n : Nat) : Nat := Id.run do
  let mut s := 0
  for i in [0:n+1] do
    s := s + i
  return s
theorem a_range (n : Nat) : 2 * sumTo n = n * (n + 1) := by sorry

def index (a : Array Nat) (k : Nat) : Option Nat := Id.run do
  for i in [0:a.size] do
    if a[i]! = k then return some i
  return none
theorem a_hypothesis (a : Array Nat) (k i : Nat) (h : index a k = some i) : a[i]! = k := by sorry

def product (n : Nat) : Nat := Id.run do
  let mut p := 1
  for i in [1:n+1] do
    p := p * i
  return p
def factorial : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * factorial n
theorem a_program_of_the_claim (n : Nat) : product n = factorial n := by sorry

theorem a_bound_from_any_start (a : Array Nat) (x : Nat) : occurrences a x ≤ a.size := by sorry

def small (a : Array Nat) : Array Nat := Id.run do
  let mut b := #[]
  for x in a do
    if x < 10 then b := b.push x
  return b
theorem a_bound_of_what_is_collected (a : Array Nat) : (small a).size ≤ a.size := by sorry

def maxOf (a : Array Int) (h : 0 < a.size) : Int := Id.run do
  let mut m := a[0]
  for i in [1:a.size] do
    if m < a[i]! then m := a[i]!
  return m
theorem all_indices (a : Array Int) (h : 0 < a.size) (i : Nat) (hi : i < a.size) :
    a[i]! ≤ maxOf a h := by sorry
"""

UNPROVED = ("none_called", "wrong")


@pytest.mark.lean
def test_for_loops_are_folds_along_what_they_read(toolchain):
    found = asyncio.run(searched(toolchain, FOR_LOOPS, "loop_induction?"))
    assert len(found) == 10
    assert {name for name, step in found.items() if step.outcome != Advanced(())} == set()


@pytest.mark.lean
def test_invariants_of_loops_are_found_and_proved(toolchain):
    found = asyncio.run(searched(toolchain, SOURCE, "loop_induction?"))
    for name, step in found.items():
        if name not in UNPROVED:
            assert step.outcome == Advanced(()), (name, step)
            assert "fun_induction" in step.tactic
            assert step.outcome.suggestion == step.tactic
    assert "∀ (k : Nat), k < i" in found["found"].tactic
    assert ".Perm (x :: a" in found["reordered"].tactic
    assert ".take i" in found["counted"].tactic  # said of the beginning of the array
    assert "a + a_1 = n + 1 + 0" in found["rooted"].tactic  # what the counters add up to
    assert "∀ (j : Nat), 1 ≤ j → j < i → xs[j]! = xs[0]!" in found["same"].tactic  # what was passed
    for name in ("halved", "summed"):
        assert "have same0 : ∀" in found[name].tactic  # an equation between terms of the goal
    for name in UNPROVED:
        assert isinstance(found[name].outcome, Rejected)
        assert found[name].tactic == "loop_induction?"
