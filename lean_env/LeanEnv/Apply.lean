import LeanEnv.Counterexample
import LeanEnv.LibrarySearch
import LeanEnv.LoopInduction
import LeanEnv.Run
open Lean Elab Meta Tactic

/-! Applies tactics to states.

    {"v":1,"id":2,"op":"apply","state":2,"tactic":"rfl"}
    {"v":1,"id":2,"result":{"states":[]},"us":900,"heartbeats":4}

A draft has holes: each `sorry` of its text becomes a state in its own context.

    {"v":1,"id":3,"op":"apply","state":2,"tactic":"refine ⟨?_, sorry⟩","drafts":true}
    {"v":1,"id":3,"result":{"states":[{...},{...,"hole":{"start":13,"stop":18,"mode":"term"}}]},...}

A tactic that searches is replaced by what it found, and `tactic` says by what. -/

namespace LeanEnv

/-- How to apply a tactic: its limit in thousands of heartbeats, whether it may have holes, and whether
    all goals that it leaves stay together as one state. -/
structure ApplyOptions where
  heartbeats : Nat
  drafts     : Bool := false
  together   : Bool := false

/-- A tactic that Lean did not take. -/
def rejectedWith (kind text : String) (messages : Array Json) : Answer :=
  -- long texts are not written twice
  let messages := messages.map fun m =>
    if (m.getObjValAs? String "text").toOption == some text then m.setObjVal! "text" .null else m
  let said := if messages.isEmpty then [] else [("messages", Json.arr messages)]
  .result <| Json.mkObj [("rejected", Json.mkObj <| [("kind", Json.str kind), ("text", Json.str text)] ++ said)]

def rejected (kind text : String) : Answer := rejectedWith kind text #[]

def errorsOf (log : MessageLog) : BaseIO String := do
  let texts ← (log.toList.filter (·.severity matches .error)).mapM (·.data.toString)
  return "\n".intercalate texts

/-! ### What a searching tactic found -/

/-- What a message suggests first: the text after `Try this:`, without the mark that newer versions add. -/
def suggestedBy (text : String) : Option String := do
  let rest ← ["Try this:", "Try these:"].findSome? fun head =>
    if text.startsWith head then some (text.drop head.length).toString else none
  let mark := "[apply] "
  let parts := (rest.splitOn mark).map fun part => part.trimAscii.toString
  -- lines after the first stand below the mark
  let first ← parts.find? (!·.isEmpty)
  let lines := (first.splitOn "\n").map fun line => if line.startsWith "  " then (line.drop 2).toString else line
  -- what stands behind it as a comment is the goal that is left
  return "\n".intercalate (lines.filter fun line => !line.startsWith "--")

/-- The outermost parts of a text that search, in order. -/
partial def searchesIn (stx : Syntax) : Array Syntax :=
  if suggests? stx |>.isNone then #[]
  else
    let inner := stx.getArgs.foldl (fun found a => found ++ searchesIn a) #[]
    -- a word such as `+suggestions` belongs to the tactic around it
    if inner.isEmpty || isSearch stx then #[stx] else inner
where
  isSearch (stx : Syntax) : Bool := match stx with
    | .node _ (.str `Lean.Parser.Tactic k) args =>
      k.contains '?' || k.endsWith "Trace" || k == "showTerm" || (args.size > 1 && k.startsWith "grind")
    | .node _ (.str `Lean.Parser.Tactic.Grind k) _ => k.endsWith "Trace"
    | _ => false

/-- The text with each part that searches replaced by what was said there; the error is why not. -/
def replaceSearches (text : String) (stx : Syntax) (said : Array (Nat × String)) : Except String String := do
  let mut out := text.toUTF8
  for part in (searchesIn stx).reverse do
    let some span := spanOf part | throw "it has no place"
    let found := said.filterMap fun (place, what) => if span.start ≤ place && place < span.stop then some what else none
    let some first := found[0]? | throw s!"{wordOf part} found nothing to put in its place"
    unless found.all (· == first) do throw s!"{wordOf part} found different things for several goals: write one for each goal"
    let column := (text.toFileMap.toPosition ⟨span.start⟩).column
    let new := first.replace "\n" ("\n" ++ "".pushn ' ' column)
    out := out.extract 0 span.start ++ new.toUTF8 ++ out.extract span.stop out.size
  match String.fromUTF8? out with
  | some new => return new
  | none => throw "it stands within a character"

