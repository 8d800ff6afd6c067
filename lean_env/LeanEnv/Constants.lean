import LeanEnv.Run
open Lean

/-! The constants of a file as rows of numbers, written down and read back.

    {"v":1,"id":8,"op":"export","source":"theorem t : True := trivial"}
    {"v":1,"id":8,"result":{"messages":[],"constants":[[0,0,"t"],[0,0,"True"],[9,2,[]],...]},...}

A flat array; names, levels and expressions are numbered as they appear. The reader trusts nothing:
a row it cannot read, or a name declared twice, ends it. `docs/soundness.md` says what each of its
checks is for. -/

namespace LeanEnv

/-! ### Writing -/

structure Writer where
  out    : Array Json := #[]
  names  : Std.HashMap Name Nat := ({} : Std.HashMap Name Nat).insert .anonymous 0
  levels : Std.HashMap Level Nat := {}
  exprs  : Std.HashMap ExprStructEq Nat := {}
  done   : NameSet := {}

abbrev WriterM := StateM Writer

def emit (row : Array Json) : WriterM Unit := modify fun w => { w with out := w.out.push (.arr row) }

def num (n : Nat) : Json := toJson n

def writeName (n : Name) : WriterM Nat := do
  if let some i := (← get).names[n]? then return i
  match n with
  | .anonymous => return 0
  | .str p s => emit #[num 0, num (← writeName p), .str s]
  | .num p k => emit #[num 1, num (← writeName p), num k]
  modifyGet fun w => (w.names.size, { w with names := w.names.insert n w.names.size })

def writeLevel (l : Level) : WriterM Nat := do
  if let some i := (← get).levels[l]? then return i
  match l with
  | .zero | .mvar _ => emit #[num 2]
  | .succ a => emit #[num 3, num (← writeLevel a)]
  | .max a b => emit #[num 4, num (← writeLevel a), num (← writeLevel b)]
  | .imax a b => emit #[num 5, num (← writeLevel a), num (← writeLevel b)]
  | .param n => emit #[num 6, num (← writeName n)]
  modifyGet fun w => (w.levels.size, { w with levels := w.levels.insert l w.levels.size })

def writeExpr (e : Expr) : WriterM Nat := do
  if let some i := (← get).exprs[(⟨e⟩ : ExprStructEq)]? then return i
  let row : Array Json ← match e with
    | .mdata _ b => return ← writeExpr b
    | .bvar i => pure #[num 7, num i]
    | .sort l => pure #[num 8, num (← writeLevel l)]
    | .const n ls => pure #[num 9, num (← writeName n), toJson (← ls.mapM writeLevel)]
    | .app f a => pure #[num 10, num (← writeExpr f), num (← writeExpr a)]
    | .lam n t b i => pure #[num 11, num (← writeName n), num (← writeExpr t), num (← writeExpr b), num i.toUInt64.toNat]
    | .forallE n t b i => pure #[num 12, num (← writeName n), num (← writeExpr t), num (← writeExpr b), num i.toUInt64.toNat]
    | .letE n t v b _ => pure #[num 13, num (← writeName n), num (← writeExpr t), num (← writeExpr v), num (← writeExpr b)]
    | .proj n i b => pure #[num 14, num (← writeName n), num i, num (← writeExpr b)]
    | .lit (.natVal k) => pure #[num 15, .str (toString k)]
    | .lit (.strVal s) => pure #[num 16, .str s]
    -- a closed constant has neither; the reader refuses them
    | .fvar _ | .mvar _ => pure #[num 17]
  emit row
  modifyGet fun w => (w.exprs.size, { w with exprs := w.exprs.insert ⟨e⟩ w.exprs.size })

def constantsOf (ci : ConstantInfo) : Array Name :=
  ci.type.getUsedConstants ++ (ci.value? (allowOpaque := true)).elim #[] Expr.getUsedConstants

