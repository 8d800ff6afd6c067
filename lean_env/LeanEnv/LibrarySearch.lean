import LeanEnv.LoopInduction
import LeanEnv.Premises
open Lean Meta Elab Tactic

/-! Proofs from theorems of the imports: the tactic `library?`, which `apply` replaces by what it found.
Lean's own selection of premises ("Sine Qua Non", Hoder and Voronkov 2011) proposes theorems by the
constants of the goal, and automation gets those it can use.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"library?"}
    {"v":1,"id":2,"result":{"states":[],"tactic":"grind [List.drop_eq_nil_iff, ...]",...},...} -/

namespace LeanEnv

/-- So many theorems are asked of Lean's premise selection. -/
def mostSelected : Nat := 24

/-- So many of them are given to one tactic. -/
def mostGiven : Nat := 10

/-- Theorems of the imports that may serve at a goal, the best first: by Lean's selection of premises, then
    by how many of its constants each shares. -/
def selected (g : MVarId) : MetaM (Array Name) := g.withContext do
  let env ← getEnv
  let found ← LibrarySuggestions.sineQuaNonSelector 1.5 g { maxSuggestions := mostSelected }
  let wanted := (← instantiateMVars (← g.getType)).getUsedConstantsAsSet
  let mut ranked : Array (Float × Name) := #[]
  for s in found do
    if isPrivateName s.name || isAuxiliary s.name || isInternalLemma s.name || Linter.isDeprecated env s.name then continue
    let some ci := env.find? s.name | continue
    let constants := ci.type.getUsedConstants
    let shared := (constants.filter wanted.contains).size
    ranked := ranked.push (shared.toFloat / (constants.size.toFloat + 1), s.name)
  return ((ranked.qsort fun a b => a.1 > b.1).map (·.2))

/-- Proofs from theorems of the imports. -/
def libraryProofs (g : MVarId) : TacticM (Array String) := g.withContext do
  let names ← selected g
  let trivially := mkConst ``True
  let forSimp ← names.filterM fun n => proves g trivially s!"simp only [{n}]"
  let forGrind ← names.filterM fun n => proves g trivially s!"grind [{n}]"
  let listed (ns : Array Name) := ", ".intercalate ((ns.extract 0 mostGiven).toList.map toString)
  let mut out : Array String := #[]
  unless forSimp.isEmpty do out := out.push s!"simp [{listed forSimp}]"
  unless forGrind.isEmpty do out := out.push s!"grind [{listed forGrind}]"
  for n in names do
    let s ← saveState
    let fits := (← within? perClaim (runText s!"apply {n}" g)).isSome
    s.restore
    if fits then out := out.push s!"apply {n} <;> first | assumption | omega | grind | simp_all"
  unless forSimp.isEmpty do out := out.push s!"simp_all [{listed forSimp}]"
  return out

end LeanEnv
