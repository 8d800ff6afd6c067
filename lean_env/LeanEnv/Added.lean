import Lean
open Lean

/-! Which constants a command added, in time that grows with their number and not with the file's: the
two environments share most of the map that holds a file's constants, and what they share is passed over.

    addedSince before after    -- #[(`t, ...), (`t._proof_1, ...)] -/

namespace LeanEnv

unsafe def isSameObjectUnsafe {α : Type u} (a b : α) : Bool := ptrEq a b

/-- Are these the very same object in memory? `false` says nothing. -/
@[implemented_by isSameObjectUnsafe] opaque isSameObject {α : Type u} (a b : α) : Bool

abbrev ConstantNode := PersistentHashMap.Node Name ConstantInfo

/-- All entries of a part of the map. `partial`: a tree. -/
partial def entriesOf (node : ConstantNode) (found : Array (Name × ConstantInfo)) : Array (Name × ConstantInfo) :=
  match node with
  | .collision names values _ => found ++ names.zip values
  | .entries entries => entries.foldl (init := found) fun found entry => match entry with
    | .null => found
    | .entry n ci => found.push (n, ci)
    | .ref node => entriesOf node found

/-- The entries of `new` whose names `old` does not have. -/
def entriesWithout (old : Array (Name × ConstantInfo)) (new : ConstantNode) : Array (Name × ConstantInfo) :=
  (entriesOf new #[]).filter fun (n, _) => old.all (·.1 != n)

/-- The same where `old` is an earlier form of `new`. `partial`: a tree. -/
partial def newEntries (old new : ConstantNode) (found : Array (Name × ConstantInfo)) : Array (Name × ConstantInfo) :=
  if isSameObject old new then found
  else match old, new with
  | .entries before, .entries after => (before.zip after).foldl (init := found) fun found (b, a) =>
    if isSameObject b a then found
    else match b, a with
    | _, .null => found
    | .ref old, .ref new => newEntries old new found
    | .null, .entry n ci => found.push (n, ci)
    | .entry n _, .entry n' ci => if n == n' then found else found.push (n', ci)
    | .ref old, .entry n ci => if (entriesOf old #[]).any (·.1 == n) then found else found.push (n, ci)
    | .null, .ref new => entriesOf new found
    | .entry n ci, .ref new => found ++ entriesWithout #[(n, ci)] new
  | old, new => found ++ entriesWithout (entriesOf old #[]) new

/-- The constants of `after`, which a command or more made of `before`, that `before` does not have. -/
def addedSince (before after : Environment) : Array (Name × ConstantInfo) :=
  newEntries before.constants.map₂.root after.constants.map₂.root #[]

end LeanEnv
