import LeanEnv.Compat
import LeanEnv.Constants
open Lean Meta

/-! Which declarations of a submission are handed to the kernel: those of a form that Lean's own
elaborator writes. The kernel of 4.28 has faults that only other forms reach; `docs/soundness.md`
lists them, and what each check here is for.

    inductive T : Sort (f x)        -- refused unless unfolding definitions makes it a literal sort
    T.mk : g.rec T → T              -- refused: T stands below a recursor -/

namespace LeanEnv

/-- Names that the kernel itself gives a meaning. -/
def kernelNames : NameSet := [
  `Nat, `Nat.zero, `Nat.succ, `Nat.add, `Nat.sub, `Nat.mul, `Nat.div, `Nat.mod, `Nat.gcd, `Nat.beq, `Nat.ble, `Nat.land,
  `Nat.lor, `Nat.xor, `Nat.shiftLeft, `Nat.shiftRight, `Nat.pow, `Nat.log2, `Nat.pred, `Bool, `Bool.true, `Bool.false,
  `Char, `Char.ofNat, `List, `List.nil, `List.cons, `String, `String.mk, `String.ofList, `ByteArray, `ByteArray.mk,
  `Array, `Array.mk, `UInt8, `UInt8.ofNat, `Eq, `Eq.refl, `HEq, `Quot, `Quot.mk, `Quot.lift, `Quot.ind, `Quot.sound,
  `propext, `Classical.choice, `sorryAx, `outParam, `optParam, `autoParam, `namedPattern, `eagerReduce, `Lean.reduceBool,
  `Lean.reduceNat, `Lean.ofReduceBool, `Lean.ofReduceNat, `Lean.trustCompiler].foldl (·.insert ·) {}

/-! ### Words -/

/-- What the kernel would not know in an expression: a constant, its universe levels, a projection. -/
def unknownIn? (env : Environment) (own : List Name) (e : Expr) : Option String := Id.run do
  if e.hasLooseBVars then return some "it has a bound variable that nothing binds"
  let isBad : Expr → Bool
    | .const n ls => match env.toKernelEnv.find? n with  -- knows the recursors of nested types too
      | some c => c.levelParams.length != ls.length
      | none => !own.contains n
    | .proj s i _ => match env.find? s with
      | some (.inductInfo v) => match v.ctors.head?.bind env.find? with
        | some (.ctorInfo c) => v.ctors.length != 1 || i ≥ c.numFields
        | _ => true
      | _ => true
    | _ => false
  return (e.find? isBad).map fun
    | .const n _ => if env.contains n then s!"{n} has another number of universe levels" else s!"unknown constant {n}"
    | .proj s i _ => s!"{s} has no field {i}"
    | _ => ""

/-! ### Inductive types -/

/-- The universe of an inductive type: never 0, or 0 itself, or 0 where its variables are. -/
partial def isPlainLevel : Level → Bool
  | .imax .. | .mvar _ => false
  | .max a b => isPlainLevel a && isPlainLevel b
  | .succ _ | .zero | .param _ => true

/-- Unfold definitions at the head, and apply functions to their arguments; nothing else, no
    recursor and no projection. So what comes out is the same for every value of a variable.
    `partial`: of a typed expression, and definitions use only earlier ones. -/
partial def unfoldHead (env : Environment) (e : Expr) : Expr :=
  match e with
  | .letE _ _ v b _ => unfoldHead env (b.instantiate1 v)
  | .app .. | .const .. =>
    match e.getAppFn with
    | .lam .. => unfoldHead env e.headBeta
    | .const n ls => match env.find? n with
      | some (.defnInfo d) => unfoldHead env ((d.value.instantiateLevelParams d.levelParams ls).beta e.getAppArgs)
      | _ => e
    | _ => e
  | _ => e

/-- An inductive declaration under check. params: a variable for each of its parameters. -/
structure Family where
  env    : Environment
  levels : List Level
  types  : List InductiveType
  params : Array Expr

abbrev FamilyM := StateT (Std.HashSet Expr) (Except String)

def Family.isOwn (f : Family) (n : Name) : Bool := f.types.any (·.name == n)
def Family.mentions (f : Family) (e : Expr) : Bool :=
  (e.find? fun | .const n _ => f.isOwn n | _ => false).isSome

/-- Are all occurrences of the types applied to the parameters, as the declaration has them? -/
partial def Family.isUniform (f : Family) (e : Expr) : Bool :=
  if !f.mentions e then true
  else match e with
  | .app .. | .const .. =>
    let args := e.getAppArgs
    match e.getAppFn with
    | .const n ls =>
      let own := !f.isOwn n || (ls == f.levels && args.size ≥ f.params.size && args.extract 0 f.params.size == f.params)
      own && args.all f.isUniform
    | g => f.isUniform g && args.all f.isUniform
  | .lam _ t b _ | .forallE _ t b _ => f.isUniform t && f.isUniform b
  | .letE _ t v b _ => f.isUniform t && f.isUniform v && f.isUniform b
  | .mdata _ b | .proj _ _ b => f.isUniform b
  | _ => true

def fieldVariable (depth : Nat) : Expr := .fvar ⟨.num `field depth⟩

mutual

/-- Does the type of a field have the declared types only as `∀ xs, T ..` or `∀ xs, J .. (..) ..`, J an
    earlier inductive type whose own fields are of that form? So no reduction decides what is recursive. -/
partial def Family.checkField (f : Family) (depth : Nat) (e : Expr) : FamilyM Unit := do
  if !f.mentions e then return
  match unfoldHead f.env e with
  | .forallE _ t b _ =>
    if f.mentions t then throw "a declared type stands to the left of an arrow"
    f.checkField (depth + 1) (b.instantiate1 (fieldVariable depth))
  | e =>
    if !f.mentions e then return
    let .const n ls := e.getAppFn | throw "a declared type stands where it cannot be seen without reduction"
    let args := e.getAppArgs
    if f.isOwn n then
      if (args.extract f.params.size args.size).any f.mentions then throw "a declared type stands in an index"
    else
      let some (.inductInfo v) := f.env.find? n | throw s!"a declared type stands below {n}, which is no inductive type"
      if (args.extract v.numParams args.size).any f.mentions then throw "a declared type stands in an index"
      let given := args.extract 0 v.numParams
      given.forM fun a => f.checkArgument depth a
      f.checkNested depth v ls given

/-- A parameter of an earlier inductive type, a function perhaps. -/
partial def Family.checkArgument (f : Family) (depth : Nat) (e : Expr) : FamilyM Unit := do
  match e with
  | .lam _ t b _ =>
    if f.mentions t then throw "a declared type stands to the left of an arrow"
    f.checkArgument (depth + 1) (b.instantiate1 (fieldVariable depth))
  | _ => f.checkField depth e

/-- The fields of an earlier inductive type, and of those declared with it, with these parameters. -/
partial def Family.checkNested (f : Family) (depth : Nat) (v : InductiveVal) (ls : List Level) (params : Array Expr) : FamilyM Unit := do
  let key := mkAppN (.const v.name ls) params
  if (← get).contains key then return
  modify (·.insert key)
  for t in v.all do
    let some (.inductInfo v) := f.env.find? t | throw s!"{t} is not known"
    modify (·.insert (mkAppN (.const t ls) params))
    for c in v.ctors do
      let some (.ctorInfo c) := f.env.find? c | throw s!"{c} is not known"
      let mut type := c.type.instantiateLevelParams c.levelParams ls
      for p in params do
        let .forallE _ _ b _ := type | throw s!"{c.name} is malformed"
        type := b.instantiate1 p
      let mut place := depth
      while type.isForall do
        f.checkField place type.bindingDomain!
        type := type.bindingBody!.instantiate1 (fieldVariable place)
        place := place + 1

end

/-- The literal sort that the type of an inductive type ends in. -/
partial def literalSort (env : Environment) (depth : Nat) (e : Expr) : Except String Level :=
  match unfoldHead env e with
  | .forallE _ _ b _ => literalSort env (depth + 1) (b.instantiate1 (fieldVariable depth))
  | .sort l => .ok l
  | _ => .error "its type does not end in a sort that can be read without reduction"

def Family.checkConstructor (f : Family) (t : InductiveType) (c : Constructor) : FamilyM Unit := do
  let mut type := c.type
  for p in f.params do
    let .forallE _ _ b _ := type | throw s!"{c.name} lacks a parameter"
    type := b.instantiate1 p
  unless f.isUniform type do throw s!"{c.name} uses the type with other parameters or universes"
  let mut place := 0
  while type.isForall do
    f.checkField place type.bindingDomain!
    type := type.bindingBody!.instantiate1 (fieldVariable place)
    place := place + 1
  unless type.getAppFn.constName? == some t.name do throw s!"{c.name} makes something else than {t.name}"

/-- What stands against the form of an inductive declaration. Its types are typed, in `env`. -/
def formOfInductive (env : Environment) (levels : List Name) (numParams : Nat) (types : List InductiveType) : Except String Unit := do
  let params := (Array.range numParams).map fun i => Expr.fvar ⟨.num `parameter i⟩
  let f : Family := { env, levels := levels.map .param, types, params }
  let sorts ← types.mapM fun t => literalSort env 0 t.type
  for l in sorts do
    unless l.isNeverZero || isPlainLevel l do throw s!"it is not plain whether its universe {l} is Prop"
    unless some l == sorts.head? do throw "its types are of different universes"
  for t in types do
    for c in t.ctors do
      let _ ← (f.checkConstructor t c).run {}

/-! ### Around the kernel -/

def kernelText (e : Kernel.Exception) : BaseIO String := (e.toMessageData {}).toString

/-- Add declarations to look whether the kernel takes them. -/
def tryAll (env : Environment) (token : IO.CancelToken) (decls : Array Declaration) : ExceptT String BaseIO Environment := do
  let mut env := env
  for d in decls do
    match addUnlimited env d token with
    | .ok next => env := next
    | .error e => throw (← kernelText e)
  return env

def assumed (name : Name) (levelParams : List Name) (type : Expr) : Declaration :=
  .axiomDecl { name, levelParams, type, isUnsafe := false }

/-- The type that a rule of a recursor must have: that of the recursor at this constructor. -/
def ruleType (r : RecursorVal) (rule : RecursorRule) : MetaM Expr := do
  forallBoundedTelescope r.type (some (r.numParams + r.numMotives + r.numMinors)) fun outer rest =>
    forallBoundedTelescope rest (some (r.numIndices + 1)) fun inner result => do
      let major ← inner.back!.fvarId!.getType
      let c ← getConstInfoCtor rule.ctor
      let given := major.getAppArgs.extract 0 c.numParams
      let levels := major.getAppFn.constLevels!
      let type ← instantiateForall (c.type.instantiateLevelParams c.levelParams levels) given
      forallBoundedTelescope type (some rule.nfields) fun fields target => do
        let indices := target.getAppArgs.extract c.numParams target.getAppNumArgs
        let made := mkAppN (.const c.name levels) (given ++ fields)
        mkForallFVars (outer ++ fields) (result.replaceFVars inner (indices.push made))

/-- The recursor of the i-th nested occurrence, from 1 on. -/
def nestedName (t : InductiveType) (i : Nat) : Name := .str t.name s!"rec_{i}"

/-- What the kernel made of an inductive declaration, as declarations for it to check once more. -/
def madeOf (types : List InductiveType) : MetaM (Array Declaration) := do
  let env ← getEnv
  let place := fun (n : Name) (i : Nat) => Name.num (n ++ `again) i
  let mut out : Array Declaration := #[]
  for c in types.flatMap (·.ctors) do
    let c ← getConstInfoCtor c.name
    out := out.push (assumed (place c.name 0) c.levelParams c.type)
  let mut recursors := types.map fun t => mkRecName t.name
  if let some t := types.head? then
    let mut i := 1
    while (env.toKernelEnv.find? (nestedName t i)).isSome do
      recursors := nestedName t i :: recursors
      i := i + 1
  for n in recursors do
    let some (.recInfo r) := env.toKernelEnv.find? n | throwError "{n} is no recursor"
    out := out.push (assumed (place n 0) r.levelParams r.type)
    for (rule, i) in r.rules.zipIdx do
      out := out.push <| .defnDecl { name := place n (i + 1), levelParams := r.levelParams, type := ← ruleType r rule
                                     value := rule.rhs, hints := .opaque, safety := .safe }
  return out