/-! ### Running a tactic -/

/-- Is the theorem used on the very arguments that it is proved for? `partial`: a term, each part once. -/
partial def usesItself (self : FVarId) (params : Array Expr) (e : Expr) : StateM (Std.HashSet Expr) Bool := do
  if !e.hasAnyFVar (· == self) || (← get).contains e then return false
  modify (·.insert e)
  let parts (es : Array Expr) : StateM (Std.HashSet Expr) Bool := es.anyM (usesItself self params ·)
  match e with
  | .fvar f => return f == self
  | .app .. =>
    let args := e.getAppArgs
    if e.getAppFn.isFVarOf self then
      return (args.size ≤ params.size && args == params.extract 0 args.size) || (← parts args)
    return (← parts (args.push e.getAppFn))
  | .lam _ t b _ | .forallE _ t b _ => parts #[t, b]
  | .letE _ t v b _ => parts #[t, v, b]
  | .mdata _ b | .proj _ _ b => usesItself self params b
  | _ => return false

/-- Refuse a theorem that closes its own goal; on other arguments, smaller ones, it may be used. -/
def checkOwnUse (own : Own) (values : Array Expr) : MetaM Unit := do
  unless values.any (·.hasAnyFVar (· == own.self)) do return
  own.root.withContext do
    let whole ← instantiateMVars (.mvar own.root)
    let isCircular ← lambdaTelescope whole fun more body => do
      let params := own.params.map Expr.fvar ++ more
      return ((usesItself own.self params body).run {}).1
    if isCircular then throwError "the theorem is used to prove itself: {← own.self.getUserName} may stand in its proof on smaller arguments only"

/-- Does a text name a goal, as `?succ`? Then it may assign one that is out of its reach. -/
def namesGoal (stx : Syntax) : Bool :=
  (stx.find? fun s => s.isOfKind ``Parser.Term.syntheticHole && s[1].isIdent).isSome

/-- Run a parsed tactic sequence on the snapshot's goals; `true` when a `sorry` is in what it built. -/
def evaluate (stx : Syntax) (s : Snapshot) : TacticM Bool := do
  let before ← getGoals
  let start ← getEnv
  Term.withSynthesize <| evalTactic stx
  pruneSolvedGoals
  let finished := (← getGoals).isEmpty
  let mut holds := false
  let mut values : Array Expr := #[]
  for g in before do
    if ← g.isAssigned then
      let value ← instantiateMVars (.mvar g)
      let env ← getEnv
      let used := usedSince start env value.getUsedConstants.toList {}
      holds := holds || used.contains ``sorryAx
      values := values.push value
      if let some c := used.toList.find? s.banned.contains then throwError "{c} is what is to be proved"
      if let some c := used.toList.find? fun c => (env.find? c).any (·.isUnsafe) then throwError "{c} is unsafe"
      if finished && value.hasExprMVar && !(← instantiateMVars (← g.getType)).hasExprMVar then
        throwError "the goal is closed, but metavariables remain: {value}"
      if finished && namesGoal stx && !value.hasExprMVar then g.withContext do
        Meta.check value
        unless ← isDefEq (← inferType value) (← g.getType) do throwError "what closes the goal is of another type: {value}"
  s.own?.forM (checkOwnUse · values)
  return holds

/-- The goal that a hole of a draft stands for, opened again; none for one that was taken back. -/
def openHole (h : Hole) : TacticM (Option MVarId) := do
  match h.asTerm?, h.goals with
  | some (lctx, type), _ =>
    let insts ← instancesOf lctx
    let m ← withLCtx lctx insts <| mkFreshExprSyntheticOpaqueMVar (← instantiateMVars type)
    return some m.mvarId!
  | none, g :: _ =>
    unless ((← getExprMVarAssignment? g).any (·.getAppFn.isConstOf ``sorryAx)) do return none
    modifyMCtx fun m => { m with eAssignment := m.eAssignment.erase g }
    return some g
  | none, [] => return none

/-- Does a goal speak of the value of a `sorry`? -/
def speaksOfSorry (g : MVarId) : MetaM Bool := g.withContext do
  if (← instantiateMVars (← g.getType)).hasSorry then return true
  (← getLCtx).anyM fun d => return !d.isImplementationDetail && (← instantiateMVars d.type).hasSorry

