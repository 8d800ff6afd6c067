import LeanEnv.LoopCalls
open Lean Meta Elab Tactic LibrarySuggestions

/-! Proofs from theorems of the library and of the file above: the tactic `library?`, which `apply` replaces
by what it found.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"library?"}
    {"v":1,"id":2,"result":{"states":[],"tactic":"apply List.IsPrefix.length_le <;> assumption",...},...} -/

namespace LeanEnv

/-! ### Which theorems -/

/-- The index that Lean makes of the first environment that a process asks about. -/
def indexOf (env : Environment) : MetaM LibraryIndex := withEnv env do
  let mut index : LibraryIndex := {}
  for (c, n) in ← symbolFrequencyMap do
    index := index.add c n (← SineQuaNon.sineQuaNonTheorems c)
  return index

/-- It as lines of text, each of one constant; those with names that cannot be read back are left out. -/
def LibraryIndex.lines (index : LibraryIndex) : String := Id.run do
  let mut lines : Array String := #[]
  for (c, n) in index.frequency do
    let named := (index.triggered.getD c []).filter fun (t, _) => isReadable t
    let theorems := named.map fun (t, tolerance) => s!" {t} {(tolerance * 1000).toUInt64}"
    if isReadable c then lines := lines.push s!"{c} {n}{String.join theorems}"
  return "\n".intercalate lines.toList
where
  isReadable (n : Name) : Bool := !(toString n).contains ' ' && (toString n).toName == n

/-- With one more of these lines. known: its constants' names are shared, not made once more. -/
def LibraryIndex.addLine (index : LibraryIndex) (known : Environment) (line : String) : LibraryIndex :=
  match line.splitOn " " with
  | c :: n :: theorems => index.add (named c) (n.toNat?.getD 0) (pairs theorems)
  | _ => index
where
  named (text : String) : Name := (known.find? text.toName).elim text.toName (·.name)
  pairs : List String → List (Name × Float)
    | t :: tolerance :: rest => (named t, (tolerance.toNat?.getD 0).toFloat / 1000) :: pairs rest
    | _ => []

/-- A definition that speaks of no more constants than this stands for them: `HashMap.insert` for
    `DHashMap.insert`. -/
def mostInside : Nat := 6

/-- The constants, and what those stand for. -/
def seenThrough (names : NameSet) : MetaM NameSet := do
  let env ← getEnv
  let isCompiled (c : Name) := isAuxRecursor env c || isMatcherCore env c || (env.find? c) matches some (.recInfo _)
  names.toList.foldlM (init := names) fun all c => do
    let some (.defnInfo ci) := env.find? c | return all
    if (← isReducible c) || (← isPropFormerType ci.type) then return all
    let inside ← ci.value.relevantConstants
    if inside.size > mostInside || inside.any isCompiled then return all
    return inside.foldl (·.insert ·) all

/-- Does nearly every theorem speak of it? Then it leads to none. -/
def saysLittle (c : Name) : Bool := [``Eq, ``And, ``Or, ``Not, ``Iff, ``Exists, ``OfNat.ofNat, ``ite, ``dite].contains c

/-- Is it a theorem, or an axiom? One that is not proved yet may never be: what rests on it would be no proof. -/
def isProvedOrAssumed (ci : ConstantInfo) : Bool := match ci with
  | .thmInfo t => !t.value.hasSorry
  | .axiomInfo _ => true
  | _ => false

/-- At most so many theorems are compared. -/
def mostCompared : Nat := 250

/-- Theorems of the imports and of the file above that may bear on a goal, the likeliest first. Those of the
    imports share a rare constant with it, or with theorems that do (after Hoder and Voronkov, Sine Qua Non for
    Large Theory Reasoning, 2011); the order is by how much of what each speaks of the goal speaks of too. -/
