import LeanEnv.LoopCandidates
open Lean Meta Elab Tactic

/-! Facts on a loop that are stated and proved as lines of a proof, before the claim itself: on the helper
functions that it calls, on how numbers grow. -/

namespace LeanEnv

/-- Variables as binders, and their names, each after a space. -/
def bound (vars : Array Expr) : MetaM (String × String) := do
  let mut binders := ""
  let mut names := ""
  for v in vars do
    let name := (← v.fvarId!.getUserName).toString
    binders := binders ++ s!" ({name} : {(← ppExpr (← inferType v)).pretty 1000})"
    names := names ++ s!" {name}"
  return (binders, names)

/-- The lines among these that prove what they state, and the goal with it. -/
def stated (lines : List String) (g : MVarId) : TacticM (String × MVarId) :=
  lines.foldlM (init := ("", g)) fun (text, g) line => do
    let some [next] ← within? perClaim (runText line g) | return (text, g)
    return (text ++ line ++ "\n", next)

/-- The recursive functions of the file that another one, or the step of a fold, calls. -/
def helpersOf (c : LoopCall) : MetaM (Array Name) := do
  let some name := c.app.getAppFn.constName? | return #[]
  let env ← getEnv
  let some (.defnInfo ci) := env.find? name | return #[]
  let body := if isOwn env name then ci.value else c.app
  body.getUsedConstants.filterM fun n => do
    return n != name && isOwn env n && !n.isInternalDetail && (← loopInfo? n).isSome

/-- What may hold of a helper, as texts to be proved by induction along it: that it keeps what is to be shown
    of a result of its type, and, for lists, that it only adds an element and moves others. -/
def helperClaims (g : Name) (about type : Expr) (moving : Array FVarId) : TacticM (Array (String × String × String)) := do
  let ci ← getConstInfo g
  unless ci.levelParams.isEmpty do return #[]
  forallTelescope ci.type fun xs body => withNames xs do
    unless ← isDefEq body type do return #[]
    let call := mkAppN (.const g []) xs
    let binders ← xs.mapM fun x => return s!"({← x.fvarId!.getUserName} : {(← ppExpr (← inferType x)).pretty 1000})"
    let names := " ".intercalate (← xs.toList.mapM fun x => return toString (← x.fvarId!.getUserName))
    let callText := (← ppExpr call).pretty 1000
    let mut claims : Array String := #[]
    for x in xs do
      unless ← isDefEq (← inferType x) type do continue
      let old := toString (← x.fvarId!.getUserName)
      if type.isAppOf ``List then
        let others ← xs.filterM fun y => do return ← isDefEq (← inferType y) type.appArg!
        let new ← others.toList.mapM fun y => return s!"{← y.fvarId!.getUserName} :: "
        claims := claims.push s!"({callText}).Perm ({"".intercalate new}{old})"
      for p in ← claimParts (about.instantiate1 call) do
        if (p.find? (· == call)).isSome && !p.hasAnyFVar moving.contains then
          if let (some before, some after) := (← textOf? (p.replace fun e => if e == call then some x else none), ← textOf? p) then
            claims := claims.push s!"{before} → {after}"
    return claims.map fun claim => (s!"∀ {" ".intercalate binders.toList}, {claim}", names, callText)

/-- Lines that state and prove what holds of the helpers of a loop, and the goal with these facts. -/
def helperFacts (c : LoopCall) (g : MVarId) (target : Expr) : TacticM (String × MVarId) := do
  let about ← kabstract target c.app
  let type ← inferType c.app
  let endings ← endingsFor target c.app.getAppFn.constName?
  let mut lines := ""
  let mut g := g
  let mut number := 0
  for n in (← helpersOf c).extract 0 2 do
    for (claim, names, call) in (← g.withContext (helperClaims n about type ((c.moving.filter (·.isFVar)).map (·.fvarId!)))).extract 0 4 do
      let line := s!"have fact{number} : {claim} := by\n  intro {names}\n  fun_induction {call}"
      if let some (text, [next]) ← firstEnding? line endings g 1 then
        g := next
        lines := lines ++ text ++ "\n"
        number := number + 1
  return (lines, g)

/-- Lines that state and prove that what numbers began with bounds the result of a call, and the goal with them. -/
def boundLines (g : MVarId) (call : String) (vars : Array Expr) (binders names : String) (endings : Array String) :
    TacticM (String × MVarId) := do
  let mut lines := ""
  let mut g := g
  let mut number := 0
  for v in vars do
    let name := (← v.fvarId!.getUserName).toString
    for part in ["", ".1", ".2"] do
      for (a, b) in [(s!"{name}{part}", s!"({call}){part}"), (s!"({call}){part}", s!"{name}{part}")] do
        unless (← propOf? s!"{a} ≤ {b}").isSome do break
        let line := s!"have bound{number} : ∀{binders}, {a} ≤ {b} := by\n  intro{names}\n  fun_induction {call}"
        if let some (found, [next]) ← firstEnding? line endings g 1 then
          lines := lines ++ found ++ "\n"
          g := next
          number := number + 1
          break
  return (lines, g)

/-- A line that moves the hypotheses on programs into the goal, if it names none itself, and the goal after it. -/
def onlyInGoal (g : MVarId) : TacticM (String × MVarId) := g.withContext do
  let isAbout (e : Expr) : MetaM Bool := return !(← programsIn e).isEmpty || !(← loopCalls e).isEmpty
  if ← isAbout (← instantiateMVars (← g.getType)) then return ("", g)
  let mut names := #[]
  for d in ← getLCtx do
    if !d.isImplementationDetail && !d.userName.hasMacroScopes && (← isProp d.type) && (← isAbout (← instantiateMVars d.type)) then
      names := names.push (toString d.userName)
  if names.isEmpty then return ("", g)
  let line := s!"revert {" ".intercalate names.toList}"
  let [next] ← runText line g | return ("", g)
  return (line ++ "\n", next)

end LeanEnv
