/-!
An inductive type and recursive functions of our own.
-/

inductive Tree (α : Type) where
  | leaf : Tree α
  | node (left : Tree α) (value : α) (right : Tree α) : Tree α

namespace Tree

variable {α β : Type}

def size : Tree α → Nat
  | leaf => 0
  | node l _ r => l.size + 1 + r.size

def height : Tree α → Nat
  | leaf => 0
  | node l _ r => max l.height r.height + 1

def mirror : Tree α → Tree α
  | leaf => leaf
  | node l x r => node r.mirror x l.mirror

def flatten : Tree α → List α
  | leaf => []
  | node l x r => l.flatten ++ x :: r.flatten

def map (f : α → β) : Tree α → Tree β
  | leaf => leaf
  | node l x r => node (l.map f) (f x) (r.map f)

theorem mirror_mirror (t : Tree α) : t.mirror.mirror = t := by
  sorry

theorem size_mirror (t : Tree α) : t.mirror.size = t.size := by
  sorry

theorem height_mirror (t : Tree α) : t.mirror.height = t.height := by
  sorry

theorem length_flatten (t : Tree α) : t.flatten.length = t.size := by
  sorry

theorem flatten_mirror (t : Tree α) : t.mirror.flatten = t.flatten.reverse := by
  sorry

theorem flatten_map (f : α → β) (t : Tree α) : (t.map f).flatten = t.flatten.map f := by
  sorry

theorem map_id (t : Tree α) : t.map id = t := by
  sorry

theorem height_le_size (t : Tree α) : t.height ≤ t.size := by
  sorry

end Tree
