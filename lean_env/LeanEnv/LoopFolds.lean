import LeanEnv.LoopFacts
open Lean Meta Elab Tactic

/-! `for` loops: they become folds of lists, or searches where they end early, and are proved by induction on
what they read or on the turns that they made. -/

namespace LeanEnv

/-- The collections that loops and folds in an expression run through. -/
def readIn (e : Expr) : Array Expr :=
  let read := (applicationsIn e).filterMap fun e => match e.getAppFnArgs with
    | (``ForIn.forIn, args) => args[args.size - 3]?
    | (``List.foldl, args) | (``Array.foldl, args) => args[4]?
    | _ => none
  read.filter (!·.hasLooseBVars)

/-- A line that states and proves what a loop finds that ends at the first element with a property. -/
def earlyEnd : String := "have early {α β : Type} (p : α → Prop) [DecidablePred p] (g : α → β) (xs : List α) :
    (forIn xs ⟨none, ⟨⟩⟩ fun x _ => if p x then pure (.done ⟨some (g x), ⟨⟩⟩) else pure (.yield ⟨none, ⟨⟩⟩) : Id (MProd (Option β) PUnit)) =
    pure ⟨(xs.find? (fun x => decide (p x))).map g, ⟨⟩⟩ := by
  induction xs <;> simp_all [List.find?_cons] <;> grind"

/-- Lines that write `for` loops as folds, and arrays that are folded as lists, and the goal after them. -/
def foldsOf (g : MVarId) (hadFor : Bool) : TacticM (String × MVarId) := g.withContext do
  let target ← instantiateMVars (← g.getType)
  if !hadFor && (← loopCalls target).any (!·.app.isAppOf ``List.foldl) then return ("", g)
  let simplified := "simp [← apply_ite (fun r => (pure (ForInStep.yield r) : Id _))]"
  let some (text, next) ← runLines? (if hadFor then [simplified] else []) g | return ("", g)
  next.withContext do
    let target ← instantiateMVars (← next.getType)
    let arrays ← (readIn target).filterM fun e => return e.isFVar && (← inferType e).isAppOf ``Array
    let some array := arrays[0]? | early text next
    let a := array.fvarId!
    let name := toString (← a.getUserName)
    let about ← (← getLCtx).decls.toArray.filterMapM fun d => do
      let some d := d | return none
      return if !d.isImplementationDetail && d.type.containsFVar a then some (toString d.userName) else none
    let names := " ".intercalate about.toList
    let (before, after) := if about.isEmpty then ([], []) else ([s!"revert {names}"], [s!"intro {names}"])
    let some (more, last) ← runLines? (before ++ [s!"rcases {name} with ⟨{name}⟩", "simp"] ++ after) next | return (text, next)
    early (text ++ more) last
where
  early (text : String) (g : MVarId) : TacticM (String × MVarId) := g.withContext do
    unless (← instantiateMVars (← g.getType)).getUsedConstants.contains ``ForInStep.done do return (text, g)
    let some (more, last) ← runLines? [earlyEnd, "simp [early]", "clear early"] g | return (text, g)
    return (text ++ more, last)
  runLines? (lines : List String) (g : MVarId) : TacticM (Option (String × MVarId)) := do
    let mut g := g
    for line in lines do
      let some [next] ← within? perClaim (runText line g) | return none
      g := next
    return some ("".intercalate (lines.map (· ++ "\n")), g)

/-- A proof by whether a search found something. -/
def byFound? (g : MVarId) (target : Expr) : TacticM (Option String) := do
  let searches := (applicationsIn target).filter fun e => e.isAppOf ``List.find? && !e.hasLooseBVars
  let some search := searches[0]? | return none
  let line := s!"cases found : {(← ppExpr search).pretty 1000} <;> simp_all [List.find?_range'_eq_some]"
  let endings := #["grind", "grind [Array.mem_iff_getElem, List.mem_iff_getElem]"]
  return (← firstEnding? line endings g 0).map (·.1)

