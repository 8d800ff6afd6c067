import Lean
open Lean

/-! Reads an export (lean4export's NDJSON, format 3.1) and puts it through the kernel in an empty
environment. Shares nothing with what writes exports. -/

structure Reader where
  names  : Array Name := #[.anonymous]
  levels : Array Level := #[.zero]
  exprs  : Array Expr := #[]
  env    : Environment
  done   : Nat := 0

abbrev ReadM := StateT Reader IO

def need (what : String) : Option α → ReadM α
  | some a => return a
  | none => throw <| IO.userError s!"no {what}"

def field (α) [FromJson α] (j : Json) (k : String) : ReadM α :=
  need s!"{k} in {(j.compress.take 200).toString}" (j.getObjValAs? α k).toOption

def nameAt (i : Nat) : ReadM Name := do need s!"name {i}" (← get).names[i]?
def levelAt (i : Nat) : ReadM Level := do need s!"level {i}" (← get).levels[i]?
def exprAt (i : Nat) : ReadM Expr := do need s!"expression {i}" (← get).exprs[i]?
def nameOf (j : Json) (k : String) : ReadM Name := do nameAt (← field Nat j k)
def exprOf (j : Json) (k : String) : ReadM Expr := do exprAt (← field Nat j k)
def namesOf (j : Json) (k : String) : ReadM (List Name) := do (← field (List Nat) j k).mapM nameAt

def binderInfo (j : Json) : ReadM BinderInfo := do
  match ← field String j "binderInfo" with
  | "default" => return .default
  | "implicit" => return .implicit
  | "strictImplicit" => return .strictImplicit
  | "instImplicit" => return .instImplicit
  | w => throw <| IO.userError s!"binder info {w}"

def readName (word : String) (v : Json) : ReadM Name := do
  let p ← nameOf v "pre"
  if word == "str" then return .str p (← field String v "str") else return .num p (← field Nat v "i")

def readLevel (word : String) (v : Json) : ReadM Level := do
  match word, v with
  | "succ", .num n => return .succ (← levelAt n.mantissa.toNat)
  | "param", .num n => return .param (← nameAt n.mantissa.toNat)
  | w, .arr #[.num a, .num b] =>
    let (a, b) := (← levelAt a.mantissa.toNat, ← levelAt b.mantissa.toNat)
    return if w == "max" then .max a b else .imax a b
  | w, _ => throw <| IO.userError s!"level {w}"

def readExpr (word : String) (v : Json) : ReadM Expr := do
  match word, v with
  | "bvar", .num n => return .bvar n.mantissa.toNat
  | "sort", .num n => return .sort (← levelAt n.mantissa.toNat)
  | "natVal", .str s => return .lit (.natVal (← need "number" s.toNat?))
  | "strVal", .str s => return .lit (.strVal s)
  | "const", v => return .const (← nameOf v "name") (← (← field (List Nat) v "us").mapM levelAt)
  | "app", v => return .app (← exprOf v "fn") (← exprOf v "arg")
  | "lam", v => return .lam (← nameOf v "name") (← exprOf v "type") (← exprOf v "body") (← binderInfo v)
  | "forallE", v => return .forallE (← nameOf v "name") (← exprOf v "type") (← exprOf v "body") (← binderInfo v)
  | "letE", v => return .letE (← nameOf v "name") (← exprOf v "type") (← exprOf v "value") (← exprOf v "body") (← field Bool v "nondep")
  | "proj", v => return .proj (← nameOf v "typeName") (← field Nat v "idx") (← exprOf v "struct")
  | w, _ => throw <| IO.userError s!"expression {w}"

def addToKernel (d : Declaration) : ReadM Unit := do
  match (← get).env.addDeclCore 0 d none with
  | .ok env => modify fun r => { r with env, done := r.done + 1 }
  | .error e => throw <| IO.userError s!"{d.getNames}: {← (e.toMessageData {}).toString}"

def expectSame (n : Name) (what : String) (same : Bool) : ReadM Unit :=
  unless same do throw <| IO.userError s!"{n} has another {what}"

/-- What the kernel made of an inductive type must be what the export says of it. -/
def expectRecursor (j : Json) : ReadM Unit := do
  let n ← nameOf j "name"
  let some (.recInfo v) := (← get).env.toKernelEnv.find? n | throw <| IO.userError s!"the kernel made no {n}"
  expectSame n "type" (v.type == (← exprOf j "type") && v.levelParams == (← namesOf j "levelParams"))
  expectSame n "shape" <| v.numParams == (← field Nat j "numParams") && v.numIndices == (← field Nat j "numIndices")
    && v.numMotives == (← field Nat j "numMotives") && v.numMinors == (← field Nat j "numMinors")
    && v.k == (← field Bool j "k") && v.all == (← namesOf j "all")
  let rules ← (← field (List Json) j "rules").mapM fun r => return ((← nameOf r "ctor"), (← field Nat r "nfields"), (← exprOf r "rhs"))
  expectSame n "rules" (rules == v.rules.map fun r => (r.ctor, r.nfields, r.rhs))

def expectConstructor (j : Json) : ReadM Unit := do
  let n ← nameOf j "name"
  let some (.ctorInfo v) := (← get).env.toKernelEnv.find? n | throw <| IO.userError s!"the kernel made no {n}"
  expectSame n "type" (v.type == (← exprOf j "type") && v.levelParams == (← namesOf j "levelParams"))
  expectSame n "shape" <| v.numParams == (← field Nat j "numParams") && v.numFields == (← field Nat j "numFields")
    && v.cidx == (← field Nat j "cidx") && v.induct == (← nameOf j "induct")

def expectType (j : Json) : ReadM Unit := do
  let n ← nameOf j "name"
  let some (.inductInfo v) := (← get).env.toKernelEnv.find? n | throw <| IO.userError s!"the kernel made no {n}"
  expectSame n "shape" <| v.numIndices == (← field Nat j "numIndices") && v.numNested == (← field Nat j "numNested")
    && v.isRec == (← field Bool j "isRec") && v.isReflexive == (← field Bool j "isReflexive") && v.all == (← namesOf j "all")

def readInductive (v : Json) : ReadM Unit := do
  let types ← field (List Json) v "types"
  let ctors ← field (List Json) v "ctors"
  let some first := types.head? | throw <| IO.userError "no types"
  let types' ← types.mapM fun t => do
    let own ← (← namesOf t "ctors").mapM fun n => do
      for c in ctors do if (← nameOf c "name") == n then return { name := n, type := (← exprOf c "type") : Constructor }
      throw <| IO.userError s!"no constructor {n}"
    return { name := (← nameOf t "name"), type := (← exprOf t "type"), ctors := own : InductiveType }
  addToKernel <| .inductDecl (← namesOf first "levelParams") (← field Nat first "numParams") types' (← field Bool first "isUnsafe")
  types.forM expectType
  ctors.forM expectConstructor
  (← field (List Json) v "recs").forM expectRecursor

def readConstant (word : String) (v : Json) : ReadM Unit := do
  if word == "inductive" then return ← readInductive v
  let (name, levelParams, type) := (← nameOf v "name", ← namesOf v "levelParams", ← exprOf v "type")
  match word with
  | "axiom" => addToKernel <| .axiomDecl { name, levelParams, type, isUnsafe := (← field Bool v "isUnsafe") }
  | "thm" => addToKernel <| .thmDecl { name, levelParams, type, value := (← exprOf v "value"), all := (← namesOf v "all") }
  | "opaque" =>
    let isUnsafe ← field Bool v "isUnsafe"
    addToKernel <| .opaqueDecl { name, levelParams, type, value := (← exprOf v "value"), isUnsafe, all := (← namesOf v "all") }
  | "def" =>
    let hints ← match ← field Json v "hints" with
      | .str "opaque" => pure .opaque
      | .str "abbrev" => pure .abbrev
      | j => return ← readDefinition name levelParams type v (.regular (← field Nat j "regular").toUInt32)
    readDefinition name levelParams type v hints
  | "quot" =>
    if (← field String v "kind") == "type" then addToKernel .quotDecl
    let some ci := (← get).env.toKernelEnv.find? name | throw <| IO.userError s!"the kernel made no {name}"
    expectSame name "type" (ci.type == type && ci.levelParams == levelParams)
  | w => throw <| IO.userError s!"constant {w}"
where
  readDefinition (name : Name) (levelParams : List Name) (type : Expr) (v : Json) (hints : ReducibilityHints) : ReadM Unit := do
    expectSame name "safety" ((← field String v "safety") == "safe")
    addToKernel <| .defnDecl { name, levelParams, type, value := (← exprOf v "value"), hints, safety := .safe, all := (← namesOf v "all") }

def readLine (line : String) : ReadM Unit := do
  let .ok (.obj o) := Json.parse line | throw <| IO.userError s!"not an object: {line}"
  for (word, v) in o.toList do
    let r ← get
    if word == "in" || word == "il" || word == "ie" then continue
    if word == "meta" then return
    if let some (.num i) := o.get? "in" then
      expectSame .anonymous "number" (i.mantissa.toNat == r.names.size)
      let n ← readName word v
      modify fun r => { r with names := r.names.push n }
    else if let some (.num i) := o.get? "il" then
      expectSame .anonymous "number" (i.mantissa.toNat == r.levels.size)
      let l ← readLevel word v
      modify fun r => { r with levels := r.levels.push l }
    else if let some (.num i) := o.get? "ie" then
      expectSame .anonymous "number" (i.mantissa.toNat == r.exprs.size)
      let e ← readExpr word v
      modify fun r => { r with exprs := r.exprs.push e }
    else readConstant word v

def reread (text : String) : CoreM Unit := do
  let read : ReadM Unit := ((text.splitOn "\n").filter (!·.isEmpty)).forM readLine
  let (_, r) ← read.run { env := ← mkEmptyEnvironment }
  logInfo m!"the kernel accepts {r.done} declarations"

