import Lean
open Lean Meta Elab Tactic

theorem target : 2 + 2 = 5 := by sorry
