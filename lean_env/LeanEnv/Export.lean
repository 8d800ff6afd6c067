import LeanEnv.Audit
open Lean

/-! What the last verdict rests on, for other programs to check: a theorem and all that it uses, in
lean4export's format 3.1.0 (format_ndjson.md of leanprover/lean4export). One JSON object a line;
names, levels and expressions are numbered as they appear, a constant stands below those it uses.

    {"v":1,"id":9,"op":"ndjson","judged":7,"theorem":"t","page":0}
    {"v":1,"id":9,"result":{"text":"{\"str\":{\"pre\":0,\"str\":\"True\"},\"in\":1}\n...","pages":1,
     "constant":"t","constants":5,"axioms":["propext"],"unproved":[["Nat.add_comm","theorem"]],
     "permitted":["propext","Nat.add_comm"],"githash":"7d01..."},...}

Written as lean4export does by default: without the metadata of expressions, `have` as `let`.
Nothing here recurses into an expression or along a chain of constants, so neither depth counts. -/

namespace LeanEnv

structure Lines where
  out     : Array String := #[]
  names   : Std.HashMap Name Nat := ({} : Std.HashMap Name Nat).insert .anonymous 0
  levels  : Std.HashMap Level Nat := ({} : Std.HashMap Level Nat).insert .zero 0
  exprs   : Std.HashMap ExprStructEq Nat := {}
  /-- Expressions by their line: two that differ in metadata alone are one. -/
  rows    : Std.HashMap String Nat := {}
  /-- Of each expression, the expressions it is made of, and the constants it names itself. -/
  parts   : Array (Array Nat) := #[]
  needs   : Array (Array Name) := #[]
  /-- Of each expression: is all that it needs written? Then nobody has to look into it again. -/
  settled : Array Bool := #[]
  entered : NameSet := {}
  constants : Nat := 0
  axioms   : Array Name := #[]
  /-- Constants of the library that the environment holds without their proof or body. -/
  unproved : Array (Name × String) := #[]

abbrev LinesM := StateT Lines (Except String)

def addLine (line : String) : LinesM Unit := modify fun w => { w with out := w.out.push line }

/-! ### Names, levels, expressions -/

def numberName (n : Name) : LinesM Nat := do
  if let some i := (← get).names[n]? then return i
  let row : String ← match n with
    | .anonymous => return 0
    | .str p s => pure s!"\"str\":\{\"pre\":{← numberName p},\"str\":{(Json.str s).compress}}"
    | .num p k => pure s!"\"num\":\{\"pre\":{← numberName p},\"i\":{k}}"
  let i := (← get).names.size
  addLine s!"\{{row},\"in\":{i}}"
  modify fun w => { w with names := w.names.insert n i }
  return i

def numberLevel (l : Level) : LinesM Nat := do
  if let some i := (← get).levels[l]? then return i
  let row : String ← match l with
    | .zero | .mvar _ => throw "a level is not closed"
    | .succ a => pure s!"\"succ\":{← numberLevel a}"
    | .max a b => pure s!"\"max\":[{← numberLevel a},{← numberLevel b}]"
    | .imax a b => pure s!"\"imax\":[{← numberLevel a},{← numberLevel b}]"
    | .param n => pure s!"\"param\":{← numberName n}"
  let i := (← get).levels.size
  addLine s!"\{{row},\"il\":{i}}"
  modify fun w => { w with levels := w.levels.insert l i }
  return i

def directParts : Expr → Array Expr
  | .app f a => #[f, a]
  | .lam _ t b _ | .forallE _ t b _ => #[t, b]
  | .letE _ t v b _ => #[t, v, b]
  | .proj _ _ b | .mdata _ b => #[b]
  | _ => #[]

def binderWord : BinderInfo → String
  | .default => "default"
  | .implicit => "implicit"
  | .strictImplicit => "strictImplicit"
  | .instImplicit => "instImplicit"

