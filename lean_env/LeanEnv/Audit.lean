import LeanEnv.Run
open Lean

/-! The judge's half of a verdict. `export` writes down every constant a file added; `judge` reads such
a list, which it does not trust, puts each constant through the kernel on top of the imports of the
ORIGINAL file, and compares: same statements, same definitions below them, known axioms only.

    {"v":1,"id":9,"op":"judge","original":"theorem t : 1 = 1 := by sorry","constants":[...],
     "targets":["t"],"allow":["propext"]}
    {"v":1,"id":9,"result":{"replayed":1,"results":[{"name":"t","reasons":[],"axioms":[]}]},...}

Constants on the wire: a flat array; names, levels and expressions are numbered as they appear. -/

namespace LeanEnv

/-! ### Writing -/

structure Writer where
  out    : Array Json := #[]
  names  : Std.HashMap Name Nat := ({} : Std.HashMap Name Nat).insert .anonymous 0
  levels : Std.HashMap Level Nat := {}
  exprs  : Std.HashMap Expr Nat := {}
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
  if let some i := (← get).exprs[e]? then return i
  let row ← match e with
    | .mdata _ b => return ← writeExpr b
    | .bvar i => pure #[num 7, num i]
    | .sort l => pure #[num 8, num (← writeLevel l)]
    | .const n ls => pure #[num 9, num (← writeName n), toJson (← ls.mapM writeLevel)]
    | .app f a => pure #[num 10, num (← writeExpr f), num (← writeExpr a)]
    | .lam n t b _ => pure #[num 11, num (← writeName n), num (← writeExpr t), num (← writeExpr b)]
    | .forallE n t b _ => pure #[num 12, num (← writeName n), num (← writeExpr t), num (← writeExpr b)]
    | .letE n t v b _ => pure #[num 13, num (← writeName n), num (← writeExpr t), num (← writeExpr v), num (← writeExpr b)]
    | .proj n i b => pure #[num 14, num (← writeName n), num i, num (← writeExpr b)]
    | .lit (.natVal k) => pure #[num 15, .str (toString k)]
    | .lit (.strVal s) => pure #[num 16, .str s]
    -- a closed constant has neither; the reader refuses them
    | .fvar _ | .mvar _ => pure #[num 17]
  emit row
  modifyGet fun w => (w.exprs.size, { w with exprs := w.exprs.insert e w.exprs.size })

def constantsOf (ci : ConstantInfo) : Array Name :=
  ci.type.getUsedConstants ++ (ci.value? (allowOpaque := true)).elim #[] Expr.getUsedConstants

/-- Write a constant after those it uses. `partial`: follows the dependencies, which have no cycle in an environment. -/
partial def writeConstant (added : Std.HashMap Name ConstantInfo) (n : Name) : WriterM Unit := do
  if (← get).done.contains n then return
  let some ci := added[n]? | return
  let mark := fun n => modify fun (w : Writer) => { w with done := w.done.insert n }
  let below := fun ci => (constantsOf ci).forM (writeConstant added)
  match ci with
  | .ctorInfo v => writeConstant added v.induct
  | .recInfo v => v.all.forM (writeConstant added)
  | .quotInfo _ => mark n
  | .inductInfo v =>
    v.all.forM mark
    let members := v.all.filterMap (added[·]?)
    members.forM below
    let mut types := #[]
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
    let head := fun (k : Nat) => return #[num k, num (← writeName n), toJson (← ci.levelParams.mapM writeName), num (← writeExpr ci.type)]
    let value := return num (← writeExpr ((ci.value? (allowOpaque := true)).getD ci.type))
    match ci with
    | .axiomInfo v => emit <| (← head 20).push (toJson v.isUnsafe)
    | .defnInfo v => emit <| (← head 21) ++ #[← value, toJson (v.safety == .safe), match v.hints with
        | .opaque => num 0 | .abbrev => num 1 | .regular h => num (h.toNat + 2)]
    | .thmInfo _ => emit <| (← head 22).push (← value)
    | .opaqueInfo v => emit <| (← head 23) ++ #[← value, toJson v.isUnsafe]
    | _ => pure ()

def addedConstants (env : Environment) : Std.HashMap Name ConstantInfo :=
  env.constants.map₂.foldl (init := {}) fun m n ci => m.insert n ci

def writeConstants (env : Environment) : Json :=
  let added := addedConstants env
  let names := (added.toArray.map (·.1)).qsort Name.quickLt
  .arr ((names.forM (writeConstant added)).run {}).2.out

