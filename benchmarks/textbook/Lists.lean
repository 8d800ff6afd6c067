/-! Lists once more. -/
def dup : List α → List α
  | [] => []
  | x :: xs => x :: x :: dup xs
theorem dup_append (xs ys : List α) : dup (xs ++ ys) = dup xs ++ dup ys := by sorry
theorem mem_dup (x : α) (xs : List α) : x ∈ dup xs ↔ x ∈ xs := by sorry
theorem dup_reverse (xs : List α) : dup xs.reverse = (dup xs).reverse := by sorry

def alternate : List α → List α → List α
  | [], ys => ys
  | x :: xs, [] => x :: xs
  | x :: xs, y :: ys => x :: y :: alternate xs ys
theorem alternate_length (xs ys : List α) : (alternate xs ys).length = xs.length + ys.length := by sorry
theorem alternate_perm (xs ys : List α) : (alternate xs ys).Perm (xs ++ ys) := by sorry
theorem alternate_nil (xs : List α) : alternate xs [] = xs := by sorry

def isPal (xs : List α) : Prop := xs.reverse = xs
theorem isPal_append_reverse (xs : List α) : isPal (xs ++ xs.reverse) := by sorry
theorem isPal_map (f : α → β) (xs : List α) (h : isPal xs) : isPal (xs.map f) := by sorry

inductive Pal : List α → Prop where
  | nil : Pal []
  | one (x) : Pal [x]
  | step (x) : Pal xs → Pal (x :: xs ++ [x])
theorem Pal.reverse (xs : List α) (h : Pal xs) : xs.reverse = xs := by sorry

inductive Subl : List α → List α → Prop where
  | nil : Subl [] []
  | skip : Subl xs ys → Subl xs (y :: ys)
  | take : Subl xs ys → Subl (x :: xs) (x :: ys)
theorem Subl.refl (xs : List α) : Subl xs xs := by sorry
theorem Subl.nil_left (xs : List α) : Subl [] xs := by sorry
theorem Subl.append (ys : List α) (h : Subl xs zs) : Subl xs (zs ++ ys) := by sorry
theorem Subl.trans (h : Subl xs ys) (h' : Subl ys zs) : Subl xs zs := by sorry
theorem Subl.length (h : Subl xs ys) : xs.length ≤ ys.length := by sorry
theorem Subl.mem (h : Subl xs ys) (hx : x ∈ xs) : x ∈ ys := by sorry
theorem Subl.filter (p : α → Bool) (xs : List α) : Subl (xs.filter p) xs := by sorry
theorem Subl.antisymm (h : Subl xs ys) (h' : Subl ys xs) : xs = ys := by sorry

def prefixes : List α → List (List α)
  | [] => [[]]
  | x :: xs => [] :: (prefixes xs).map (x :: ·)
theorem prefixes_length (xs : List α) : (prefixes xs).length = xs.length + 1 := by sorry
theorem self_mem_prefixes (xs : List α) : xs ∈ prefixes xs := by sorry
theorem mem_prefixes (ys xs : List α) : ys ∈ prefixes xs ↔ ys <+: xs := by sorry

def subs : List α → List (List α)
  | [] => [[]]
  | x :: xs => subs xs ++ (subs xs).map (x :: ·)
theorem subs_length (xs : List α) : (subs xs).length = 2 ^ xs.length := by sorry
theorem subs_sub (xs ys : List α) (h : ys ∈ subs xs) : Subl ys xs := by sorry

def maxL : List Nat → Nat
  | [] => 0
  | x :: xs => max x (maxL xs)
theorem le_maxL (x : Nat) (xs : List Nat) (h : x ∈ xs) : x ≤ maxL xs := by sorry
theorem maxL_mem (xs : List Nat) (h : xs ≠ []) : maxL xs ∈ xs := by sorry
theorem maxL_append (xs ys : List Nat) : maxL (xs ++ ys) = max (maxL xs) (maxL ys) := by sorry
theorem sum_le (xs : List Nat) : xs.sum ≤ xs.length * maxL xs := by sorry

def rotate1 : List α → List α
  | [] => []
  | x :: xs => xs ++ [x]
def rotate (xs : List α) : Nat → List α
  | 0 => xs
  | n + 1 => rotate (rotate1 xs) n
theorem rotate_length (xs : List α) (n : Nat) : (rotate xs n).length = xs.length := by sorry
theorem rotate_add (xs : List α) (m n : Nat) : rotate xs (m + n) = rotate (rotate xs m) n := by sorry
theorem rotate_append (xs ys : List α) : rotate (xs ++ ys) xs.length = ys ++ xs := by sorry

def partition3 (p : Nat) : List Nat → List Nat × List Nat × List Nat
  | [] => ([], [], [])
  | x :: xs =>
    let (a, b, c) := partition3 p xs
    if x < p then (x :: a, b, c) else if x = p then (a, x :: b, c) else (a, b, x :: c)
theorem partition3_length (p : Nat) (xs : List Nat) :
    (partition3 p xs).1.length + (partition3 p xs).2.1.length + (partition3 p xs).2.2.length = xs.length := by sorry

def runs : List Nat → List (Nat × Nat)
  | [] => []
  | x :: xs => match runs xs with
    | (y, n) :: rest => if x = y then (y, n + 1) :: rest else (x, 1) :: (y, n) :: rest
    | [] => [(x, 1)]
def unruns : List (Nat × Nat) → List Nat
  | [] => []
  | (x, n) :: rest => List.replicate n x ++ unruns rest
theorem unruns_runs (xs : List Nat) : unruns (runs xs) = xs := by sorry
