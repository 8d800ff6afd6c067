import LeanEnv.LoopFolds
open Lean Meta Elab Tactic

/-! Proofs by induction along the recursive functions of a file: the tactic `loop_induction?`, which
`apply` replaces by what it found. A function that starts from fixed values, as a loop does, is first
taken from any values; what holds of them at every turn is looked for among the parts of the claim.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"loop_induction?"}
    {"v":1,"id":2,"result":{"states":[],"tactic":"unfold find\ntry dsimp only\nhave key : ...",...},...} -/

namespace LeanEnv

/-- At most so many claims of one goal are put to the test. -/
def mostClaims : Nat := 40

/-- The largest part of the candidates that holds at the start and that every step keeps (Houdini,
    Flanagan and Leino 2001). close: what may prove them. -/
def Loop.invariants (l : Loop) (g : MVarId) (collections : Array Collection) (ofBeginnings : Bool) (close : String) :
    TacticM (Array Expr) := do
  let sums ← l.sums (← l.guards)
  let closing (e : Expr) := if sums.contains e then "omega" else s!"first | {close}"
  let mut kept : Array Expr := #[]
  let mut left := mostClaims
  for e in (← l.candidates collections ofBeginnings) ++ sums do
    left := left - 1
    if ← proves g (e.replaceFVars l.vars l.call.moving) s!"first | rfl | ({closing e})" then kept := kept.push e
  let mut changed := true
  while changed && left > 0 do
    changed := false
    for s in l.steps do
      for e in kept do
        let (now, next) := (e.replaceFVars l.vars s.now, e.replaceFVars l.vars s.next)
        if now == next || left == 0 then continue
        left := left - 1
        -- few premises first: equations and universal ones cost
        let few := kept.filter fun k => k == e || !(k.isForall || k.isEq)
        let claim (premises : Array Expr) := mkForallFVars s.given ((premises.map (·.replaceFVars l.vars s.now)).foldr implies next)
        let isKept (premises : Array Expr) := do proves g (← claim premises) s!"(intros; {closing e})"
        if ← isKept few then continue
        if few.size < kept.size && !sums.contains e then
          if ← isKept kept then continue
        kept := kept.filter (· != e)
        changed := true
  return if left == 0 then #[] else kept