def exportFile (r : WorkerRef) (name source : String) : IO Answer := do
  match ← elaborate r name source with
  | .error need => return .need need
  | .ok o =>
    let messages ← messagesToWire o.map o.messages
    return .result <| Json.mkObj [("messages", messages), ("constants", writeConstants o.last.env)]

/-! ### Reading -/

/-- A constant as somebody declares it; `shape` holds what else must agree. A theorem's value is its
    own affair: only the names that it uses are kept. -/
structure Entry where
  shape  : String
  levels : List Name
  type   : Expr
  value? : Option Expr := none
  uses   : Array Name := #[]

structure Reader where
  names   : Array Name := #[.anonymous]
  levels  : Array Level := #[]
  exprs   : Array Expr := #[]
  entries : Std.HashMap Name Entry := {}
  decls   : Array (Name × Declaration) := #[]
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

def addExpr (e : Expr) : ReaderM Unit := modify fun s => { s with exprs := s.exprs.push e }
def addLevel (l : Level) : ReaderM Unit := modify fun s => { s with levels := s.levels.push l }

/-- Enter a constant under a name that is new: the comparison must see what the kernel saw. -/
def enter (n : Name) (e : Entry) : ReaderM Unit := do
  if (← get).entries.contains n then throw s!"{n} is declared twice"
  modify fun s => { s with entries := s.entries.insert n e }

def addEntry (n : Name) (e : Entry) (d : Declaration) (isUnsafe : Bool) : ReaderM Unit := do
  enter n e
  modify fun s => { s with
    decls := if isUnsafe then s.decls else s.decls.push (n, d)
    «unsafe» := if isUnsafe then s.unsafe.insert n else s.unsafe }

def part (j : Json) (i : Nat) : Json := (j.getArrVal? i).toOption.getD .null

def readInductive (levels params types isUnsafe : Json) : ReaderM Unit := do
  let levelParams ← readList readName levels
  let numParams ← readNat params
  let isUnsafe ← readBool isUnsafe
  let types ← readList (fun j => do
    let ctors ← readList (fun c => return { name := (← readName (part c 0)), type := (← readExpr (part c 1)) : Constructor }) (part j 2)
    return { name := (← readName (part j 0)), type := (← readExpr (part j 1)), ctors : InductiveType }) types
  let some first := types.head? | throw "an empty inductive declaration"
  for t in types do
    let shape := s!"inductive {numParams} {t.ctors.map (·.name)} {types.map (·.name)}"
    let entry : Entry := { shape, levels := levelParams, type := t.type }
    enter t.name entry
    for c in t.ctors do
      let entry : Entry := { shape := s!"constructor {t.name}", levels := levelParams, type := c.type }
      enter c.name entry
  let d := Declaration.inductDecl levelParams numParams types isUnsafe
  modify fun s => { s with
    decls := if isUnsafe then s.decls else s.decls.push (first.name, d)
    «unsafe» := if isUnsafe then types.foldl (·.insert ·.name) s.unsafe else s.unsafe }

