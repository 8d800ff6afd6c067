import LeanEnv.State
open Lean Meta Elab Tactic

/-! Proofs by induction along the recursive functions of a file: the tactic `loop_induction?`, which
`apply` replaces by what it found. A function that starts from fixed values, as a loop does, is first
taken from any values; what holds of them at every turn is looked for among the parts of the claim.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"loop_induction?"}
    {"v":1,"id":2,"result":{"states":[],"tactic":"unfold find\ntry dsimp only\nhave key : ...",...},...} -/

namespace LeanEnv

/-- A call of a recursive function: the arguments that stay as it recurs, and those that move. -/
structure LoopCall where
  app    : Expr
  info   : FunIndInfo
  moving : Array Expr

/-- Heartbeats, in thousands, to see whether one claim holds. -/
def perClaim : Nat := 2000

/-- At most so many candidates for the invariant of a loop. -/
def mostCandidates : Nat := 14

/-- At most so many claims of one goal are put to the test. -/
def mostClaims : Nat := 60

/-- Is it declared in the file itself, and not by its imports? -/
def isOwn (env : Environment) (n : Name) : Bool := (env.getModuleIdxFor? n).isNone

/-- How to do induction along a recursive function; none for any other constant. -/
def loopInfo? (c : Name) : MetaM (Option FunIndInfo) := do
  unless (← getConstInfo c) matches .defnInfo _ do return none
  try getFunIndInfo? false false c catch _ => return none

def isPropFamily (type : Expr) : MetaM Bool :=
  forallTelescope type fun _ body => return body.isProp

/-- The programs of the file that an expression names and that do not recur. -/
def programsIn (e : Expr) : MetaM (Array Name) := do
  let env ← getEnv
  e.getUsedConstants.filterM fun c => do
    if !isOwn env c || c.isInternalDetail || isInstanceCore env c || isMatcherCore env c then return false
    let some (.defnInfo ci) := env.find? c | return false
    if ← isPropFamily ci.type then return false
    return (← loopInfo? c).isNone