/-- Write a constant after those it uses. `partial`: follows the dependencies, which have no cycle in an environment. -/
partial def writeConstant (added : Std.HashMap Name ConstantInfo) (n : Name) : WriterM Unit := do
  if (← get).done.contains n then return
  let some ci := added[n]? | return
  let mark (n : Name) : WriterM Unit := modify fun w => { w with done := w.done.insert n }
  let below (ci : ConstantInfo) : WriterM Unit := (constantsOf ci).forM (writeConstant added)
  match ci with
  | .ctorInfo v => writeConstant added v.induct
  | .recInfo v => v.all.forM (writeConstant added)
  | .quotInfo _ => mark n
  | .inductInfo v =>
    v.all.forM mark
    let members := v.all.filterMap (added[·]?)
    members.forM below
    let mut types : Array Json := #[]
    for m in members do
      let .inductInfo i := m | continue
      let ctors := i.ctors.filterMap (added[·]?)
      ctors.forM below
      let written ← ctors.mapM fun c => return Json.arr #[num (← writeName c.name), num (← writeExpr c.type)]
      types := types.push <| Json.arr #[num (← writeName m.name), num (← writeExpr m.type), .arr written.toArray]
    emit #[num 24, toJson (← v.levelParams.mapM writeName), num v.numParams, .arr types, toJson v.isUnsafe]
  | _ =>
    mark n
    below ci
    let head (k : Nat) : WriterM (Array Json) := return #[num k, num (← writeName n), toJson (← ci.levelParams.mapM writeName), num (← writeExpr ci.type)]
    let value : WriterM Json := return num (← writeExpr ((ci.value? (allowOpaque := true)).getD ci.type))
    match ci with
    | .axiomInfo v => emit <| (← head 20).push (toJson v.isUnsafe)
    | .defnInfo v => emit <| (← head 21) ++ #[← value, toJson (v.safety == .safe), match v.hints with
        | .opaque => num 0 | .abbrev => num 1 | .regular h => num (h.toNat + 2)]
    | .thmInfo _ => emit <| (← head 22).push (← value)
    | .opaqueInfo v => emit <| (← head 23) ++ #[← value, toJson v.isUnsafe]
    | _ => pure ()

/-- What `env` has beyond `before`, an earlier form of it. -/
def writeConstants (before env : Environment) : Json :=
  let added := (addedSince before env).foldl (init := ({} : Std.HashMap Name ConstantInfo)) fun m (n, ci) => m.insert n ci
  let names := (added.toArray.map (·.1)).qsort Name.quickLt
  .arr ((names.forM (writeConstant added)).run {}).2.out

/-- What a text adds in the place of a command, or of that one and all after it. -/
def exportAt (r : WorkerRef) (f : Elaboration) (command : Nat) (name text : String) (proposed? : Option Span) : IO Answer := do
  let before := f.before command
  let (map, env, log) ← elaborateText r before name text proposed?
  return .result <| Json.mkObj [("messages", ← messagesToWire map log), ("imports", toJson f.imports),
    ("constants", writeConstants before.env env)]

def exportFile (r : WorkerRef) (name source : String) (proposed? : Option Span) : IO Answer := do
  match ← elaborate r name source (trees := .none) proposed? with
  | .error need => return .need need
  | .ok o =>
    let messages ← messagesToWire o.map o.messages
    return .result <| Json.mkObj [("messages", messages), ("imports", toJson o.imports), ("constants", writeConstants o.base o.last.env)]

/-! ### Reading -/

/-- A constant as somebody declares it; `shape` holds what else must agree. A theorem's value is its
    own affair: only the names that it uses are kept. -/
structure Entry where
  shape  : String
  levels : List Name
  type   : Expr
  value? : Option Expr := none
  uses   : Array Name := #[]
  /-- of an inductive type: the types of its declaration and their constructors -/
  parts  : Array Name := #[]

structure Reader where
  names   : Array Name := #[.anonymous]
  levels  : Array Level := #[]
  exprs   : Array Expr := #[]
  entries : Std.HashMap Name Entry := {}
  /-- Each declaration with the names that it enters, what it is known by first. -/
  decls   : Array (Array Name × Declaration) := #[]
  «unsafe» : NameSet := {}