/-- The line of an expression without its number; `p`: the numbers of its parts. -/
def exprRow (p : Array Nat) : Expr → LinesM String
  | .bvar i => return s!"\"bvar\":{i}"
  | .sort l => return s!"\"sort\":{← numberLevel l}"
  | .const n ls => do
    let us := ",".intercalate ((← ls.mapM numberLevel).map toString)
    return s!"\"const\":\{\"name\":{← numberName n},\"us\":[{us}]}"
  | .app .. => return s!"\"app\":\{\"fn\":{p[0]!},\"arg\":{p[1]!}}"
  | .lam n _ _ i => binder "lam" n i
  | .forallE n _ _ i => binder "forallE" n i
  | .letE n .. => return s!"\"letE\":\{\"name\":{← numberName n},\"type\":{p[0]!},\"value\":{p[1]!},\"body\":{p[2]!},\"nondep\":false}"
  | .proj n i _ => return s!"\"proj\":\{\"typeName\":{← numberName n},\"idx\":{i},\"struct\":{p[0]!}}"
  | .lit (.natVal k) => return s!"\"natVal\":\"{k}\""
  | .lit (.strVal s) => return s!"\"strVal\":{(Json.str s).compress}"
  | .mdata .. | .fvar _ | .mvar _ => throw "an expression is not closed"
where
  binder (word : String) (n : Name) (i : BinderInfo) : LinesM String := do
    return s!"\"{word}\":\{\"name\":{← numberName n},\"type\":{p[0]!},\"body\":{p[1]!},\"binderInfo\":\"{binderWord i}\"}"

/-- Constants that a kernel needs for an expression beside those of its parts. -/
def directNeeds : Expr → Array Name
  | .const n _ | .proj n _ _ => #[n]
  | .lit (.natVal _) => #[``Nat]
  | .lit (.strVal _) => #[``String.ofList, ``Char.ofNat]
  | _ => #[]

/-- Number an expression whose parts have numbers. -/
def addExprLine (e : Expr) : LinesM Unit := do
  let w ← get
  let p := (directParts e).map fun x => w.exprs[(⟨x⟩ : ExprStructEq)]?.getD 0
  let remember (i : Nat) : LinesM Unit := modify fun w => { w with exprs := w.exprs.insert ⟨e⟩ i }
  if e.isMData then return ← remember p[0]!
  let row ← exprRow p e
  if let some i := (← get).rows[row]? then return ← remember i
  let i := (← get).rows.size
  addLine s!"\{{row},\"ie\":{i}}"
  modify fun w => { w with rows := w.rows.insert row i, parts := w.parts.push p, needs := w.needs.push (directNeeds e), settled := w.settled.push false }
  remember i

/-- The number of an expression, its parts first. -/
def numberExpr (root : Expr) : LinesM Nat := do
  let mut stack := #[root]
  repeat
    let some e := stack.back? | break
    let known := (← get).exprs
    if known.contains ⟨e⟩ then
      stack := stack.pop
    else
      let open_ := (directParts e).filter fun x => !known.contains ⟨x⟩
      if open_.isEmpty then
        stack := stack.pop
        addExprLine e
      else stack := stack ++ open_.reverse
  return (← get).exprs[(⟨root⟩ : ExprStructEq)]?.getD 0

/-- The constants that expressions, given by number, need beside those that are settled; what was looked into. -/
def needsBelow (roots : Array Nat) : LinesM (NameSet × Std.HashSet Nat) := do
  let w ← get
  let mut found : NameSet := {}
  let mut seen : Std.HashSet Nat := {}
  let mut stack := roots
  repeat
    let some i := stack.back? | break
    stack := stack.pop
    unless w.settled[i]! || seen.contains i do
      seen := seen.insert i
      for n in w.needs[i]! do found := found.insert n
      stack := stack ++ w.parts[i]!
  return (found, seen)

/-! ### Constants -/

/-- What the kernel has under a name. `Environment.find?` does not see the recursors of nested types. -/
def inKernel (env : Environment) (n : Name) : Option ConstantInfo := env.toKernelEnv.find? n

/-- Constants that are declared as one, under the name of the first. -/
def blockOf (env : Environment) (n : Name) : Array ConstantInfo :=
  match inKernel env n with
  | some (.inductInfo v) =>
    let types := v.all.toArray.filterMap (inKernel env)
    let ctors := types.flatMap fun | .inductInfo t => t.ctors.toArray.filterMap (inKernel env) | _ => #[]
    let nested := (List.range v.numNested).map fun i => (v.all.headD n).str s!"rec_{i + 1}"
    types ++ ctors ++ (v.all.map mkRecName ++ nested).toArray.filterMap (inKernel env)
  | some (.quotInfo _) => #[``Quot, ``Quot.mk, ``Quot.lift, ``Quot.ind].filterMap (inKernel env)
  | some ci => #[ci]
  | none => #[]

