import LeanEnv.Compat
import LeanEnv.Cut
open Lean Elab Meta Command

/-! What a file proves and how, command by command: declarations with what they rest on, and for every
tactic of the text its place, the goals before and after it, what it uses. Trees are dropped as it goes.

    {"v":1,"id":1,"op":"trace","name":"A.lean","source":"theorem t : 1 = 1 := by rfl"}
    {"v":1,"id":1,"result":{"imports":["Init"],"messages":[],"constants":[["rfl","Init.Prelude",null],...],
     "commands":[{"declarations":[{"name":"t","kind":"theorem",...}],"goals":[{"goal":0,"target":"1 = 1",...}],
      "steps":[{"start":24,"stop":27,"parent":null,"before":[0],"after":[],"used":[0]}],"premises":[],...}]}}

A tactic that changed nothing is no step, nor is one whose work was taken back because it, or what it
stands in, failed and was caught. Tactics of `conv` are none either. -/

namespace LeanEnv

/-- Constants that the file speaks of, each once; everything else names them by number. -/
structure Cited where
  numbers : Std.HashMap Name Nat := {}
  rows    : Array Json := #[]

/-- Line and column, both from 1. -/
def lineAndColumn (p : Position) : List Nat := [p.line, p.column + 1]

def Cited.number (c : Cited) (env : Environment) (n : Name) : Cited × Nat :=
  match c.numbers[n]? with
  | some i => (c, i)
  | none =>
    let module := ((env.getModuleIdxFor? n).bind (env.header.moduleNames[·.toNat]?)).elim "" (·.toString)
    let place := match declRangeExt.find? (level := .server) env n with
      | some r => toJson (lineAndColumn r.selectionRange.pos ++ lineAndColumn r.selectionRange.endPos)
      | none => .null
    let row := Json.arr #[(privateToUserName n).toString, module, place]
    ({ numbers := c.numbers.insert n c.rows.size, rows := c.rows.push row }, c.rows.size)

/-- The type of a hypothesis as it was printed, with the names that it speaks of: a hypothesis may be
    given another type, or what it speaks of become inaccessible. -/
structure ShownType where
  type  : Expr
  names : Array (FVarId × Name)
  text  : String

/-- A tactic that the next ones may stand in. -/
structure Around where
  place  : Span
  after  : MetavarContext
  /-- Neither it nor what it stands in was taken back. -/
  counts : Bool
  /-- Its number, if it is a step. -/
  step?  : Option Nat := none

/-- What is gathered of a file; all but `cited` and `out` is of the command under way. -/
structure Tracing where
  cited    : Cited := {}
  out      : Array Json := #[]
  goals    : Array Json := #[]
  /-- Goals by number, and those printed that hold no metavariable, so that they stay as they are. -/
  numbers  : Std.HashMap MVarId Nat := {}
  printed  : Std.HashMap (MVarId × Name) Nat := {}
  types    : Std.HashMap FVarId ShownType := {}
  steps    : Array Json := #[]
  premises : Array Json := #[]
  known    : Std.HashSet (Span × Nat) := {}
  /-- The last tactic and those that it stands in, innermost first. -/
  around   : List Around := []

abbrev TraceM := StateRefT Tracing IO

def cite (env : Environment) (n : Name) : TraceM Nat := modifyGet fun t =>
  let (cited, i) := t.cited.number env n
  (i, { t with cited })

