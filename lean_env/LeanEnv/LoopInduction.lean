import LeanEnv.LoopCalls
open Lean Meta Elab Tactic

/-! Proofs by induction along the recursive functions of a file: the tactic `loop_induction?`, which
`apply` replaces by what it found. A function that starts from fixed values, as a loop does, is first
taken from any values; what holds of them at every turn is looked for among the parts of the claim.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"loop_induction?"}
    {"v":1,"id":2,"result":{"states":[],"tactic":"unfold find\ntry dsimp only\nhave key : ...",...},...} -/

namespace LeanEnv

/-- At most so many candidates for the invariant of a loop. -/
def mostCandidates : Nat := 14

/-- At most so many claims of one goal are put to the test. -/
def mostClaims : Nat := 60

/-- The bounds that guard the steps: a variable, and what it is compared with. -/
def guardsOf (steps : Array LoopStep) : MetaM (Array (Nat × Expr)) := do
  let mut out : Array (Nat × Expr) := #[]
  for s in steps do
    for y in s.given do
      let t ← instantiateMVars (← inferType y)
      let t := (t.not?).getD t
      let sides := match t.getAppFnArgs with
        | (``LT.lt, #[_, _, a, b]) | (``LE.le, #[_, _, a, b]) | (``GT.gt, #[_, _, a, b]) | (``GE.ge, #[_, _, a, b]) => #[(a, b), (b, a)]
        | _ => #[]
      for (x, bound) in sides do
        if let some i := s.now.idxOf? x then
          if !bound.hasAnyFVar (fun f => s.given.contains (.fvar f) || s.now.contains (.fvar f)) && !out.contains (i, bound) then
            out := out.push (i, bound)
  return out

/-- Claims that may hold at every turn of a loop: parts of what is to be shown of its result, said of a
    variable instead, with the bound of the loop replaced by the variable that runs up to it. -/
def candidates (c : LoopCall) (target : Expr) (vars : Array Expr) (steps : Array LoopStep) : TacticM (Array Expr) := do
  let type ← inferType c.app
  let about ← kabstract target c.app
  let guards ← guardsOf steps
  let mut out : Array Expr := #[]
  let parts ← withLocalDeclD `result type fun r => do
    let parts ← claimParts (about.instantiate1 r)
    let mut found : Array Expr := #[]
    for p in parts do
      if !p.containsFVar r.fvarId! then found := found.push p
      else for v in vars do
        if ← isDefEq (← inferType v) type then found := found.push (p.replaceFVar r v)
    return found
  let mentions (e : Expr) := vars.any fun v => e.containsFVar v.fvarId!
  for p in parts do
    let mut isBounded := false
    for (i, bound) in guards do
      let some x := vars[i]? | continue
      unless ← isDefEq (← inferType x) (← inferType bound) do continue
      let q ← kabstract p bound
      if q.hasLooseBVars then
        out := out.push (q.instantiate1 x)
        isBounded := true
    if !isBounded && mentions p then out := out.push p
  for (i, bound) in guards do
    let some x := vars[i]? | continue
    try out := out.push (← mkAppM ``LE.le #[x, bound]) catch _ => pure ()
  for (v, init) in vars.zip c.moving do
    let name := (← v.fvarId!.getUserName).toString
    let start := (← ppExpr init).pretty 1000
    if init.rawNatLit?.any (· > 0) || (init.nat?).any (· > 0) then
      if let some e ← propOf? s!"{start} ≤ {name}" then out := out.push e
    if init.isFVar && ((← inferType v).isAppOf ``Array || (← inferType v).isAppOf ``List) then
      for size in ["size", "length"] do
        if let some e ← propOf? s!"{name}.{size} = ({start}).{size}" then out := out.push e
      for i in vars do
        if (← inferType i).isConstOf ``Nat then
          let index := (← i.fvarId!.getUserName).toString
          if let some e ← propOf? s!"∀ j : Nat, {index} ≤ j → {name}[j]! = ({start})[j]!" then out := out.push e
  let mut each : Array Expr := #[]
  for e in out do
    unless each.contains e do each := each.push e
  return each.extract 0 mostCandidates

/-- The largest part of the candidates that holds at the start and that every step keeps (Houdini,
    Flanagan and Leino 2001). -/
def invariants (g : MVarId) (c : LoopCall) (target : Expr) (vars : Array Expr) (steps : Array LoopStep) : TacticM (Array Expr) := do
  let close ← c.closing target
  let mut kept : Array Expr := #[]
  let mut left := mostClaims
  for e in ← candidates c target vars steps do
    left := left - 1
    if ← proves g (e.replaceFVars vars c.moving) s!"first | rfl | {close}" then kept := kept.push e
  let mut changed := true
  while changed && left > 0 do
    changed := false
    for s in steps do
      for e in kept do
        let (now, next) := (e.replaceFVars vars s.now, e.replaceFVars vars s.next)
        if now == next || left == 0 then continue
        left := left - 1
        -- few premises first: each universal one costs
        let few := kept.filter fun k => k == e || !k.isForall
        let claim (premises : Array Expr) := mkForallFVars s.given ((premises.map (·.replaceFVars vars s.now)).foldr implies next)
        unless (← proves g (← claim few) s!"first | {close}") || (few.size < kept.size && (← proves g (← claim kept) s!"first | {close}")) do
          kept := kept.filter (· != e)
          changed := true
  return if left == 0 then #[] else kept
where
  implies (a b : Expr) : Expr := .forallE `h a b .default

/-- A proof by induction along a loop, from an invariant that its values keep. -/
def byInvariant? (g : MVarId) (c : LoopCall) (target : Expr) : TacticM (Option String) :=
  c.withSteps fun vars steps => do
    let found ← invariants g c target vars steps
    let mut texts : Array String := #[]
    for e in found do
      if let some t ← textOf? e then texts := texts.push s!"({t}) → "
    let about ← kabstract target c.app
    let some goal ← textOf? (about.instantiate1 (c.on vars)) | return none
    let mut binders := ""
    let mut names := ""
    for v in vars do
      let name := (← v.fvarId!.getUserName).toString
      binders := binders ++ s!" ({name} : {(← ppExpr (← inferType v)).pretty 1000})"
      names := names ++ s!" {name}"
    let call := (← ppExpr (c.on vars)).pretty 1000
    let blanks := "".intercalate (vars.toList.map fun _ => " _")
    let holes := "".intercalate (texts.toList.map fun _ => " ?_")
    let claim := s!"∀{binders}, {"".intercalate texts.toList}{goal}"
    let close ← c.closing target
    let turn := s!"(rename_i ih; intros; apply ih <;> first | {close})"
    return some s!"have key : {claim} := by\n  intro{names}\n  fun_induction {call}\n  all_goals first | {turn} | {close}\nrefine key{blanks}{holes} <;> clear key <;> first | rfl | {close}"

/-- The recursive functions of the file that another one calls. -/
def helpersOf (c : LoopCall) : MetaM (Array Name) := do
  let some name := c.app.getAppFn.constName? | return #[]
  let env ← getEnv
  let some (.defnInfo ci) := env.find? name | return #[]
  ci.value.getUsedConstants.filterM fun n => do
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
    for (claim, names, call) in (← g.withContext (helperClaims n about type (c.moving.map (·.fvarId!)))).extract 0 4 do
      let line := s!"have fact{number} : {claim} := by\n  intro {names}\n  fun_induction {call}"
      if let some (text, [next]) ← firstEnding? line endings g 1 then
        g := next
        lines := lines ++ text ++ "\n"
        number := number + 1
  return (lines, g)

/-- A proof by induction along a function of variables, from facts on its helpers. -/
def byInduction? (g : MVarId) (c : LoopCall) (target : Expr) : TacticM (Option String) := do
  let call := (← ppExpr c.app).pretty 1000
  let (facts, g) ← helperFacts c g target
  let turn := s!"first | (rename_i ih; intros; apply ih <;> first | {← c.closing target}) | {← c.closing target}"
  let endings := (← endingsFor target c.app.getAppFn.constName?).push turn
  return (← firstEnding? s!"fun_induction {call}" endings g 0).map fun (text, _) => facts ++ text

/-- Proofs by induction along the recursive functions that the goal's programs call. -/
def loopProofs (g : MVarId) : TacticM (Array String) := g.withContext do
  let mut before := ""
  let mut g := g
  for _ in List.range 4 do
    let target ← instantiateMVars (← g.getType)
    let names ← g.withContext (programsIn target)
    if names.isEmpty then break
    let line := s!"unfold {" ".intercalate (names.toList.map toString)}"
    let [next] ← runText line g | break
    let [next] ← runText "try dsimp only" next | break
    before := before ++ line ++ "\ntry dsimp only\n"
    g := next
  let start := g
  start.withContext do
    let target ← instantiateMVars (← start.getType)
    let mut out : Array String := #[]
    for c in (← loopCalls target).extract 0 2 do
      let isFree := c.moving.size > 0 && c.moving.all (·.isFVar)
      let found ← if isFree then byInduction? start c target else byInvariant? start c target
      if let some text := found then out := out.push s!"{before}{text}"
    return out

end LeanEnv
