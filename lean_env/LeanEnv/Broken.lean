import LeanEnv.Cut
open Lean Elab Command

/-! What is wrong with a file, command by command; and whether a text would be a command.

    {"v":1,"id":2,"op":"parse","before":"","texts":["theorem t : 1 = 1 := by simp,"]}
    {"v":1,"id":2,"result":{"results":[{"place":29,"text":"..."}]}} -/

namespace LeanEnv

/-- A command with the text that belongs to it: where the parser lost its way, up to the next command. -/
structure Whole where
  command : Elaborated
  before  : Command.State
  start   : Nat
  stop    : Nat
  errors  : Array Message
  /-- Where the parser first stumbled. -/
  stumble? : Option Nat

def bytesAt (map : FileMap) (p : Position) : Nat := (map.ofPosition p).byteIdx

/-- Give each error to the last command that starts before it; what stands behind a command's end is
    what the parser did not understand of it. -/
def wholes (o : Elaboration) : Array Whole := Id.run do
  let errors := o.messages.toArray.filter (·.severity matches .error)
  let starts := o.commands.map fun c => ((c.stx.getPos?).getD 0).byteIdx
  let mut out : Array Whole := #[]
  let mut before := o.start
  for (c, i) in o.commands.zipIdx do
    let start := starts.getD i 0
    let limit := starts.getD (i + 1) o.source.utf8ByteSize
    let tail := ((c.stx.getTailPos?).getD ⟨start⟩).byteIdx
    let mine := errors.filter fun m => start ≤ bytesAt o.map m.pos && bytesAt o.map m.pos < max limit (start + 1)
      || i + 1 == o.commands.size && bytesAt o.map m.pos ≥ limit
    let stumbles := if c.stx.hasMissing then mine else mine.filter fun m => bytesAt o.map m.pos ≥ tail
    let stumble? := (stumbles.map fun m => bytesAt o.map m.pos).toList.min?
    let text := (Substring.Raw.mk o.source ⟨start⟩ ⟨limit⟩).trimRight
    let stop := if stumble?.isSome then start + text.bsize else tail
    out := out.push { command := c, before, start, stop, errors := mine, stumble? }
    before := c.after
  return out

/-- The last `k` parts of a name, as written; nothing where it has fewer. -/
def lastParts : Name → Nat → Option String
  | .str _ s, 1 => some s
  | .str p s, k + 1 => (lastParts p k).map fun before => before ++ "." ++ s
  | _, _ => none

def firstOfLast : Name → Option Char
  | .str _ s => s.front?
  | _ => none

/-- The names that the imports bring, but those of Lean's own code, by the first character of their
    last part; made once. -/
def importedNames (r : WorkerRef) (o : Elaboration) : BaseIO (Std.HashMap Char (Array Name)) := do
  let need : Need := { imports := o.imports }
  if let some known := (← r.get).names[need.key]? then return known
  let made := o.base.constants.map₁.fold (init := {}) fun (acc : Std.HashMap Char (Array Name)) n _ =>
    match firstOfLast n with
    | some c => if n.getRoot == `Lean || n.isInternal then acc else acc.alter c fun a? => some ((a?.getD #[]).push n)
    | none => acc
  r.modify fun w => { w with names := w.names.insert need.key made }
  return made

/-- The names of the constants nearest to what was written, best first. A name of several parts is
    compared with the last parts of each constant's; the last one begins as it was written. -/
def near (r : WorkerRef) (o : Elaboration) (env : Environment) (written : Name) (most : Nat) : BaseIO (Array String) := do
  let parts := written.components.length
  let text := written.toString
  let some first := firstOfLast written | return #[]
  if text.length < 4 then return #[]
  let cutoff := max 2 (text.length / 4)
  let imported := (← importedNames r o)[first]?.getD #[]
  let own := env.constants.map₂.foldl (init := #[]) fun acc n _ => if n.isInternal then acc else acc.push n
  let mut found : Array (Nat × String) := #[]
  for n in own ++ imported do
    let some mine := lastParts n parts | continue
    if mine.length > text.length + cutoff || text.length > mine.length + cutoff then continue
    if let some d := EditDistance.levenshtein text mine cutoff then found := found.push (d, n.toString)
  let sorted := found.qsort fun a b => a.1 < b.1 || (a.1 == b.1 && a.2 < b.2)
  return (sorted.map (·.2)).take most

/-- For an error about one word that means nothing: the names of constants near to it. -/
def wordAt (r : WorkerRef) (o : Elaboration) (env : Environment) (told : Told) (stx : Syntax) (place : Span) :
    BaseIO (List (String × Json)) := do
  match stx.find? fun n => n.isIdent && spanOf n == some place with
  | some n => if told.known.contains place then return [] else return [("near", toJson (← near r o env n.getId.eraseMacroScopes 8))]
  | none => return []

def errorToWire (r : WorkerRef) (o : Elaboration) (told : Told) (margins : Array (Nat × Option Nat)) (w : Whole) (m : Message) : IO Json := do
  let start := bytesAt o.map m.pos
  let place : Span := { start, stop := (m.endPos.map (bytesAt o.map ·)).getD start }
  let stx := w.command.stx
  let stumbled := w.stumble?.any (· ≤ start)
  let isOpen := m.data.hasTag (· == `Tactic.unsolvedGoals)
  let cuts := if stumbled then cutsForParser o.map margins stx start w.stop else cutsAt o.map told stx place isOpen
  let word ← if stumbled then pure [] else wordAt r o w.command.after.env told stx place
  let fields := [("cuts", Json.arr (cuts.map (·.toWire))), ("parser", toJson stumbled)] ++ word
  return fields.foldl (fun j (k, v) => j.setObjVal! k v) (← messageToWire o.map m)

