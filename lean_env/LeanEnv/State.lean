import LeanEnv.Printing
import LeanEnv.Protocol
open Lean Elab Meta Tactic

/-! Proof states: what is kept of one, how it is split into independent groups of goals, its
canonical key, and how it is shown. One state on the wire:

    {"state":3,"key":"9f3c...","size":11,"positions":[0],
     "goals":[{"tag":"","target":"n = n","hypotheses":[{"name":"n","type":"Nat"}]}]}
-/

namespace LeanEnv

/-- The theorem itself, as its own proof may use it: on other arguments only. -/
structure Own where
  self   : FVarId
  params : Array FVarId
  /-- The goal of its whole proof. -/
  root   : MVarId

/-- A text that Lean can read and that may be tried. map: its lines. drafts: it has holes, and may. searches: it
    says what it found. asksKernel: it ends well only if Lean's kernel takes what it adds. -/
structure Reading where
  stx    : Syntax
  map    : FileMap
  drafts : Bool
  searches   : Bool
  asksKernel : Bool

/-- At most so many texts are kept read below one hole. -/
def mostRead : Nat := 400

/-- What was read below one hole, by its text and whether it might have holes: a search tries the same texts at
    state after state. -/
abbrev Readings := IO.Ref (Std.HashMap (String × Bool) Reading)

/-- Everything needed to run one more tactic. -/
structure Snapshot where
  coreCtx : Core.Context
  core    : Core.State
  metaState : Meta.State
  term    : Term.State
  termCtx : Term.Context := {}
  goals   : List MVarId
  /-- Constants that a proof must not use: the theorem itself, where its environment holds it. -/
  banned  : NameSet := {}
  own?    : Option Own := none
  readings? : Option Readings := none

/-- Why a computation in a snapshot did not end well. -/
inductive Stop where
  | error (text : String)
  | heartbeats (text : String)
  | recursion (text : String)
  | cancelled

def stopOf (ex : Exception) (log : MessageLog) : BaseIO Stop := do
  if ex.isInterrupt then return .cancelled
  let text ← match ex with
    | .internal id _ => do
      -- an abort carries no text of its own: what has been logged is the reason
      let texts ← log.toList.mapM (·.data.toString)
      let text := "\n".intercalate texts
      pure (if text.isEmpty then s!"internal exception {id.idx}" else text)
    | .error _ d => d.toString
  if ex.isMaxHeartbeat then return .heartbeats text
  if ex.isMaxRecDepth then return .recursion text
  return .error text

def Stop.text : Stop → String
  | .error text | .heartbeats text | .recursion text => text
  | .cancelled => "cancelled"

/-- An exception as a message, at the part of the text that it is about. It is printed once: that may
    take longer than the tactic. -/
def Snapshot.thrown (s : Snapshot) (ex : Exception) (stop : Stop) : MessageLog :=
  let map := s.coreCtx.fileMap
  match ex with
  | .internal .. => {}
  | .error ref _ => ({} : MessageLog).add {
      fileName := s.coreCtx.fileName, data := stop.text, severity := .error
      pos := map.toPosition (ref.getPos?.getD 0), endPos := (ref.getTailPos?).map map.toPosition }

/-- Run `x` in a snapshot with a budget of `heartbeats` thousands; gives the snapshot after it, and all
    that was said on the way. trees: whether it keeps the information trees. -/
