import Lake
open Lake DSL

/-! For Lean developers: `lake build` makes the worker a native program. Lakatos itself
needs no build; it runs the same sources through `lean --run` or WebAssembly. -/

package lakatos

lean_lib LeanEnv where
  srcDir := "lean_env"

@[default_target]
lean_exe worker where
  root := `Worker
  srcDir := "lean_env"
  supportInterpreter := true
