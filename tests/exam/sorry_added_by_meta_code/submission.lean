import Lean
open Lean Meta Elab Tactic

run_meta addDecl <| .thmDecl { name := `bogus, levelParams := [], type := mkConst ``False, value := mkApp2 (mkConst ``sorryAx [.zero]) (mkConst ``False) (mkConst ``Bool.true) }

theorem target : 2 + 2 = 5 := bogus.elim
