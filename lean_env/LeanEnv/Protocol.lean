import Lean
open Lean

/-! The wire types of the Lean side, in the order of `protocol.py`, which documents each of them.

    {"v":1,"id":7,"op":"apply","state":3,"tactic":"simp","heartbeats":40000}
    {"v":1,"id":7,"result":{"states":[]},"us":812,"heartbeats":13}
-/

namespace LeanEnv

def protocolVersion : Nat := 1

/-- Bytes of a source, from `start` to before `stop`. -/
structure Span where
  start : Nat
  stop  : Nat
  deriving BEq, Hashable, FromJson

inductive Request where
  | ping
  | options (values : Array (String × Json))
  | «open» (name source : String) (proposed? : Option Span) (typed : Bool)
  | state (file : Nat) (statement : String) (command? : Option Nat)
  | apply (state : Nat) (tactic : String) (heartbeats : Nat) (drafts together : Bool)
  | release (states files : Array Nat)
  | stats
  | block (file hole : Nat) (text : String)
  | «export» (name source : String) (proposed? : Option Span)
  | exportAt (file command : Nat) (name text : String) (proposed? : Option Span)
  | premises (file : Nat) (hole? : Option Nat) (start count : Nat)
  | signatures (file : Nat) (hole? : Option Nat) (names : Array String)
  | symbols (state : Nat)
  | judge (original : String) (constants : Json) (imports : Array String) (targets? : Option (Array String)) (allow : Array String)
  | judgeAt (file command : Nat) (text : String) (constants : Json) (targets allow : Array String)
  | ndjson (judged : Nat) (name : String) (page : Nat)
  | cut (source : String) (proposed? : Option Span)
  | parseTexts (before : String) (texts : Array String)
  | trace (name source : String) (keep : Bool)
  | library (imports : Array String)
  | pose (imports : Array String) (module : String) (start count heartbeats : Nat)

/-- Heartbeats for one tactic when the request names none, in thousands. -/
def defaultHeartbeats : Nat := 40000

