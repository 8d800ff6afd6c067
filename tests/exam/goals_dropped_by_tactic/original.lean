import Lean
open Lean Meta Elab Tactic

elab "drop" : tactic => setGoals []

theorem target : 2 + 2 = 5 := by sorry
