import Lean
open Lean Meta Elab Tactic

run_meta addDecl <| .axiomDecl { name := Name.mkSimple "Classical.choice", levelParams := [], type := mkConst ``False, isUnsafe := false }

theorem target : 2 + 2 = 5 := «Classical.choice».elim