/-- All applications in an expression, outer ones first, each once. -/
partial def applicationsIn (e : Expr) : Array Expr :=
  ((go e).run ({}, #[])).2.2
where
  go (e : Expr) : StateM (Std.HashSet Expr × Array Expr) Unit := do
    if (← get).1.contains e then return
    modify fun (seen, out) => (seen.insert e, if e.isApp then out.push e else out)
    match e with
    | .app f a => go f; go a
    | .lam _ t b _ | .forallE _ t b _ => go t; go b
    | .letE _ t v b _ => go t; go v; go b
    | .mdata _ b | .proj _ _ b => go b
    | _ => return

/-- The calls of recursive functions of the file, outer ones first. -/
def loopCalls (e : Expr) : MetaM (Array LoopCall) := do
  let env ← getEnv
  (applicationsIn e).filterMapM fun app => do
    let some c := app.getAppFn.constName? | return none
    unless isOwn env c && !app.hasLooseBVars do return none
    let some info ← loopInfo? c | return none
    let args := app.getAppArgs
    unless args.size == info.params.size do return none
    return some { app, info, moving := (args.zip info.params).filterMap fun (x, k) => if k == .target then some x else none }

/-- The call with other arguments in the place of those that move. -/
def LoopCall.on (c : LoopCall) (moving : Array Expr) : Expr := Id.run do
  let mut next := 0
  let mut args := #[]
  for (x, k) in c.app.getAppArgs.zip c.info.params do
    if k == .target then
      args := args.push (moving[next]?.getD x)
      next := next + 1
    else args := args.push x
  return mkAppN c.app.getAppFn args

/-- The expression with the values of its `let`s and `have`s written in. -/
def withoutLets (e : Expr) : CoreM Expr :=
  Core.transform e (pre := fun e => match e with
    | .letE _ _ v b _ => return .visit (b.instantiate1 v)
    | _ => return .continue)

/-- The type of its induction principle, for the arguments that stay. -/
def LoopCall.principle (c : LoopCall) : MetaM Expr := do
  let levels := (c.app.getAppFn.constLevels!.toArray.zip c.info.levelMask).filterMap fun (u, kept) => if kept then some u else none
  let staying := (c.app.getAppArgs.zip c.info.params).filterMap fun (x, k) => if k == .param then some x else none
  let type ← instantiateForall (← inferType (.const c.info.funIndName levels.toList)) staying
  withoutLets type

/-- One recursive call in the body of a loop. given: what holds there; now, next: what moves, before and after. -/
structure LoopStep where
  given : Array Expr
  now   : Array Expr
  next  : Array Expr

/-- Go on with the variables of a loop and with its steps, whose local variables are in scope. -/
partial def LoopCall.withSteps (c : LoopCall) (k : Array Expr → Array LoopStep → TacticM α) : TacticM α := do
  let .forallE _ motiveType rest _ ← c.principle | throwError "no motive"
  withLocalDeclD `motive motiveType fun motive => do
    forallTelescope motiveType fun vars _ => do
      go motive vars #[] (rest.instantiate1 motive)
where
  go (motive : Expr) (vars : Array Expr) (steps : Array LoopStep) (type : Expr) : TacticM α := do
    match type with
    | .forallE _ minor rest _ =>
      -- after the cases come the arguments
      if !(minor.getForallBody.getAppFn == motive) then return (← named vars steps)
      if rest.hasLooseBVars then throwError "cases that depend on each other"
      forallTelescope minor fun ys body => do
        let mut given := #[]
        let mut found := #[]
        for y in ys do
          let t ← inferType y
          if t.getForallBody.getAppFn == motive then
            if !t.isForall then found := found.push t.getAppArgs
          else if !t.containsFVar motive.fvarId! then given := given.push y
        let new := found.map fun next => { given, now := body.getAppArgs, next : LoopStep }
        go motive vars (steps ++ new) rest
    | _ => named vars steps
  named (vars : Array Expr) (steps : Array LoopStep) : TacticM α := do
    let mut lctx ← getLCtx
    for v in vars do
      let name := (← v.fvarId!.getUserName).eraseMacroScopes
      lctx := lctx.setUserName v.fvarId! .anonymous
      lctx := lctx.setUserName v.fvarId! (lctx.getUnusedName (if name.isAnonymous then `v else name))
    withLCtx lctx (← getLocalInstances) (k vars steps)

