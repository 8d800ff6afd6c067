import LeanEnv.Protocol
open Lean

/-! Packs the compiled form of the worker's own functions into one .olean that needs no other module,
so that the embedded engine starts without `import Lean`. Only the embedded launcher calls it. -/

namespace LeanEnv

/-- Functions that a body calls. `partial`: IR bodies are not an inductive type Lean can recurse on here. -/
partial def calledBy : IR.FnBody → NameSet → NameSet
  | .vdecl _ _ e b, s => calledBy b (match e with | .fap c _ | .pap c _ => s.insert c | _ => s)
  | .jdecl _ _ v b, s => calledBy b (calledBy v s)
  | .case _ _ _ alts, s => alts.foldl (fun s a => calledBy a.body s) s
  | b, s => if b.isTerminal then s else calledBy b.body s

/-- The IR of this program and the signatures of every library function it calls, sorted as Lean looks them up. -/
def ownIR (env : Environment) : Array IR.Decl := Id.run do
  let own := IR.getDecls env
  let mut called : NameSet := {}
  let mut have_ : NameSet := {}
  let mut out := #[]
  for d in own do
    have_ := have_.insert d.name
    out := out.push d
    if let .fdecl (body := b) .. := d then called := calledBy b called
  for c in called do
    for n in [c, c.str "_boxed"] do
      unless have_.contains n do
        if let some d := IR.findEnvDecl env n then
          have_ := have_.insert n
          out := out.push d
  return out.qsort fun a b => Name.quickLt a.name b.name

/-- Write the package; gives the number of declarations in it. -/
def pack (env : Environment) (path : String) (module : Name) : IO Nat := do
  let decls := ownIR env
  let names := decls.map (·.name)
  -- the interpreter finds library functions by the C names that `@[export]` gave them
  let exported := names.filterMap fun n => (getExportNameFor? env n).map fun x => (n, x)
  let data : ModuleData := {
    isModule := true, imports := #[], constNames := #[], constants := #[], extraConstNames := names
    entries := #[(`Lean.IR.declMapExt, unsafe (unsafeCast decls : Array EnvExtensionEntry)), (`Lean.exportAttr, unsafe (unsafeCast exported : Array EnvExtensionEntry))] }
  saveModuleData path module data
  return names.size

end LeanEnv