abbrev ReaderM := StateT Reader (Except String)

def at? (what : String) (a : Array α) (j : Json) : ReaderM α := do
  let i ← (j.getNat? : Except String Nat)
  match a[i]? with
  | some x => return x
  | none => throw s!"no {what} {i}"

def readName (j : Json) : ReaderM Name := do at? "name" (← get).names j
def readLevel (j : Json) : ReaderM Level := do at? "level" (← get).levels j
def readExpr (j : Json) : ReaderM Expr := do at? "expression" (← get).exprs j
def readList (f : Json → ReaderM α) (j : Json) : ReaderM (List α) := do (← (j.getArr? : Except String _)).toList.mapM f
def readBool (j : Json) : ReaderM Bool := (j.getBool? : Except String Bool)
def readNat (j : Json) : ReaderM Nat := (j.getNat? : Except String Nat)
def readStr (j : Json) : ReaderM String := (j.getStr? : Except String String)
def readBinder (j : Json) : ReaderM BinderInfo := at? "binder info" #[.default, .implicit, .strictImplicit, .instImplicit] j

def addExpr (e : Expr) : ReaderM Unit := modify fun s => { s with exprs := s.exprs.push e }
def addLevel (l : Level) : ReaderM Unit := modify fun s => { s with levels := s.levels.push l }

/-- Enter a constant under a name that is new: the comparison must see what the kernel saw. -/
def enter (n : Name) (e : Entry) : ReaderM Unit := do
  if (← get).entries.contains n then throw s!"{n} is declared twice"
  modify fun s => { s with entries := s.entries.insert n e }

