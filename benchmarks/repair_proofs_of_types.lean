/-!
More right proofs for `repair_corpus.py`, of types and functions of their own; read behind the others.
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

theorem mirror_mirror (t : Tree α) : t.mirror.mirror = t := by
  induction t with
  | leaf => rfl
  | node l x r ihl ihr =>
    rw [mirror, mirror, ihl, ihr]

theorem size_mirror (t : Tree α) : t.mirror.size = t.size := by
  induction t with
  | leaf => rfl
  | node l x r ihl ihr =>
    rw [mirror, size, size, ihl, ihr]
    omega

theorem height_mirror (t : Tree α) : t.mirror.height = t.height := by
  induction t with
  | leaf => rfl
  | node l x r ihl ihr =>
    rw [mirror, height, height]
    rw [ihl, ihr, Nat.max_comm]

theorem length_flatten (t : Tree α) : t.flatten.length = t.size := by
  induction t with
  | leaf => rfl
  | node l x r ihl ihr =>
    rw [flatten, List.length_append, List.length_cons]
    rw [ihl, ihr, size]
    omega

theorem flatten_mirror (t : Tree α) : t.mirror.flatten = t.flatten.reverse := by
  induction t with
  | leaf => rfl
  | node l x r ihl ihr =>
    rw [mirror, flatten, ihl, ihr, flatten]
    rw [List.reverse_append, List.reverse_cons]
    rw [List.append_assoc]
    rfl

theorem height_le_size (t : Tree α) : t.height ≤ t.size := by
  induction t with
  | leaf => exact Nat.le_refl 0
  | node l x r ihl ihr =>
    rw [height, size]
    have h : max l.height r.height ≤ l.size + r.size := by
      rw [Nat.max_le]
      constructor
      · exact Nat.le_trans ihl (Nat.le_add_right _ _)
      · exact Nat.le_trans ihr (Nat.le_add_left _ _)
    omega

end Tree

structure Point where
  x : Int
  y : Int

namespace Point

def add (p q : Point) : Point := ⟨p.x + q.x, p.y + q.y⟩

def dot (p q : Point) : Int := p.x * q.x + p.y * q.y

theorem add_comm (p q : Point) : p.add q = q.add p := by
  unfold add
  rw [Int.add_comm p.x q.x]
  rw [Int.add_comm p.y q.y]

theorem dot_comm (p q : Point) : p.dot q = q.dot p := by
  unfold dot
  rw [Int.mul_comm p.x q.x]
  rw [Int.mul_comm p.y q.y]

theorem dot_add (p q r : Point) : p.dot (q.add r) = p.dot q + p.dot r := by
  unfold dot add
  have h1 : p.x * (q.x + r.x) = p.x * q.x + p.x * r.x := Int.mul_add p.x q.x r.x
  have h2 : p.y * (q.y + r.y) = p.y * q.y + p.y * r.y := Int.mul_add p.y q.y r.y
  show p.x * (q.x + r.x) + p.y * (q.y + r.y) = _
  rw [h1, h2]
  omega

end Point
