import LeanEnv.Admit
open Lean

/-! The judge's half of a verdict: reads constants that it does not trust, puts each through the kernel
on top of the imports of the ORIGINAL file, and compares: same statements, same definitions below
them, known axioms only. Modules that only the submission imports are imported where a proof needs them.

    {"v":1,"id":9,"op":"judge","original":"theorem t : 1 = 1 := by sorry","constants":[...],
     "imports":["Init"],"targets":["t"],"allow":["propext"]}
    {"v":1,"id":9,"result":{"replayed":1,"results":[{"name":"t","reasons":[],"axioms":[]}],"judged":7},...} -/

namespace LeanEnv

structure Replay where
  env      : Environment
  refused  : Std.HashMap Name Reason := {}
  replayed : Nat := 0

/-- Names that a proof by compiled code rests on; only when allowed are definitions compiled. -/
def nativeAxioms : List String := ["Lean.ofReduceBool", "Lean.trustCompiler"]

/-- Put every declaration through the kernel, in order; one that is refused is left out. -/
def replay (base : Environment) (mine read : Reader) (token : IO.CancelToken) (native : Bool) : IO Replay := do
  let mut out : Replay := { env := base }
  for (names, d) in read.decls do
    match ← (admit out.env token mine.entries.contains d).run with
    | .ok env =>
      out := { out with env, replayed := out.replayed + 1 }
      if native && d matches .defnDecl _ then
        let ctx : Core.Context := { fileName := "<replay>", fileMap := default }
        match ← ((compileDecl d).run ctx { env }).toBaseIO with
        | .ok (_, s) => out := { out with env := s.env }
        | .error _ => pure ()
    | .error text =>
      let first := names[0]?.getD .anonymous
      let why : Reason := { kind := "kernel", text := s!"the kernel refuses {first}: {text}" }
      out := { out with refused := names.foldl (·.insert · why) out.refused }
  return out

/-- What a submission has of its own: what the kernel took, and what is unsafe, which it never sees. -/
def standing (base : Environment) (read : Reader) (done : Replay) : Std.HashMap Name Entry :=
  read.entries.filter fun n _ => !done.refused.contains n && !base.contains n

structure Matcher where
  base    : Environment
  mine    : Std.HashMap Name Entry
  theirs  : Std.HashMap Name Entry
  refused : Std.HashMap Name Reason
  /-- pairs compared or being compared, and names still to compare -/
  seen    : Std.HashSet (Name × Name) := {}
  queue   : Array (Name × Name) := #[]
  /-- default values of the original that have a hole in their tactics -/
  openDefaults : NameSet := {}

abbrev MatchM := StateM Matcher

/-- Is this part of mine one that may differ: a `sorry`, or an auxiliary theorem? Theirs has the same
    type there, which the kernel has seen, and of a proposition all proofs are one. -/
def isOpen (m : Matcher) (e : Expr) : Bool :=
  match e.getAppFn with
  | .const n _ => n == ``sorryAx || (isAuxiliary n && (m.mine[n]?).any (·.shape == "theorem"))
  | _ => false