/-- Put an inductive declaration through the kernel: typed before, its form looked at, what the
    kernel made of it typed after. -/
def admitInductive (env : Environment) (token : IO.CancelToken) (levels : List Name) (numParams : Nat) (types : List InductiveType) :
    ExceptT String BaseIO Environment := do
  let heads := types.map fun t => assumed t.name levels t.type
  let ctors := types.flatMap fun t => t.ctors.map fun c => assumed c.name levels c.type
  let _ ← tryAll env token (heads ++ ctors).toArray
  match formOfInductive env levels numParams types with
  | .error why => throw why
  | .ok () => pure ()
  let after ← tryAll env token #[.inductDecl levels numParams types false]
  let ctx : Core.Context := { fileName := "<replay>", fileMap := default, maxHeartbeats := 0 }
  match ← (((madeOf types).run').run ctx { env := after }).toBaseIO with
  | .error e => throw (← e.toMessageData.toString)
  | .ok (decls, _) => let _ ← tryAll after token decls
  return after

/-- The types and values of a declaration, and the names that it enters. -/
def partsOf : Declaration → Option (List Expr × List Name)
  | .axiomDecl v => some ([v.type], [v.name])
  | .defnDecl v => some ([v.type, v.value], [v.name])
  | .thmDecl v => some ([v.type, v.value], [v.name])
  | .opaqueDecl v => some ([v.type, v.value], [v.name])
  | .inductDecl _ _ types _ =>
    some (types.flatMap fun t => t.type :: t.ctors.map (·.type), types.flatMap fun t => t.name :: t.ctors.map (·.name))
  | _ => none

/-- Hand one declaration to the kernel; the text says why not, or why the kernel refuses it.
    own: names that the original declares too. -/
def admit (env : Environment) (token : IO.CancelToken) (own : Name → Bool) (d : Declaration) : ExceptT String BaseIO Environment := do
  let some (exprs, names) := partsOf d | throw "a declaration of another kind"
  for n in names do
    if env.contains n then throw s!"{n} has already been declared"
    if kernelNames.contains n && !own n then throw s!"the kernel gives {n} a meaning of its own"
  let inductives := match d with
    | .inductDecl .. => names
    | _ => []
  for e in exprs do
    if let some why := unknownIn? env inductives e then throw why
  match d with
  | .inductDecl levels numParams types _ => admitInductive env token levels numParams types
  | d => tryAll env token #[d]

end LeanEnv