where
  implies (a b : Expr) : Expr := .forallE `h a b .default

/-- A proof by induction along a loop, from an invariant that its values keep. ofBeginnings: what is said of
    a whole collection is said of its first elements. -/
def byInvariant? (g : MVarId) (c : LoopCall) (target : Expr) (ofBeginnings : Bool) : TacticM (Option String) :=
  c.withSteps fun vars steps => do
    let l : Loop := { call := c, target, vars, steps }
    let guards ← l.guards
    let collections := if ofBeginnings then collectionsOf guards else #[]
    if ofBeginnings && guards.isEmpty then return none
    let each := collections.foldl (fun found k => if found.any (·.whole == k.whole) then found else found.push k) #[]
    let lines ← each.toList.zipIdx.mapM fun (k, i) => k.facts i
    let (facts, g) ← stated lines.flatten g
    let (helped, g) ← if c.app.isAppOf ``List.foldl then helperFacts c g target else pure ("", g)
    let facts := facts ++ helped
    let mut close ← c.closing target
    if let grind :: _ := (← endingsFor target c.app.getAppFn.constName?).toList then
      for i in List.range each.size do close := s!"(rw [next{i} _ (by assumption)]; clear next{i} whole{i}; {grind}) | {close}"
    let mut texts : Array String := #[]
    for e in ← l.invariants g collections ofBeginnings close do
      if let some t ← textOf? e then texts := texts.push s!"({t}) → "
    let about ← kabstract target c.app
    let some goal ← textOf? (about.instantiate1 (c.on vars)) | return none
    let (binders, names) ← bound vars
    let call := (← ppExpr (c.on vars)).pretty 1000
    let blanks := "".intercalate (vars.toList.map fun _ => " _")
    let holes := "".intercalate (texts.toList.map fun _ => " ?_")
    let claim := s!"∀{binders}, {"".intercalate texts.toList}{goal}"
    let turn := s!"(rename_i ih; intros; apply ih <;> first | {close})"
    return some s!"{facts}have key : {claim} := by\n  intro{names}\n  fun_induction {call}\n  all_goals first | {turn} | {close}\nrefine key{blanks}{holes} <;> clear key <;> first | rfl | {close}"

/-- A proof of what the goal says, said of any list that a loop consumes and of any values that it starts with. -/
def byAnyList? (g : MVarId) (c : LoopCall) (target : Expr) : TacticM (Option String) :=
  c.withSteps fun vars _ => do
    let fixed (e : Expr) := c.app.getAppArgs.contains e && !c.moving.contains e
    let lists := (c.moving.zip vars).filter fun (x, _) => x.isFVar
    if lists.isEmpty then return none
    let onLists (e : Expr) := e.hasAnyFVar fun f => lists.any (·.1 == .fvar f)
    let locals := (← getLCtx).decls.toArray.filterMap id |>.filter fun d => !d.isImplementationDetail && !vars.contains d.toExpr
    let premises ← locals.filterM fun d => do return (← isProp d.type) && onLists d.type
    let others ← locals.filterM fun d => do
      if (← isProp d.type) || fixed d.toExpr || lists.any (·.1 == d.toExpr) || (← isType d.toExpr) || (← isClass? d.type).isSome then return false
      return premises.any fun p => p.type.containsFVar d.fvarId
    let free := (others ++ premises).map (·.toExpr)
    let general (p : Expr) : TacticM (Option String) := do
      let moved := (← mkForallFVars free ((← kabstract p c.app).instantiate1 (c.on vars))).replaceFVars (lists.map (·.1)) (lists.map (·.2))
      textOf? (← mkForallFVars vars moved)
    let (binders, names) ← bound vars
    let call := (← ppExpr (c.on vars)).pretty 1000
    let endings ← endingsFor target c.app.getAppFn.constName?
    let (helped, g) ← helperFacts c g target
    let proofOf (claim name : String) := s!"have {name} : {claim} := by\n  intro{names}\n  fun_induction {call}"
    let (lines, g) ← boundLines g call vars binders names endings
    let lines := helped ++ lines
    if let some claim ← general target then
      if let some (found, _) ← firstEnding? (proofOf claim "key") endings g 1 then
        let blanks := "".intercalate ((vars.size + others.size).fold (init := []) fun _ _ all => " _" :: all)
        let holes := "".intercalate (premises.toList.map fun _ => " ?_")
        return some s!"{lines}{found}\nrefine key{blanks}{holes} <;> assumption"
    -- its parts, and it joined to what it says of the start
    let mut parts := (← claimParts target).filter (· != target)
    let type ← inferType c.app
    for (v, init) in vars.zip c.moving do
      if !init.isFVar && (← isDefEq (← inferType v) type) then parts := parts ++ (← joined target v)
    let mut text := lines
    let mut g := g
    let mut number := 0
    for p in parts.extract 0 6 do
      if (p.find? (· == c.app)).isNone then continue
      let some claim ← general p | continue
      if let some (found, [next]) ← firstEnding? (proofOf claim s!"part{number}") endings g 1 then
        text := text ++ found ++ "\n"
        g := next
        number := number + 1
    if number == 0 && lines.isEmpty then return none
    for ending in endings ++ #["simp_all <;> grind"] do
      if let some [] ← within? (2 * perClaim) (runText ending g) then return some (text ++ ending)
    return none
where
  /-- What a claim on the call says, of the call from any start: of the start, or of the list that is read. -/
  joined (target start : Expr) : TacticM (Array Expr) := do
    let atStart (e : Expr) : MetaM Expr := return (← kabstract e c.app).instantiate1 start
    match target.getAppFnArgs with
    | (``Iff, #[p, q]) =>
      if (p.find? (· == c.app)).isNone then return #[]
      let before ← atStart p
      return #[← mkAppM ``Iff #[p, mkOr before q], ← mkAppM ``Iff #[p, mkAnd before q]]
    | (``LE.le, #[_, _, l, r]) =>
      let about (e : Expr) := (e.find? (· == c.app)).isSome
      if about l == about r then return #[]
      if about l then return #[← mkAppM ``LE.le #[l, ← mkAppM ``HAdd.hAdd #[← atStart l, r]]]
      return #[← mkAppM ``LE.le #[← mkAppM ``HAdd.hAdd #[← atStart r, l], r]]
    | (``List.Perm, #[_, l, r]) => if l == c.app then return #[← mkAppM ``List.Perm #[l, ← mkAppM ``HAppend.hAppend #[start, r]]] else return #[]
    | _ => return #[]

/-- What a call may be equal to: a term of the claim, or a pair of them. -/
def LoopCall.equals (c : LoopCall) (claim : Expr) : MetaM (Array Expr) := do
  let type ← whnf (← inferType c.app)
  let mut out ← c.likeTerms claim type
  if let (``Prod, #[a, b]) := type.getAppFnArgs then
    for x in ← c.likeTerms claim a do
      for y in ← c.likeTerms claim b do out := out.push (← mkAppM ``Prod.mk #[x, y])
  return out.take 12

/-- How a result can hold what a variable held at first, as texts. -/
def joinedTexts (type : Expr) (acc rest : String) : List String :=
  if type.isAppOf ``List then [s!"{acc}.reverse ++ {rest}", s!"{acc} ++ {rest}", s!"{rest} ++ {acc}"]
  else if type.isAppOf ``Array || type.isConstOf ``String then [s!"{acc} ++ {rest}"]
  else if type.isConstOf ``Nat || type.isConstOf ``Int then [s!"{acc} + {rest}", s!"{acc} * {rest}"]
  else if type.isConstOf ``Bool then [s!"({acc} && {rest})", s!"({acc} || {rest})"]
  else []

/-- A line that states and proves what a call is equal to, for any values of what moves, and the goal with it. -/
def equation? (g : MVarId) (c : LoopCall) (target : Expr) (name : String) : TacticM (Option (String × MVarId)) :=
  c.withSteps fun vars _ => do
    let (binders, names) ← bound vars
    let call := (← ppExpr (c.on vars)).pretty 1000
    let moved := vars.zip c.moving
    let held := moved.filter fun (_, init) => !init.hasFVar
    let type ← inferType c.app
    let fromStart := c.on (moved.map fun (v, init) => if init.hasFVar then v else init)
    for e in (← c.equals (← writtenOut target)) ++ (if held.isEmpty then #[] else #[fromStart]) do
      let mut rest := e
      for (v, init) in moved do
        if init.hasFVar && e != fromStart then rest := (← kabstract rest init).instantiate1 v
      unless vars.any fun v => rest.containsFVar v.fvarId! do continue
      let text := s!"({(← ppExpr rest).pretty 1000})"
      let mut sides := []
      if held.isEmpty then sides := [text]
      if let #[(v, _)] := held then
        if ← isDefEq (← inferType v) type then sides := joinedTexts type (toString (← v.fvarId!.getUserName)) text
      for side in sides do
        let line := s!"have {name} : ∀{binders}, {call} = {side} := by\n  intro{names}\n  fun_induction {call}"
        let along := if e == fromStart then none else c.app.getAppFn.constName?
        let endings ← endingsFor (← mkEq (c.on vars) rest) along
        if let some (found, [next]) ← firstEnding? line endings g 1 then return some (found ++ "\n", next)
    return none

/-- A proof from equations between the calls of recursive functions and other terms of the goal. -/
def byEquations? (g : MVarId) (target : Expr) (calls : Array LoopCall) : TacticM (Option String) := do
  let mut lines := ""
  let mut g := g
  for (c, i) in (calls.extract 0 3).zipIdx do
    if let some (line, next) ← equation? g c target s!"same{i}" then
      lines := lines ++ line
      g := next
  if lines.isEmpty then return none
  for ending in (← endingsFor target none) ++ #["simp_all <;> grind"] do
    if let some [] ← within? (4 * perClaim) (runText ending g) then return some (lines ++ ending)
  let within := (collectFVars {} (mkAppN target (calls.map (·.moving)).flatten)).fvarIds
  let lists ← within.filterM fun x => return (← x.getType).isAppOf ``List
  for x in lists.extract 0 2 do
    if let some (text, _) ← firstEnding? s!"induction {← x.getUserName}" (← endingsFor target none) g 0 then return some (lines ++ text)
  return none

/-- A proof by induction along a function of variables, from facts on its helpers. -/
def byInduction? (g : MVarId) (c : LoopCall) (target : Expr) : TacticM (Option String) := do
  let call := (← ppExpr c.app).pretty 1000
  let (facts, g) ← helperFacts c g target
  let turn := s!"first | (rename_i ih; intros; apply ih <;> first | {← c.closing target}) | {← c.closing target}"
  let endings := (← endingsFor target c.app.getAppFn.constName?).push turn
  return (← firstEnding? s!"fun_induction {call}" endings g 0).map fun (text, _) => facts ++ text

/-- Does the claim have terms that variables of the loop may be equal to at each turn? -/
def LoopCall.isLikened (c : LoopCall) (target : Expr) : TacticM Bool :=
  c.withSteps fun vars steps => do
    let l : Loop := { call := c, target, vars, steps }
    let guards ← l.guards
    return !(← l.likened guards (collectionsOf guards)).isEmpty

/-- The ways to prove a goal in which programs are unfolded, the likeliest first. -/
def waysOf (start : MVarId) (target : Expr) (hadFor : Bool) : TacticM (Array (TacticM (Option String))) := do
  let mut ways := #[]
  let calls ← loopCalls target hadFor
  for c in calls.extract 0 2 do
    if c.moving.size > 0 && c.isGeneral then ways := ways.push (byInduction? start c target)
    else if c.range?.isSome then ways := ways ++ #[byTurns? start c target false, byTurns? start c target true]
    else
      if c.moving.any (·.isFVar) then ways := ways.push (byAnyList? start c target)
      let isLikened ← c.isLikened target
      ways := ways ++ #[byInvariant? start c target isLikened, byInvariant? start c target !isLikened]
  if target.getUsedConstants.contains ``List.find? then ways := #[byFound? start target] ++ ways
  if !ways.isEmpty then ways := ways.push (byEquations? start target calls)
  return if !hadFor && (calls.any (!·.app.isAppOf ``List.foldl) || (readIn target).isEmpty) then ways else #[byElements? start target] ++ ways

/-- A proof by induction along the recursive functions that the goal's programs call, in one of several ways;
    the empty text where that way leads to none; none where there is no such way. -/
def loopProof? (way : Nat) (g : MVarId) : TacticM (Option String) := g.withContext <| withOptions (pp.funBinderTypes.set · true) do
  let (lines, g) ← onlyInGoal g
  let mut before := lines
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
  let hadFor := (← instantiateMVars (← g.getType)).getUsedConstants.contains ``ForIn.forIn
  let (lines, start) ← foldsOf g hadFor
  before := before ++ lines
  start.withContext do
    let some find := (← waysOf start (← instantiateMVars (← start.getType)) hadFor)[way]? | return none
    return some <| match ← find with
      | some text => before ++ text
      | none => ""

end LeanEnv
