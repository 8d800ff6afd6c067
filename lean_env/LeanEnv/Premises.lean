import LeanEnv.Run
open Lean Meta

/-! What a proof may use: the declarations of the imports, and those above a hole in its file.

    {"v":1,"id":4,"op":"premises","file":1,"start":0,"count":2}
    {"v":1,"id":4,"result":{"key":"51d8...","total":26214,"next":2,"symbols":["Eq","Nat",...],
     "rows":[["Nat.add_comm","theorem","Init.Data.Nat.Basic",[0,1,2],[1]],...]},...} -/

namespace LeanEnv

/-- Last components of what Lean derives from a declaration of its own accord. -/
def derived : List String :=
  ["rec", "recOn", "casesOn", "below", "brecOn", "ibelow", "binductionOn", "noConfusion", "noConfusionType",
   "inj", "injEq", "sizeOf_spec", "ctorIdx", "toCtorIdx", "ctorElim", "ctorElimType", "congr_simp", "eq_def",
   "induct", "coinduct", "strong_induct", "strong_coinduct", "induct_unfolding", "fun_cases", "fun_cases_unfolding", "mutual_induct", "partial_correctness"]

/-- Where tactics keep the lemmas of their own proofs; nobody cites those. -/
def internal : List Name :=
  [`Lean.Grind, `Lean.Omega, `Lean.Data.AC, `Lean.RArray, `Int.Linear, `Int.Cooper, `Nat.Linear, `Nat.SOM, `Nat.Simproc, `Nat.ToInt]

