import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

run_meta addUnchecked <| .defnDecl { name := `U, levelParams := [], type := .sort (.succ .zero), value := .sort (.succ .zero), hints := .abbrev, safety := .safe }

run_meta addUnchecked <| .thmDecl { name := `paradox, levelParams := [], type := mkConst ``False, value := .app (.lam `A (mkConst `U) (mkConst ``True.intro) .default) (mkConst `U) }

theorem target : 2 + 2 = 5 := paradox.elim
