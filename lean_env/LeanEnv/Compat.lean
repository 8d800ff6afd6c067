import Lean
open Lean Elab Command

/-! What has another form in other versions of Lean (4.27 to 4.36): the first form that this Lean takes,
the newest first. `docs/lean_versions.md` lists them, with what was read of each version. No check of a
proof is chosen here: a form that is skipped for a mistake of ours would be skipped in silence. -/

namespace LeanEnv

/-- Put a declaration through the kernel, without limits. Every form checks it; the second limit is
    there since 4.33. -/
def addUnlimited (env : Environment) (d : Declaration) (token : IO.CancelToken) : Except Kernel.Exception Environment := by
  first
  | exact env.addDeclCore 0 0 d (some token)
  | exact env.addDeclCore 0 d (some token)

def addLimited (env : Environment) (limit : USize) (d : Declaration) (token : IO.CancelToken) : Except Kernel.Exception Environment := by
  first
  | exact env.addDeclCore limit 0 d (some token)
  | exact env.addDeclCore limit d (some token)

/-- Run `x` without linters. Since 4.34 those with a state stand in a list of their own. -/
def withoutLinters (x : IO α) : IO α := by
  first
  | exact do
      let plain ← lintersRef.swap #[]
      let stateful ← statefulLintersRef.swap #[]
      try x finally
        lintersRef.set plain
        statefulLintersRef.set stateful
  | exact do
      let plain ← lintersRef.swap #[]
      try x finally lintersRef.set plain

end LeanEnv