def premisesFor (g : MVarId) (index : LibraryIndex) (banned : NameSet) : MetaM (Array Name) := g.withContext do
  let env ← getEnv
  let said ← g.getRelevantConstants
  let known ← seenThrough said
  let weight (c : Name) : Float := 1 / (1 + ((index.frequency.getD c 0) + 1).toFloat.log2)
  let sum (names : Array Name) (p : Name → Bool) : Float := names.foldl (init := 0.01) fun all c => if p c then all + weight c else all
  let whole := sum said.toArray fun _ => true
  let mut seen := banned
  let mut scored : Array (Name × Float) := #[]
  let score (n : Name) : MetaM (Array Name × Float) := do
    let names ← (← getConstInfo n).type.relevantConstants
    return (names, sum names known.contains / sum names (fun _ => true) + sum names said.contains / (2 * whole))
  let mut triggers := known.toArray
  let mut asked : NameSet := {}
  for _ in [0:2] do
    let mut next : Array (Name × Float) := #[]
    for c in triggers do
      if asked.contains c || saysLittle c then continue
      asked := asked.insert c
      for (n, tolerance) in index.triggered.getD c [] do
        if !seen.contains n && env.contains n then
          seen := seen.insert n
          next := next.push (n, tolerance / weight c)
    triggers := #[]
    next := next.qsort fun a b => if a.2 == b.2 then Name.quickLt a.1 b.1 else a.2 < b.2
    for (n, _) in next do
      if scored.size ≥ mostCompared then break
      let (names, value) ← score n
      scored := scored.push (n, value)
      triggers := triggers ++ names
  let own := env.constants.map₂.foldl (init := #[]) fun all n ci =>
    if isProvedOrAssumed ci && !seen.contains n && !isDeniedPremise env n then all.push n else all
  for n in own do scored := scored.push (n, (← score n).2)
  return (scored.qsort fun a b => if a.2 == b.2 then Name.quickLt a.1 b.1 else a.2 > b.2).map (·.1)

/-! ### How they are used -/

/-- The goals that a text leaves; none if it fails. What it did is taken back. heartbeats: in thousands. -/
def leaves? (text : String) (g : MVarId) (heartbeats := perClaim) : TacticM (Option (List MVarId)) := do
  let s ← saveState
  let left? ← within? heartbeats (runText text g)
  if left?.isSome then s.restore
  return left?

/-- Does a text close the goal? heartbeats: in thousands. -/
def closes (text : String) (g : MVarId) (heartbeats := perClaim) : TacticM Bool :=
  return (← leaves? text g heartbeats).any (·.isEmpty)

/-- The first of some texts that closes the goal. -/
def firstClosing? (texts : List String) (g : MVarId) : TacticM (Option String) :=
  texts.findM? fun text => closes text g

/-- A text of names that closes the goal, without the names that it does not need. -/
def byNames? (names : Array String) (text : Array String → String) (g : MVarId) : TacticM (Option String) := do
  unless ← closes (text names) g (2 * perClaim) do return none
  let mut kept := names
  for n in names do
    let fewer := kept.filter (· != n)
    if ← closes (text fewer) g then kept := fewer
  return some (text kept)

/-- A tactic with a list of theorems, which may be empty. -/
def listed (head : String) (names : Array String) : String :=
  if names.isEmpty then head else s!"{head} [{", ".intercalate names.toList}]"

/-- Local variables whose names can be written, with their types. -/
def namedLocals (g : MVarId) : MetaM (List (String × Expr)) := g.withContext do
  let decls := (← getLCtx).decls.toList.filterMap id
  return (← decls.filterM fun d => return !d.isImplementationDetail && !d.userName.hasMacroScopes).map fun d => (toString d.userName, d.type)

/-- What may close the goals that a theorem leaves: a hypothesis, or what is written in one. -/
def hypotheses (g : MVarId) : MetaM String := g.withContext do
  let env ← getEnv
  let inside ← (← namedLocals g).mapM fun (x, type) => do
    let some c := (← instantiateMVars type).getAppFn.constName? | return []
    if !isStructure env c || !(← isProp type) then return []
    return (getStructureFields env c).toList.map fun field => s!"exact {x}.{field}"
  return " | ".intercalate ("assumption" :: inside.flatten)

/-- What else may close them. -/
def easyEnd : String := "first | assumption | omega | simp_all | grind"

/-- A proof by one theorem whose conclusion the goal is. -/
def byOne? (names : Array String) (g : MVarId) : TacticM (Option String) := do
  let near := s!"first | {← hypotheses g}"
  let mut tried := 0
  for n in names.extract 0 24 do
    let some left ← leaves? s!"apply {n}" g 400 | continue
    if left.isEmpty then return some s!"exact {n} .."
    tried := tried + 1
    if left.length > 5 || tried > 5 then continue
    if let some text ← firstClosing? [s!"apply {n} <;> assumption", s!"apply {n} <;> {near}", s!"apply {n} <;> {easyEnd}"] g then
      return some text
  return none

/-- A proof by rewriting with one theorem. -/
def byRewriting? (names : Array String) (g : MVarId) : TacticM (Option String) := do
  let mut tried := 0
  for n in names.extract 0 16 do
    for rule in [n, s!"← {n}"] do
      let some left ← leaves? s!"rw [{rule}]" g 400 | continue
      if left.isEmpty then return some s!"rw [{rule}]"
      tried := tried + 1
      if left.length > 3 || tried > 6 then continue
      let text := s!"rw [{rule}] <;> {easyEnd}"
      if ← closes text g then return some text
  return none

/-- Local variables of an inductive type: whether it has values within its values, and how many constructors. -/
def inductiveVars (g : MVarId) : MetaM (List (String × Bool × Nat)) := g.withContext do
  (← namedLocals g).filterMapM fun (x, type) => do
    let type ← whnf (← instantiateMVars type)
    if (← isProp type) || (← isClass? type).isSome then return none
    let some (.inductInfo ci) := type.getAppFn.constName?.bind (← getEnv).find? | return none
    return some (x, ci.isRec, ci.ctors.length)

/-- A proof by taking values apart, or by induction. -/
def byCases? (names : Array String) (g : MVarId) : TacticM (Option String) := do
  let vars ← inductiveVars g
  let plain := vars.filterMap fun (x, isRec, n) => if isRec || n > 3 then none else some s!"cases {x}"
  let nested := vars.filterMap fun (x, isRec, _) => if isRec then some s!"induction {x}" else none
  let heads := if plain.length > 1 then " <;> ".intercalate plain :: plain else plain
  let given := listed "simp_all" (names.extract 0 8)
  let ends (head : String) (endings : List String) := endings.map fun ending => s!"{head} <;> {ending}"
  if let some text ← firstClosing? (heads.flatMap fun head => ends head ["rfl", "simp_all", "grind", given]) g then return some text
  if names.isEmpty then return none
  for head in nested.take 3 do
    if let some text ← byNames? (names.extract 0 8) (fun few => s!"{head} <;> {listed "simp_all" few}") g then return some text
  return none

/-- The theorems that `grind` can be given: a list with any other is refused as a whole. -/
def fitForGrind (names : Array String) (g : MVarId) : TacticM (Array String) := names.filterM fun n => do
  let s ← saveState
  let isFit ← within? 400 <| try discard (runText s!"grind only [{n}]" g); return true catch e =>
    return (← e.toMessageData.toString).startsWith "`grind` failed"
  s.restore
  return isFit.getD true

/-- Steps by theorems that say when values of the goal's type are equal, `BitVec.eq_of_toNat_eq`,
    `UInt8.toBitVec_inj` or `Nat.eq_of_testBit_eq`: found by their names, then by what they say. -/
def extensional (index : LibraryIndex) (banned : NameSet) (g : MVarId) : TacticM (Array String) := g.withContext do
  let env ← getEnv
  let some (type, _, _) := (← instantiateMVars (← g.getType)).eq? | return #[]
  let some c := (← whnfR type).getAppFn.constName? | return #[]
  unless isStructure env c || c == ``Nat do return #[]
  let isNamedSo (n : Name) := match n with
    | .str ns last =>
      (ns == c && (last.endsWith "_inj" || last.startsWith "ext" || last.startsWith "eq_of")) || (ns.getPrefix == c && last == "inj")
    | _ => false
  let named := index.triggered.fold (init := #[]) fun all key theorems =>
    if c.isPrefixOf key then all ++ (theorems.toArray.map (·.1)).filter fun n => isNamedSo n && !all.contains n else all
  let named := env.constants.map₂.foldl (init := named) fun all n _ => if isNamedSo n && !banned.contains n then all.push n else all
  let ofVariables (e : Expr) := e.eq?.any fun (_, a, b) => a.isFVar && b.isFVar && a != b
  let steps ← (named.filter env.contains).mapM fun n => do
    forallTelescope (← getConstInfo n).type fun _ body => do
      if ofVariables body then return s!"apply {n}"
      let some (a, b) := body.iff? | return ""
      return if ofVariables a then s!"rw [{n}]" else if ofVariables b then s!"rw [← {n}]" else ""
  return (steps.filter (· != "")).qsort (· < ·)

/-- A proof by such a step, and what simplifies the equation that it leaves, bit by bit if need be. -/
def byEqualParts? (steps names : Array String) (g : MVarId) : TacticM (Option String) :=
  let endings := ["simp", "grind", "(simp; ext; simp; grind)", listed "simp_all" names]
  firstClosing? (steps.toList.flatMap fun step => endings.map fun ending => s!"{step} <;> {ending}") g

/-- A proof by one theorem, and another one for the goal that it leaves. first: steps to try before. -/
def byTwo? (first names : Array String) (next : MVarId → TacticM (Array String)) (g : MVarId) : TacticM (Option String) := do
  let mut tried := 0
  for heads in first.toList.map ([·]) ++ (names.extract 0 24).toList.map fun n => [s!"apply {n}", s!"rw [{n}]", s!"rw [← {n}]"] do
    for head in heads do
      let s ← saveState
      if let some [left] ← within? 400 (runText head g) then
        tried := tried + 1
        if let some text ← left.withContext do byOne? (← next left) left then
          s.restore
          return some s!"{head}\n{text}"
      s.restore
      if tried > 7 then return none
  return none

/-- The first that finds something. -/
def firstFound? (finders : List (TacticM (Option String))) : TacticM (Option String) := do
  for find in finders do
    if let some text ← find then return some text
  return none

/-- What the ways of one search share: the theorems that may bear on its goal. -/
abbrev KnownPremises := IO.Ref (Option (Array String))

/-- A proof from theorems of the library, in several ways, a quick one first; the empty text where a way leads
    to none; none where there is no such way. -/
partial def libraryProof? (index : LibraryIndex) (banned : NameSet) (known : KnownPremises) (way : Nat) (g : MVarId) : TacticM (Option String) := g.withContext do
  if way > 3 then return none
  if (← whnfR (← instantiateMVars (← g.getType))).isForall then
    let [opened] ← runText "intros" g | return none
    if opened == g then return none
    return (← libraryProof? index banned known way opened).map fun text => if text.isEmpty then "" else s!"intros\n{text}"
  let premises (g : MVarId) : TacticM (Array String) := return (← premisesFor g index banned).map toString
  let names ← (← known.get).getDM (premises g)
  known.set (some names)
  let few := names.extract 0 10
  return some <| (← firstFound? <| match way with
    | 0 => [byOne? names g, byNames? few (listed "simp_all") g, byNames? few (listed "simp") g]
    | 1 => [byRewriting? names g]
    | 2 => [do
        let steps ← extensional index banned g
        firstFound? [byEqualParts? steps few g, byTwo? steps names premises g]]
    | _ => [byCases? names g, do byNames? (← fitForGrind (names.extract 0 8) g) (listed "grind") g]).getD ""

end LeanEnv
