import Lean
open Lean Meta

/-! Which attributes a module of the library gives its theorems, and in which order: a module keeps
the entries of an attribute in the order of its text, though not the order of its declarations.

    @[simp, grind =] theorem a ..      ("simp", 0, `a, "simp"), ("grind", 0, `a, "grind =")
    @[simp] theorem b ..               ("simp", 1, `b, "simp") -/

namespace LeanEnv

/-- An attribute that a module gives a theorem. list, place: where among the entries of the module. -/
structure Tag where
  list      : String
  place     : Nat
  theorem_  : Name
  /-- As it is written. -/
  text      : String

def tagsOf (list : String) (entries : Array α) (read : α → Option (Name × String)) : Array Tag :=
  entries.zipIdx.filterMap fun (entry, place) => (read entry).map fun (n, text) => { list, place, theorem_ := n, text }

def simpText (t : SimpTheorem) : Option (Name × String) := match t.origin with
  | .decl n post inv =>
    some (n, "simp" ++ (if post then "" else " ↓") ++ (if inv then " ←" else "") ++ (if t.priority == 1000 then "" else s!" {t.priority}"))
  | _ => none

/-- What `grind` learns of a theorem; a pattern of its own (`grind_pattern`) has no attribute. -/
def grindText : Grind.Entry → Option (Name × String)
  | .ematch t => match t.origin, t.kind with
    | .decl _, .user => none
    | .decl n, kind => some (n, (((kind.toAttribute t.minIndexable).drop 1).dropEnd 1).toString)
    | _, _ => none
  | .inj t => match t.origin with
    | .decl n => some (n, "grind inj")
    | _ => none
  | _ => none

def globally (read : α → Option (Name × String)) : ScopedEnvExtension.Entry α → Option (Name × String)
  | .global entry => read entry
  | .scoped .. => none

/-- The tags that the i-th module gives, in the order of each list. -/
def moduleTags (env : Environment) (i : Nat) : Array Tag :=
  tagsOf "simp" (simpExtension.ext.getModuleEntries env i) (globally fun | .thm t => simpText t | _ => none)
    ++ tagsOf "grind" (Grind.grindExt.ext.getModuleEntries env i) (globally grindText)
    ++ tagsOf "ext" (Ext.extExtension.ext.getModuleEntries env i) (globally fun t => some (t.declName, "ext"))

end LeanEnv