/-- Inductions along what loops run through: a list, the bound of a range, or any list in place of a range. -/
def byElements? (g : MVarId) (target : Expr) : TacticM (Option String) := do
  let some xs := (readIn target)[0]? | return none
  let endings := #["grind", "simp_all <;> grind"]
  if let .fvar x := xs then
    return (← firstEnding? s!"induction {← x.getUserName}" endings g 0).map (·.1)
  let (``List.range', #[_, turns, _]) := xs.getAppFnArgs | return none
  for v in (← getLCtx).getFVars do
    if turns.containsFVar v.fvarId! && (← inferType v).isConstOf ``Nat then
      let endings := #["simp_all [List.range'_1_concat] <;> grind"]
      if let some (text, _) ← firstEnding? s!"induction {← v.fvarId!.getUserName}" endings g 0 then return some text
  let name := (← getLCtx).getUnusedName `indices
  let line := s!"(generalize {(← ppExpr xs).pretty 1000} = {name}; induction {name})"
  return (← firstEnding? line endings g 0).map (·.1)

/-- The start of a range that a fold reads, how many turns it has, and where it ends. -/
def LoopCall.range? (c : LoopCall) : Option (Expr × Expr × Expr) := do
  let (``List.range', #[start, turns, _]) := (← c.moving.back?).getAppFnArgs | none
  if start.nat? == some 0 then return (start, turns, turns)
  match turns.getAppFnArgs with
  | (``HSub.hSub, #[_, _, _, _, stop, s]) => return (start, turns, if s == start then stop else turns)
  | _ => return (start, turns, turns)

/-- A proof by induction on how many turns a fold of a range has made. What the goal says of the range's end is
    said of where it is; ofBeginnings: what it says of a whole collection, of its first elements. Or the goal's
    claim itself holds at each turn. What was not reached of an array that is changed is as it was. -/
def byTurns? (g : MVarId) (c : LoopCall) (target : Expr) (ofBeginnings : Bool) : TacticM (Option String) := do
  let some (start, turns, stop) := c.range? | return none
  let whole := match stop.getAppFnArgs with
    | (``Array.size, #[_, xs]) | (``List.length, #[_, xs]) => if xs.isFVar then some xs else none
    | _ => none
  if ofBeginnings && whole.isNone then return none
  let locals := (← getLCtx).decls.toArray.filterMap id |>.filter (!·.isImplementationDetail)
  let isUsed (d : LocalDecl) := c.app.containsFVar d.fvarId
  let premises ← locals.filterM fun d => do return (← isProp d.type) && !isUsed d && (← kabstract d.type stop).hasLooseBVars
  let others ← locals.filterM fun d => do
    if (← isProp d.type) || isUsed d || (← isType d.toExpr) || (← isClass? d.type).isSome then return false
    return premises.any fun p => p.type.containsFVar d.fvarId
  withLocalDeclD ((← getLCtx).getUnusedName `turns) (.const ``Nat []) fun n => do
    let sofar := if stop == turns then n else mkNatAdd start n
    let list := mkAppN c.moving.back!.getAppFn (c.moving.back!.getAppArgs.set! 1 n)
    let about ← kabstract target c.app
    let call := mkAppN c.app.getAppFn (c.app.getAppArgs.pop.push list)
    let name := (← n.fvarId!.getUserName).toString
    let type ← inferType c.app
    let rest ← if type.isAppOf ``Array then asBefore call sofar else pure none
    let said (isBounded : Bool) : TacticM Expr := withLocalDeclD `result type fun result => do
      let mut said ← mkForallFVars ((others ++ premises).map (·.toExpr)) (about.instantiate1 result)
      if isBounded then said := (← kabstract said stop).instantiate1 sofar
      if let (true, some xs) := (ofBeginnings, whole) then said := ← Collection.before { index := 0, whole := xs } sofar said
      return said.replaceFVar result call
    let facts ← if let (true, some xs) := (ofBeginnings, whole) then Collection.facts { index := 0, whole := xs } 0 else pure []
    let (lines, g) ← stated facts g
    for isBounded in [true, false] do
      if ofBeginnings && !isBounded then continue
      let claim ← said isBounded
      let claim := match rest with
        | some rest => mkAnd rest claim
        | none => claim
      let some claim ← textOf? (← mkForallFVars #[n] (← mkArrow (← mkAppM ``LE.le #[n, turns]) claim)) | continue
      let line := s!"have key : {claim} := by\n  intro {name}\n  induction {name}"
      let own ← ownAmong (← namedIn target)
      let endings := #[s!"grind{given (``List.range'_1_concat :: own)}", s!"simp_all [List.range'_1_concat] <;> grind{given own}"]
      let some (found, _) ← firstEnding? line endings g 1 (if rest.isSome then 8 else 2) | continue
      let last := s!"replace key := key ({(← ppExpr turns).pretty 1000}) (Nat.le_refl _)\nfirst | exact key | (apply key <;> omega) | grind | simp_all"
      return some s!"{lines}{found}\n{last}"
    return none
where
  asBefore (call sofar : Expr) : TacticM (Option Expr) := do
    let some init := c.moving[0]? | return none
    let (now, old) := ((← ppExpr call).pretty 1000, (← ppExpr init).pretty 1000)
    propOf? s!"({now}).size = ({old}).size ∧ ∀ j : Nat, {(← ppExpr sofar).pretty 1000} ≤ j → ({now})[j]! = ({old})[j]!"

end LeanEnv