def readRow (row : Json) : ReaderM Unit := do
  let .arr a := row | throw "a row is not an array"
  let some tag := (a[0]?).bind (·.getNat?.toOption) | throw "a row has no tag"
  match tag, a with
  | 0, #[_, p, s] => let n := .str (← readName p) (← readStr s); modify fun r => { r with names := r.names.push n }
  | 1, #[_, p, k] => let n := .num (← readName p) (← readNat k); modify fun r => { r with names := r.names.push n }
  | 2, _ => addLevel .zero
  | 3, #[_, l] => addLevel (.succ (← readLevel l))
  | 4, #[_, l, m] => addLevel (.max (← readLevel l) (← readLevel m))
  | 5, #[_, l, m] => addLevel (.imax (← readLevel l) (← readLevel m))
  | 6, #[_, n] => addLevel (.param (← readName n))
  | 7, #[_, i] => addExpr (.bvar (← readNat i))
  | 8, #[_, l] => addExpr (.sort (← readLevel l))
  | 9, #[_, n, ls] => addExpr (.const (← readName n) (← readList readLevel ls))
  | 10, #[_, f, x] => addExpr (.app (← readExpr f) (← readExpr x))
  | 11, #[_, n, t, b] => addExpr (.lam (← readName n) (← readExpr t) (← readExpr b) .default)
  | 12, #[_, n, t, b] => addExpr (.forallE (← readName n) (← readExpr t) (← readExpr b) .default)
  | 13, #[_, n, t, v, b] => addExpr (.letE (← readName n) (← readExpr t) (← readExpr v) (← readExpr b) false)
  | 14, #[_, n, i, b] => addExpr (.proj (← readName n) (← readNat i) (← readExpr b))
  | 15, #[_, k] => match (← readStr k).toNat? with
    | some k => addExpr (.lit (.natVal k))
    | none => throw "not a number"
  | 16, #[_, s] => addExpr (.lit (.strVal (← readStr s)))
  | 20, #[_, n, ls, t, u] =>
    let name ← readName n
    let v : AxiomVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), isUnsafe := (← readBool u) }
    addEntry name { shape := "axiom", levels := v.levelParams, type := v.type } (.axiomDecl v) v.isUnsafe
  | 21, #[_, n, ls, t, v, safe, hints] =>
    let name ← readName n
    let hints := match ← readNat hints with | 0 => .opaque | 1 => .abbrev | h + 2 => .regular h.toUInt32
    let isSafe ← readBool safe
    let d : DefinitionVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v)
                               hints, safety := if isSafe then .safe else .unsafe }
    addEntry name { shape := "definition", levels := d.levelParams, type := d.type, value? := some d.value, uses := d.value.getUsedConstants } (.defnDecl d) !isSafe
  | 22, #[_, n, ls, t, v] =>
    let name ← readName n
    let d : TheoremVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v) }
    addEntry name { shape := "theorem", levels := d.levelParams, type := d.type, uses := d.value.getUsedConstants } (.thmDecl d) false
  | 23, #[_, n, ls, t, v, u] =>
    let name ← readName n
    let d : OpaqueVal := { name, levelParams := (← readList readName ls), type := (← readExpr t), value := (← readExpr v), isUnsafe := (← readBool u), all := [name] }
    addEntry name { shape := "opaque", levels := d.levelParams, type := d.type, value? := some d.value, uses := d.value.getUsedConstants } (.opaqueDecl d) d.isUnsafe
  | 24, #[_, ls, k, ts, u] => readInductive ls k ts u
  | _, _ => throw s!"an unknown row, tag {tag}"

def readConstants (j : Json) : Except String Reader := do
  let rows ← j.getArr?
  return (← (rows.forM readRow).run {}).2

/-! ### Replaying and comparing -/

structure Replay where
  env      : Environment
  refused  : Std.HashMap Name Reason := {}
  replayed : Nat := 0

/-- Names that a proof by compiled code rests on; only when allowed are definitions compiled. -/
def nativeAxioms : List String := ["Lean.ofReduceBool", "Lean.trustCompiler"]

/-- Put every declaration through the kernel, in order; one that is refused is left out. -/
def replay (base : Environment) (read : Reader) (token : IO.CancelToken) (native : Bool) : IO Replay := do
  let mut out : Replay := { env := base }
  for (n, d) in read.decls do
    match out.env.addDeclCore 0 d (some token) with
    | .ok env =>
      out := { out with env, replayed := out.replayed + 1 }
      if native && d matches .defnDecl _ then
        let ctx : Core.Context := { fileName := "<replay>", fileMap := default }
        match ← ((compileDecl d).run ctx { env }).toBaseIO with
        | .ok (_, s) => out := { out with env := s.env }
        | .error _ => pure ()
    | .error e =>
      let text ← (e.toMessageData {}).toString
      out := { out with refused := out.refused.insert n { kind := "kernel", text := s!"the kernel refuses {n}: {text}" } }
  return out

structure Matcher where
  mine    : Std.HashMap Name Entry
  theirs  : Std.HashMap Name Entry
  /-- pairs compared or being compared, and names still to compare -/
  seen    : Std.HashSet (Name × Name) := {}
  queue   : Array (Name × Name) := #[]

abbrev MatchM := StateM Matcher

/-- Is this part of mine one that may differ: a `sorry`, or an auxiliary theorem? Theirs has the same
    type there, which the kernel has seen, and of a proposition all proofs are one. -/
def isOpen (m : Matcher) (e : Expr) : Bool :=
  match e.getAppFn with
  | .const n _ => n == ``sorryAx || (n.isInternalDetail && (m.mine[n]?).any (·.shape == "theorem"))
  | _ => false

/-- Are the expressions the same, up to the names of auxiliary constants? Their own contents are
    queued. With `holes`, an open part of mine stands for anything. -/
def same (holes : Bool) (a b : Expr) : MatchM Bool := do
  if a == b then
    for c in a.getUsedConstants do
      modify fun m => { m with queue := m.queue.push (c, c) }
    return true
  if holes && isOpen (← get) a then return true
  match a, b with
  | .const n ls, .const n' ls' =>
    if ls != ls' then return false
    if n != n' && !(n.isInternalDetail && n'.isInternalDetail) then return false
    modify fun m => { m with queue := m.queue.push (n, n') }
    return true
  | .app f x, .app f' x' => return (← same holes f f') && (← same holes x x')
  | .lam _ t x _, .lam _ t' x' _ => return (← same holes t t') && (← same holes x x')
  | .forallE _ t x _, .forallE _ t' x' _ => return (← same holes t t') && (← same holes x x')
  | .letE _ t v x _, .letE _ t' v' x' _ => return (← same holes t t') && (← same holes v v') && (← same holes x x')
  | .proj n i x, .proj n' i' x' => return n == n' && i == i' && (← same holes x x')
  | _, _ => return false

