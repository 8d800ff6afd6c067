structure Colour where
  red : Nat := 0
  green : Nat := 0
deriving DecidableEq, Repr

class Shade (α : Type) where
  shade : α → Nat

instance : Shade Colour where
  shade c := c.red + c.green

theorem target (c : Colour) (h : Shade.shade c = 0) : c = {} := by sorry