/-- The holes of a draft as goals. Two goals of one `sorry` are an error. -/
def openHoles (infos : InfoState) : TacticM (Array DraftHole) := do
  let ctx : CommandContextInfo := { env := ← getEnv, fileMap := ← getFileMap, ngen := ← getNGen }
  let trees := infos.trees.map fun t => InfoTree.context (.commandCtx ctx) (t.substitute infos.assignment)
  let mut out : Array DraftHole := #[]
  let mut keys : Array String := #[]
  for h in (holesOf trees).toList.mergeSort fun a b => a.place ≤ b.place do
    let some span := spanOf h.stx | continue
    let some goal ← openHole h | continue
    let (key, _) ← stateKey [goal]
    if out.any (·.span == span) then
      let at_ := (← getFileMap).toPosition ⟨span.start⟩
      unless keys.back? == some key do
        throwError "the sorry in line {at_.line}, column {at_.column}, stands for several goals: write one for each goal"
    else
      out := out.push { goal, span, mode := if h.asTerm?.isSome then "term" else "tactic" }
      keys := keys.push key
  return out

/-- The state after a draft, with a goal for each of its holes. before: the goals that it was for. -/
def draftedState (before : List MVarId) (s : Snapshot) (token : IO.CancelToken) : BaseIO (Except Stop (Array DraftHole × Snapshot)) := do
  let opened : TacticM (Array DraftHole) := do
    let old ← before.anyM fun g => return ((← getMCtx).findDecl? g).isSome && (← speaksOfSorry g)
    let holes ← openHoles s.core.infoState
    setGoals ((← getGoals).filter (fun g => holes.all (·.goal != g)) ++ (holes.map (·.goal)).toList)
    if !old && (← (← getGoals).anyM (speaksOfSorry ·)) then
      throwError "a goal speaks of the value of a sorry: write that value into the tactic"
    return holes
  return match ← s.run token 400000 opened with
  | .error stop => .error stop
  | .ok (holes, s', _) => .ok (holes, s')

def Stop.rejected (stop : Stop) (messages : Array Json) : Answer := match stop with
  | .error text => rejectedWith "elaboration" text messages
  | .heartbeats text => rejectedWith "heartbeats" text messages
  | .recursion text => rejectedWith "recursion" text messages
  | .cancelled => LeanEnv.rejected "cancelled" "cancelled"

/-- The new states as they go on the wire. -/
def advanced (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) (holes : Array DraftHole) (said : List (String × Json)) : IO Answer := do
  let s := { s with core := { s.core with infoState := {}, messages := {} } }
  match ← keepStates r s holes o.together with
  | .error .cancelled => return rejected "cancelled" "cancelled"
  | .error (.error text) => return rejected "elaboration" (if holes.isEmpty then "the new goals cannot be shown" else text)
  | .error _ => return rejected "elaboration" "the new goals cannot be shown"
  | .ok states => return .result <| Json.mkObj <| [("states", states)] ++ said

/-- The most that a tactic may cost here, in thousands of heartbeats: what the file itself allows, if that is less. -/
def ApplyOptions.limit (o : ApplyOptions) (s : Snapshot) : Nat :=
  match maxHeartbeats.get s.coreCtx.options with
  | 0 => o.heartbeats
  | n => min n o.heartbeats

/-- Does it end well only if Lean's kernel takes what it adds (`decide +kernel`)? What a library that is not
    Lean's own, or the file, makes of a text may be of that kind. -/
def asksKernel (text : String) (stx : Syntax) : Bool :=
  text.contains "kernel" || (stx.find? fun s => !s.isAtom && !s.isIdent && !isOwnKind s.getKind).isSome

/-- Read a text, or say why it may not be tried. -/
def Snapshot.read (s : Snapshot) (o : ApplyOptions) (text : String) : BaseIO (Except Answer Reading) := do
  let key := (text, o.drafts)
  if let some kept := s.readings? then
    if let some reading := (← kept.get)[key]? then return .ok reading
  match s.parse text with
  | .error e => return .error (rejected "parse" e)
  | .ok stx =>
    if let some against := s.place.objection? (drafts := o.drafts) stx then return .error (rejected against.kind against.text)
    let reading : Reading := { stx, map := text.toFileMap, drafts := o.drafts && hasHole stx
                               searches := (suggests? stx).isSome, asksKernel := asksKernel text stx }
    if let some kept := s.readings? then
      kept.modify fun m => (if m.size < mostRead then m else {}).insert key reading
    return .ok reading