def Snapshot.runLogged (s : Snapshot) (token : IO.CancelToken) (heartbeats : Nat) (x : TacticM α) (trees : Bool := false) :
    BaseIO (Except Stop (α × Snapshot) × MessageLog) := do
  let coreCtx := { s.coreCtx with
    initHeartbeats := (← IO.getNumHeartbeats), maxHeartbeats := heartbeats * 1000
    cancelTk? := some token }
  let core := { s.core with messages := {}, infoState := { enabled := trees }, traceState := {}, snapshotTasks := #[] }
  let logged ← IO.mkRef ({} : MessageLog)
  let term := (x.run { elaborator := .anonymous, recover := false }).run { goals := s.goals }
  let inMeta := term.run { s.termCtx with errToSorry := false } s.term
  let note : CoreM Unit := do
    addTraceAsMessages
    logged.set (← Core.getMessageLog)
  -- below `TacticM`, whose `try` takes back what has been said
  let inCore : CoreM _ := do
    let done ← tryCatchRuntimeEx (inMeta.run {} s.metaState) fun ex => do note; throw ex
    note
    return done
  match ← (inCore.run coreCtx core).toBaseIO with
  | .ok ((((a, tac), term), metaState), core) =>
    return (.ok (a, { s with core, metaState, term, goals := tac.goals }), ← logged.get)
  | .error ex =>
    let log ← logged.get
    -- `grind` and its solvers take the end of the heartbeats for a failure of their own
    let isSpent := 0 < heartbeats && coreCtx.maxHeartbeats < (← IO.getNumHeartbeats) - coreCtx.initHeartbeats
    let stop := match ← stopOf ex log with
      | .error text => if isSpent then .heartbeats text else .error text
      | stop => stop
    return (.error stop, log ++ s.thrown ex stop)

/-- The same, in one. -/
def Snapshot.run (s : Snapshot) (token : IO.CancelToken) (heartbeats : Nat) (x : TacticM α) :
    BaseIO (Except Stop (α × Snapshot × MessageLog)) := do
  match ← s.runLogged token heartbeats x with
  | (.ok (a, s'), log) => return .ok (a, s', log)
  | (.error stop, _) => return .error stop

/-- Goals that share expression or universe metavariables, with their places in the goal list.
    Solving one group can assign nothing that another one mentions. holes: of a draft; the value of a
    `have`, which nothing can see, may mention them. -/
def independentGroups (goals : List MVarId) (holes : Array MVarId := #[]) : MetaM (Array (List (Nat × MVarId))) := do
  if goals.length ≤ 1 then return if goals.isEmpty then #[] else #[goals.zipIdx.map fun (g, i) => (i, g)]
  let mut groups : Array (NameSet × List (Nat × MVarId)) := #[]
  for (g, i) in goals.zipIdx do
    let mentioned ← g.withContext do
      let mut names : NameSet := NameSet.empty.insert g.name
      let mut types : Array (Expr × Bool) := #[(← g.getType, true)]
      for d in ← getLCtx do
        types := types.push (d.type, true)
        if let some v := d.value? (allowNondep := true) then types := types.push (v, d.value?.isSome)
      for (t, isSeen) in types do
        if t.hasMVar then
          let t ← instantiateMVars t
          for m in ← getMVars t do
            if isSeen || !holes.contains m then names := names.insert m.name
          for l in (collectLevelMVars {} t).result do names := names.insert l.name
      pure names
    let (linked, apart) := groups.partition fun (names, _) => names.any fun n => mentioned.contains n
    let names := linked.foldl (fun acc (ns, _) => ns.foldl (·.insert ·) acc) mentioned
    let members := linked.foldl (fun acc (_, gs) => acc ++ gs) []
    groups := apart.push (names, members ++ [(i, g)])
  let sorted := groups.map fun (_, gs) => gs.mergeSort fun a b => a.1 ≤ b.1
  return sorted.qsort fun a b => (a.head?.map (·.1)).getD 0 < (b.head?.map (·.1)).getD 0

/-- Replace metavariables by constants numbered in order of appearance. -/
def nameMVars (e : Expr) (seen : Array MVarId) : MetaM (Expr × Array MVarId) := do
  let e ← instantiateMVars e
  let seen := (← getMVars e).foldl (fun s m => if s.contains m then s else s.push m) seen
  let e := e.replace fun
    | .mvar m => (seen.idxOf? m).map fun i => .const (.num `m i) []
    | _ => none
  let levels := (collectLevelMVars {} e).result
  let e := e.replaceLevel fun
    | .mvar m => (levels.idxOf? m).map fun i => .param (.num `u i)
    | _ => none
  return (e, seen)

/-- Keys of one version of Lean are none of another's: what is hashed differs from one to the next. -/
def versionHash : UInt64 := hash Lean.versionString

/-- Two 64-bit accumulators, fed by hashes that are blind to bound and free variable names. -/
structure KeyHash where
  a : UInt64 := mixHash 0x9e3779b97f4a7c15 versionHash
  b : UInt64 := 0xc2b2ae3d27d4eb4f

def KeyHash.add (h : KeyHash) (x y : UInt64) : KeyHash := { a := mixHash h.a x, b := mixHash h.b (mixHash y 31) }

def hex (x : UInt64) : String :=
  let digits := String.ofList (Nat.toDigits 16 x.toNat)
  "".pushn '0' (16 - digits.length) ++ digits

/-- The canonical key of goals that share metavariables, and the number of their constants.
    `Expr.hash` ignores binder names but has 32 bits only, so the free variables are hashed
    twice, as de Bruijn indices and as numbered variables, and the constants' names with 64. -/
def stateKey (goals : List MVarId) : MetaM (String × Nat) := do
  let mut h : KeyHash := {}
  let mut seen : Array MVarId := #[]
  let mut size := 0
  for g in goals do
    let decl ← g.getDecl
    let fvars := decl.lctx.getFVars
    let numbered := fvars.mapIdx fun i _ => Expr.fvar ⟨.num `h i⟩
    let mut parts : Array (Expr × UInt64) := #[]
    for d in decl.lctx do
      unless d.isImplementationDetail do
        parts := parts.push (d.type, 1)
        if let some v := d.value? then parts := parts.push (v, 2)
    for (e, role) in parts.push (decl.type, 3) do
      let mut e := e
      if e.hasMVar then
        let (e', seen') ← nameMVars e seen
        e := e'; seen := seen'
      let closed := e.abstract fvars
      h := h.add (mixHash role closed.hash) (mixHash role (closed.instantiateRev numbered).hash)
      for c in closed.getUsedConstants do
        h := h.add role c.hash
        size := size + 1
  return (hex h.a ++ hex h.b, size)

def showExpr (e : Expr) : MetaM String := do
  return (← ppExpr (← instantiateMVars e)).pretty 100

/-- A goal on the wire; typeOf: prints the type of a hypothesis. -/
def goalToWire (g : MVarId) (typeOf : LocalDecl → MetaM String := fun d => showExpr d.type) : MetaM Json := do
  let decl ← g.getDecl
  let lctx : LocalContext := decl.lctx.sanitizeNames.run' { options := (← getOptions) }
  withLCtx lctx decl.localInstances do
    let mut hypotheses : Array Json := #[]
    for d in lctx do
      unless d.isImplementationDetail do
        let mut fields : List (String × Json) := [("name", toJson d.userName.simpMacroScopes.toString), ("type", toJson (← typeOf d))]
        if let some v := d.value? then fields := fields ++ [("value", toJson (← showExpr v))]
        hypotheses := hypotheses.push (Json.mkObj fields)
    let tag := decl.userName.eraseMacroScopes
    return Json.mkObj [("tag", if tag.isAnonymous then "" else tag.toString (escape := false)),
      ("target", ← showExpr decl.type), ("hypotheses", .arr hypotheses)]

def spanOf (stx : Syntax) : Option Span := do return { start := (← stx.getPos?).byteIdx, stop := (← stx.getTailPos?).byteIdx }

/-- One command of a file: its syntax, where the file stands after it, what it said. skipped: not
    elaborated, for what is proposed of it may not stand in a proof. -/
structure Elaborated where
  stx   : Syntax
  after : Command.State
  trees : PersistentArray InfoTree
  said  : MessageLog
  next  : Parser.ModuleParserState
  us    : Nat
  skipped : Bool := false
  /-- What the parser said of it, and of the text before it. -/
  parsed  : MessageLog := {}

/-- Which commands of a file still have their information trees. -/
inductive Trees where
  | none
  | ofHoles
  | all
  deriving BEq

/-- Have all commands that `wanted` asks of their trees? -/
def Trees.serve (kept wanted : Trees) : Bool := kept == wanted || kept == .all || wanted == .none

/-- A file, elaborated. -/
structure Elaboration where
  source   : String
  imports  : Array String
  base     : Environment
  map      : FileMap
  start    : Command.State
  messages : MessageLog
  commands : Array Elaborated
  trees    : Trees
  /-- The part of the source that is proposed text; none where all of it is trusted. -/
  proposed? : Option Span := none
  /-- What the parser said: text that is no command. -/
  parsed    : MessageLog := {}
  /-- Where an `#exit`, an `import` or a broken header ends it before the end of its text. -/
  stopped?  : Option Nat := none

def Elaboration.last (e : Elaboration) : Command.State := ((e.commands.back?).map (·.after)).getD e.start

/-- Where the file stands before a command. -/
def Elaboration.before (e : Elaboration) (command : Nat) : Command.State :=
  if command == 0 then e.start else ((e.commands[command - 1]?).map (·.after)).getD e.last

/-- The instances of a local context. -/
def instancesOf (lctx : LocalContext) : MetaM LocalInstances :=
  withLCtx lctx {} <| withLocalInstances (lctx.decls.toList.filterMap id) getLocalInstances

structure OpenFile where
  file  : Elaboration
  holes : Array Snapshot

/-- What the last `judge` left: the replayed environment, the theorems asked for, one export in pages. -/
structure Judged where
  id      : Nat
  env     : Environment
  targets : Array Name
  pages   : Array String := #[]

/-- What the judge knows of imports: constants that rest on no axiom, and the axioms below some others, each
    with a constant that uses it. It holds whatever is declared after them. -/
structure KnownAxioms where
  clean  : NameSet := {}
  others : NameMap (Array (Name × Name)) := {}

/-- A library's theorems by what they speak of. triggered: by a constant, the theorems of which it is among the
    rarest, each with how much less rare it is than the rarest one. -/
structure LibraryIndex where
  frequency : Std.HashMap Name Nat := {}
  triggered : Std.HashMap Name (List (Name × Float)) := {}

def LibraryIndex.add (index : LibraryIndex) (c : Name) (frequency : Nat) (triggered : List (Name × Float)) : LibraryIndex :=
  { frequency := index.frequency.insert c frequency, triggered := index.triggered.insert c triggered }

structure WorkerState where
  token     : IO.CancelToken
  snapshots : Std.HashMap Nat Snapshot := {}
  files     : Std.HashMap Nat OpenFile := {}
  next      : Nat := 1
  envs      : Std.HashMap String Environment := {}
  /-- What the project sets for every file. -/
  options   : Options := {}
  /-- The last files elaborated, newest first: a file that starts as one of them goes on from there. -/
  recent    : List Elaboration := []
  /-- By imports, the names of what they bring by the first character of their last part. -/
  names     : Std.HashMap String (Std.HashMap Char (Array Name)) := {}
  judged?   : Option Judged := none
  /-- By imports. -/
  axioms    : Std.HashMap String KnownAxioms := {}
  /-- Of what may be imported; none: nobody asked for it yet. -/
  index?    : Option LibraryIndex := none

abbrev WorkerRef := IO.Ref WorkerState

def fresh (r : WorkerRef) : BaseIO Nat :=
  r.modifyGet fun s => (s.next, { s with next := s.next + 1 })

def keepSnapshot (r : WorkerRef) (s : Snapshot) : BaseIO Nat := do
  let id ← fresh r
  r.modify fun w => { w with snapshots := w.snapshots.insert id s }
  return id

/-- A `sorry` of a tactic that became a goal. -/
structure DraftHole where
  goal : MVarId
  span : Span
  mode : String

def DraftHole.toWire (h : DraftHole) : Json :=
  Json.mkObj [("start", h.span.start), ("stop", h.span.stop), ("mode", h.mode)]

/-- All goals as one group, but for the holes of a draft. -/
def joined (groups : Array (List (Nat × MVarId))) (holes : Array DraftHole) : Array (List (Nat × MVarId)) :=
  let (apart, left) := groups.partition fun group => group.any fun (_, g) => holes.any (·.goal == g)
  let all := left.toList.flatten.mergeSort fun a b => a.1 ≤ b.1
  (if all.isEmpty then #[] else #[all]) ++ apart

/-- Split the goals of `s` into states, keep each, and give them as they go on the wire. holes: those of
    the goals that a draft has in its text; each is a state of its own, or it is an error. together: the
    other goals are not split. -/
def keepStates (r : WorkerRef) (s : Snapshot) (holes : Array DraftHole := #[]) (together : Bool := false) :
    BaseIO (Except Stop Json) := do
  let shown : TacticM (Array (List MVarId × Json)) := do
    let mut out : Array (List MVarId × Json) := #[]
    let groups ← independentGroups s.goals (holes.map (·.goal))
    for group in if together then joined groups holes else groups do
      let goals := group.map (·.2)
      let hole? := holes.find? fun h => goals.contains h.goal
      if hole?.isSome && goals.length > 1 then
        throwError "a sorry of the tactic shares unknowns with another goal: write their values into the tactic"
      let (key, size) ← stateKey goals
      let wire ← goals.mapM (goalToWire ·)
      out := out.push (goals, Json.mkObj <| [("key", toJson key), ("size", toJson size),
        ("positions", toJson (group.map (·.1))), ("goals", .arr wire.toArray)]
        ++ hole?.elim [] fun h => [("hole", h.toWire)])
    return out
  match ← s.run (← r.get).token 400000 shown with
  | .error stop => return .error stop
  | .ok (groups, _, _) =>
    let mut states : Array Json := #[]
    for (goals, json) in groups do
      let id ← keepSnapshot r { s with goals }
      states := states.push (json.setObjVal! "state" id)
    return .ok (.arr states)

end LeanEnv