/-- The constants behind `names`: for one that Lean made for itself in this file, those it rests on. -/
def behind (env : Environment) (names : Array Name) : Array Name := Id.run do
  let mut seen : NameSet := {}
  let mut out : Array Name := #[]
  let mut todo := names
  repeat
    let some n := todo.back? | break
    todo := todo.pop
    if seen.contains n then continue
    seen := seen.insert n
    if !isAuxiliary n then out := out.push n
    else if (env.getModuleIdxFor? n).isNone then
      if let some ci := env.find? n then
        todo := todo ++ ci.type.getUsedConstants ++ ((ci.value? (allowOpaque := true)).elim #[] (·.getUsedConstants))
  return out.qsort Name.quickLt

/-- The constants of what `mctx` assigns to `goals`, up to the goals that are `left`. -/
def assignedConstants (mctx : MetavarContext) (goals left : List MVarId) : Array Name := Id.run do
  let mut seen : Std.HashSet MVarId := Std.HashSet.ofList left
  let mut names : NameSet := {}
  let mut todo := goals
  repeat
    let m :: rest := todo | break
    todo := rest
    if seen.contains m then continue
    seen := seen.insert m
    if let some e := mctx.getExprAssignmentCore? m then
      names := e.getUsedConstants.foldl (·.insert ·) names
      if e.hasExprMVar then todo := (e.collectMVars {}).result.toList ++ todo
    else if let some d := mctx.getDelayedMVarAssignmentCore? m then todo := d.mvarIdPending :: todo
  return names.toArray

/-- The type of a hypothesis, printed once while the names in it stay what they are. -/
def typeOnce (known : IO.Ref (Std.HashMap FVarId ShownType)) (d : LocalDecl) : MetaM String := do
  let nameOf (lctx : LocalContext) (f : FVarId) : Name := (lctx.find? f).elim .anonymous (·.userName)
  let lctx ← getLCtx
  if let some shown := (← known.get)[d.fvarId]? then
    if shown.type == d.type && shown.names.all fun (f, n) => nameOf lctx f == n then return shown.text
  let text ← showExpr d.type
  unless d.type.hasMVar do
    let names := (collectFVars {} d.type).fvarIds.map fun f => (f, nameOf lctx f)
    known.modify (·.insert d.fvarId { type := d.type, names, text })
  return text

/-- A goal on the wire and its place in the command's list; printed once if nothing in it can change. -/
def traceGoal (ctx : ContextInfo) (g : MVarId) : TraceM Nat := do
  let some decl := ctx.mctx.findDecl? g | throw (IO.userError "a goal without a declaration")
  if let some i := (← get).printed[(g, decl.userName)]? then return i
  let number := ((← get).numbers[g]?).getD (← get).numbers.size
  let types ← IO.mkRef (← modifyGet fun t => (t.types, { t with types := {} }))
  let (json, isFixed) ← ctx.runMetaM {} do
    let json ← goalToWire g (typeOnce types)
    let (key, _) ← stateKey [g]
    let isFixed := !(← instantiateMVars decl.type).hasMVar
      && (← decl.lctx.allM fun d => do
        let value := (d.value? (allowNondep := true)).getD d.type
        return !(← instantiateMVars d.type).hasMVar && !(← instantiateMVars value).hasMVar)
    return ((json.setObjVal! "key" key).setObjVal! "goal" (toJson number), isFixed)
  let types ← types.modifyGet fun m => (m, {})
  modifyGet fun t => (t.goals.size, { t with
    types, goals := t.goals.push json, numbers := t.numbers.insert g number
    printed := if isFixed then t.printed.insert (g, decl.userName) t.goals.size else t.printed })

/-- The state before a tactic as one that `apply` knows, all of its goals in one. -/
def keepBefore (r : WorkerRef) (before : Environment) (ctx : ContextInfo) (goals : List MVarId) : IO Json := do
  let (types, levelNames) ← ctx.runMetaM {} <| goals.foldlM (init := (#[], [])) fun (types, levels) g => do
    let decl ← g.getDecl
    let mut types : Array Expr := types.push (← instantiateMVars decl.type)
    for d in decl.lctx do
      unless d.isAuxDecl do
        types := types.push (← instantiateMVars d.type)
        if let some v := d.value? then types := types.push (← instantiateMVars v)
    return (types, levels ++ (levelNamesOf decl.lctx decl.type).filter fun n => !levels.contains n)
  let (env, banned) := environmentFor before ctx.env types
  let id ← keepSnapshot r {
    coreCtx := { fileName := "<tactic>", fileMap := ctx.fileMap, options := ctx.options, currNamespace := ctx.currNamespace
                 openDecls := ctx.openDecls, maxRecDepth := maxRecDepth.get ctx.options }
    core := { env := (← rememberPrinted env), ngen := ctx.ngen }, metaState := { mctx := ctx.mctx }
    term := { levelNames }, termCtx := { declName? := ctx.parentDecl? }, goals, banned }
  return toJson id

/-- Whether a tactic's work on a goal is still there `after` the tactic that it stands in: that one knows
    the goal's new parts, or its whole proof. Of a goal made in a state of its own, nothing is known. -/
def isKept (i : TacticInfo) (after : MetavarContext) (g : MVarId) : Bool :=
  if (after.findDecl? g).isNone then true else
  match i.mctxAfter.getExprAssignmentCore? g, i.mctxAfter.getDelayedMVarAssignmentCore? g with
  | some e, _ =>
    if e.hasExprMVar then (e.collectMVars {}).result.all fun m => (after.findDecl? m).isSome
    else e.hasMVar || after.getExprAssignmentCore? g == some e
  | none, some d => (after.findDecl? d.mvarIdPending).isSome
  | none, none => i.goalsAfter.contains g

/-- Note a tactic, unless it did nothing or was taken back. -/
def traceTactic (keep? : Option (WorkerRef × Environment)) (ctx : ContextInfo) (i : TacticInfo) (place : Span) : TraceM Unit := do
  let outer := (← get).around.dropWhile fun a => a.place == place || !a.place.holds place
  let counts := outer.head?.all fun a => a.counts && i.goalsBefore.all (isKept i a.after)
  let self : Around := { place, after := i.mctxAfter, counts }
  modify fun t => { t with around := self :: outer }
  let isMoved := i.goalsBefore != i.goalsAfter || (i.goalsBefore.head?.any fun g =>
    (i.mctxAfter.getExprAssignmentCore? g).isSome || (i.mctxAfter.getDelayedMVarAssignmentCore? g).isSome)
  unless counts && isMoved && !i.goalsBefore.isEmpty do return
  let earlier := { ctx with mctx := i.mctxBefore }
  let later := { ctx with mctx := i.mctxAfter }
  let before ← i.goalsBefore.mapM (traceGoal earlier ·)
  let after ← i.goalsAfter.mapM (traceGoal later ·)
  let closed := i.goalsBefore.filter fun g => !i.goalsAfter.contains g
  let used ← (behind ctx.env (assignedConstants i.mctxAfter closed i.goalsAfter)).mapM (cite ctx.env ·)
  let declaration := match ctx.parentDecl? with
    | none | some (.str _ "_example") => Json.null
    | some n => toJson (privateToUserName (if isAuxiliary n then n.getPrefix else n)).toString
  let state ← match keep? with
    | some (r, env) => pure [("state", ← keepBefore r env earlier i.goalsBefore)]
    | none => pure []
  modify fun t => { t with
    around := { self with step? := some t.steps.size } :: outer
    steps := t.steps.push <| Json.mkObj <| [("declaration", declaration), ("start", toJson place.start), ("stop", toJson place.stop),
      ("parent", toJson (outer.findSome? (·.step?))), ("before", toJson before), ("after", toJson after), ("used", toJson used)] ++ state }

/-- Note a word of the text that means a constant. -/
def tracePremise (ctx : ContextInfo) (i : TermInfo) : TraceM Unit := do
  let .const n _ := i.expr | return
  if i.isBinder || !(i.stx.getHeadInfo matches .original ..) then return
  let some place := spanOf i.stx | return
  let number ← cite ctx.env n
  unless (← get).known.contains (place, number) do
    modify fun t => { t with
      known := t.known.insert (place, number), premises := t.premises.push (toJson [number, place.start, place.stop]) }

/-- What a tree tells of tactics of the text (`items`, by place) and of words that mean a constant; a
    tactic comes before those within it. -/
def told (items : Std.HashMap Span SyntaxNodeKind) (tree : InfoTree) : Array (ContextInfo × Info) :=
  tree.foldInfo (init := #[]) fun ctx info acc =>
    match info with
    | .ofTermInfo i => if i.expr.isConst then acc.push (ctx, info) else acc
    | .ofTacticInfo i =>
      if i.stx.getHeadInfo matches .original .. && (spanOf i.stx).any (items[·]? == some i.stx.getKind) then acc.push (ctx, info) else acc
    | _ => acc

def traceTree (r : WorkerRef) (keep? : Option (WorkerRef × Environment)) (pp : ContextInfo → ContextInfo)
    (items : Std.HashMap Span SyntaxNodeKind) (tree : InfoTree) : TraceM Unit := do
  for (ctx, info) in told items tree do
    match info with
    | .ofTermInfo i => tracePremise ctx i
    | .ofTacticInfo i =>
      let token := (← r.get).token
      let isCancelled ← token.isSet
      if isCancelled then throw (IO.userError "cancelled")
      if let some place := spanOf i.stx then traceTactic keep? (pp ctx) i place
    | _ => pure ()

/-- A declaration as it is written. -/
structure Written where
  stx   : Syntax
  whole : Span
  /-- Where it begins behind its modifiers. -/
  head  : Nat
  /-- Where its value begins, with the `:=`. -/
  value? : Option Nat

/-- The declarations written in a command, those of a macro such as Mathlib's `lemma` too. -/
def writtenIn (stx : Syntax) : Array Written := Id.run do
  let mut nodes : Array Syntax := #[]
  for n in stx.topDown (firstChoiceOnly := true) do
    if n.isOfKind ``Parser.Command.declaration then nodes := nodes.push n
  if nodes.isEmpty && (stx.find? (·.isOfKind ``Parser.Command.declId)).isSome then nodes := #[stx]
  return nodes.filterMap fun n => do
    let whole ← spanOf n
    let value := n.find? fun v => v.isOfKind ``Parser.Command.declValSimple || v.isOfKind ``Parser.Command.declValEqns
      || v.isOfKind ``Parser.Command.whereStructInst
    let head := (n[1].getPos?).elim whole.start (·.byteIdx)
    return { stx := n, whole, head, value? := value.bind fun v => v.getPos?.map (·.byteIdx) }

def Written.places (w : Written) : List (String × Json) :=
  [("start", w.whole.start), ("stop", w.whole.stop), ("head", w.head), ("value", toJson w.value?)]

def traceConstant (map : FileMap) (scope : Scope) (env : Environment) (written : Array Written)
    (n : Name) (ci : ConstantInfo) : TraceM Json := do
  let ctx : Core.Context := { fileName := "<declaration>", fileMap := default, options := scope.opts
                              currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let shown : MetaM (String × String) := do
    let levels := (List.range ci.levelParams.length).map fun i => Level.param (.num `u i)
    let goal ← mkFreshExprMVar (some (ci.instantiateTypeLevelParams levels))
    let (key, _) ← stateKey [goal.mvarId!]
    let type ← if ci matches .recInfo _ then pure "" else pure ((← ppExpr ci.type).pretty 100)
    return (type, key)
  let ((type, key), _) ← shown.run'.toIO ctx { env }
  let place? := (declRangeExt.find? (level := .server) env n).map fun r =>
    ({ start := (map.ofPosition r.range.pos).byteIdx, stop := (map.ofPosition r.range.endPos).byteIdx } : Span)
  -- a constructor or a field stands inside of a declaration, and has a place of its own
  let own? := place?.bind fun p => written.find? fun w => w.whole.holds p && p.start ≤ w.head
  let ofType := ci.type.getUsedConstants
  let ofValue := (ci.value? (allowOpaque := true)).elim #[] (·.getUsedConstants)
  let statement ← (behind env ofType).mapM (cite env ·)
  let used ← (behind env ofValue).mapM (cite env ·)
  let place := place?.getD { start := 0, stop := 0 }
  let own := own?.getD { stx := .missing, whole := place, head := place.start, value? := none }
  let doc ← findDocString? env n
  let fields : List (String × Json) := [("name", (privateToUserName n).toString), ("kind", kindOf env n ci), ("type", type),
    ("key", key), ("doc", toJson doc), ("statement", toJson statement), ("used", toJson used),
    ("private", isPrivateName n), ("sorry", (ci.type.hasSorry || ofValue.contains ``sorryAx : Bool))]
  return Json.mkObj (own.places ++ fields)

/-- Gather one command and forget its trees. -/
def traceCommand (r : WorkerRef) (keep : Bool) (map : FileMap) (before : Command.State) (c : Elaborated) : TraceM Unit := do
  let printed ← IO.mkRef {}
  let remember (ctx : ContextInfo) : ContextInfo :=
    { ctx with env := ppExt.modifyState ctx.env fun fns => { fns with ppExprWithInfos := printOnce printed fns } }
  let items := (blocksOf c.stx).foldl (init := {}) fun m items =>
    items.foldl (init := m) fun (m : Std.HashMap Span SyntaxNodeKind) i => (spanOf i).elim m (m.insert · i.getKind)
  for tree in c.trees do
    traceTree r (if keep then some (r, before.env) else none) remember items tree
  let written := writtenIn c.stx
  let env := c.after.env
  let scope := before.scopes.head!
  let mut declarations : Array Json := #[]
  unless written.isEmpty do
    for (n, ci) in newDeclarations before.env env do
      if isWritten env n then declarations := declarations.push (← traceConstant map scope env written n ci)
  let examples := written.filter (·.stx[1].isOfKind ``Parser.Command.example)
  let start := ((c.stx.getPos?).getD 0).byteIdx
  let failed := c.said.toList.any fun m => m.severity matches .error && (map.ofPosition m.pos).byteIdx ≥ start
  let opens := scope.openDecls.map fun
    | .simple ns except => ns.toString ++ (if except.isEmpty then "" else " hiding " ++ " ".intercalate (except.map toString))
    | .explicit id decl => s!"{decl} as {id}"
  modify fun t =>
    let wire := Json.mkObj <| positions map c.stx ++ [("kind", toJson c.stx.getKind.toString), ("us", toJson c.us),
      ("failed", toJson failed), ("namespace", toJson scope.currNamespace.toString), ("opens", toJson opens),
      ("examples", .arr (examples.map fun w => Json.mkObj w.places)),
      ("declarations", .arr declarations), ("goals", .arr t.goals), ("steps", .arr t.steps), ("premises", .arr t.premises)]
    let isBare := declarations.isEmpty && t.steps.isEmpty && !failed
    { cited := t.cited, out := if isBare then t.out else t.out.push wire }

/-- At most so many bytes in one reply. -/
def mostTraced : Nat := 60000000

/-- Trace a whole file; `keep`: the state before each step stays, for `apply`. -/
def traceFile (r : WorkerRef) (name source : String) (keep : Bool) : IO Answer := do
  let traced ← IO.mkRef ({} : Tracing)
  let map := FileMap.ofString source
  let hear (before : Command.State) (c : Elaborated) : IO Unit := do
    let ((), t) ← (traceCommand r keep map before c).run (← traced.modifyGet fun t => (t, {}))
    traced.set t
  -- linters read the trees for warnings that nobody wants here
  let done ← withoutLinters (elaborate r name source .all (hear? := some hear))
  match done with
  | .error need => return .need need
  | .ok o =>
    let t ← traced.get
    let result := Json.mkObj [("imports", toJson o.imports), ("messages", ← messagesToWire o.map o.messages),
      ("constants", .arr t.cited.rows), ("commands", .arr t.out)]
    if result.compress.utf8ByteSize > mostTraced then
      return failed "bad_request" s!"its trace is larger than {mostTraced / 1000000} MB"
    return .result result

end LeanEnv