def Request.parse (j : Json) : Except String Request := do
  let field (α) [FromJson α] (k : String) : Except String α := j.getObjValAs? α k
  let optional (α) [FromJson α] (k : String) (d : α) : Except String α :=
    match j.getObjVal? k with
    | .ok .null => pure d
    | .ok v => fromJson? v
    | .error _ => pure d
  let maybe (α) [FromJson α] (k : String) : Except String (Option α) :=
    match j.getObjVal? k with
    | .ok .null => pure none
    | .ok v => some <$> fromJson? v
    | .error _ => pure none
  match ← field String "op" with
  | "apply" =>
    return .apply (← field Nat "state") (← field String "tactic")
      (← optional Nat "heartbeats" defaultHeartbeats) (← optional Bool "drafts" false) (← optional Bool "together" false)
  | "ping" => return .ping
  | "options" => return .options (← field (Array (String × Json)) "values")
  | "open" =>
    return .open (← optional String "name" "<file>") (← field String "source") (← maybe Span "proposed")
      (← optional Bool "typed" true)
  | "state" => return .state (← field Nat "file") (← field String "statement") (← maybe Nat "command")
  | "release" =>
    return .release (← optional (Array Nat) "states" #[]) (← optional (Array Nat) "files" #[])
  | "stats" => return .stats
  | "block" => return .block (← field Nat "file") (← field Nat "hole") (← field String "text")
  | "export" => return .export (← optional String "name" "<file>") (← field String "source") (← maybe Span "proposed")
  | "export_at" =>
    return .exportAt (← field Nat "file") (← field Nat "command") (← optional String "name" "<file>") (← field String "text")
      (← maybe Span "proposed")
  | "premises" =>
    return .premises (← field Nat "file") (← maybe Nat "hole") (← optional Nat "start" 0) (← optional Nat "count" 0)
  | "signatures" =>
    return .signatures (← field Nat "file") (← maybe Nat "hole") (← field (Array String) "names")
  | "symbols" => return .symbols (← field Nat "state")
  | "judge" =>
    return .judge (← field String "original") (← field Json "constants") (← optional (Array String) "imports" #[])
      (← maybe (Array String) "targets") (← optional (Array String) "allow" #[])
  | "judge_at" =>
    return .judgeAt (← field Nat "file") (← field Nat "command") (← field String "text") (← field Json "constants")
      (← field (Array String) "targets") (← optional (Array String) "allow" #[])
  | "ndjson" => return .ndjson (← field Nat "judged") (← field String "theorem") (← field Nat "page")
  | "cut" => return .cut (← field String "source") (← maybe Span "proposed")
  | "parse" => return .parseTexts (← field String "before") (← field (Array String) "texts")
  | "trace" => return .trace (← optional String "name" "<file>") (← field String "source") (← optional Bool "keep" false)
  | "library" => return .library (← field (Array String) "imports")
  | "pose" =>
    return .pose (← field (Array String) "imports") (← field String "module") (← field Nat "start") (← field Nat "count")
      (← field Nat "heartbeats")
  | op => throw s!"unknown_op {op}"

/-- Why a tactic was not taken; `kind` is one of `data.records.Rejection`. -/
structure Rejection where
  kind : String
  text : String

/-- One reason against a proof; `kind` is one of `data.records.RefusalKind`. -/
structure Reason where
  kind : String
  text : String

def Reason.toWire (r : Reason) : Json := Json.mkObj [("kind", r.kind), ("text", r.text)]

/-- What a request gives when it cannot be served; the worker is well. -/
structure Failure where
  kind : String
  text : String

/-- What the host must do before the request can be served, instead of a reply. -/
structure Need where
  imports : Array String

/-- Names of modules, each once: since 4.30 a header without `prelude` imports `Init` twice. -/
def importNames (imports : Array Import) : Array String :=
  imports.foldl (init := #[]) fun names i =>
    let name := i.module.toString
    if names.contains name then names else names.push name

def Need.key (n : Need) : String := " ".intercalate n.imports.toList

inductive Answer where
  | result (value : Json)
  | failure (f : Failure)
  | need (n : Need)

def failed (kind text : String) : Answer := .failure { kind, text }

/-- The reply line; `us` in microseconds, `heartbeats` in thousands. -/
def Answer.line (a : Answer) (id us heartbeats : Nat) : String :=
  let reply := fun fields => Json.mkObj ([("v", toJson protocolVersion), ("id", toJson id)] ++ fields)
  match a with
  | .result value => (reply [("result", value), ("us", us), ("heartbeats", heartbeats)]).compress
  | .failure f => (reply [("error", Json.mkObj [("kind", f.kind), ("text", f.text)])]).compress
  | .need n => (Json.mkObj [("need", Json.mkObj [("key", n.key), ("imports", toJson n.imports)])]).compress

/-- At most so many bytes of one message: a trace may be endless. -/
def mostSaid : Nat := 200000

def messageToWire (map : FileMap) (m : Message) : BaseIO Json := do
  let severity := match m.severity with
    | .error => "error" | .warning => "warning" | .information => "info"
  let text ← m.data.toString
  let text := if text.utf8ByteSize > mostSaid then (text.take mostSaid).toString ++ " …" else text
  let (stop, endLine, endColumn) := match m.endPos with
    | some p => (toJson (map.ofPosition p).byteIdx, toJson p.line, toJson p.column)
    | none => (Json.null, Json.null, Json.null)
  let told := Json.mkObj [("severity", severity), ("text", text), ("line", m.pos.line), ("column", m.pos.column),
    ("start", (map.ofPosition m.pos).byteIdx), ("stop", stop), ("end_line", endLine), ("end_column", endColumn)]
  return if m.data.hasTag (· == `hasSorry) then told.setObjVal! "sorry" true else told

end LeanEnv
