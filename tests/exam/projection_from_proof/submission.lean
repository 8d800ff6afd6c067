import Lean
open Lean Meta Elab Tactic

def addUnchecked (declaration : Declaration) : CoreM Unit := do
  match (← getEnv).addDeclCore 0 declaration none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "refused"

run_meta do
  let type ← Term.TermElabM.run' <| do
    let type ← Term.elabType (← `((∃ _n : Nat, True) → Nat))
    Term.synthesizeSyntheticMVarsNoPostponing
    instantiateMVars type
  let domain := type.bindingDomain!
  let value := Expr.lam `h domain (.proj ``Exists 0 (.bvar 0)) .default
  addUnchecked <| .defnDecl { name := `witness, levelParams := [], type, value, hints := .abbrev, safety := .safe }

theorem same : (⟨2, trivial⟩ : ∃ _n : Nat, True) = ⟨3, trivial⟩ := rfl

theorem target : 2 + 2 = 5 := by
  have h : (2 : Nat) = 3 := congrArg witness same
  omega
