import LeanEnv.Compat
import LeanEnv.Apply
import LeanEnv.Premises
import LeanEnv.Tags
open Lean Elab Meta Tactic Command

/-! The library's theorems as problems: each is stated anew, as text, where its module begins, so that
neither it nor anything of its module or after it is there to prove it with.

    {"v":1,"id":1,"op":"library","imports":["Init","Std"]}
    {"v":1,"id":1,"result":{"modules":[["Init.Core",["Init.Prelude","Init.SizeOf"],412],...]}}
    {"v":1,"id":2,"op":"pose","imports":["Init","Std"],"module":"Init.Data.Bool","start":0,"count":1}
    {"v":1,"id":2,"result":{"theorems":[{"name":"Bool.not_not","form":"plain","closed":"simp",...}],"next":1}} -/

namespace LeanEnv

/-- A theorem that a person stated: public, with a name of its own. -/
def isStated (env : Environment) (n : Name) (ci : ConstantInfo) : Bool :=
  !(isPrivateName n || n.hasMacroScopes || isAuxiliary n || isAuxiliary n.getPrefix) && originalKind env n ci == "theorem"
    && !(derived.contains n.getString! || derived.contains (n.getPrefix.componentsRev.headD .anonymous).toString)

/-- The theorems that a module of the library states, in the order in which it holds them. -/
def statedIn (env : Environment) (m : ModuleData) : Array ConstantInfo :=
  m.constants.filter fun ci => isStated env ci.name ci

/-- An environment that the host must have provided. -/
def environmentOf (r : WorkerRef) (imports : Array String) : IO (Except Need Environment) := do
  let need : Need := { imports }
  return match (← r.get).envs[need.key]? with
    | some env => .ok env
    | none => .error need

def libraryModules (r : WorkerRef) (imports : Array String) : IO Answer := do
  match ← environmentOf r imports with
  | .error need => return .need need
  | .ok env =>
    let rows := env.header.moduleData.zipIdx.filterMap fun (m, i) =>
      let stated := statedIn env m
      if stated.isEmpty then none
      else some <| Json.arr #[(env.header.moduleNames[i]?.getD .anonymous).toString, toJson (importNames m.imports), stated.size]
    return .result <| Json.mkObj [("modules", .arr rows)]

/-! ### Alike -/

/-- One way to write what can be written in several: `≥` as `≤`, `≠` as `¬ =`, sides in one order. -/
def oneWay (e : Expr) : Expr :=
  let ordered (f : Expr) (a b : Expr) : Expr := if a.hash ≤ b.hash then mkApp2 f a b else mkApp2 f b a
  match e with
  | .mdata _ b => b
  | .app (.app (.app (.app (.const ``GE.ge ls) t) i) a) b => mkApp4 (.const ``LE.le ls) t i b a
  | .app (.app (.app (.app (.const ``GT.gt ls) t) i) a) b => mkApp4 (.const ``LT.lt ls) t i b a
  | .app (.app (.app (.const ``Ne ls) t) a) b => mkApp (.const ``Not []) (ordered (.app (.const ``Eq ls) t) a b)
  | .app (.app (.app (.const ``Eq ls) t) a) b => ordered (.app (.const ``Eq ls) t) a b
  | .app (.app (.const ``Iff []) a) b => ordered (.const ``Iff []) a b
  | _ => e

/-- A key that statements share when they differ in their names, in the order of their hypotheses
    and variables, and in what `oneWay` makes one. -/
def alikeKey (type : Expr) : MetaM String := do
  let type ← Core.transform type (post := fun e => return .done (oneWay e))
  forallTelescope type fun xs body => do
    let order := (collectFVars {} body).fvarIds.map Expr.fvar
    let order := order ++ xs.filter (!order.contains ·)
    let numbered := order.mapIdx fun i _ => Expr.fvar ⟨.num `h i⟩
    let feed (h : KeyHash) (e : Expr) : KeyHash :=
      let closed := e.abstract order
      let h := h.add closed.hash (closed.instantiateRev numbered).hash
      closed.getUsedConstants.foldl (fun h c => h.add 5 c.hash) h
    let types ← xs.mapM fun x => return feed {} (← inferType x)
    let types := types.qsort fun a b => a.a < b.a
    let h := types.foldl (fun h t => h.add t.a t.b) (feed {} body)
    return hex h.a ++ hex h.b

/-- The key of a statement, as `trace` gives it. -/
def statementKey (ci : ConstantInfo) : MetaM String := do
  let levels := (List.range ci.levelParams.length).map fun i => Level.param (.num `u i)
  let goal ← mkFreshExprMVar (some (ci.instantiateTypeLevelParams levels))
  return (← stateKey [goal.mvarId!]).1

