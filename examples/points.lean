/-!
A structure, local notations, and instances whose laws are holes.
-/

/-- A point of the grid. -/
@[ext]
structure Point where
  x : Int
  y : Int

namespace Point

def add (p q : Point) : Point := ⟨p.x + q.x, p.y + q.y⟩
def scale (k : Int) (p : Point) : Point := ⟨k * p.x, k * p.y⟩
def dot (p q : Point) : Int := p.x * q.x + p.y * q.y

local infixl:65 " ⊞ " => Point.add
local infixr:70 " • " => Point.scale
local infix:68 " ⬝ " => Point.dot

section Laws

variable (p q r : Point) (k : Int)

theorem add_comm : p ⊞ q = q ⊞ p := by
  sorry

theorem add_assoc : p ⊞ q ⊞ r = p ⊞ (q ⊞ r) := by
  sorry

theorem scale_add : k • (p ⊞ q) = k • p ⊞ k • q := by
  sorry

theorem dot_comm : p ⬝ q = q ⬝ p := by
  sorry

theorem dot_add : p ⬝ (q ⊞ r) = p ⬝ q + p ⬝ r := by
  sorry

/-- A proof by a term. -/
theorem scale_one : (1 : Int) • p = p :=
  sorry

end Laws

instance : Std.Commutative Point.add where
  comm := sorry

instance : Std.Associative Point.add where
  assoc := by sorry

example (p q r : Point) : p ⊞ q ⊞ r = r ⊞ q ⊞ p := by
  sorry

end Point
