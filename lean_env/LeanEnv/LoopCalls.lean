import LeanEnv.State
open Lean Meta Elab Tactic

/-! Calls of a file's recursive functions in a goal, the steps that they take, and what may close a claim
about them. Claims are put to the test under small limits of their own. -/

namespace LeanEnv

/-- A call of a recursive function: the arguments that stay as it recurs, and those that move. -/
structure LoopCall where
  app    : Expr
  info   : FunIndInfo
  moving : Array Expr

/-- Heartbeats, in thousands, to see whether one claim holds. -/
def perClaim : Nat := 2000

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
    if !isOwn env c || c.isInternalDetail || isInstanceCore env c || isMatcherCore env c || env.isProjectionFn c || isAuxRecursor env c then return false
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

/-- The calls of recursive functions of the file, outer ones first; folds of lists where there are none, or
    where the goal had a `for` loop. -/
def loopCalls (e : Expr) (hadFor := false) : MetaM (Array LoopCall) := do
  let own ← calls (isOwn (← getEnv))
  let folds ← if hadFor || own.isEmpty then calls (· == ``List.foldl) else pure #[]
  return if folds.isEmpty then own else folds
where
  calls (isWanted : Name → Bool) : MetaM (Array LoopCall) := (applicationsIn e).filterMapM fun app => do
    let some c := app.getAppFn.constName? | return none
    unless isWanted c && !app.hasLooseBVars do return none
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

/-- Is it a call on variables only, none of which is also an argument that stays? -/
def LoopCall.isGeneral (c : LoopCall) : Bool := c.moving.all fun x =>
  x.isFVar && (c.app.getAppArgs.zip c.info.params).all fun (y, k) => k == .target || !y.containsFVar x.fvarId!

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

/-- Go on with names for the variables that can be written and that nothing else has. -/
def withNames (vars : Array Expr) (x : TacticM α) : TacticM α := do
  let mut lctx ← getLCtx
  for v in vars do
    let name := (← v.fvarId!.getUserName).eraseMacroScopes
    lctx := lctx.setUserName v.fvarId! .anonymous
    lctx := lctx.setUserName v.fvarId! (lctx.getUnusedName (if name.isAnonymous then `v else name))
  withLCtx lctx (← getLocalInstances) x

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
      forallTelescope minor fun ys body => withNames ys do
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
  named (vars : Array Expr) (steps : Array LoopStep) : TacticM α := withNames vars (k vars steps)

/-- Run a tactic text at a goal; what it leaves. A `by` in it only logs its errors, and they count too. -/
def runText (text : String) (g : MVarId) : TacticM (List MVarId) := do
  let .ok stx := Parser.runParserCategory (← getEnv) `tactic text | throwError "no tactic: {text}"
  let before ← Core.getMessageLog
  modifyThe Core.State fun s => { s with messages := {} }
  let left ← Tactic.run g (evalTactic stx)
  let said ← Core.getMessageLog
  modifyThe Core.State fun s => { s with messages := before }
  if said.hasErrors then throwError "it has errors"
  return left

/-- The result of a computation under a limit of its own, in thousands of heartbeats, and of what is left of
    the whole; none, and nothing changed, if it fails or reaches the limit. -/
def within? (heartbeats : Nat) (x : TacticM α) : TacticM (Option α) := do
  Core.checkMaxHeartbeats "a search"
  let context ← readThe Core.Context
  let left := context.maxHeartbeats - ((← IO.getNumHeartbeats) - context.initHeartbeats)
  let most := if context.maxHeartbeats == 0 then heartbeats * 1000 else min (heartbeats * 1000) (max 1 left)
  let s ← saveState
  let limited := withCurrHeartbeats <| withTheReader Core.Context (fun c => { c with maxHeartbeats := most }) x
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

/-- Theorems that say of the elements of a collection what `List.Pairwise` says of it. -/
def byElements : List Name := [``List.pairwise_iff_getElem, ``getElem!_pos]

/-- Theorems on divisibility that `grind` does not use of its own accord. -/
def aboutDivisibility : List Name := [``Nat.dvd_mod_iff, ``Nat.dvd_mul_right, ``Nat.dvd_mul_left, ``Nat.dvd_refl, ``Nat.dvd_zero]

/-- A list of theorems behind a tactic. -/
def given (names : List Name) : String := if names.isEmpty then "" else s!" [{", ".intercalate (names.map toString)}]"

/-- What a claim names, and what the propositions do that it names. -/
def namedIn (e : Expr) : MetaM NameSet := do
  let env ← getEnv
  let mut all := e.getUsedConstantsAsSet
  for c in all.toList do
    if let some (.defnInfo ci) := env.find? c then
      if isOwn env c && (← isPropFamily ci.type) then all := ci.value.getUsedConstantsAsSet.foldl (·.insert ·) all
  return all

/-- The definitions of the file among some names that automation can be given. -/
def ownAmong (names : NameSet) : MetaM (List Name) := do
  let env ← getEnv
  names.toList.filterM fun c => do
    if !isOwn env c || c.isInternalDetail || isInstanceCore env c || isMatcherCore env c || (← isReducible c) then return false
    return (env.find? c) matches some (.defnInfo _)

/-- What may close a claim, cheap ones first: automation that knows the definitions of the file which the claim
    names, except the one that the proof goes along. -/
def endingsFor (e : Expr) (along : Option Name) : MetaM (Array String) := do
  let env ← getEnv
  let all ← namedIn e
  let own := (← ownAmong all).filter (along != some ·)
  let inside ← match along.bind env.find? with
    | some (.defnInfo ci) => if along.any (isOwn env) then programsIn ci.value else pure #[]
    | _ => pure #[]
  let own := own ++ inside.toList.filter (!own.contains ·)
  let order := if [``List.Perm, ``List.isPerm, ``List.Pairwise].any all.contains then [aboutOrder] else []
  let order := if all.contains ``List.Pairwise then order ++ [byElements] else order
  let order := if all.contains ``Dvd.dvd then order ++ [aboutDivisibility] else order
  let more := order.toArray.map fun names => s!"grind{given (own ++ names)}"
  let powers := if all.contains ``HPow.hPow then #[s!"simp_all [Nat.mul_pow, ← Nat.pow_add, ← Nat.pow_succ'] <;> grind{given own}"] else #[]
  return #[s!"grind{given own}"] ++ more ++ #[s!"simp_all{given own}"] ++ powers

/-- They as alternatives. -/
def LoopCall.closing (c : LoopCall) (e : Expr) : MetaM String :=
  return " | ".intercalate (← endingsFor e c.app.getAppFn.constName?).toList

/-- The first of some endings of a tactic text that closes the goal, and what it leaves; none if none does.
    times: how much more than the test of a claim each may cost. -/
def firstEnding? (text : String) (endings : Array String) (g : MVarId) (left : Nat) (times := 2) : TacticM (Option (String × List MVarId)) := do
  for ending in endings do
    if let some goals ← within? (times * perClaim) (runText s!"{text} <;> {ending}" g) then
      if goals.length == left then return some (s!"{text} <;> {ending}", goals)
  return none

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
    let .forallE _ premise conclusion _ := e | return #[e]
    -- only an arrow has a conclusion without loose variables
    if conclusion.hasLooseBVars || !(← isProp premise) then return #[e]
    return #[e] ++ (← claimParts conclusion)

end LeanEnv
