import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

run_meta addUnchecked <| .axiomDecl { name := `propext, levelParams := [], type := mkConst ``False, isUnsafe := false }

run_meta addUnchecked <| .thmDecl { name := `bogus, levelParams := [], type := mkConst ``False, value := mkConst `propext }

theorem target : 2 + 2 = 5 := bogus.elim