/-- The name that stands for the block of a constant. -/
def firstOfBlock (env : Environment) (n : Name) : Name :=
  match inKernel env n with
  | some (.inductInfo v) => v.all.headD n
  | some (.recInfo v) => v.all.headD n
  | some (.ctorInfo v) => match inKernel env v.induct with
    | some (.inductInfo i) => i.all.headD n
    | _ => n
  | some (.quotInfo _) => ``Quot
  | _ => n

def exprsOf (ci : ConstantInfo) : Array Expr :=
  #[ci.type] ++ (ci.value? (allowOpaque := true)).toArray ++
    match ci with
    | .recInfo v => v.rules.toArray.map (·.rhs)
    | _ => #[]

def numbers (ns : List Name) : LinesM Json := return toJson (← ns.mapM numberName)

/-- The fields that every constant has. -/
def headOf (ci : ConstantInfo) : LinesM (List (String × Json)) := do
  ci.levelParams.forM fun p => discard <| numberLevel (.param p)
  return [("name", num (← numberName ci.name)), ("levelParams", ← numbers ci.levelParams), ("type", num (← numberExpr ci.type))]

/-- The fields of one constant of an inductive block. -/
def memberJson (ci : ConstantInfo) : LinesM Json := do
  let head ← headOf ci
  match ci with
  | .inductInfo v => return .mkObj <| head ++ [("all", ← numbers v.all), ("ctors", ← numbers v.ctors), ("numParams", num v.numParams),
      ("numIndices", num v.numIndices), ("numNested", num v.numNested), ("isRec", v.isRec), ("isUnsafe", v.isUnsafe), ("isReflexive", v.isReflexive)]
  | .ctorInfo v => return .mkObj <| head ++ [("induct", num (← numberName v.induct)), ("cidx", num v.cidx), ("numParams", num v.numParams),
      ("numFields", num v.numFields), ("isUnsafe", v.isUnsafe)]
  | .recInfo v =>
    let rules ← v.rules.mapM fun r => return Json.mkObj [("ctor", num (← numberName r.ctor)), ("nfields", num r.nfields), ("rhs", num (← numberExpr r.rhs))]
    return .mkObj <| head ++ [("all", ← numbers v.all), ("numParams", num v.numParams), ("numIndices", num v.numIndices), ("numMotives", num v.numMotives),
      ("numMinors", num v.numMinors), ("rules", .arr rules.toArray), ("k", v.k), ("isUnsafe", v.isUnsafe)]
  | _ => return .mkObj head

def kindWord (env : Environment) (n : Name) : String :=
  match getOriginalConstKind? env n with
  | some .thm => "theorem"
  | some .defn => "definition"
  | some .opaque => "opaque"
  | _ => "other"

/-- Axioms, and what only looks like one because the library came without its proof or body. -/
def noteAxiom (env : Environment) (n : Name) : LinesM Unit := modify fun w =>
  if (env.getModuleIdxFor? n).isNone || getOriginalConstKind? env n matches some .axiom then { w with axioms := w.axioms.push n }
  else { w with unproved := w.unproved.push (n, kindWord env n) }

/-- Write the line of a constant that is no part of an inductive type. -/
def addConstant (env : Environment) (ci : ConstantInfo) : LinesM Unit := do
  let head ← headOf ci
  let value : LinesM (String × Json) := return ("value", num (← numberExpr ((ci.value? (allowOpaque := true)).getD ci.type)))
  let line (word : String) (fields : List (String × Json)) : LinesM Unit := addLine (Json.mkObj [(word, .mkObj (head ++ fields))]).compress
  match ci with
  | .axiomInfo v =>
    noteAxiom env v.name
    line "axiom" [("isUnsafe", v.isUnsafe)]
  | .defnInfo v =>
    let hints : Json := match v.hints with
      | .opaque => "opaque"
      | .abbrev => "abbrev"
      | .regular h => .mkObj [("regular", num h.toNat)]
    let safety := match v.safety with | .safe => "safe" | .unsafe => "unsafe" | .partial => "partial"
    line "def" [← value, ("hints", hints), ("safety", safety), ("all", ← numbers v.all)]
  | .thmInfo v => line "thm" [← value, ("all", ← numbers v.all)]
  | .opaqueInfo v => line "opaque" [← value, ("isUnsafe", v.isUnsafe), ("all", ← numbers v.all)]
  | .quotInfo v => line "quot" [("kind", match v.kind with | .type => "type" | .ctor => "ctor" | .lift => "lift" | .ind => "ind")]
  | _ => throw s!"{ci.name} belongs to an inductive type"