/-- May one name stand for the other? Only what Lean made for itself, and nothing of the imports. -/
def Matcher.mayDiffer (m : Matcher) (n n' : Name) : Bool :=
  n.isInternalDetail && n'.isInternalDetail && !m.base.contains n && !m.base.contains n'

/-- The arguments of a `sorry` in the place of what Lean could not read, without its label: that is where it
    stands in the text, and a longer proof above moves it. What rests on one is never accepted. -/
def unlabelled? (e : Expr) : Option (Array Expr) := do
  guard (e.isAppOf ``sorryAx)
  let args : Array Expr := e.getAppArgs
  let some (Expr.forallE _ (.const n _) _ _) := args[0]? | none
  guard (args.size > 2 && (n == ``Name || n == ``Unit))
  return args.extract 0 2 ++ args.extract 3 args.size

/-- Are the expressions the same, up to the names of auxiliary constants? Their own contents are
    queued. With `holes`, an open part of mine stands for anything. -/
partial def same (holes : Bool) (a b : Expr) : MatchM Bool := do
  if a == b then
    for c in a.getUsedConstants do
      modify fun m => { m with queue := m.queue.push (c, c) }
    return true
  if holes && isOpen (← get) a then return true
  if let (some args, some args') := (unlabelled? a, unlabelled? b) then
    return args.size == args'.size && (← (args.zip args').allM fun (x, y) => same holes x y)
  match a, b with
  | .const n ls, .const n' ls' =>
    if ls != ls' then return false
    if n != n' && !(← get).mayDiffer n n' then return false
    modify fun m => { m with queue := m.queue.push (n, n') }
    return true
  | .app f x, .app f' x' => return (← same holes f f') && (← same holes x x')
  | .lam _ t x _, .lam _ t' x' _ => return (← same holes t t') && (← same holes x x')
  | .forallE _ t x _, .forallE _ t' x' _ => return (← same holes t t') && (← same holes x x')
  | .letE _ t v x _, .letE _ t' v' x' _ => return (← same holes t t') && (← same holes v v') && (← same holes x x')
  | .proj n i x, .proj n' i' x' => return n == n' && i == i' && (← same holes x x')
  | _, _ => return false

/-- A constant of neither file: one of the imports, or the recursor of an inductive type, which is compared. -/
def sameElsewhere (n n' : Name) : MatchM (Option String) := do
  let m ← get
  if n != n' then return some s!"{n} is {n'} now"
  if m.base.contains n then return none
  match n with
  | .str p _ =>
    unless m.mine.contains p && m.theirs.contains p do return some s!"{n} is not known"
    modify fun m => { m with queue := m.queue.push (p, p) }
    return none
  | _ => return some s!"{n} is not known"

/-- The submission's constant with the universe parameters called as in the original. -/
def Entry.renamed (e : Entry) (levels : List Name) : Entry :=
  if e.levels == levels then e
  else
    let rename := fun (x : Expr) => x.instantiateLevelParams e.levels (levels.map .param)
    { e with levels, type := rename e.type, value? := e.value?.map rename }