def holesToWire (o : Elaboration) (told : Told) (stx : Syntax) : Json := Id.run do
  let mut out : Array Json := #[]
  for n in stx.topDown (firstChoiceOnly := true) do
    if n.isOfKind ``Parser.Tactic.tacticSorry || n.isOfKind ``Parser.Term.sorry then
      if let some place := spanOf n then
        let cuts := cutsAt o.map told stx place false
        out := out.push <| Json.mkObj [("start", place.start), ("stop", place.stop), ("cuts", .arr (cuts.map (·.toWire)))]
  return .arr out

/-- The information trees of a command: kept where it has a `sorry`, else made now; none of one that was not elaborated. -/
def treesOf (r : WorkerRef) (o : Elaboration) (w : Whole) : IO (PersistentArray InfoTree) := do
  if hasHole w.command.stx || w.command.skipped then return w.command.trees
  let ctx : Command.Context :=
    { fileName := "<broken>", fileMap := o.map, cmdPos := ⟨w.start⟩, snap? := none, cancelTk? := some (← r.get).token }
  let (after, _) ← runCommand true w.before ctx w.command.stx
  return after.infoState.trees

def wholeToWire (r : WorkerRef) (o : Elaboration) (margins : Array (Nat × Option Nat)) (w : Whole) : IO Json := do
  let told ← toldBy (← treesOf r o w)
  let stx := w.command.stx
  let added := (newDeclarations w.before.env w.command.after.env).filter fun (n, _) => isWritten w.command.after.env n
  let tactics := (blocksOf stx).foldl (init := #[]) fun acc items => acc ++ items.filterMap spanOf
  return Json.mkObj [("start", w.start), ("stop", w.stop), ("kind", toJson (stx[1].getKind.toString)),
    ("names", toJson (added.map fun (n, _) => (privateToUserName n).toString)),
    ("name", toJson (((stx.find? (·.isOfKind ``Parser.Command.declId)).map fun n => n[0].getId.toString))),
    ("value", ((valueOf stx w.stop).map (·.toWire)).getD .null),
    ("tactics", toJson (tactics.map fun s => #[s.start, s.stop])),
    ("errors", .arr (← w.errors.mapM (errorToWire r o told margins w ·))), ("holes", holesToWire o told stx)]

def cutFile (r : WorkerRef) (source : String) (proposed? : Option Span) : IO Answer := do
  match ← elaborate r "<broken>" source .ofHoles proposed? with
  | .error need => return .need need
  | .ok o =>
    let margins := marginsOf source o.map
    let broken := (wholes o).filter fun w => !w.errors.isEmpty || hasHole w.command.stx
    return .result <| Json.mkObj [("commands", .arr (← broken.mapM (wholeToWire r o margins ·)))]

/-- Would each text be one command and nothing else, behind `before`? Nothing of it is elaborated. -/
def parseTexts (r : WorkerRef) (before : String) (texts : Array String) : IO Answer := do
  match ← elaborate r "<before>" before .none with
  | .error need => return .need need
  | .ok o =>
    let scope := o.last.scopes.head!
    let parserCtx := { env := o.last.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
    let mut out : Array Json := #[]
    for text in texts do
      let input := Parser.mkInputContext text "<command>"
      let (_, next, said) := Parser.parseCommand input parserCtx {} {}
      let (second, _, said) := Parser.parseCommand input parserCtx next said
      let result ← match said.toList.filter (·.severity matches .error) with
        | m :: _ => pure [("place", toJson (bytesAt input.fileMap m.pos)), ("text", toJson (← m.data.toString))]
        | [] =>
          if second.isOfKind ``Parser.Command.eoi then pure [("place", Json.null)]
          else pure [("place", toJson ((second.getPos?).getD 0).byteIdx), ("text", toJson "another command follows")]
      out := out.push (Json.mkObj result)
    return .result <| Json.mkObj [("results", .arr out)]

end LeanEnv
