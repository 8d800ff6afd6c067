import Lean
open Lean Meta Elab Tactic

elab "postpone" : tactic => do
  let goal ← getMainGoal
  let inner ← mkFreshExprSyntheticOpaqueMVar (← goal.getType)
  goal.assign (← mkLetFVars #[] inner)
  setGoals []

theorem target : 2 + 2 = 5 := by sorry
