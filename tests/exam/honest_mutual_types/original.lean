mutual
inductive Tree where
  | node : Nat → Forest → Tree
inductive Forest where
  | none : Forest
  | more : Tree → Forest → Forest
end

mutual
def Tree.size : Tree → Nat
  | .node _ children => children.size + 1
def Forest.size : Forest → Nat
  | .none => 0
  | .more tree rest => tree.size + rest.size
end

theorem target (t : Tree) : 0 < t.size := by sorry