/-- Run a tactic text at a goal; what it leaves. -/
def runText (text : String) (g : MVarId) : TacticM (List MVarId) := do
  match Parser.runParserCategory (← getEnv) `tactic text with
  | .error e => throwError e
  | .ok stx => Tactic.run g (evalTactic stx)

/-- The result of a computation under a limit of its own, in thousands of heartbeats; none, and nothing
    changed, if it fails or reaches the limit. -/
def within? (heartbeats : Nat) (x : TacticM α) : TacticM (Option α) := do
  Core.checkMaxHeartbeats "a search"
  let s ← saveState
  let limited := withCurrHeartbeats <| withTheReader Core.Context (fun c => { c with maxHeartbeats := heartbeats * 1000 }) x
  let found ← tryCatchRuntimeEx (some <$> limited) fun ex => if ex.isInterrupt then throw ex else return none
  if found.isNone then s.restore
  return found

/-- Can a tactic prove the claim in the context of a goal, under a small limit? -/
def proves (g : MVarId) (claim : Expr) (text : String) : TacticM Bool := do
  let s ← saveState
  let left ← within? perClaim <| g.withContext do
    runText text (← mkFreshExprSyntheticOpaqueMVar claim).mvarId!
  s.restore
  return left.any (·.isEmpty)

/-- Theorems on sorting that `grind` does not use of its own accord. -/
def aboutOrder : List Name :=
  [``List.Perm.mem_iff, ``List.pairwise_cons, ``List.isPerm_iff, ``List.Pairwise.nil, ``List.Perm.trans, ``List.Perm.cons, ``List.Perm.symm]

/-- What closes a claim, as alternatives: automation that knows the definitions of the file which the claim names. -/
def closing (e : Expr) : MetaM String := do
  let env ← getEnv
  let mut all := e.getUsedConstantsAsSet
  for c in all.toList do
    if let some (.defnInfo ci) := env.find? c then
      if isOwn env c && (← isPropFamily ci.type) then all := ci.value.getUsedConstantsAsSet.foldl (·.insert ·) all
  let own ← all.toList.filterM fun c => do
    if !isOwn env c || c.isInternalDetail || isInstanceCore env c || isMatcherCore env c || (← isReducible c) then return false
    return (env.find? c) matches some (.defnInfo _)
  let order := if [``List.Perm, ``List.isPerm, ``List.Pairwise].any all.contains then aboutOrder else []
  let given (names : List Name) := if names.isEmpty then "" else s!" [{", ".intercalate (names.map toString)}]"
  let more := if order.isEmpty then "" else s!" | grind{given (own ++ order)}"
  return s!"grind{given own}{more} | simp_all{given own}"

/-- The proposition that a text states here, if it states one. -/
def propOf? (text : String) : TacticM (Option Expr) := do
  try
    let .ok stx := Parser.runParserCategory (← getEnv) `term text | return none
    let e ← Term.elabTermEnsuringType stx (mkSort .zero)
    Term.synthesizeSyntheticMVarsNoPostponing
    let e ← instantiateMVars e
    return if e.hasExprMVar then none else some e
  catch _ => return none

/-- A text for a proposition that Lean reads as that one again. -/
def textOf? (e : Expr) : TacticM (Option String) := do
  let text := (← ppExpr e).pretty 1000
  let some again ← propOf? text | return none
  return if ← withNewMCtxDepth (isDefEq e again) then some text else none

/-- The parts that a proposition says together, and what they say under conditions; definitions of
    the file are seen through. -/
partial def claimParts (e : Expr) : MetaM (Array Expr) := do
  let e := e.headBeta
  match e.getAppFn.constName? with
  | some ``And => return (← claimParts e.appFn!.appArg!) ++ (← claimParts e.appArg!)
  | some ``Iff => return #[e] ++ (← claimParts e.appFn!.appArg!) ++ (← claimParts e.appArg!)
  | some c =>
    if isOwn (← getEnv) c && (← loopInfo? c).isNone then
      if let some e' ← delta? e then return ← claimParts (← withoutLets e'.headBeta)
    return #[e]
  | none =>
    if e.isArrow && (← isProp e.bindingDomain!) then return #[e] ++ (← claimParts e.bindingBody!)
    return #[e]

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
  let close ← closing target
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
    let close ← closing target
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
  forallTelescope ci.type fun xs body => do
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
  let close ← closing target
  let mut lines := ""
  let mut g := g
  let mut number := 0
  for n in (← helpersOf c).extract 0 2 do
    for (claim, names, call) in (← g.withContext (helperClaims n about type (c.moving.map (·.fvarId!)))).extract 0 4 do
      let line := s!"have fact{number} : {claim} := by\n  intro {names}\n  fun_induction {call} <;> first | {close}"
      if let some [next] ← within? (3 * perClaim) (runText line g) then
        g := next
        lines := lines ++ line ++ "\n"
        number := number + 1
  return (lines, g)

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
      let call := (← ppExpr c.app).pretty 1000
      if c.moving.all (·.isFVar) && c.moving.size > 0 then
        let (facts, _) ← helperFacts c start target
        let close ← closing target
        out := out.push s!"{before}{facts}fun_induction {call} <;> first | (rename_i ih; intros; apply ih <;> first | {close}) | {close}"
      else if let some text ← byInvariant? start c target then
        out := out.push s!"{before}{text}"
    return out

end LeanEnv
