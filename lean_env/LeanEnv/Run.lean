import LeanEnv.Added
import LeanEnv.Check
import LeanEnv.Elaborate
open Lean Elab Meta Tactic Command

/-! Opens files and poses statements.

    {"v":1,"id":1,"op":"open","name":"A.lean","source":"theorem t : 1 = 1 := by sorry"}
    {"v":1,"id":1,"result":{"file":1,"imports":["Init"],"messages":[...],"commands":[...],"holes":[...]},...} -/

namespace LeanEnv

/-- A `sorry` of the source as its elaboration left it. -/
structure Hole where
  ctx     : ContextInfo
  stx     : Syntax
  goals   : List MVarId
  /-- The local context and the expected type of a `sorry` term; none for a `sorry` tactic. -/
  asTerm? : Option (LocalContext × Expr)

def holesOf (trees : PersistentArray InfoTree) : Array Hole :=
  trees.foldl (init := #[]) fun acc tree => tree.foldInfo (init := acc) fun ctx info acc =>
    match info with
    | .ofTacticInfo i =>
      if i.stx.isOfKind ``Parser.Tactic.tacticSorry && i.stx.getHeadInfo matches .original .. then
        acc.push { ctx := { ctx with mctx := i.mctxBefore }, stx := i.stx, goals := i.goalsBefore.take 1, asTerm? := none }
      else acc
    | .ofTermInfo i =>
      match i.stx.isOfKind ``Parser.Term.sorry && i.stx.getHeadInfo matches .original .., i.expectedType? with
      | true, some type => acc.push { ctx, stx := i.stx, goals := [], asTerm? := some (i.lctx, type) }
      | _, _ => acc
    | _ => acc

def levelNamesOf (lctx : LocalContext) (type : Expr) : List Name :=
  let state := lctx.foldl (init := collectLevelParams {} type) fun s d => collectLevelParams s d.type
  state.params.toList

/-- Did Lean make this constant for itself? A private one of the user's is not of that kind. -/
def isAuxiliary (n : Name) : Bool := (privateToUserName n).isInternalDetail

/-- Does it stand in the text? Lean notes a place for each of those, none for what it derives. -/
def isWritten (env : Environment) (n : Name) : Bool := declRangeExt.contains env n

/-- Constants that a command added, without those that Lean makes for itself. -/
def newDeclarations (before after : Environment) : Array (Name × ConstantInfo) :=
  let added := (addedSince before after).filter fun (n, _) => !isAuxiliary n
  added.qsort fun a b => Name.quickLt a.1 b.1

/-- The environment to prove a hole in: the one before its command, so that neither the theorem
    itself nor its attributes help to prove it. Only where the goal mentions something that the
    command itself made, the one after it, with what it declared banned. -/
def environmentFor (before after : Environment) (types : Array Expr) : Environment × NameSet :=
  if types.all fun t => t.getUsedConstants.all before.contains then (before, {})
  else (after, (newDeclarations before after).foldl (fun s d => s.insert d.1) {})

/-- The theorem that a goal is the whole proof of, if Lean lets the proof use it. -/
def ownOf (declaration? : Option Name) (goal : MVarId) : MetaM (Option Own) := goal.withContext do
  let some declaration := declaration?.map privateToUserName | return none
  let mut self? : Option LocalDecl := none
  let mut params : Array FVarId := #[]
  let mut type : Expr := .sort .zero
  for d in ← getLCtx do
    if d.isAuxDecl && d.userName.eraseMacroScopes.isSuffixOf declaration then
      self? := some d; params := #[]; type ← instantiateMVars d.type
    else if self?.isSome && !d.isImplementationDetail then
      let .forallE _ _ b _ := type | return none
      type := b.instantiate1 (.fvar d.fvarId)
      params := params.push d.fvarId
  let some self := self? | return none
  let target ← instantiateMVars (← goal.getType)
  return if type.consumeMData == target.consumeMData then some { self := self.fvarId, params, root := goal } else none

/-- The state of a hole; only its own goal, in the full context of its declaration. -/
def Hole.snapshot (h : Hole) (before : Environment) (token : IO.CancelToken) :
    BaseIO (Except Stop (Snapshot × Bool)) := do
  let c := h.ctx
  let s : Snapshot := {
    coreCtx := { fileName := "<tactic>", fileMap := c.fileMap, options := c.options
                 currNamespace := c.currNamespace, openDecls := c.openDecls
                 maxRecDepth := maxRecDepth.get c.options }
    core := { env := c.env, ngen := c.ngen }
    metaState := { mctx := c.mctx }
    term := {}, termCtx := { declName? := c.parentDecl? }, goals := h.goals }
  let posed : TacticM (Bool × List Name × Array Expr × Option Own) := do
    if let some (lctx, type) := h.asTerm? then
      let insts ← instancesOf lctx
      let m ← withLCtx lctx insts <| mkFreshExprSyntheticOpaqueMVar (← instantiateMVars type)
      setGoals [m.mvarId!]
    let goal ← getMainGoal
    goal.withContext do
      let type ← instantiateMVars (← goal.getType)
      let mut types : Array Expr := #[type]
      for d in ← getLCtx do
        unless d.isAuxDecl do
          types := types.push (← instantiateMVars d.type)
          if let some v := d.value? then types := types.push (← instantiateMVars v)
      return (← isProp type, levelNamesOf (← getLCtx) type, types, ← ownOf c.parentDecl? goal)
  match ← s.run token 400000 posed with
  | .error stop => return .error stop
  | .ok ((isProp, levelNames, types, own?), s', _) =>
    let (env, banned) := environmentFor before c.env types
    let core := { s'.core with env := (← rememberPrinted env) }
    return .ok ({ s' with core, term := { levelNames }, banned, own?, readings? := some (← IO.mkRef {}) }, isProp)

/-- What a constant is called; a proposition that a structure holds is a field, not a theorem. -/
def kindOf (env : Environment) (n : Name) : ConstantInfo → String
  | .axiomInfo _ => "axiom"
  | .thmInfo _ => if env.isProjectionFn n then "field" else "theorem"
  | .opaqueInfo _ => "opaque"
  | .defnInfo _ => if isInstanceCore env n then "instance" else "definition"
  | .quotInfo _ => "quotient"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"

/-- Declarations on the wire; their types only where `typed`, for printing them takes long. -/
def declarationsToWire (c : Command.State) (added : Array (Name × ConstantInfo)) (typed : Bool) : IO Json := do
  let scope := c.scopes.head!
  let ctx : Core.Context := { fileName := "<declaration>", fileMap := default, options := scope.opts
                              currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let shown : MetaM (Array Json) := added.mapM fun (n, ci) => do
    let type ← if !typed || ci matches .recInfo _ then pure "" else pure ((← ppExpr ci.type).pretty 100)
    return Json.mkObj [("name", (privateToUserName n).toString), ("kind", kindOf c.env n ci), ("type", type)]
  let (out, _) ← shown.run'.toIO ctx { env := c.env }
  return .arr out

def positions (map : FileMap) (stx : Syntax) : List (String × Json) :=
  let start := (stx.getPos?).getD 0
  let p := map.toPosition start
  [("start", start.byteIdx), ("stop", ((stx.getTailPos?).getD start).byteIdx), ("line", p.line), ("column", p.column)]

def Hole.place (h : Hole) : Nat := ((h.stx.getPos?).getD 0).byteIdx

/-- Parts of a command that say what is meant, not why it holds. -/
def statementKinds : List Name := [``Parser.Command.declSig, ``Parser.Command.optDeclSig, ``Parser.Command.structFields,
  ``Parser.Command.ctor, ``Parser.Command.variable]

/-- Does a byte of a command stand in a part that says what is meant? -/
def inStatement (command : Syntax) (place : Nat) : Bool :=
  (command.find? fun s => statementKinds.contains s.getKind && (spanOf s).any fun p => p.start ≤ place && place < p.stop).isSome

/-- The holes of one command on the wire, each with its first snapshot; a `sorry` that was
    elaborated several times is one hole of several states. -/
def keepHoles (r : WorkerRef) (before : Environment) (map : FileMap) (c : Elaborated) (command : Nat) :
    IO (Array (Json × Snapshot)) := do
  let mut out : Array (Json × Snapshot) := #[]
  let sorted := (holesOf c.trees).toList.mergeSort fun a b => a.place ≤ b.place
  for group in sorted.splitBy fun a b => a.place == b.place do
    let h :: _ := group | continue
    let mut states : Array Json := #[]
    let mut first? : Option Snapshot := none
    let mut prop := true
    for hole in group do
      let .ok (s, isProp) ← hole.snapshot before (← r.get).token | continue
      let .ok (.arr kept) ← keepStates r s | continue
      states := states ++ kept
      first? := first? <|> some s
      prop := prop && isProp
    let some first := first? | continue
    let declaration := match h.ctx.parentDecl? with
      | some n => if n matches .str _ "_example" then Json.null else toJson (privateToUserName n).toString
      | none => Json.null
    let wire := Json.mkObj <| positions map h.stx ++ [("command", toJson command), ("declaration", declaration),
      ("mode", if h.asTerm?.isSome then "term" else "tactic"), ("prop", prop), ("statement", inStatement c.stx h.place), ("states", .arr states)]
    out := out.push (wire, first)
  return out

def messagesToWire (map : FileMap) (log : MessageLog) : BaseIO Json := do
  return .arr ((← log.toList.mapM (messageToWire map ·)).toArray)

/-- The constants that a term uses, with those that the constants added since `before` use: a tactic
    may put a part of its proof into a lemma of its own. `partial`: a graph walk, every name once. -/
partial def usedSince (before after : Environment) (todo : List Name) (seen : NameSet) : NameSet :=
  match todo with
  | [] => seen
  | n :: todo =>
    if seen.contains n then usedSince before after todo seen
    else
      let more := if before.contains n then [] else ((after.find? n).map fun ci =>
        (ci.type.getUsedConstants ++ ((ci.value? (allowOpaque := true)).elim #[] (·.getUsedConstants))).toList).getD []
      usedSince before after (more ++ todo) (seen.insert n)

/-- Is it the syntax of a default value by a tactic, in which a hole is? Lean keeps such syntax as a constant. -/
def isOpenDefault (env : Environment) (n : Name) (type : Expr) : Bool :=
  isAuxiliary n && type.isConstOf ``Syntax && match evalSyntaxConstant env {} n with
    | .ok stx => ({ env, options := {}, namespace_ := .anonymous, openDecls := [] } : Place).leavesHole stx
    | .error _ => false

/-- The constant of the user's that Lean made this one for. -/
partial def ownerOf (n : Name) : Name := if isAuxiliary n && n.getPrefix != .anonymous then ownerOf n.getPrefix else n

def shownDefault (n : Name) : String :=
  let owner := privateToUserName (ownerOf n)
  if owner.isInternalDetail || owner.isAnonymous then "default value" else s!"{owner} (default value)"

/-- The declarations that have a `sorry` of somebody's own, written or made by a macro: the name to judge,
    and the name to show. What only an error left, or what the kernel never sees, is not among them. -/
def sorriesOf (before after : Environment) : Array (Name × String) :=
  let found := (addedSince before after).foldl (init := #[]) fun found (n, ci) =>
    if ci.isUnsafe || ci.isPartial then found
    else if ci.type.hasNonSyntheticSorry || ((ci.value? (allowOpaque := true)).any (·.hasNonSyntheticSorry)) then
      let owner := ownerOf n
      if (usedSince before after [owner] {}).contains n then found.push (owner, (privateToUserName owner).toString)
      else if n.getString! == "_default" then found.push (n, shownDefault n)
      else found
    else if isOpenDefault after n ci.type then found.push (n, shownDefault n)
    else found
  found.qsort fun a b => Name.quickLt a.1 b.1

/-- typed: whether the types of declarations are printed, which takes long in long files. -/
def openFile (r : WorkerRef) (name source : String) (proposed? : Option Span) (typed : Bool) : IO Answer := do
  match ← elaborate r name source (trees := .ofHoles) proposed? with
  | .error need => return .need need
  | .ok o =>
    let mut commands : Array Json := #[]
    let mut holes : Array (Array (Json × Snapshot)) := #[]
    let mut before := o.start
    for c in o.commands do
      holes := holes.push (← keepHoles r before.env o.map c holes.size)
      before := c.after
    let lastHole := holes.zipIdx.foldl (fun last (found, i) => if found.isEmpty then last else i) 0
    before := o.start
    for c in o.commands do
      let added := (newDeclarations before.env c.after.env).filter fun (n, _) => isWritten c.after.env n
      let declarations ← declarationsToWire c.after added (typed := typed && commands.size < lastHole)
      commands := commands.push <| Json.mkObj <| positions o.map c.stx ++
        [("kind", toJson c.stx.getKind.toString), ("us", toJson c.us), ("declarations", declarations),
         ("sorries", toJson ((sorriesOf before.env c.after.env).map fun (n, shown) => [(privateToUserName n).toString, shown]))]
      before := c.after
    let all := holes.flatten
    let file ← fresh r
    let kept : OpenFile := { file := o, holes := all.map (·.2) }
    r.modify fun w => { w with files := w.files.insert file kept }
    let stopped : List (String × Json) := o.stopped?.elim [] fun place => [("stopped", toJson place)]
    return .result <| Json.mkObj <| stopped ++ [("file", toJson file), ("imports", toJson o.imports),
      ("messages", ← messagesToWire o.map o.messages), ("parsed", ← messagesToWire o.map o.parsed), ("commands", .arr commands), ("holes", .arr (all.map (·.1)))]

def Stop.answer : Stop → Answer
  | .error text => failed "bad_request" text
  | .heartbeats text => failed "bad_request" text
  | .recursion text => failed "bad_request" text
  | .cancelled => failed "bad_request" "cancelled"

/-- Pose a bare statement in the scope after command `command?` of a file (its end by default). -/
def poseStatement (r : WorkerRef) (file : OpenFile) (text : String) (command? : Option Nat) : IO Answer := do
  let c := match command? with
    | some i => ((file.file.commands[i]?).map fun (c : Elaborated) => c.after).getD file.file.start
    | none => file.file.last
  let scope := c.scopes.head!
  let s : Snapshot := {
    coreCtx := { fileName := "<tactic>", fileMap := default, options := scope.opts, currNamespace := scope.currNamespace
                 openDecls := scope.openDecls, maxRecDepth := c.maxRecDepth }
    core := { env := (← rememberPrinted c.env), ngen := c.ngen }, metaState := {}, term := { levelNames := scope.levelNames }, goals := []
    readings? := some (← IO.mkRef {}) }
  let posed : TacticM Unit := do
    match Parser.runParserCategory (← getEnv) `term text "<statement>" with
    | .error e => throwError e
    | .ok stx =>
      let type ← Term.withAutoBoundImplicit do
        let type ← Term.elabType stx
        Term.synthesizeSyntheticMVarsNoPostponing
        let autos := (← read).autoBoundImplicitContext.elim #[] (·.boundVariables.toArray)
        mkForallFVars autos (← Term.levelMVarToParam (← instantiateMVars type))
      if type.hasExprMVar then throwError "the statement has metavariables: {type}"
      setGoals [(← mkFreshExprSyntheticOpaqueMVar type).mvarId!]
  match ← s.run (← r.get).token 400000 posed with
  | .error stop => return stop.answer
  | .ok (_, s', log) =>
    if log.hasErrors then return failed "bad_request" (← log.toList.head!.data.toString)
    match ← keepStates r s' with
    | .error stop => return stop.answer
    | .ok states => return .result <| Json.mkObj [("state", (states.getArrVal? 0).toOption.getD .null)]

end LeanEnv
