import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

inductive Two : Prop where
  | left
  | right

run_meta do
  let two := mkConst ``Two
  let value := Expr.lam `t two (.proj ``Two 0 (.bvar 0)) .default
  addUnchecked <| .defnDecl { name := `which, levelParams := [], type := .forallE `t two (mkConst ``False) .default, value, hints := .abbrev, safety := .safe }

theorem target : 2 + 2 = 5 := (which .left).elim
