import LeanEnv.Protocol
import LeanEnv.State
import LeanEnv.Check
import LeanEnv.Elaborate
import LeanEnv.Run
import LeanEnv.Apply
import LeanEnv.Premises
import LeanEnv.Library
import LeanEnv.Broken
import LeanEnv.Trace
import LeanEnv.Audit
import LeanEnv.Export
open Lean

/-! The Lean worker: one request a line in, one reply a line out (`protocol.py` says which).

    lean --run Worker.lean          serves a native toolchain over its standard streams
The embedded launcher calls `init`, `addEnvironment` and `step` itself instead of `main`. -/

namespace LeanEnv

def init : IO WorkerRef := do IO.mkRef { token := (← IO.CancelToken.new) }

def cancelToken (r : WorkerRef) : IO IO.CancelToken := return (← r.get).token

def addEnvironment (r : WorkerRef) (key : String) (env : Environment) : IO Unit :=
  r.modify fun w => { w with envs := w.envs.insert key env }

def release (r : WorkerRef) (states files : Array Nat) : IO Answer := do
  r.modify fun w => { w with
    snapshots := states.foldl (·.erase ·) w.snapshots, files := files.foldl (·.erase ·) w.files }
  return .result (Json.mkObj [])

def stats (r : WorkerRef) : IO Answer := do
  let w ← r.get
  return .result <| Json.mkObj [("states", w.snapshots.size), ("files", w.files.size), ("environments", w.envs.size)]

def serve (r : WorkerRef) (request : Request) : IO Answer := do
  let w ← r.get
  match request with
  | .ping => return .result (Json.mkObj [])
  | .options values => setOptions r values
  | .open name source proposed? typed => openFile r name source proposed? typed
  | .state file statement command? =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    poseStatement r f statement command?
  | .apply state tactic heartbeats drafts together =>
    let some s := w.snapshots[state]? | return failed "unknown_state" s!"no state {state}"
    applyTactic r s { heartbeats, drafts, together } tactic
  | .release states files => release r states files
  | .stats => stats r
  | .block file hole text =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    let some s := f.holes[hole]? | return failed "unknown_file" s!"file {file} has no hole {hole}"
    return .result <| Json.mkObj [("reasons", .arr ((s.blockReasons text).map Reason.toWire).toArray)]
  | .premises file hole? start count =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    let some hole := hole? | return .result (importedPremises f.file.base start count)
    let some s := f.holes[hole]? | return failed "unknown_file" s!"file {file} has no hole {hole}"
    return .result (ownPremises s)
  | .signatures file hole? names =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    let env := (hole?.bind (f.holes[·]?)).elim f.file.base (·.core.env)
    return .result <| Json.mkObj [("texts", ← signatures env names)]
  | .symbols state =>
    let some s := w.snapshots[state]? | return failed "unknown_state" s!"no state {state}"
    symbolsOf r s
  | .export name source proposed? => exportFile r name source proposed?
  | .exportAt file command name text proposed? =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    exportAt r f.file command name text proposed?
  | .judgeAt file command text constants targets allow =>
    let some f := w.files[file]? | return failed "unknown_file" s!"no file {file}"
    judgeAt r f.file command text constants targets allow
  | .judge original constants imports targets? allow => judge r original constants imports targets? allow
  | .ndjson judged name page => exportTheorem r judged name page
  | .cut source proposed? => cutFile r source proposed?
  | .parseTexts before texts => parseTexts r before texts
  | .trace name source keep => traceFile r name source keep
  | .library imports => libraryModules r imports
  | .pose imports module start count heartbeats => poseTheorems r imports module start count heartbeats

/-- The reply to one line, or `{"need":...}`: provide that environment, then call again. -/
def step (r : WorkerRef) (line : String) : IO String := do
  match Json.parse line with
  | .error e => return (failed "bad_request" s!"not JSON: {e}").line 0 0 0
  | .ok j =>
    let id := (j.getObjValAs? Nat "id").toOption.getD 0
    let t0 ← IO.monoNanosNow
    let h0 ← IO.getNumHeartbeats
    let answer ← match Request.parse j with
      | .error e => pure <| if e.startsWith "unknown_op" then failed "unknown_op" e else failed "bad_request" e
      | .ok request => try serve r request catch e => pure (failed "internal" (toString e))
    return answer.line id (((← IO.monoNanosNow) - t0) / 1000) (((← IO.getNumHeartbeats) - h0) / 1000)

/-- What the embedded launcher calls its serving loop from. -/
def hold (serve : Unit → Nat) : Nat := serve ()

end LeanEnv

namespace Native
open LeanEnv

def idOf (line : String) : Nat :=
  ((Json.parse line).toOption.bind fun j => (j.getObjValAs? Nat "id").toOption).getD 0

/-- Import modules, and run what they have to run at their start: that is allowed to the next import only. -/
unsafe def environmentWith (imports : Array String) : IO Environment := do
  enableInitializersExecution
  importModules (imports.map fun m => { module := m.toName : Import }) {} 0 (loadExts := true)

/-- Serve requests until the input ends; a reader task sets the cancel token while one runs. -/
unsafe def loop (r : WorkerRef) (current : IO.Ref Nat) (lines : Std.CloseableChannel String) (out : IO.FS.Stream) : IO Unit := do
  let some line ← IO.wait (← lines.recv) | return
  let token ← IO.CancelToken.new
  r.modify fun w => { w with token }
  current.set (idOf line)
  let mut reply ← step r line
  while reply.startsWith "{\"need\":" do
    let need := ((Json.parse reply).toOption.bind fun j => (j.getObjVal? "need").toOption).getD .null
    let imports := (need.getObjValAs? (Array String) "imports").toOption.getD #[]
    try
      let need : Need := { imports }
      addEnvironment r need.key (← environmentWith imports)
      reply ← step r line
    catch e => reply := (failed "import_failed" ((toString e).takeWhile (· != '\n')).toString).line (idOf line) 0 0
  current.set 0
  out.putStrLn reply
  out.flush
  loop r current lines out

/-- Reads ahead, so that `cancel` is seen while a request runs. -/
partial def read (r : WorkerRef) (current : IO.Ref Nat) (input : IO.FS.Stream) (lines : Std.CloseableChannel String) : IO Unit := do
  let line ← input.getLine
  if line.isEmpty then let _ ← lines.close.toBaseIO; return
  let isCancel := match Json.parse line with
    | .ok j => (j.getObjValAs? String "op").toOption == some "cancel"
    | .error _ => false
  if isCancel then
    if (← current.get) == idOf line then (← cancelToken r).set
  else unless line.trimAscii.isEmpty do let _ ← lines.send line
  read r current input lines

end Native

unsafe def main : IO Unit := do
  initSearchPath (← findSysroot)
  let input ← IO.getStdin
  let out ← IO.getStdout
  -- what user code prints must not reach the protocol
  let _ ← IO.setStdout (← IO.getStderr)
  let r ← LeanEnv.init
  let ready := Json.mkObj [("v", LeanEnv.protocolVersion), ("ready", Json.mkObj [("lean", Lean.versionStringCore), ("toolchain", "native")])]
  out.putStrLn ready.compress
  out.flush
  let lines ← Std.CloseableChannel.new
  let current ← IO.mkRef 0
  let _ ← IO.asTask (prio := .dedicated) (Native.read r current input lines)
  Native.loop r current lines out