def addBlock (env : Environment) (block : Array ConstantInfo) : LinesM Unit := do
  modify fun w => { w with constants := w.constants + block.size }
  if block.any (· matches .inductInfo _) then
    let of (p : ConstantInfo → Bool) : LinesM Json := return .arr (← (block.filter p).mapM memberJson)
    let types ← of (· matches .inductInfo _)
    let ctors ← of (· matches .ctorInfo _)
    let recs ← of (· matches .recInfo _)
    addLine (Json.mkObj [("inductive", .mkObj [("types", types), ("ctors", ctors), ("recs", recs)])]).compress
  else block.forM (addConstant env)

/-- Write a constant below all that it uses. -/
def addWithNeeds (env : Environment) (root : Name) : LinesM Unit := do
  let mut stack := #[(firstOfBlock env root, false)]
  repeat
    let some (n, isReady) := stack.back? | break
    stack := stack.pop
    if !isReady && (← get).entered.contains n then continue
    let block := blockOf env n
    let (needs, seen) ← needsBelow (← (block.flatMap exprsOf).mapM numberExpr)
    if isReady then
      addBlock env block
      modify fun w => { w with settled := seen.fold (·.set! · true) w.settled }
    else
      modify fun w => { w with entered := w.entered.insert n }
      stack := stack.push (n, true)
      for need in needs do
        if (inKernel env need).isNone then throw s!"{need} is not in the environment"
        stack := stack.push (firstOfBlock env need, false)

/-! ### Pages -/

/-- Bytes of one page, so that no reply is too long a line. -/
def pageBytes : Nat := 4000000

/-- The lines in order, as many in one text as a page holds. -/
def pagesOf (lines : Array String) : Array String := Id.run do
  let mut pages : Array String := #[]
  let mut page := ""
  for line in lines do
    page := page ++ line ++ "\n"
    if page.utf8ByteSize ≥ pageBytes then
      pages := pages.push page
      page := ""
  return if page.isEmpty then pages else pages.push page

def pageAnswer (pages : Array String) (page : Nat) (more : List (String × Json)) : Answer :=
  match pages[page]? with
  | some text => .result <| Json.mkObj <| [("text", Json.str text), ("pages", num pages.size)] ++ more
  | none => failed "bad_request" s!"the export has {pages.size} pages"

/-- A page of the export of a theorem that the last `judge` was asked for. Page 0 makes them all. -/
def exportTheorem (r : WorkerRef) (judged : Nat) (name : String) (page : Nat) : IO Answer := do
  let some j := (← r.get).judged? | return failed "unknown_state" "nothing was judged"
  if j.id != judged then return failed "unknown_state" s!"{judged} is not what was judged last"
  if page > 0 then return pageAnswer j.pages page []
  let some n := j.targets.find? fun n => (privateToUserName n).toString == name
    | return failed "bad_request" s!"{name} was not judged"
  match (addWithNeeds j.env n).run {} with
  | .error e => return failed "internal" e
  | .ok (_, w) =>
    let pages := pagesOf w.out
    r.modify fun w => { w with judged? := some { j with pages } }
    let unescaped := (w.axioms ++ w.unproved.map (·.1)).map (·.toString (escape := false))
    return pageAnswer pages 0 [("constant", n.toString), ("constants", num w.constants), ("axioms", toJson (w.axioms.map toString)),
      ("unproved", toJson (w.unproved.map fun (n, kind) => [toString n, kind])), ("permitted", toJson unescaped), ("githash", githash)]

end LeanEnv
