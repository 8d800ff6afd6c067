import Lean
open Lean Meta

/-! Prints each expression below a hole once. -/

namespace LeanEnv

/-- A printed expression, and what its text depends on: the names and types of its free variables
    (sibling states use one id for different variables), and the open namespaces. -/
structure Printed where
  names  : Array (Name × UInt64)
  within : Name
  opened : Nat
  text   : Format

/-- At most so many expressions are kept printed below one hole. -/
def mostPrinted : Nat := 20000

/-- Does an option say how to print? -/
def setsPrinting (opts : Options) : Bool := Id.run do
  for (n, _) in opts do
    if n.getRoot == `pp then return true
  return false

/-- Print with the memory `kept`. Printing costs more than most tactics, and what fails at a state
    shows the same goal again and again. -/
def printOnce (kept : IO.Ref (Std.HashMap Expr Printed)) (fns : PPFns) (ctx : PPContext) (e : Expr) : IO FormatWithInfos := do
  if e.hasMVar || e.isFVar || setsPrinting ctx.opts then return ← fns.ppExprWithInfos ctx e
  let names := (collectFVars {} e).fvarIds.map fun f =>
    (ctx.lctx.find? f).elim (.anonymous, 0) fun d => (d.userName, d.type.hash)
  if let some p := (← kept.get)[e]? then
    if p.names == names && p.within == ctx.currNamespace && p.opened == ctx.openDecls.length then return ⟨p.text, {}⟩
  let ⟨text, _⟩ ← fns.ppExprWithInfos ctx e
  kept.modify fun m => (if m.size > mostPrinted then {} else m).insert e
    { names, within := ctx.currNamespace, opened := ctx.openDecls.length, text }
  return ⟨text, {}⟩

/-- `env` with such a memory of its own. -/
def rememberPrinted (env : Environment) : BaseIO Environment := do
  let kept ← IO.mkRef {}
  return ppExt.modifyState env fun fns => { fns with ppExprWithInfos := printOnce kept fns }

end LeanEnv
