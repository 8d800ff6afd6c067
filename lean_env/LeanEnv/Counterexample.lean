import LeanEnv.Compat
open Lean Meta

/-! Looks for values at which a statement is false: small values of each variable, hypotheses decided
as they come, the conclusion decided last. The kernel evaluates; nothing of the file is run.

    theorem t (xs : List Nat) (h : 0 < xs.length) : xs.reverse = xs
    -- xs = [0, 1]    ¬ t    by    intro h; exact absurd (@h [0, 1] (by decide +kernel)) (by decide +kernel) -/

namespace LeanEnv.Counterexample

/-- Heartbeats for one evaluation by the kernel, in thousands. -/
def evaluationHeartbeats : Nat := 200
/-- How many values of each variable are combined in one round, and then in the next. -/
def rounds : List Nat := [2, 3, 5, 8]

/-! ### Values -/

def listValues (type : Expr) (level : Level) (elements : Array Expr) : Array Expr :=
  let nil := mkApp (.const ``List.nil [level]) type
  let list (es : List Expr) := es.foldr (fun e rest => mkApp3 (.const ``List.cons [level]) type e rest) nil
  let few := (elements.take 3).toList
  let shapes : List (List Nat) := [[], [0], [0, 1], [1, 0], [1], [0, 0], [2, 1], [1, 2, 1], [2, 0, 1]]
  (shapes.filterMap fun shape => (shape.mapM fun i => few[i]?).map list).toArray

mutual