/-- Is it one of those? Since 4.33 they stand below `Internal`: `Int.Internal.Linear`. -/
def isInternalLemma (n : Name) : Bool :=
  internal.any (·.isPrefixOf n) || n.components.contains `Internal

/-- What notations and macros leave behind; no statement speaks of it. -/
def isSyntax (type : Expr) : Bool :=
  match type.getForallBody.getAppFn.constName? with
  | some n => [``ParserDescr, ``TrailingParserDescr, ``Macro, ``PrettyPrinter.Unexpander].contains n
  | none => false

/-- Can a person write its name, and does it say something a proof could use? -/
def isOffered (env : Environment) (n : Name) (ci : ConstantInfo) : Bool :=
  !(isAuxiliary n || isAuxiliary n.getPrefix || ci.isUnsafe || ci matches .recInfo _ || ci matches .quotInfo _ || isSyntax ci.type)
    && !(derived.contains n.getString! || derived.contains (n.getPrefix.componentsRev.headD .anonymous).toString)
    && !(isAuxRecursor env n || isNoConfusion env n || isInternalLemma n)
    && !(isInstanceCore env n || Linter.isDeprecated env n)

/-- The kind of a declaration, of a library's too, whose theorems the embedded Lean holds as axioms. -/
def originalKind (env : Environment) (n : Name) (ci : ConstantInfo) : String :=
  match getOriginalConstKind? env n with
  | some .thm => "theorem"
  | some .defn => "definition"
  | _ => kindOf env n ci

/-- Rows under way; `numbers` and `symbols`: the constants that they name, each once. -/
structure PremiseRows where
  numbers : Std.HashMap Name Nat := {}
  symbols : Array Json := #[]
  rows    : Array Json := #[]

def PremiseRows.number (p : PremiseRows) (n : Name) : PremiseRows × Nat :=
  match p.numbers[n]? with
  | some i => (p, i)
  | none => let i := p.symbols.size
    ({ p with numbers := p.numbers.insert n i, symbols := p.symbols.push (Json.str n.toString) }, i)

def PremiseRows.numbered (p : PremiseRows) (names : Array Name) : PremiseRows × Array Nat :=
  names.foldl (init := (p, #[])) fun (p, is) n =>
    if isAuxiliary n then (p, is) else let (p, i) := p.number n; (p, is.push i)

/-- Add one: its name, kind, where it stands, the constants of its conclusion, and its others. -/
def PremiseRows.add (p : PremiseRows) (env : Environment) (n : Name) (ci : ConstantInfo) (place : String) : PremiseRows :=
  let conclusion := ci.type.getForallBody.getUsedConstants
  let others := ci.type.getUsedConstants.filter fun c => !conclusion.contains c
  let (p, conclusion) := p.numbered conclusion
  let (p, others) := p.numbered others
  let row := #[toJson (privateToUserName n).toString, toJson (originalKind env n ci), toJson place, toJson conclusion, toJson others]
  { p with rows := p.rows.push (.arr row) }

def PremiseRows.toWire (p : PremiseRows) : List (String × Json) := [("symbols", .arr p.symbols), ("rows", .arr p.rows)]

/-- A number for all that the imports declare: names and types, in order. -/
def importsKey (env : Environment) : UInt64 :=
  env.header.moduleData.foldl (init := mixHash 7 versionHash) fun h m =>
    m.constants.foldl (init := h) fun h ci => mixHash h (mixHash ci.name.hash ci.type.hash)

/-- A page of what the imports offer: constants `start` to `start + count` of them all, in the
    order of the modules, those left out that nobody would use. -/
def importedPremises (env : Environment) (start count : Nat) : Json := Id.run do
  let mut page : PremiseRows := {}
  let mut at_ := 0
  for (m, i) in env.header.moduleData.zipIdx do
    let next := at_ + m.constants.size
    if next > start && at_ < start + count then
      let place := (env.header.moduleNames[i]?.getD .anonymous).toString
      for ci in m.constants.extract (start - at_) (start + count - at_) do
        if !isPrivateName ci.name && isOffered env ci.name ci then page := page.add env ci.name ci place
    at_ := next
  let next := if start + count < at_ then toJson (start + count) else Json.null
  return Json.mkObj <| [("key", Json.str (hex (importsKey env))), ("total", toJson at_), ("next", next)] ++ page.toWire

/-- What the file itself offers above a hole; where a declaration is in the making, not that one. -/
def ownPremises (s : Snapshot) : Json :=
  let env := s.core.env
  let own := env.constants.map₂.foldl (init := #[]) fun acc n ci =>
    if s.banned.contains n || !isOffered env n ci then acc else acc.push (n, ci)
  let page := (own.qsort fun a b => Name.quickLt a.1 b.1).foldl (init := {}) fun (page : PremiseRows) (n, ci) => page.add env n ci ""
  Json.mkObj page.toWire

/-- Names with their binders and types, as `#check` shows them; "" for what is not there. -/
def signatures (env : Environment) (names : Array String) : IO Json := do
  let ctx : Core.Context := { fileName := "<premise>", fileMap := default }
  let shown : MetaM (Array Json) := names.mapM fun text => do
    let n := text.toName
    let some ci := env.find? n <|> env.find? (mkPrivateName env n) | return Json.str ""
    let e := .const ci.name (ci.levelParams.map mkLevelParam)
    try
      let (stx, _) ← PrettyPrinter.delabCore e (delab := PrettyPrinter.Delaborator.delabConstWithSignature (universes := false))
      return Json.str ((← PrettyPrinter.ppTerm ⟨stx⟩).pretty 100)
    catch _ => return Json.str ""
  return .arr (← shown.run'.toIO ctx { env }).1

/-- The constants of a state's goals: of their targets, and those only their hypotheses have. -/
def symbolsOf (r : WorkerRef) (s : Snapshot) : IO Answer := do
  let found : Elab.Tactic.TacticM (NameSet × NameSet) := do
    let mut targets : NameSet := {}
    let mut others : NameSet := {}
    for g in s.goals do
      let decl ← g.getDecl
      targets := (← instantiateMVars decl.type).getUsedConstants.foldl (·.insert ·) targets
      for d in decl.lctx do
        unless d.isImplementationDetail do
          others := (← instantiateMVars d.type).getUsedConstants.foldl (·.insert ·) others
    return (targets, others)
  match ← s.run (← r.get).token 400000 found with
  | .error stop => return stop.answer
  | .ok ((targets, others), _, _) =>
    let names := fun (ns : List Name) => toJson (ns.map (·.toString))
    return .result <| Json.mkObj [("targets", names targets.toList),
      ("hypotheses", names (others.toList.filter fun n => !targets.contains n))]

end LeanEnv