def sameEntry (n n' : Name) : MatchM (Option String) := do
  let m ← get
  match m.mine[n]?, m.theirs[n']? with
  | none, none => return if n == n' then none else some s!"{n} is {n'} now"
  | none, some _ => return some s!"{n'} is declared anew"
  | some _, none => return some s!"{n} is missing"
  | some e, some e' =>
    if e.shape != e'.shape then return some s!"{n} was {e.shape}, is {e'.shape}"
    if e.levels != e'.levels then return some s!"{n} has other universe parameters"
    unless ← same false e.type e'.type do return some s!"{n} has another type"
    match e.value?, e'.value? with
    | some v, some v' => unless ← same true v v' do return some s!"{n} has another value"
    | _, _ => pure ()
    return none

/-- Compare everything queued and what it uses; gives the first difference. Each pair is done once. -/
partial def sameQueued : MatchM (Option String) := do
  let some pair := (← get).queue.back? | return none
  modify fun m => { m with queue := m.queue.pop }
  if (← get).seen.contains pair then sameQueued
  else
    modify fun m => { m with seen := m.seen.insert pair }
    match ← sameEntry pair.1 pair.2 with
    | some why => return some why
    | none => sameQueued

/-- Axioms that a constant rests on, each with a constant that uses it. Our own walk over the
    replayed environment; library theorems and definitions that come without a body are trusted.
    `partial`: a graph walk, every name once. -/