/-- Without the kernel's check of each lemma that a tactic puts aside, an eighth of the time of a mixture of
    tactics: a proof is judged as a whole, and then the kernel checks all of it. -/
def Snapshot.uncheckedLemmas (s : Snapshot) : Snapshot :=
  { s with coreCtx := { s.coreCtx with options := debug.skipKernelTC.set s.coreCtx.options true } }

/-- Run a text as it was read. The text instead, when it searches. -/
def runTactic (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) (text : String) (reading : Reading) : IO (Answer ⊕ String) := do
  let token := (← r.get).token
  let s := { s with coreCtx := { s.coreCtx with fileMap := reading.map } }
  let tried := if reading.asksKernel then s else s.uncheckedLemmas
  let (outcome, log) ← tried.runLogged token (o.limit s) (evaluate reading.stx s) (trees := reading.drafts)
  let messages := (← log.toList.mapM (messageToWire reading.map ·)).toArray
  match outcome with
  | .error stop => return .inl (stop.rejected messages)
  | .ok (holdsSorry, after) =>
    if reading.searches then
      let said ← log.toList.filterMapM fun m => return (suggestedBy (← m.data.toString)).map ((reading.map.ofPosition m.pos).byteIdx, ·)
      match replaceSearches text reading.stx said.toArray with
      | .ok new => return .inr new
      | .error why => return .inl (rejectedWith "elaboration" s!"a proof says what was found, not that it was searched for: {why}" messages)
    if log.hasErrors then return .inl (rejectedWith "elaboration" (← errorsOf log) messages)
    if holdsSorry && !reading.drafts then return .inl (rejectedWith "sorry" "the tactic leaves a sorry in the proof" messages)
    let said := if messages.isEmpty then [] else [("messages", Json.arr messages)]
    let s' := { after with coreCtx := s.coreCtx }
    if !reading.drafts then return .inl (← advanced r s' o #[] said)
    match ← draftedState s.goals s' token with
    | .error stop => return .inl (stop.rejected messages)
    | .ok (holes, s') => return .inl (← advanced r s' o holes said)

/-- Read a text and run it. The text instead, when it searches. -/
def applyText (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) (text : String) : IO (Answer ⊕ String) := do
  match ← s.read o text with
  | .error answer => return .inl answer
  | .ok reading => runTactic r s o text reading

/-- Why an answer is none that takes a tactic; none where it takes it. -/
def Answer.refusal? : Answer → Option String
  | .result value => do
    let why ← (value.getObjVal? "rejected").toOption
    return (why.getObjValAs? String "text").toOption.getD ""
  | _ => none

/-- The answer to a search, whose place the text takes that it found. -/
def Answer.foundBy (a : Answer) (text : String) : Answer := match a with
  | .result value => .result ((value.setObjVal! "tactic" text).setObjVal! "suggestion" text)
  | a => a

/-- Run what reads an environment and belongs to no file. -/
def runIndexing (env : Environment) (x : MetaM α) : IO α := do
  let ctx : Core.Context := { fileName := "<library>", fileMap := default }
  return (← x.run'.toIO ctx { env }).1

/-- The index of an environment as text. Only the build of the embedded worker calls it. -/
def libraryLines (env : Environment) : IO String := return (← runIndexing env (indexOf env)).lines

/-- Take one of those lines into the worker's index. -/
def addLibraryLine (r : WorkerRef) (known : Environment) (line : String) : IO Unit :=
  r.modify fun w => { w with index? := some ((w.index?.getD {}).addLine known line) }

/-- The index that this worker was built with, or that of the largest set of imports when it is first asked for:
    Lean makes one in a process. -/
def libraryIndex (r : WorkerRef) (here : Environment) : IO LibraryIndex := do
  let w ← r.get
  if let some index := w.index? then return index
  let size (env : Environment) := env.header.moduleNames.size
  let index ← runIndexing here (indexOf (w.envs.fold (init := here) fun best _ env => if size env > size best then env else best))
  r.modify fun w => { w with index? := some index }
  return index

/-- The searches that are no tactics of Lean: they find texts in several ways, and the first that closes the
    goals takes their place. None is after the last way; an empty text, where a way finds nothing. -/
def ownSearch? (r : WorkerRef) (s : Snapshot) (text : String) : IO (Option (Nat → MVarId → TacticM (Option String))) := do
  match text.trimAscii.toString with
  | "loop_induction?" => return some loopProof?
  | "library?" => return some (libraryProof? (← libraryIndex r s.core.env) s.banned (← IO.mkRef none))
  | _ => return none

/-- At most so many ways of one search. -/
def mostWays : Nat := 7

/-- How much more than one tactic each way of a search may cost, and what it found. -/
def searchFactor : Nat := 4

/-- Does an answer say that a limit was met? -/
def Answer.isLimited : Answer → Bool
  | .result value => ((value.getObjVal? "rejected").toOption.bind fun why => (why.getObjValAs? String "kind").toOption) == some "heartbeats"
  | _ => false

/-- Run a search of ours, way by way, and try what it found. A way that meets its limit does not end the
    others, and is told of if none of them leads to a proof. -/
def applySearch (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) (search : Nat → MVarId → TacticM (Option String)) : IO Answer := do
  let o := { o with heartbeats := o.heartbeats * searchFactor }
  let token := (← r.get).token
  let mut answer := rejected "elaboration" "the search found nothing to try here"
  for way in List.range mostWays do
    let mut new := answer
    match (← s.runLogged token (o.limit s) (do search way (← getMainGoal))).1 with
    | .error .cancelled => return Stop.cancelled.rejected #[]
    | .error stop => new := stop.rejected #[]
    | .ok (none, _) => break
    | .ok (some "", _) => continue
    | .ok (some text, _) =>
      new := rejected "elaboration" s!"what the search found does not close the goals: {text}"
      if let .inl (.result value) ← applyText r s o text then
        if (value.getObjValAs? (Array Json) "states").toOption == some #[] then return (Answer.result value).foundBy text
        if (Answer.result value).isLimited then new := .result value
        else if let some why := (Answer.result value).refusal? then
          new := rejected "elaboration" s!"what the search found does not close the goals: {text}\n{why}"
    unless answer.isLimited do answer := new
  return answer

/-- Look for values at which the goal is false: where there are any, it is rejected as `false`, with them.
    A goal `¬ p` is proved by a counterexample to `p`. -/
def applyCounterexample (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) : IO Answer := do
  let token := (← r.get).token
  let run : TacticM (Bool × Option (Array Counterexample.Argument × String)) := do
    let some statement ← Counterexample.closed? (← getMainGoal) | return (false, none)
    if let (``Not, #[p]) := statement.consumeMData.getAppFnArgs then
      if let some found ← Counterexample.find? p token then return (true, some found)
    return (false, ← Counterexample.find? statement token)
  match (← s.runLogged token (o.limit s) run).1 with
  | .error stop => return stop.rejected #[]
  | .ok ((_, none), _) => return rejected "elaboration" "no values were found at which it is false"
  | .ok ((false, some (args, _)), _) => return rejected "false" (Counterexample.inWords args)
  | .ok ((true, some (args, tactic)), _) =>
    let text := Counterexample.disproof args tactic
    match ← applyText r s { o with heartbeats := defaultHeartbeats } text with
    | .inl answer => return if answer.refusal?.isSome then answer else answer.foundBy text
    | .inr _ => return rejected "elaboration" "the disproof searches"

/-- Apply a tactic. One that searches is run, and what it found is applied in its place. -/
def applyTactic (r : WorkerRef) (s : Snapshot) (o : ApplyOptions) (text : String) : IO Answer := do
  if text.trimAscii.toString == "counterexample?" then return ← applyCounterexample r s o
  if let some search ← ownSearch? r s text then return ← applySearch r s o search
  match ← applyText r s o text with
  | .inl answer => return answer
  | .inr found => match ← applyText r s o found with
    | .inl answer => match answer.refusal? with
      | some why => return rejected "elaboration" s!"what the search found does not take its place: {found}\n{why}"
      | none => return answer.foundBy found
    | .inr _ => return rejected "elaboration" s!"what the search found searches again: {found}"

end LeanEnv
