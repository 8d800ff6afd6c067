import LeanEnv.LoopCalls
open Lean Meta Elab Tactic

/-! What may hold at every turn of a loop: parts of the claim said of the loop's variables, the conditions
under which it went on, what its counters add up to. LoopInduction drops what the steps do not keep. -/

namespace LeanEnv

/-- At most so many candidates for the invariant of a loop. -/
def mostCandidates : Nat := 20

/-- A loop in a goal: its call there, its variables and its steps, which are in scope. -/
structure Loop where
  call   : LoopCall
  target : Expr
  vars   : Array Expr
  steps  : Array LoopStep

/-- A fixed array or list that a loop runs through: the variable that counts, and the collection. -/
structure Collection where
  index : Nat
  whole : Expr

/-- The sides of a comparison, or of its negation. -/
def comparedIn (type : Expr) : Option (Expr × Expr) :=
  match ((type.not?).getD type).getAppFnArgs with
  | (``LT.lt, #[_, _, a, b]) | (``LE.le, #[_, _, a, b]) | (``GT.gt, #[_, _, a, b]) | (``GE.ge, #[_, _, a, b]) => some (a, b)
  | _ => none

def LoopStep.isLocal (s : LoopStep) (f : FVarId) : Bool := s.given.contains (.fvar f) || s.now.contains (.fvar f)

/-- The bounds that guard the steps: a variable, and what it is compared with. -/
def Loop.guards (l : Loop) : MetaM (Array (Nat × Expr)) := do
  let mut out : Array (Nat × Expr) := #[]
  for s in l.steps do
    for y in s.given do
      let some (a, b) := comparedIn (← instantiateMVars (← inferType y)) | continue
      for (x, bound) in [(a, b), (b, a)] do
        if let some i := s.now.idxOf? x then
          if !bound.hasAnyFVar s.isLocal && !out.contains (i, bound) then out := out.push (i, bound)
  return out

/-- The collections whose size bounds a variable. -/
def collectionsOf (guards : Array (Nat × Expr)) : Array Collection :=
  guards.filterMap fun (index, bound) => match bound.getAppFnArgs with
    | (``Array.size, #[_, whole]) | (``List.length, #[_, whole]) => if whole.isFVar then some { index, whole } else none
    | _ => none

/-- Reads of single elements: they say the same of a beginning of the collection. -/
def elementReads : List Name := [``getElem, ``getElem!, ``getElem?, ``Array.getD, ``List.getD]

/-- What an expression says, said of the first elements only, so many as a variable says. -/
def Collection.before (c : Collection) (x p : Expr) : MetaM Expr := do
  let isArray := (← inferType c.whole).isAppOf ``Array
  let beginning ← if isArray then mkAppM ``Array.take #[c.whole, x] else mkAppM ``List.take #[x, c.whole]
  return p.replace fun e =>
    if e == c.whole then some beginning
    else if (e.getAppFn.constName?.any elementReads.contains) && e.getAppArgs.contains c.whole then some e
    else none

/-- What is true of the beginnings of a collection, as lines of a proof: how each goes on, and where it ends. -/
def Collection.facts (c : Collection) (number : Nat) : MetaM (List String) := do
  let xs := (← ppExpr c.whole).pretty
  let (size, next) := if (← inferType c.whole).isAppOf ``Array then ("size", s!"({xs}.take i).push {xs}[i]!") else ("length", s!"{xs}.take i ++ [{xs}[i]!]")
  return [s!"have whole{number} : ∀ i, {xs}.{size} ≤ i → {xs}.take i = {xs} := by simp +contextual",
    s!"have next{number} : ∀ i, i < {xs}.{size} → {xs}.take (i + 1) = {next} := by grind"]

/-- Parts of what is to be shown of the result, said of each variable of its type. -/
def Loop.claims (l : Loop) : MetaM (Array Expr) := do
  let type ← inferType l.call.app
  let about ← kabstract l.target l.call.app
  withLocalDeclD `result type fun r => do
    let mut found : Array Expr := #[]
    for p in ← claimParts (about.instantiate1 r) do
      if !p.containsFVar r.fvarId! then found := found.push p
      else for v in l.vars do
        if ← isDefEq (← inferType v) type then found := found.push (p.replaceFVar r v)
    return found

/-- The claim's parts with the bound of the loop replaced by the variable that runs up to it, or with the
    collection by its beginning. -/
def Loop.ofClaims (l : Loop) (guards : Array (Nat × Expr)) (collections : Array Collection) : MetaM (Array Expr) := do
  let mentions (e : Expr) := l.vars.any fun v => e.containsFVar v.fvarId!
  let mut out : Array Expr := #[]
  for p in ← l.claims do
    let mut isBounded := false
    for (i, bound) in guards do
      let some x := l.vars[i]? | continue
      unless ← isDefEq (← inferType x) (← inferType bound) do continue
      let q ← kabstract p bound
      if q.hasLooseBVars then
        out := out.push (q.instantiate1 x)
        isBounded := true
    for c in collections do
      let some x := l.vars[c.index]? | continue
      let q ← c.before x p
      if q != p && !out.contains q then
        out := out.push q
        isBounded := true
    if !isBounded && mentions p then out := out.push p
  return out

/-- A claim with the propositions that the file defines written out, and without `let`. -/
def writtenOut (claim : Expr) : MetaM Expr := do
  let env ← getEnv
  let mut e := claim
  for _ in List.range 3 do
    let own ← e.getUsedConstants.filterM fun n => do
      let some (.defnInfo ci) := env.find? n | return false
      return isOwn env n && (← isPropFamily ci.type) && (← loopInfo? n).isNone
    if own.isEmpty then break
    e ← deltaExpand e own.contains
  Core.betaReduce (← withoutLets e)

/-- A few terms in a claim, of a type, that do not hold the call and that speak of what it speaks of. -/
def LoopCall.likeTerms (c : LoopCall) (claim type : Expr) : MetaM (Array Expr) := do
  let mut out : Array Expr := #[]
  for e in applicationsIn claim do
    if e.hasLooseBVars || (e.find? (· == c.app)).isSome || !e.hasAnyFVar (c.app.containsFVar ·) || out.size == 4 then continue
    let own ← inferType e
    if ← withNewMCtxDepth (isDefEq own type) then out := out.push e
  return out

/-- That a variable is what a term of the claim is at the bound, or for the whole collection. -/
def Loop.likened (l : Loop) (guards : Array (Nat × Expr)) (collections : Array Collection) : MetaM (Array Expr) := do
  let claim ← writtenOut l.target
  let mut out : Array Expr := #[]
  for v in l.vars do
    for e in ← l.call.likeTerms claim (← inferType v) do
      let ends ← collections.filterMapM fun c => return (← l.vars[c.index]?.mapM fun x => c.before x e)
      let counted ← guards.filterMapM fun (i, bound) => do
        let some x := l.vars[i]? | return none
        unless ← isDefEq (← inferType x) (← inferType bound) do return none
        return some ((← kabstract e bound).instantiate1 x)
      for q in ends ++ counted do
        if q != e && q != v && !guards.any (·.2 == e) then out := out.push (← mkEq v q)
  return out.take 8

/-- The conditions on a counter under which a step goes on, said of the loop's variable; none if it does not
    count it up by one. -/
def Loop.conditions (l : Loop) (s : LoopStep) (i : Nat) : MetaM (Array Expr) := do
  let (some x, some next, some v) := (s.now[i]?, s.next[i]?, l.vars[i]?) | return #[]
  unless x.isFVar && (← inferType x).isConstOf ``Nat && (← isDefEq next (mkNatAdd x (mkNatLit 1))) do return #[]
  let others (f : FVarId) := f != x.fvarId! && s.isLocal f
  s.given.filterMapM fun y => do
    let h ← instantiateMVars (← inferType y)
    if !(← isProp h) || !h.containsFVar x.fvarId! || h.hasAnyFVar others then return none
    if (comparedIn h).any fun (a, b) => a == x || b == x then return none
    return some (h.replaceFVar x v)

/-- The conditions under which every step goes on, of all numbers that were passed. -/
def Loop.passed (l : Loop) : MetaM (Array Expr) := do
  let mut out : Array Expr := #[]
  for (v, i) in l.vars.zipIdx do
    let some init := l.call.moving[i]? | continue
    let (first :: rest) ← l.steps.toList.mapM (l.conditions · i) | continue
    for h in first do
      unless rest.all (·.contains h) do continue
      out := out.push <| ← withLocalDeclD `j (.const ``Nat []) fun j => do
        let mut body ← mkArrow (← mkAppM ``LT.lt #[j, v]) (h.replaceFVar v j)
        unless init.nat? == some 0 || init.rawNatLit? == some 0 do body ← mkArrow (← mkAppM ``LE.le #[init, j]) body
        mkForallFVars #[j] body
  return out

/-- What counters add up to, and that fuel lasts; linear arithmetic decides these. -/
def Loop.sums (l : Loop) (guards : Array (Nat × Expr)) : MetaM (Array Expr) := do
  let counters ← (l.vars.zip l.call.moving).filterM fun (v, _) => return (← inferType v).isConstOf ``Nat
  let mut out : Array Expr := #[]
  for ((v, a), k) in counters.zipIdx do
    for (w, b) in counters.drop (k + 1) do out := out.push (← mkEq (mkNatAdd v w) (mkNatAdd a b))
    for (i, bound) in guards do
      let some x := l.vars[i]? | continue
      if x != v && (← inferType bound).isConstOf ``Nat then
        out := out.push (← mkAppM ``LE.le #[bound, mkNatAdd x v])
  return out.take 6

/-- What is said of how variables began: numbers that do not fall below it, sizes that stay. -/
def Loop.starts (l : Loop) : TacticM (Array Expr) := do
  let mut out : Array Expr := #[]
  for (v, init) in l.vars.zip l.call.moving do
    let name := (← v.fvarId!.getUserName).toString
    let start := (← ppExpr init).pretty 1000
    if init.rawNatLit?.any (· > 0) || (init.nat?).any (· > 0) then
      if let some e ← propOf? s!"{start} ≤ {name}" then out := out.push e
    if (← inferType v).isConstOf ``Nat && !init.isFVar && init.hasFVar then
      if let some e ← propOf? s!"{name} ≤ {start}" then out := out.push e
    if init.isFVar && ((← inferType v).isAppOf ``Array || (← inferType v).isAppOf ``List) then
      for size in ["size", "length"] do
        if let some e ← propOf? s!"{name}.{size} = ({start}).{size}" then out := out.push e
      for i in l.vars do
        if (← inferType i).isConstOf ``Nat then
          let index := (← i.fvarId!.getUserName).toString
          if let some e ← propOf? s!"∀ j : Nat, {index} ≤ j → {name}[j]! = ({start})[j]!" then out := out.push e
  return out

/-- All candidates but sums, each once. ofBeginnings: what variables may be is said in place of the claim's
    parts, where that can be said. -/
def Loop.candidates (l : Loop) (collections : Array Collection) (ofBeginnings : Bool) : TacticM (Array Expr) := do
  let guards ← l.guards
  let mut bounds := #[]
  for (i, x) in guards do
    let some v := l.vars[i]? | continue
    try bounds := bounds.push (← mkAppM ``LE.le #[v, x]) catch _ => pure ()
  let likened ← if ofBeginnings then l.likened guards collections else pure #[]
  let parts ← if likened.isEmpty then l.ofClaims guards collections else pure #[]
  let all := parts ++ bounds ++ likened ++ (← l.starts) ++ (← l.passed)
  return (all.foldl (fun each e => if each.contains e then each else each.push e) #[]).take mostCandidates

end LeanEnv
