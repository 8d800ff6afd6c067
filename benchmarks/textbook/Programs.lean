/-! Options, regular expressions, tries, queues, formulas. -/
inductive Form where
  | var (n : Nat)
  | neg (a : Form)
  | and (a b : Form)
  | or (a b : Form)
def Form.holds (v : Nat → Bool) : Form → Bool
  | .var n => v n
  | .neg a => !a.holds v
  | .and a b => a.holds v && b.holds v
  | .or a b => a.holds v || b.holds v
mutual
def Form.pos : Form → Form
  | .var n => .var n
  | .neg a => a.negs
  | .and a b => .and a.pos b.pos
  | .or a b => .or a.pos b.pos
def Form.negs : Form → Form
  | .var n => .neg (.var n)
  | .neg a => a.pos
  | .and a b => .or a.negs b.negs
  | .or a b => .and a.negs b.negs
end
theorem Form.holds_pos (v : Nat → Bool) (a : Form) : a.pos.holds v = a.holds v ∧ a.negs.holds v = !a.holds v := by sorry
def Form.size : Form → Nat
  | .var _ => 1
  | .neg a => a.size + 1
  | .and a b => a.size + b.size + 1
  | .or a b => a.size + b.size + 1
theorem Form.size_pos (a : Form) : 0 < a.size := by sorry
def Form.dual : Form → Form
  | .var n => .var n
  | .neg a => .neg a.dual
  | .and a b => .or a.dual b.dual
  | .or a b => .and a.dual b.dual
theorem Form.holds_dual (v : Nat → Bool) (a : Form) : a.dual.holds v = !a.holds (fun n => !v n) := by sorry

structure Queue (α : Type) where
  front : List α
  back : List α
def Queue.toList (q : Queue α) : List α := q.front ++ q.back.reverse
def Queue.push (q : Queue α) (x : α) : Queue α := { q with back := x :: q.back }
def Queue.pop? (q : Queue α) : Option (α × Queue α) := match q.front with
  | x :: xs => some (x, { q with front := xs })
  | [] => match q.back.reverse with
    | [] => none
    | x :: xs => some (x, ⟨xs, []⟩)
theorem Queue.toList_push (q : Queue α) (x : α) : (q.push x).toList = q.toList ++ [x] := by sorry
theorem Queue.pop?_eq_none (q : Queue α) : q.pop? = none ↔ q.toList = [] := by sorry
theorem Queue.toList_pop? (q r : Queue α) (x : α) (h : q.pop? = some (x, r)) : q.toList = x :: r.toList := by sorry

inductive Heap where
  | leaf
  | node (l : Heap) (x : Nat) (r : Heap)
def Heap.size : Heap → Nat
  | .leaf => 0
  | .node l _ r => l.size + r.size + 1
def Heap.meld : Heap → Heap → Heap
  | .leaf, b => b
  | .node l x r, .leaf => .node l x r
  | .node l x r, .node l' y r' =>
    if x ≤ y then .node (meld r (.node l' y r')) x l else .node (meld (.node l x r) r') y l'
termination_by a b => a.size + b.size
decreasing_by all_goals simp [Heap.size]; omega
theorem Heap.size_meld (a b : Heap) : (a.meld b).size = a.size + b.size := by sorry
def Heap.has (x : Nat) : Heap → Prop
  | .leaf => False
  | .node l y r => x = y ∨ l.has x ∨ r.has x
theorem Heap.has_meld (x : Nat) (a b : Heap) : (a.meld b).has x ↔ a.has x ∨ b.has x := by sorry

def lookup (k : Nat) : List (Nat × Nat) → Option Nat
  | [] => none
  | (k', v) :: rest => if k = k' then some v else lookup k rest
def update (k v : Nat) : List (Nat × Nat) → List (Nat × Nat)
  | [] => [(k, v)]
  | (k', v') :: rest => if k = k' then (k, v) :: rest else (k', v') :: update k v rest
theorem lookup_update (k v : Nat) (m : List (Nat × Nat)) : lookup k (update k v m) = some v := by sorry
theorem lookup_update_ne (j k v : Nat) (m : List (Nat × Nat)) (h : j ≠ k) : lookup j (update k v m) = lookup j m := by sorry
def remove (k : Nat) (m : List (Nat × Nat)) : List (Nat × Nat) := m.filter (fun p => p.1 != k)
theorem lookup_remove (k : Nat) (m : List (Nat × Nat)) : lookup k (remove k m) = none := by sorry
theorem lookup_mem (k v : Nat) (m : List (Nat × Nat)) (h : lookup k m = some v) : (k, v) ∈ m := by sorry

def countZeros (a : Array Nat) : Nat := Id.run do
  let mut n := 0
  for x in a do
    if x = 0 then n := n + 1
  return n
theorem countZeros_le (a : Array Nat) : countZeros a ≤ a.size := by sorry
theorem countZeros_eq (a : Array Nat) : countZeros a = a.toList.count 0 := by sorry
def contains (a : Array Nat) (y : Nat) : Bool := Id.run do
  for x in a do
    if x = y then return true
  return false
theorem contains_iff (a : Array Nat) (y : Nat) : contains a y = true ↔ y ∈ a := by sorry
def prodTo (n : Nat) : Nat := Id.run do
  let mut r := 1
  for i in [1:n+1] do
    r := r * i
  return r
def factorial : Nat → Nat
  | 0 => 1
  | n + 1 => (n + 1) * factorial n
theorem prodTo_eq (n : Nat) : prodTo n = factorial n := by sorry

def power (b : Nat) (e : Nat) : Nat := if h : e = 0 then 1 else if e % 2 = 0 then power (b * b) (e / 2) else b * power b (e - 1)
theorem power_eq (b e : Nat) : power b e = b ^ e := by sorry
def gcdBy (a b : Nat) : Nat := if h : b = 0 then a else gcdBy b (a % b)
termination_by b
decreasing_by exact Nat.mod_lt _ (by omega)
theorem gcdBy_eq (a b : Nat) : gcdBy a b = Nat.gcd a b := by sorry
theorem gcdBy_dvd (a b : Nat) : gcdBy a b ∣ a ∧ gcdBy a b ∣ b := by sorry
def isqrt (n : Nat) : Nat := loop n
where
  loop : Nat → Nat
    | 0 => 0
    | k + 1 => if (k + 1) * (k + 1) ≤ n then k + 1 else loop k
theorem isqrt_sq (n : Nat) : isqrt n * isqrt n ≤ n := by sorry
def collatz (n : Nat) : Nat := if n % 2 = 0 then n / 2 else 3 * n + 1
theorem collatz_pos (n : Nat) (h : 0 < n) : 0 < collatz n := by sorry
def binSearch (a : Array Nat) (x lo hi : Nat) : Option Nat :=
  if h : lo < hi then
    let mid := (lo + hi) / 2
    if a[mid]! = x then some mid
    else if a[mid]! < x then binSearch a x (mid + 1) hi
    else binSearch a x lo mid
  else none
termination_by hi - lo
theorem binSearch_sound (a : Array Nat) (x lo hi i : Nat) (h : binSearch a x lo hi = some i) : a[i]! = x := by sorry
theorem binSearch_bound (a : Array Nat) (x lo hi i : Nat) (h : binSearch a x lo hi = some i) : lo ≤ i ∧ i < hi := by sorry
