import LeanEnv.Protocol
open Lean Elab Meta Tactic

/-! Proof states: what is kept of one, how it is split into independent groups of goals, its
canonical key, and how it is shown. One state on the wire:

    {"state":3,"key":"9f3c...","size":11,"positions":[0],
     "goals":[{"tag":"","target":"n = n","hypotheses":[{"name":"n","type":"Nat"}]}]}
-/

namespace LeanEnv

/-- A printed expression, and what its text depends on: the names and types of its free variables
    (sibling states use one id for different variables), and the open namespaces. -/
structure Printed where
  names  : Array (Name × UInt64)
  within : Name
  opened : Nat
  text   : Format

/-- At most so many expressions are kept printed below one hole. -/
def mostPrinted : Nat := 20000

/-- Does an option say how to print? -/
def setsPrinting (opts : Options) : Bool := Id.run do
  for (n, _) in opts do
    if n.getRoot == `pp then return true
  return false

/-- Print with the memory `kept`. Printing costs more than most tactics, and what fails at a state
    shows the same goal again and again. -/
def printOnce (kept : IO.Ref (Std.HashMap Expr Printed)) (fns : PPFns) (ctx : PPContext) (e : Expr) : IO FormatWithInfos := do
  if e.hasMVar || e.isFVar || setsPrinting ctx.opts then return ← fns.ppExprWithInfos ctx e
  let names := (collectFVars {} e).fvarIds.map fun f =>
    (ctx.lctx.find? f).elim (.anonymous, 0) fun d => (d.userName, d.type.hash)
  if let some p := (← kept.get)[e]? then
    if p.names == names && p.within == ctx.currNamespace && p.opened == ctx.openDecls.length then return ⟨p.text, {}⟩
  let ⟨text, _⟩ ← fns.ppExprWithInfos ctx e
  kept.modify fun m => (if m.size > mostPrinted then {} else m).insert e
    { names, within := ctx.currNamespace, opened := ctx.openDecls.length, text }
  return ⟨text, {}⟩

/-- `env` with such a memory of its own. -/
def rememberPrinted (env : Environment) : BaseIO Environment := do
  let kept ← IO.mkRef {}
  return ppExt.modifyState env fun fns => { fns with ppExprWithInfos := printOnce kept fns }

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
      let mut text := ""
      for m in log.toList do text := text ++ (← m.data.toString)
      pure (if text.isEmpty then s!"internal exception {id.idx}" else text)
    | .error _ d => d.toString
  if ex.isMaxHeartbeat then return .heartbeats text
  if ex.isMaxRecDepth then return .recursion text
  return .error text

/-- Run `x` in a snapshot with a budget of `heartbeats` thousands; gives the snapshot after it. -/
def Snapshot.run (s : Snapshot) (token : IO.CancelToken) (heartbeats : Nat) (x : TacticM α) :
    BaseIO (Except Stop (α × Snapshot × MessageLog)) := do
  let coreCtx := { s.coreCtx with
    initHeartbeats := (← IO.getNumHeartbeats), maxHeartbeats := heartbeats * 1000
    cancelTk? := some token }
  let core := { s.core with messages := {}, infoState := {}, traceState := {}, snapshotTasks := #[] }
  let logged ← IO.mkRef ({} : MessageLog)
  let x : TacticM α := try x catch ex => do logged.set (← Core.getMessageLog); throw ex
  let term := (x.run { elaborator := .anonymous, recover := false }).run { goals := s.goals }
  let inMeta := term.run { s.termCtx with errToSorry := false } s.term
  let inCore := inMeta.run {} s.metaState
  match ← (inCore.run coreCtx core).toBaseIO with
  | .ok ((((a, tac), term), metaState), core) =>
    return .ok (a, { s with core, metaState, term, goals := tac.goals }, core.messages)
  | .error ex => return .error (← stopOf ex (← logged.get))

/-- Goals that share expression or universe metavariables, with their places in the goal list.
    Solving one group can assign nothing that another one mentions. -/
def independentGroups (goals : List MVarId) : MetaM (Array (List (Nat × MVarId))) := do
  if goals.length ≤ 1 then return if goals.isEmpty then #[] else #[goals.zipIdx.map fun (g, i) => (i, g)]
  let mut groups : Array (NameSet × List (Nat × MVarId)) := #[]
  for (g, i) in goals.zipIdx do
    let mentioned ← g.withContext do
      let mut names : NameSet := NameSet.empty.insert g.name
      let mut types : Array Expr := #[← g.getType]
      for d in ← getLCtx do
        types := types.push d.type
        if let some v := d.value? (allowNondep := true) then types := types.push v
      for t in types do
        if t.hasMVar then
          let t ← instantiateMVars t
          for m in ← getMVars t do names := names.insert m.name
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

def Elaboration.last (e : Elaboration) : Command.State := ((e.commands.back?).map (·.after)).getD e.start

structure OpenFile where
  file  : Elaboration
  holes : Array Snapshot

/-- What the last `judge` left: the replayed environment, the theorems asked for, one export in pages. -/
structure Judged where
  id      : Nat
  env     : Environment
  targets : Array Name
  pages   : Array String := #[]

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

abbrev WorkerRef := IO.Ref WorkerState

def fresh (r : WorkerRef) : BaseIO Nat :=
  r.modifyGet fun s => (s.next, { s with next := s.next + 1 })

def keepSnapshot (r : WorkerRef) (s : Snapshot) : BaseIO Nat := do
  let id ← fresh r
  r.modify fun w => { w with snapshots := w.snapshots.insert id s }
  return id

/-- Split the goals of `s` into states, keep each, and give them as they go on the wire. -/
def keepStates (r : WorkerRef) (s : Snapshot) : BaseIO (Except Stop Json) := do
  let shown : TacticM (Array (List MVarId × Json)) := do
    let mut out : Array (List MVarId × Json) := #[]
    for group in ← independentGroups s.goals do
      let goals := group.map (·.2)
      let (key, size) ← stateKey goals
      let wire ← goals.mapM (goalToWire ·)
      out := out.push (goals, Json.mkObj [("key", key), ("size", size),
        ("positions", toJson (group.map (·.1))), ("goals", .arr wire.toArray)])
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
