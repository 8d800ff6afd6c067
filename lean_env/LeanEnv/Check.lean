import LeanEnv.State
open Lean Elab

/-! Is a text one tactic block and nothing else, made of syntax that the verifier takes?

    {"v":1,"id":4,"op":"block","file":1,"hole":0,"text":"simp\n\naxiom f : False"}
    {"v":1,"id":4,"result":{"reasons":[{"kind":"not_a_block","text":"<tactic>:3:0: ..."}]},...}

Covered: the syntax of the text. Not covered: what its macros expand to; the judge sees that. -/

namespace LeanEnv

/-- Syntax that no proof may hold: holes, tactics that run code of the proof's author or trust
    the compiler, and searches whose answer should stand in the proof instead. -/
def forbiddenKinds : List (Name × String) := [
  (``Parser.Tactic.tacticSorry, "sorry"), (``Parser.Term.sorry, "sorry"),
  (``Parser.Tactic.tacticAdmit, "admit"), (``Parser.Tactic.tacticStop_, "stop"),
  (``Parser.Tactic.nativeDecide, "native_decide"), (``Parser.Tactic.runTac, "run_tac"),
  (``Lean.byElab, "by_elab"),
  (``Parser.Term.unsafe, "unsafe")]

/-- Options that a proof may set: they decide how long Lean tries, never what it accepts. -/
def allowedOptions : List Name := [`maxHeartbeats, `maxRecDepth, `synthInstance.maxHeartbeats,
  `synthInstance.maxSize, `exponentiation.threshold]

def optionKinds : List Name := [``Parser.Tactic.set_option, ``Parser.Term.set_option]

def setsOption (stx : Syntax) : Option Name :=
  if optionKinds.contains stx.getKind then some stx[1].getId.eraseMacroScopes else none

/-- All kinds worth a closer look; one look-up a node, for every tactic tried passes here. -/
def watchedKinds : NameSet :=
  (forbiddenKinds.map (·.1) ++ optionKinds).foldl (·.insert ·) {}

/-- The first thing in `stx` that the verifier does not take: its kind of refusal and its name. -/
def forbidden? (stx : Syntax) : Option (String × String) :=
  let found := stx.find? fun s =>
    match s with
    | .node _ k _ => watchedKinds.contains k && (setsOption s).all (!allowedOptions.contains ·)
    -- `decide +native`, `decide (native := true)`
    | .ident _ _ n _ => n == `native
    | _ => false
  found.map fun s => match setsOption s with
    | some n => ("forbidden", s!"set_option {n}")
    | none =>
      if s.isIdent then ("forbidden", s.getId.toString) else
      let what := ((forbiddenKinds.find? fun (k, _) => s.isOfKind k).map (·.2)).getD s.getKind.toString
      (if what == "sorry" || what == "admit" then "sorry" else "forbidden", what)

/-- Tactics that search and print what they found (`exact?`, `simp?`, `try?`, ...). Only tactics:
    `?_` and `xs[i]?` are terms. -/
def suggests? (stx : Syntax) : Option String :=
  (stx.find? fun s => match s with
    | .node _ (.str `Lean.Parser.Tactic k) _ => k.contains '?' || k.endsWith "Trace" || k == "showTerm"
    -- `grind +suggestions` tries what the library's search proposes
    | .ident _ _ n _ => n == `suggestions
    | _ => false).map fun s => if s.isIdent then s.getId.toString else s.getKind.toString

/-- Parse a tactic sequence to the end of the text, in the scope of a snapshot. -/
def Snapshot.parse (s : Snapshot) (text : String) : Except String Syntax :=
  let input := Parser.mkInputContext text "<tactic>"
  let parser := Parser.andthenFn Parser.whitespace Parser.Tactic.tacticSeq.fn
  let scope := { env := s.core.env, options := s.coreCtx.options, currNamespace := s.coreCtx.currNamespace,
                 openDecls := s.coreCtx.openDecls }
  let state := parser.run input scope (Parser.getTokenTable s.core.env) (Parser.mkParserState text)
  if state.hasError then .error (state.toErrorMsg input)
  else if input.atEnd state.pos then .ok state.stxStack.back
  else .error ((state.mkError "end of input").toErrorMsg input)

/-- What stands against `text` as the proof of the hole that `s` is the state of. -/
def Snapshot.blockReasons (s : Snapshot) (text : String) : List Reason :=
  match s.parse text with
  | .error e => [{ kind := "not_a_block", text := e }]
  | .ok stx => match forbidden? stx with
    | some (kind, what) =>
      [{ kind := if kind == "sorry" then "sorry" else "forbidden_syntax", text := s!"the proof uses {what}" }]
    | none => match suggests? stx with
      | some what => [{ kind := "forbidden_syntax", text := s!"the proof searches instead of saying what it found: {what}" }]
      | none => []

end LeanEnv