partial def axiomsBelow (env : Environment) (todo : Array Name) (seen : NameSet) (found : Array (Name × Name)) :
    Array (Name × Name) :=
  match todo.back? with
  | none => found
  | some n =>
    let todo := todo.pop
    if seen.contains n then axiomsBelow env todo seen found
    else
      let seen := seen.insert n
      match env.find? n with
      | none => axiomsBelow env todo seen found
      | some ci =>
        let uses := constantsOf ci ++ (match ci with | .inductInfo v => v.ctors.toArray | _ => #[])
        let found := uses.foldl (init := found) fun acc c =>
          match env.find? c with
          | some (.axiomInfo _) =>
            let real := (env.getModuleIdxFor? c).isNone || getOriginalConstKind? env c matches some .axiom
            if real && !acc.any (·.1 == c) then acc.push (c, n) else acc
          | _ => acc
        axiomsBelow env (todo ++ uses.filter (!seen.contains ·)) seen found

def axiomReason? (target a user : Name) (allow : Array Name) : Option Reason :=
  if a == ``sorryAx then
    let user := privateToUserName user
    some { kind := "sorry", text := if user == target then "the proof contains a sorry" else s!"it rests on {user}, which contains a sorry" }
  else if allow.contains a then none
  else some { kind := "axiom", text := s!"it rests on the axiom {a}, which is not allowed" }

/-- Each name that `todo` rests on in a submission, with one that uses it. `partial`: a graph walk,
    every name once. -/
partial def namesBelow (theirs : Std.HashMap Name Entry) (todo : Array Name) (seen : Std.HashMap Name Name) :
    Std.HashMap Name Name :=
  match todo.back? with
  | none => seen
  | some n => match theirs[n]? with
    | none => namesBelow theirs todo.pop seen
    | some e =>
      let new := ((e.type.getUsedConstants ++ e.uses).toList.eraseDups).filter (!seen.contains ·)
      namesBelow theirs (todo.pop ++ new) (new.foldl (fun s c => s.insert c n) seen)

/-- Why the kernel refused a target: not that something it uses is missing, but what came first. -/
def refusalReasons (target : Name) (read : Reader) (done : Replay) (allow : Array Name) : Array Reason := Id.run do
  let below := namesBelow read.entries #[target] (({} : Std.HashMap Name Name).insert target target)
  let mut reasons := #[]
  for u in read.unsafe.toList do
    if below.contains u then
      reasons := reasons.push { kind := "unsafe", text := s!"{target} rests on {u}, which is unsafe or partial" }
  for (n, e) in read.entries.toArray.qsort (fun a b => Name.quickLt a.1 b.1) do
    if e.shape == "axiom" && below.contains n then
      if let some r := axiomReason? target n (below[n]?.getD target) allow then reasons := reasons.push r
  for a in [``sorryAx, `Lean.ofReduceBool, `Lean.trustCompiler] do
    if let some user := below[a]? then
      if let some r := axiomReason? target a user allow then reasons := reasons.push r
  for (n, _) in read.decls do
    if let some r := done.refused[n]? then
      let uses := (read.entries[n]?).elim #[] (·.uses)
      if below.contains n && !uses.any (fun u => u != n && (done.refused.contains u || read.unsafe.contains u)) then
        reasons := reasons.push r
  if reasons.isEmpty then reasons := reasons ++ (done.refused[target]?).toArray
  return reasons

def isSorried (e : Entry) : Bool := e.type.hasSorry || e.value?.elim false Expr.hasSorry

/-- What stands against one target theorem, and the axioms it rests on. -/
def judgeTarget (m : Matcher) (read : Reader) (done : Replay) (allow : Array Name) (n : Name) : Array Reason × Array Name := Id.run do
  let some mine := m.mine[n]? | return (#[{ kind := "missing", text := s!"{n} is not in the original" }], #[])
  let some theirs := m.theirs[n]? | return (#[{ kind := "missing", text := s!"{n} is not in the submission" }], #[])
  if read.unsafe.contains n then return (#[{ kind := "unsafe", text := s!"{n} is unsafe or partial" }], #[])
  let mut reasons := #[]
  if mine.shape != theirs.shape then
    reasons := reasons.push { kind := "kind_changed", text := s!"{n} was a {mine.shape}, is a {theirs.shape}" }
  let (same, after) := (do return mine.levels == theirs.levels && (← same false mine.type theirs.type)).run m
  unless same do reasons := reasons.push { kind := "statement_changed", text := s!"the statement of {n} is another one" }
  if let (some v, some v') := (mine.value?, theirs.value?) then
    unless ((LeanEnv.same true v v').run m).1 do
      reasons := reasons.push { kind := "context_changed", text := s!"{n} has another value" }
  if let some why := (sameQueued.run after).1 then
    reasons := reasons.push { kind := "context_changed", text := why }
  if done.refused.contains n then return (reasons ++ refusalReasons n read done allow, #[])
  let axioms := axiomsBelow done.env #[n] {} #[]
  return (reasons ++ axioms.filterMap (fun (a, user) => axiomReason? n a user allow), axioms.map (·.1))

/-- The names that a person gave, sorted. -/
def Reader.named (r : Reader) : Array Name :=
  (r.entries.toArray.filterMap fun (n, _) => if n.isInternalDetail then none else some n).qsort Name.quickLt

/-- The name behind the text a user writes; private ones too. -/
def findTarget (mine : Std.HashMap Name Entry) (text : String) : Name :=
  let hits := mine.toArray.filterMap fun (n, _) => if (privateToUserName n).toString == text then some n else none
  hits[0]?.getD text.toName

def judge (r : WorkerRef) (original : String) (constants : Json) (targets? : Option (Array String)) (allow : Array String) : IO Answer := do
  match ← elaborate r "<original>" original with
  | .error need => return .need need
  | .ok o =>
    match readConstants (writeConstants o.last.env), readConstants constants with
    | .error e, _ => return failed "internal" s!"the original cannot be read back: {e}"
    | _, .error e => return failed "bad_request" s!"the constants cannot be read: {e}"
    | .ok mine, .ok theirs =>
      let native := nativeAxioms.any (allow.contains ·)
      let done ← replay o.base theirs (← r.get).token native
      let targets := match targets? with
        | some texts => texts.map (findTarget mine.entries)
        | none => (mine.named.filter fun n => (mine.entries[n]?).any fun (e : Entry) => e.shape == "theorem" || isSorried e)
      let named := mine.named.filterMap fun n => if targets.contains n then none else some (n, n)
      let m : Matcher := { mine := mine.entries, theirs := theirs.entries }
      let context := (sameQueued.run { m with queue := named }).1
      let context := context.elim #[] fun why => #[({ kind := "context_changed", text := why } : Reason)]
      let results := targets.map fun n =>
        let (reasons, axioms) := judgeTarget m theirs done (allow.map String.toName) n
        let reasons := reasons ++ if reasons.any (·.kind == "context_changed") then #[] else context
        Json.mkObj [("name", (privateToUserName n).toString), ("reasons", .arr (reasons.map Reason.toWire)),
          ("axioms", toJson ((axioms.map Name.toString).qsort fun a b => a < b))]
      return .result <| Json.mkObj [("replayed", done.replayed), ("results", .arr results)]

end LeanEnv