/-- Closed terms of a closed type, the simplest first. depth: how deep constructors are nested. -/
partial def valuesOf (depth : Nat) (type : Expr) : MetaM (Array Expr) := do
  let type ← whnf type
  match type with
  | .sort l => return if l.isZero then #[.const ``True [], .const ``False []] else if l == 1 then #[.const ``Nat []] else #[]
  | .forallE n d b bi => if b.hasLooseBVars then return #[] else functions n d b bi
  | _ =>
    match type.getAppFnArgs with
    | (``Nat, _) => return #[0, 1, 2, 3, 5, 8, 4, 10].map toExpr
    | (``Int, _) => return #[0, 1, -1, 2, -2, 5, -7, 10].map fun (i : Int) => toExpr i
    | (``Char, _) => return #['a', 'b', '0', ' '].map toExpr
    | (``String, _) => return #["", "a", "ab", "ba", "aa"].map toExpr
    | (``List, #[t]) => return listValues t (← levelOf t) (← valuesOf depth t)
    | (``Array, #[t]) =>
      let level ← levelOf t
      return (listValues t level (← valuesOf depth t)).map fun xs => mkApp2 (.const ``List.toArray [level]) t xs
    | _ =>
      let made ← constructed depth type
      if made.isEmpty then numerals type else return made
where
  levelOf (t : Expr) : MetaM Level := do return (← getLevel t).dec.getD .zero
  /-- Constant functions, and the identity. -/
  functions (n : Name) (d b : Expr) (bi : BinderInfo) : MetaM (Array Expr) := do
    let constant := ((← valuesOf depth b).take 3).map fun v => Expr.lam n d v bi
    return if d == b then #[.lam n d (.bvar 0) bi] ++ constant else constant
  numerals (type : Expr) : MetaM (Array Expr) :=
    (Array.range 5).filterMapM fun i => try return some (← mkNumeral type i) catch _ => return none

/-- What the constructors of an inductive type without indices make of values. -/
partial def constructed (depth : Nat) (type : Expr) : MetaM (Array Expr) := do
  let .const name levels := type.getAppFn | return #[]
  let some (.inductInfo info) := (← getEnv).find? name | return #[]
  if info.numIndices > 0 then return #[]
  let params := type.getAppArgs
  let mut out := #[]
  for c in info.ctors do
    let head := mkAppN (.const c levels) params
    out := out ++ (← applied (depth - 1) (depth == 0) 6 head (← inferType head))
  return out

/-- A function put to values of its arguments; none that is a proof. -/
partial def applied (depth : Nat) (isDeepest : Bool) (most : Nat) (head type : Expr) : MetaM (Array Expr) := do
  let .forallE _ d b _ ← whnf type | return #[head]
  if isDeepest || (← isProp d) then return #[]
  let mut out := #[]
  for v in (← valuesOf depth d).take 3 do
    out := out ++ (← applied depth isDeepest most (.app head v) (b.instantiate1 v))
    if out.size ≥ most then break
  return out.take most

end

/-! ### Deciding -/

/-- A proposition with an instance that decides it, and the definitions that had to be unfolded. -/
structure Decided where
  prop      : Expr
  instance_ : Expr
  unfolded  : Array Name

/-- Definitions of the file that a proposition speaks of and that are propositions themselves. -/
def propositions (e : Expr) : MetaM (Array Name) := do
  let env ← getEnv
  e.getUsedConstants.filterM fun n => do
    if (env.getModuleIdxFor? n).isSome then return false
    let some (.defnInfo d) := env.find? n | return false
    forallTelescopeReducing d.type fun _ type => return type.isProp

partial def makeDecidable (p : Expr) (unfolded : Array Name := #[]) : MetaM (Option Decided) := do
  if let some instance_ ← synthInstance? (mkApp (.const ``Decidable []) p) then return some { prop := p, instance_, unfolded }
  let own := (← propositions p).filter (!unfolded.contains ·)
  if own.isEmpty then return none
  makeDecidable (← Core.betaReduce (← deltaExpand p own.contains)) (unfolded ++ own)

def Decided.at (d : Decided) (xs values : Array Expr) : Decided :=
  { d with prop := d.prop.replaceFVars xs values, instance_ := d.instance_.replaceFVars xs values }

def Decided.proof (d : Decided) : Expr :=
  mkApp3 (.const ``of_decide_eq_true []) d.prop d.instance_ (mkApp2 (.const ``Eq.refl [1]) (.const ``Bool []) (toExpr true))

def Decided.tactic (d : Decided) : String :=
  if d.unfolded.isEmpty then "decide +kernel" else s!"unfold {" ".intercalate (d.unfolded.map (·.toString)).toList}; decide +kernel"

/-- Put a declaration through the kernel within so many thousands of heartbeats. -/
def addWithin (env : Environment) (heartbeats : Nat) (d : Declaration) (token : IO.CancelToken) : BaseIO (Except Kernel.Exception Environment) := do
  -- the kernel counts from the start of the thread
  let limit := ((← IO.getNumHeartbeats) + heartbeats * 1000).toUSize
  return addLimited env limit d token

/-- Does the kernel evaluate it to this truth value, within the limit? It is closed. -/
def Decided.isTo (d : Decided) (value : Bool) (token : IO.CancelToken) : MetaM Bool := do
  let bool := Expr.const ``Bool []
  let said := mkApp3 (.const ``Eq [1]) bool (mkApp2 (.const ``Decidable.decide []) d.prop d.instance_) (toExpr value)
  let proof := mkApp2 (.const ``Eq.refl [1]) bool (toExpr value)
  let decl := Declaration.thmDecl { name := `lakatos_evaluated, levelParams := [], type := said, value := proof }
  return (← addWithin (← getEnv) evaluationHeartbeats decl token) matches .ok _

/-! ### The search -/

/-- An argument of the statement: how it is written, and the variable that it is a value of. -/
structure Argument where
  text  : String
  name? : Option Name := none

def Argument.of (name : Name) (value : Expr) : MetaM Argument := do
  let text := (← withOptions (·.setBool `pp.fullNames true) (ppExpr value)).pretty 10000
  return { text := s!"({text})", name? := name }

/-- What is to be found for a variable of the statement; types and propositions may speak of earlier ones. -/
inductive Need where
  | value (name : Name) (type : Expr) (known? : Option (Array Expr))
  | fact (d : Decided)
  | instance_ (type : Expr)

/-- What is left of a statement when its leading types and predicates have values. -/
structure Plan where
  args       : Array Argument
  xs         : Array Expr
  needs      : Array Need
  conclusion : Decided

/-- Of a statement all of whose propositions can be decided: `k` on its plan, below its variables. -/
def withPlan (args : Array Argument) (type : Expr) (k : Plan → MetaM (Option α)) : MetaM (Option α) :=
  forallTelescope type fun xs body => do
    let mut needs := #[]
    for x in xs do
      let d ← x.fvarId!.getDecl
      if ← isProp d.type then
        let some decided ← makeDecidable d.type | return none
        needs := needs.push (.fact decided)
      else if d.binderInfo.isInstImplicit then needs := needs.push (.instance_ d.type)
      else
        let known? ← if d.type.hasFVar then pure none else some <$> valuesOf 2 d.type
        needs := needs.push (.value d.userName d.type known?)
    let some conclusion ← makeDecidable body | return none
    k { args, xs, needs, conclusion }

/-- Is it a type, a proposition or a predicate? Only at values of these are other things decidable. -/
def isLeading (type : Expr) : MetaM Bool := do
  forallTelescopeReducing type fun _ result => return result.isSort

/-- The plans of a statement, one for each way to fill in its leading types and predicates. -/
partial def overPlans (args : Array Argument) (type : Expr) (k : Plan → MetaM (Option α)) : MetaM (Option α) := do
  if let .forallE n d b bi := type.consumeMData then
    if bi.isInstImplicit then
      let some v ← synthInstance? d | return none
      return ← overPlans (args.push ⟨"inferInstance", none⟩) (b.instantiate1 v) k
    if ← isLeading d then
      for v in (← valuesOf 2 d).take 2 do
        if let some found ← overPlans (args.push (← Argument.of n v)) (b.instantiate1 v) k then return found
      return none
  withPlan args type k

/-- Values that make all facts true and the conclusion false. width: how many of each variable are tried;
    isNew: is one among them that the round before had not? -/
partial def Plan.search (p : Plan) (width before : Nat) (values : Array Expr) (isNew : Bool) (token : IO.CancelToken) :
    MetaM (Option (Array Expr)) := do
  checkSystem "counterexample"
  let known := p.xs.take values.size
  let go (v : Expr) (isNew : Bool) := p.search width before (values.push v) isNew token
  match p.needs[values.size]? with
  | none => return if isNew && (← (p.conclusion.at known values).isTo false token) then some values else none
  | some (.fact d) =>
    let d := d.at known values
    if ← d.isTo true token then go d.proof isNew else return none
  | some (.instance_ type) =>
    let some v ← synthInstance? (type.replaceFVars known values) | return none
    go v isNew
  | some (.value _ type known?) =>
    let all ← known?.getDM (valuesOf 2 (type.replaceFVars known values))
    for (v, i) in (all.take width).zipIdx do
      if let some found ← go v (isNew || i ≥ before) then return found
    return none

def Plan.arguments (p : Plan) (values : Array Expr) : MetaM (Array Argument) := do
  let own ← (p.needs.zip values).mapM fun (need, v) => match need with
    | .value n _ _ => Argument.of n v
    | .fact d => return ⟨s!"(by {d.tactic})", none⟩
    | .instance_ _ => return ⟨"inferInstance", none⟩
  return p.args ++ own

/-- A closed statement's counterexample: its arguments, and the tactic that decides the conclusion. -/
def find? (statement : Expr) (token : IO.CancelToken) : MetaM (Option (Array Argument × String)) :=
  overPlans #[] statement fun p => do
    let mut before := 0
    for width in rounds do
      if let some values ← p.search width before #[] (before == 0) token then return some (← p.arguments values, p.conclusion.tactic)
      before := width
    return none

/-- `n = 5, xs = [0]`, for a reader. -/
def inWords (args : Array Argument) : String :=
  let bare (text : String) := ((text.drop 1).dropEnd 1).toString
  ", ".intercalate (args.filterMap fun a => a.name?.map fun n => s!"{n.eraseMacroScopes} = {bare a.text}").toList

/-- A goal as a closed statement, its universes 0; none where it has holes. -/
def closed? (goal : MVarId) : MetaM (Option Expr) := goal.withContext do
  let variables := (← getLCtx).foldl (init := #[]) fun xs d => if d.isImplementationDetail then xs else xs.push d.toExpr
  let type ← instantiateMVars (← mkForallFVars variables (← instantiateMVars (← goal.getType)))
  if type.hasExprMVar || type.hasFVar then return none
  let names := (collectLevelParams {} type).params.toList
  return some (type.instantiateLevelParams names (names.map fun _ => .zero))

/-- The proof of the statement's negation. -/
def disproof (args : Array Argument) (tactic : String) : String :=
  let at_ := if args.isEmpty then "h" else s!"(@h {" ".intercalate (args.map (·.text)).toList})"
  s!"intro h\nexact absurd {at_} (by {tactic})"

end LeanEnv.Counterexample