/-! ### Restating -/

/-- A way to print a statement. binders: before the colon, not as `∀`. -/
structure Form where
  name    : String
  binders : Bool
  options : List (Name × Bool)

/-- From the most readable form to the most explicit one. -/
def forms : List Form :=
  let full := [(`pp.fullNames, true)]
  let typed := full ++ [(`pp.proofs, true), (`pp.numericTypes, true), (`pp.funBinderTypes, true), (`pp.letVarTypes, true)]
  [ ⟨"plain", true, full⟩, ⟨"proofs", true, (`pp.proofs, true) :: full⟩, ⟨"short", true, [(`pp.proofs, true)]⟩,
    ⟨"typed", true, (`pp.coercions.types, true) :: typed⟩,
    ⟨"analyzed", true, (`pp.analyze, true) :: (`pp.proofs, true) :: full⟩,
    ⟨"bare", false, (`pp.fieldNotation, false) :: (`pp.structureInstances, false) :: (`pp.coercions, false) :: typed⟩,
    ⟨"explicit", false, (`pp.explicit, true) :: (`pp.fieldNotation, false) :: (`pp.structureInstances, false) :: typed⟩,
    ⟨"all", false, [(`pp.all, true)]⟩ ]

def Form.toOptions (f : Form) : Options :=
  let opts : Options := (({} : Options).setBool `pp.deepTerms true).set `pp.maxSteps (200000 : Nat)
  f.options.foldl (fun o (n, v) => o.setBool n v) opts

/-- The type with names that can be written for its variables, `x_1` for `x✝`. -/
def writable (type : Expr) (used : List Name := []) : Expr :=
  match type with
  | .forallE n t b kind =>
    let isSeen := kind != .instImplicit && (kind != .default || b.hasLooseBVar 0)
    let base := n.eraseMacroScopes
    let free := (base :: (List.range used.length.succ).map fun i => base.appendAfter s!"_{i + 1}").find? (!used.contains ·)
    let name := if n.hasMacroScopes && isSeen then free.getD base else n
    .forallE name t (writable b (name :: used)) kind
  | _ => type

/-- What stands after the name: binders, colon and type. -/
def Form.print (f : Form) (ci : ConstantInfo) : MetaM String := withOptions (fun _ => f.toOptions) do
  if !f.binders then return " : " ++ (← ppExpr ci.type).pretty 100
  let e := Expr.const ci.name (ci.levelParams.map mkLevelParam)
  let (stx, _) ← PrettyPrinter.delabCore e (delab := PrettyPrinter.Delaborator.delabConstWithSignature (universes := false))
  let name := (← PrettyPrinter.ppTerm ⟨stx.raw[0]⟩).pretty 100
  return ((← PrettyPrinter.ppTerm ⟨stx⟩).pretty 100).drop name.length |>.toString

/-- Where a module begins: what its theorems are stated and proved in. -/
structure Beginning where
  state  : Command.State
  /-- A tactic for a hole is not known before `Init.Tactics`. -/
  hole   : String
  token  : IO.CancelToken

def Beginning.of (env : Environment) (token : IO.CancelToken) (heartbeats : Nat) : Beginning :=
  let opts := maxHeartbeats.set ({} : Options) heartbeats
  let state := { Command.mkState env {} {} with scopes := [{ header := "", isPublic := true, opts }] }
  let tactics := Parser.parserExtension.getState env |>.kinds.contains ``Parser.Tactic.tacticSorry
  { state, token, hole := if tactics then "by sorry" else "sorry" }

/-- Elaborate one command from its text; what it left, if it said no error. -/
def Beginning.elaborate (b : Beginning) (text : String) : IO (Option Environment) := do
  let input := Parser.mkInputContext text "<library>"
  let scope := b.state.scopes.head!
  let (stx, next, said) := Parser.parseCommand input { env := b.state.env, options := scope.opts } {} {}
  if said.hasErrors || Parser.isTerminalCommand stx || next.pos < text.rawEndPos then return none
  let ctx : Command.Context := { fileName := "<library>", fileMap := input.fileMap, snap? := none, cancelTk? := some b.token }
  let (after, said) ← runCommand false b.state ctx stx
  return if said.hasErrors then none else some after.env

/-- Core's context for one theorem, in the namespace in which Lean reads its statement. -/
def Beginning.context (b : Beginning) (n : Name) (heartbeats : Nat) : IO Core.Context := do
  return { fileName := "<library>", fileMap := default, currNamespace := n.getPrefix, options := {}
           initHeartbeats := (← IO.getNumHeartbeats), maxHeartbeats := heartbeats * 1000, cancelTk? := some b.token }

/-- Run `x` on its own budget; none where it fails. -/
def Beginning.run (b : Beginning) (n : Name) (env : Environment) (heartbeats : Nat) (x : MetaM α) : IO (Option α) := do
  match ← (x.run'.run (← b.context n heartbeats) { env }).toBaseIO with
  | .ok (a, _) => return some a
  | .error _ => return none

/-- A statement as text. signature: the name and what stands behind it, up to the proof. -/
structure Restated where
  form      : String
  signature : String

def Restated.problem (r : Restated) (b : Beginning) : String := s!"theorem {r.signature} := {b.hole}"

/-- Does this command state the same? -/
def Beginning.states (b : Beginning) (ci : ConstantInfo) (heartbeats : Nat) (command : String) : IO Bool := do
  let some after ← b.elaborate command | return false
  let some again := after.find? ci.name | return false
  if again.levelParams != ci.levelParams then return false
  if again.type == ci.type then return true
  return (← b.run ci.name b.state.env heartbeats (withNewMCtxDepth (isDefEq again.type ci.type))) == some true

/-- State it by the first form that Lean reads as the same again. -/
def restate (b : Beginning) (ci : ConstantInfo) (heartbeats : Nat) : IO (Option Restated) := do
  -- Lean's kernel looks at the type, too
  let decl := Declaration.axiomDecl { name := ci.name, levelParams := ci.levelParams, type := writable ci.type, isUnsafe := false }
  let some withIt ← b.run ci.name b.state.env heartbeats (do addDecl decl; getEnv) | return none
  let levels := if ci.levelParams.isEmpty then "" else s!".\{{", ".intercalate (ci.levelParams.map (·.toString))}}"
  for f in forms do
    if ← b.token.isSet then break
    let some text ← b.run ci.name withIt heartbeats (f.print ci) | continue
    let found : Restated := { form := f.name, signature := s!"{ci.name}{levels}{text}" }
    if ← b.states ci heartbeats (found.problem b) then return some found
  return none

/-- The theorem as an axiom with those of its attributes that may be given to one here; what its module
    states after it may use it so. `protected`, so that no other statement reads its short name. -/
def premiseText (b : Beginning) (ci : ConstantInfo) (found : Restated) (attributes : List String) (heartbeats : Nat) :
    IO (Option String) := do
  let text (given : List String) : String :=
    let modifier := if ci.name.isAtomic then "" else "protected "
    let tagged := if given.isEmpty then "" else s!"@[{", ".intercalate given}] "
    s!"{tagged}{modifier}axiom {found.signature}"
  if ← b.states ci heartbeats (text attributes) then return text attributes
  let taken ← attributes.filterM fun a => b.states ci heartbeats (text [a])
  return if ← b.states ci heartbeats (text taken) then some (text taken) else none

/-! ### Posing -/

/-- What closes a theorem at once makes it no problem. -/
def closers : List String := ["rfl", "simp", "omega", "decide"]

/-- The first of them that does, within so many thousands of heartbeats. -/
def closedBy (b : Beginning) (ci : ConstantInfo) (heartbeats : Nat) : IO (Option String) := do
  let start : Snapshot := {
    coreCtx := { (← b.context ci.name heartbeats) with maxRecDepth := b.state.maxRecDepth }
    core := { env := b.state.env, ngen := b.state.ngen }, metaState := {}, term := { levelNames := ci.levelParams }, goals := [] }
  let pose : TacticM Unit := do
    let goal ← mkFreshExprSyntheticOpaqueMVar ci.type
    setGoals [(← goal.mvarId!.intros).2]
  let .ok (_, s, _) ← start.run b.token heartbeats pose | return none
  for closer in closers do
    let .ok stx := s.parse closer | continue
    -- what it says when it fails is not printed: that takes longer than the tactic
    let closes : TacticM Bool := try
        return !(← evaluate stx s) && (← getGoals).isEmpty && !(← Core.getMessageLog).hasErrors
      catch _ => return false
    if let .ok (true, _, _) ← s.run b.token heartbeats closes then return some closer
  return none

/-- One theorem, posed where its module begins, or why it cannot be. tags: those that its module gives. -/
def poseOne (b : Beginning) (library : Environment) (module : Name) (tags : Array Tag) (ci : ConstantInfo) (heartbeats : Nat) : IO Json := do
  let name := ("name", toJson ci.name.toString)
  let used := ci.type.getUsedConstants
  let here := b.state.env
  if let some c := used.find? (!here.contains ·) then
    let home := (library.getModuleIdxFor? c).bind (library.header.moduleNames[·.toNat]?)
    return Json.mkObj [name, ("why", if home == some module then "own" else "hidden"), ("constant", c.toString)]
  if here.contains ci.name then return Json.mkObj [name, ("why", "present")]
  let some found ← restate b ci (heartbeats := 50 * heartbeats) | return Json.mkObj [name, ("why", "unprintable")]
  let ((key, alike), _) ← ((do return (← statementKey ci, ← alikeKey ci.type) : MetaM (String × String)).run'.run
    (← b.context ci.name 400000) { env := here }).toIO fun _ => IO.userError "no key"
  let marks := [("deprecated", Linter.isDeprecated library ci.name), ("internal", isInternalLemma ci.name),
    ("instance", isInstanceCore library ci.name)].filterMap fun (m, is) => if is then some m else none
  let closed ← closedBy b ci heartbeats
  let constants := used.filter fun c => !isAuxiliary c
  let own := tags.filter (·.theorem_ == ci.name)
  let attributes := (own.map (·.text)).toList.eraseDups
  let premise ← if own.isEmpty then pure none else premiseText b ci found attributes (50 * heartbeats)
  return Json.mkObj [name, ("form", found.form), ("statement", found.problem b), ("key", key), ("alike", alike), ("closed", toJson closed),
    ("marks", toJson marks), ("constants", toJson (constants.map (·.toString))),
    ("order", toJson (own.map fun t => (t.list, t.place))), ("premise", toJson premise)]

/-- Pose `count` theorems of a module from the `start`-th on; heartbeats: for each closer. -/
def poseTheorems (r : WorkerRef) (imports : Array String) (module : String) (start count heartbeats : Nat) : IO Answer := do
  match ← environmentOf r imports with
  | .error need => return .need need
  | .ok library =>
    let some i := library.header.moduleNames.findIdx? (·.toString == module) | return failed "bad_request" s!"no module {module}"
    let some m := library.header.moduleData[i]? | return failed "bad_request" s!"no module {module}"
    match ← environmentOf r (importNames m.imports) with
    | .error need => return .need need
    | .ok env =>
      let token := (← r.get).token
      let b := Beginning.of env token (50 * heartbeats)
      let stated := statedIn library m
      let tags := moduleTags library i
      -- linters have nothing to say of a statement
      let rows ← withoutLinters <| (stated.extract start (start + count)).mapM fun ci => do
        let row ← poseOne b library module.toName tags ci heartbeats
        if ← token.isSet then throw (IO.userError "cancelled")
        return row
      let next := if start + count < stated.size then toJson (start + count) else Json.null
      return .result <| Json.mkObj [("theorems", .arr rows), ("next", next)]

end LeanEnv