def addEntry (n : Name) (e : Entry) (d : Declaration) (isUnsafe : Bool) : ReaderM Unit := do
  enter n e
  modify fun s => { s with
    decls := if isUnsafe then s.decls else s.decls.push (#[n], d)
    «unsafe» := if isUnsafe then s.unsafe.insert n else s.unsafe }

/-- Parts of names that the kernel makes up for itself while it works. -/
def reservedParts : List String := ["_nested", "_nested_fresh", "_ind_fresh", "_kernel_fresh"]

/-- Bound variables from here on no longer fit in what an expression knows of its own. -/
def boundVariables : Nat := 2 ^ 19

def safetyWord (isUnsafe : Bool) : String := if isUnsafe then "unsafe " else ""

def part (j : Json) (i : Nat) : Json := (j.getArrVal? i).toOption.getD .null

def readInductive (levels params types isUnsafe : Json) : ReaderM Unit := do
  let levelParams ← readList readName levels
  let numParams ← readNat params
  let isUnsafe ← readBool isUnsafe
  let types ← readList (fun j => do
    let ctors ← readList (fun c => return { name := (← readName (part c 0)), type := (← readExpr (part c 1)) : Constructor }) (part j 2)
    return { name := (← readName (part j 0)), type := (← readExpr (part j 1)), ctors : InductiveType }) types
  let some first := types.head? | throw "an empty inductive declaration"
  let parts := (types.flatMap fun t => t.name :: t.ctors.map (·.name)).toArray
  for t in types do
    let shape := s!"{safetyWord isUnsafe}inductive {numParams} {t.ctors.map (·.name)} {types.map (·.name)}"
    let entry : Entry := { shape, levels := levelParams, type := t.type, parts }
    enter t.name entry
    for c in t.ctors do
      let entry : Entry := { shape := s!"constructor {t.name}", levels := levelParams, type := c.type }
      enter c.name entry
  let d := Declaration.inductDecl levelParams numParams types isUnsafe
  let names := #[first.name] ++ parts
  modify fun s => { s with
    decls := if isUnsafe then s.decls else s.decls.push (names, d)
    «unsafe» := if isUnsafe then names.foldl (·.insert ·) s.unsafe else s.unsafe }

def readRow (row : Json) : ReaderM Unit := do
  let .arr a := row | throw "a row is not an array"
  let some tag := (a[0]?).bind (·.getNat?.toOption) | throw "a row has no tag"
  match tag, a with
  | 0, #[_, p, s] =>
    let last ← readStr s
    if reservedParts.contains last then throw s!"a name has the part {last}, which is the kernel's own"
    let n := .str (← readName p) last
    modify fun r => { r with names := r.names.push n }
  | 1, #[_, p, k] => let n := .num (← readName p) (← readNat k); modify fun r => { r with names := r.names.push n }
  | 2, _ => addLevel .zero
  | 3, #[_, l] => addLevel (.succ (← readLevel l))
  -- simplified: a level that is 0 is read as 0, as the kernel takes only that for `Prop`
  | 4, #[_, l, m] => addLevel (mkLevelMax' (← readLevel l) (← readLevel m))
  | 5, #[_, l, m] => addLevel (mkLevelIMax' (← readLevel l) (← readLevel m))
  | 6, #[_, n] => addLevel (.param (← readName n))
  | 7, #[_, i] =>
    let i ← readNat i
    if i ≥ boundVariables then throw s!"a bound variable has the number {i}"
    addExpr (.bvar i)
  | 8, #[_, l] => addExpr (.sort (← readLevel l))
  | 9, #[_, n, ls] => addExpr (.const (← readName n) (← readList readLevel ls))
  | 10, #[_, f, x] => addExpr (.app (← readExpr f) (← readExpr x))
  | 11, #[_, n, t, b, i] => addExpr (.lam (← readName n) (← readExpr t) (← readExpr b) (← readBinder i))
  | 12, #[_, n, t, b, i] => addExpr (.forallE (← readName n) (← readExpr t) (← readExpr b) (← readBinder i))
  | 13, #[_, n, t, v, b] => addExpr (.letE (← readName n) (← readExpr t) (← readExpr v) (← readExpr b) false)
  | 14, #[_, n, i, b] => addExpr (.proj (← readName n) (← readNat i) (← readExpr b))
  | 15, #[_, k] => match (← readStr k).toNat? with
    | some k => addExpr (.lit (.natVal k))
    | none => throw "not a number"
  | 16, #[_, s] => addExpr (.lit (.strVal (← readStr s)))
  | 20, #[_, n, ls, t, u] =>
    let name ← readName n
    let v : AxiomVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), isUnsafe := (← readBool u) }
    addEntry name { shape := safetyWord v.isUnsafe ++ "axiom", levels := v.levelParams, type := v.type } (.axiomDecl v) v.isUnsafe
  | 21, #[_, n, ls, t, v, safe, hints] =>
    let name ← readName n
    let hints := match ← readNat hints with | 0 => .opaque | 1 => .abbrev | h + 2 => .regular h.toUInt32
    let isSafe ← readBool safe
    let d : DefinitionVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v)
                               hints, safety := if isSafe then .safe else .unsafe }
    addEntry name { shape := safetyWord (!isSafe) ++ "definition", levels := d.levelParams, type := d.type, value? := some d.value, uses := d.value.getUsedConstants } (.defnDecl d) !isSafe
  | 22, #[_, n, ls, t, v] =>
    let name ← readName n
    let d : TheoremVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v) }
    addEntry name { shape := "theorem", levels := d.levelParams, type := d.type, uses := d.value.getUsedConstants } (.thmDecl d) false
  | 23, #[_, n, ls, t, v, u] =>
    let name ← readName n
    let d : OpaqueVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v), isUnsafe := (← readBool u), all := [name] }
    addEntry name { shape := safetyWord d.isUnsafe ++ "opaque", levels := d.levelParams, type := d.type, value? := some d.value, uses := d.value.getUsedConstants } (.opaqueDecl d) d.isUnsafe
  | 24, #[_, ls, k, ts, u] => readInductive ls k ts u
  | _, _ => throw s!"an unknown row, tag {tag}"

def readConstants (j : Json) : Except String Reader := do
  let rows ← j.getArr?
  return (← (rows.forM readRow).run {}).2

end LeanEnv
