import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

run_meta do
  let hole ← mkFreshExprMVar (mkConst ``False)
  addUnchecked <| .thmDecl { name := `bogus, levelParams := [], type := mkConst ``False, value := hole }

theorem target : 2 + 2 = 5 := bogus.elim