def sameEntry (n n' : Name) : MatchM (Option String) := do
  let m ← get
  match m.mine[n]?, m.theirs[n']? with
  | none, none => sameElsewhere n n'
  | none, some _ => return some s!"{n'} is declared anew"
  | some _, none => return some ((m.refused[n']?).elim s!"{n} is missing" (·.text))
  | some e, some e' =>
    if e.shape != e'.shape then return some s!"{n} was {e.shape}, is {e'.shape}"
    -- under another name only what its type and value say all of; no constructor, axiom or opaque constant
    unless n == n' || e.shape == "definition" || e.shape == "theorem" do return some s!"{n} is {n'} now"
    modify fun m => { m with queue := m.queue ++ e.parts.map fun c => (c, c) }
    if e.levels.length != e'.levels.length then return some s!"{n} has other universe parameters"
    let e' := e'.renamed e.levels
    unless ← same false e.type e'.type do return some s!"{n} has another type"
    match e.value?, e'.value? with
    | some v, some v' => unless m.openDefaults.contains n || (← same true v v') do return some s!"{n} has another value"
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

/-- What a constant uses, a type's constructors too. -/
def usesOf (env : Environment) (n : Name) : Array Name :=
  match env.toKernelEnv.find? n with  -- knows the recursors of nested types too
  | none => #[]
  | some ci => constantsOf ci ++ (match ci with | .inductInfo v => v.ctors.toArray | _ => #[])

def isImported (env : Environment) (n : Name) : Bool := (env.getModuleIdxFor? n).isSome

/-- Axioms that `todo` rests on, each with a constant that uses it: a walk through constants that are imported,
    or through those that are not, and to the first ones beyond. Our own walk over the replayed environment;
    library theorems and definitions that come without a body are trusted. passed: known to rest on none.
    `partial`: a graph walk, every name once. -/
partial def axiomsBelow (env : Environment) (imported : Bool) (passed : NameSet) (todo : Array Name)
    (seen : NameSet := {}) (found : Array (Name × Name) := #[]) : NameSet × Array (Name × Name) :=
  match todo.back? with
  | none => (seen, found)
  | some n =>
    let todo := todo.pop
    if seen.contains n || passed.contains n then axiomsBelow env imported passed todo seen found
    else if isImported env n != imported then axiomsBelow env imported passed todo (seen.insert n) found
    else
      let uses := usesOf env n
      let found := uses.foldl (init := found) fun acc c =>
        match env.find? c with
        | some (.axiomInfo _) =>
          let real := if isImported env c then getOriginalConstKind? env c matches some .axiom else !imported
          if real && !acc.any (·.1 == c) then acc.push (c, n) else acc
        | _ => acc
      axiomsBelow env imported passed (todo ++ uses.filter (!seen.contains ·)) (seen.insert n) found

/-- The axioms below an imported constant, and what is known of the imports then. -/
def KnownAxioms.below (k : KnownAxioms) (env : Environment) (n : Name) : Array (Name × Name) × KnownAxioms :=
  if k.clean.contains n then (#[], k)
  else match k.others.find? n with
  | some found => (found, k)
  | none =>
    let (seen, found) := axiomsBelow env true k.clean #[n]
    if found.isEmpty then (found, { k with clean := seen.foldl (·.insert ·) k.clean })
    else (found, { k with others := k.others.insert n found })

/-- The axioms below a constant of either file: the walk goes through the files' own, then asks what is known. -/
def axiomsOf (env : Environment) (n : Name) (known : KnownAxioms) : Array (Name × Name) × KnownAxioms :=
  let (seen, found) := axiomsBelow env false {} #[n]
  seen.foldl (init := (found, known)) fun (found, known) c =>
    if !isImported env c then (found, known)
    else
      let (more, known) := known.below env c
      (more.foldl (fun acc a => if acc.any (·.1 == a.1) then acc else acc.push a) found, known)

/-- Which axioms a proof may rest on: those allowed that the imports or the original declare. -/
structure Axioms where
  base  : Environment
  mine  : Std.HashMap Name Entry
  allow : Array Name

/-- Does the original declare it, above the place that is judged? -/
def Axioms.isOriginals (x : Axioms) (a : Name) : Bool := x.base.contains a && (x.base.getModuleIdxFor? a).isNone

/-- What stands against resting on an axiom; an allowed one of the original is compared with the rest of it. -/
def Axioms.reason? (x : Axioms) (target a user : Name) : Option Reason :=
  let own := x.mine[a]?.any (·.shape == "axiom")
  if a == ``sorryAx then
    let user := privateToUserName user
    some { kind := "sorry", text := if user == target then "the proof contains a sorry" else s!"it rests on {user}, which contains a sorry" }
  else if x.allow.contains a && (own || x.base.contains a) then none
  else
    let place := if own || x.isOriginals a then "of the original" else match x.base.getModuleIdxFor? a with
      | some i => s!"of {x.base.header.moduleNames[i]!}"
      | none => "of the submission's own"
    let native := if a.components.contains `_native then " (proofs by compiled code are judged up to Lean 4.28)" else ""
    some { kind := "axiom", text := s!"it rests on the axiom {a} {place}, which is not allowed{native}" }

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

/-- Does a constant, refused with those `among`, use something else that is refused, or unsafe? -/
def restsOnRefused (read : Reader) (done : Replay) (among : Array Name) (n : Name) : Bool :=
  read.entries[n]?.any fun e => (e.type.getUsedConstants ++ e.uses).any fun u =>
    !among.contains u && (done.refused.contains u || read.unsafe.contains u)

/-- Why the kernel refused a target: not that something it uses is missing, but what came first. -/
def refusalReasons (target : Name) (read : Reader) (done : Replay) (axioms : Axioms) : Array Reason := Id.run do
  let below := namesBelow read.entries #[target] (({} : Std.HashMap Name Name).insert target target)
  let mut reasons : Array Reason := #[]
  for u in read.unsafe.toList do
    if below.contains u then
      reasons := reasons.push { kind := "unsafe", text := s!"{target} rests on {u}, which is unsafe or partial" }
  for (n, e) in read.entries.toArray.qsort (fun a b => Name.quickLt a.1 b.1) do
    if e.shape == "axiom" && below.contains n then
      if let some r := axioms.reason? target n (below[n]?.getD target) then reasons := reasons.push r
  for a in [``sorryAx, `Lean.ofReduceBool, `Lean.trustCompiler] do
    if let some user := below[a]? then
      if let some r := axioms.reason? target a user then reasons := reasons.push r
  for (names, _) in read.decls do
    if let some r := done.refused[names[0]?.getD .anonymous]? then
      if names.any below.contains && !names.any (restsOnRefused read done names) then reasons := reasons.push r
  if reasons.isEmpty then reasons := reasons ++ (done.refused[target]?).toArray
  return reasons

/-- Does a constant that holds syntax hold that of a `sorry`? -/
def _root_.Lean.Expr.hasSorryText (e : Expr) : Bool :=
  let words := "sorryAx" :: sorryKinds.map fun k => k.getString!
  (e.find? fun | .lit (.strVal s) => words.contains s | _ => false).isSome

def isSorried (e : Entry) : Bool := e.type.hasSorry || e.value?.elim false Expr.hasSorry

/-- What stands against one target theorem, and the axioms it rests on. below: all that it rests on. -/
def judgeTarget (m : Matcher) (read : Reader) (done : Replay) (axioms : Axioms) (n : Name)
    (below : Array (Name × Name)) : Array Reason × Array Name := Id.run do
  let some mine := m.mine[n]? | return (#[{ kind := "missing", text := s!"{n} is not in the original" }], #[])
  let some theirs := read.entries[n]? | return (#[{ kind := "missing", text := s!"{n} is not in the submission" }], #[])
  if read.unsafe.contains n then return (#[{ kind := "unsafe", text := s!"{n} is unsafe or partial" }], #[])
  let mut reasons : Array Reason := #[]
  if mine.shape != theirs.shape then
    reasons := reasons.push { kind := "kind_changed", text := s!"{n} was a {mine.shape}, is a {theirs.shape}" }
  let alike := mine.levels.length == theirs.levels.length
  let theirs := if alike then theirs.renamed mine.levels else theirs
  let (same, after) := (do return alike && (← same false mine.type theirs.type) : MatchM Bool).run m
  unless same do
    reasons := reasons.push { kind := "statement_changed", text := s!"the statement of {n} is another one" }
  if let (some v, some v') := (mine.value?, theirs.value?) then
    if m.openDefaults.contains n then
      if v == v' || v'.hasSorryText then reasons := reasons.push { kind := "sorry", text := "the default value contains a sorry" }
    else unless ((LeanEnv.same true v v').run m).1 do
      reasons := reasons.push { kind := "context_changed", text := s!"{n} has another value" }
  if let some why := (sameQueued.run after).1 then
    reasons := reasons.push { kind := "context_changed", text := why }
  if done.refused.contains n then return (reasons ++ refusalReasons n read done axioms, #[])
  return (reasons ++ below.filterMap (fun (a, user) => axioms.reason? n a user), below.map (·.1))

/-- The names that a person gave, sorted. -/
def Reader.named (r : Reader) : Array Name :=
  (r.entries.toArray.filterMap fun (n, _) => if isAuxiliary n then none else some n).qsort Name.quickLt

/-- The axioms, whatever they are called. -/
def Reader.axioms (r : Reader) : Array Name :=
  r.entries.toArray.filterMap fun (n, e) => if e.shape == "axiom" then some n else none

/-- The names behind the texts that a user writes; private ones too. -/
def findTargets (mine : Std.HashMap Name Entry) (texts : Array String) : Array Name :=
  let named := mine.fold (init := ({} : Std.HashMap String Name)) fun found n _ => found.insert (privateToUserName n).toString n
  texts.map fun text => named.getD text text.toName

/-- Does what the targets rest on name something that neither file declares, nor the imports of the original? -/
def needsMore (base : Environment) (read : Reader) (targets : Array Name) : Bool :=
  let below := namesBelow read.entries targets (targets.foldl (fun s n => s.insert n n) {})
  below.any fun n _ => !base.contains n && !read.entries.contains n && !read.entries.contains n.getPrefix

/-- What is compared. base: what both sides build on; env: where the original stands after it. -/
structure Sides where
  /-- of the imports of both -/
  key    : String
  base   : Environment
  env    : Environment
  mine   : Reader
  theirs : Reader

/-- Replay what is theirs, and hold each target against the original's. -/
def judgeSides (r : WorkerRef) (s : Sides) (targets : Array Name) (allow : Array String) : IO Answer := do
  let { key, base, env, mine, theirs } := s
  let native := nativeAxioms.any (allow.contains ·)
  let done ← replay base mine theirs (← r.get).token native
  let isTarget : NameSet := targets.foldl (·.insert ·) {}
  let named := (mine.named ++ mine.axioms).filterMap fun n => if isTarget.contains n then none else some (n, n)
  let openDefaults := mine.entries.fold (init := {}) fun (s : NameSet) n e => if isOpenDefault env n e.type then s.insert n else s
  let m : Matcher := { base, openDefaults, mine := mine.entries, theirs := standing base theirs done, refused := done.refused }
  let axioms : Axioms := { base, mine := mine.entries, allow := allow.map String.toName }
  let context := (sameQueued.run { m with queue := named }).1
  let context := context.elim #[] fun why => #[({ kind := "context_changed", text := why } : Reason)]
  let mut known := ((← r.get).axioms[key]?).getD {}
  let mut results : Array Json := #[]
  for n in targets do
    let (below, known') := axiomsOf done.env n known
    known := known'
    let (reasons, axioms) := judgeTarget m theirs done axioms n below
    let reasons := reasons ++ if reasons.any (·.kind == "context_changed") then #[] else context
    results := results.push <| Json.mkObj [("name", (privateToUserName n).toString), ("reasons", .arr (reasons.map Reason.toWire)),
      ("axioms", toJson ((axioms.map Name.toString).qsort fun a b => a < b))]
  let judged ← fresh r
  r.modify fun w => { w with judged? := some { id := judged, env := done.env, targets }, axioms := w.axioms.insert key known }
  return .result <| Json.mkObj [("replayed", done.replayed), ("results", .arr results), ("judged", judged)]

/-- Read both sides: our own constants, which must be readable, and theirs, which are not trusted. -/
def withSides (need : Need) (base env : Environment) (constants : Json) (go : Sides → IO Answer) : IO Answer :=
  match readConstants (writeConstants base env), readConstants constants with
  | .error e, _ => return failed "internal" s!"the original cannot be read back: {e}"
  | _, .error e => return failed "bad_request" s!"the constants cannot be read: {e}"
  | .ok mine, .ok theirs => go { key := need.key, base, env, mine, theirs }

def judge (r : WorkerRef) (original : String) (constants : Json) (imports : Array String) (targets? : Option (Array String))
    (allow : Array String) : IO Answer := do
  match ← elaborate r "<original>" original (trees := .none) with
  | .error need => return .need need
  | .ok o => withSides { imports := o.imports } o.base o.last.env constants fun s => do
    let targets := match targets? with
      | some texts => findTargets s.mine.entries texts
      | none => (s.mine.named.filter fun n => (s.mine.entries[n]?).any fun (e : Entry) => e.shape == "theorem" || isSorried e)
    let need : Need := { imports := o.imports ++ imports.filter (!o.imports.contains ·) }
    if need.imports.size > o.imports.size && needsMore o.base s.theirs targets then
      let some more := (← r.get).envs[need.key]? | return .need need
      return ← judgeSides r { s with key := need.key, base := more } targets allow
    judgeSides r s targets allow

/-- Judge what stands in the place of a command, or of that one and all after it: on the environment before
    it, which this process elaborated from the original. text: the original there. -/
def judgeAt (r : WorkerRef) (f : Elaboration) (command : Nat) (text : String) (constants : Json) (targets allow : Array String) :
    IO Answer := do
  let base := (f.before command).env
  let (_, env, _) ← elaborateText r (f.before command) "<original>" text none
  withSides { imports := f.imports } base env constants fun s => judgeSides r s (findTargets s.mine.entries targets) allow

end LeanEnv
