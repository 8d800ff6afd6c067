import LeanEnv.Check
open Lean Elab Command

/-! Elaborates files, command by command, and goes on from where an earlier file with the same
beginning stood: a proof put into a file costs the commands from it on, not the whole file.

    -- after `A ++ B` has been elaborated, `A ++ C` elaborates C only
-/

namespace LeanEnv

/-- Does a command's own text have a `sorry`? Only then its information trees are wanted: making
    them, and the linters that read them, takes a good part of the time. -/
def hasHole (stx : Syntax) : Bool :=
  (stx.find? fun s => s.isOfKind ``Parser.Tactic.tacticSorry || s.isOfKind ``Parser.Term.sorry).isSome

/-- Elaborate one command; gives the state after it and everything it said. -/
def runCommand (trees : Bool) (c : Command.State) (ctx : Command.Context) (stx : Syntax) :
    IO (Command.State × MessageLog) := do
  let clean := { c with messages := {}, infoState := { enabled := trees, trees := {} }, snapshotTasks := #[] }
  match ← ((elabCommandTopLevel stx).run ctx |>.run clean).toBaseIO with
  | .ok (_, c') =>
    let mut log := c'.messages
    for t in c'.snapshotTasks do
      for n in t.get.getAll do log := log ++ n.diagnostics.msgLog
    return (c', log)
  | .error ex =>
    let text ← ex.toMessageData.toString
    let log : MessageLog := {}
    return (clean, log.add { fileName := ctx.fileName, pos := ctx.fileMap.toPosition ctx.cmdPos, data := text })

/-- An objection as Lean's own messages are. -/
def logged (ctx : Command.Context) (o : Objection) : MessageLog :=
  let at_ := (o.part.getPos?).getD ctx.cmdPos
  let message : Message := { fileName := ctx.fileName, pos := ctx.fileMap.toPosition at_, data := o.text,
                             endPos := (o.part.getTailPos?).map ctx.fileMap.toPosition }
  ({} : MessageLog).add message

def tidy (c : Command.State) : Command.State := { c with messages := {}, infoState := {}, snapshotTasks := #[] }

/-- Elaborate one command, unless something stands against what is proposed of it: then that is said,
    and `true` given. trees: whether its information trees are wanted. -/
def runProposed (r : WorkerRef) (trees : Bool) (c : Command.State) (ctx : Command.Context) (stx : Syntax) (proposed? : Option Span) :
    IO (Command.State × MessageLog × Bool) := do
  if let some against := proposed?.bind (againstCommand c · stx) then return (tidy c, logged ctx against, true)
  let (after, said) ← runCommand trees c ctx stx
  -- what a cancelled command left behind is nothing to go on from
  if ← (← r.get).token.isSet then throw (IO.userError "cancelled")
  return (after, said, false)

/-- What is said at the end of a text: `#exit` and an `import` end it early, which Lean does not pass over. -/
def endOfText (c : Command.State) (ctx : Command.Context) (stx : Syntax) : IO MessageLog := do
  if stx.isOfKind ``Parser.Command.eoi then return {}
  return (← runCommand false c ctx stx).2

/-- Elaborate the commands of a text from where a file stands; nothing of it is kept. -/
def elaborateText (r : WorkerRef) (start : Command.State) (name text : String) (proposed? : Option Span) :
    IO (FileMap × Environment × MessageLog) := do
  let input := Parser.mkInputContext text name
  let token := (← r.get).token
  let mut c := start
  let mut p : Parser.ModuleParserState := {}
  let mut log : MessageLog := {}
  repeat
    let scope := c.scopes.head!
    let parserCtx := { env := c.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
    let ctx : Command.Context := { fileName := name, fileMap := input.fileMap, cmdPos := p.pos, snap? := none, cancelTk? := some token }
    let (stx, next, messages) := Parser.parseCommand input parserCtx p {}
    p := next
    log := log ++ messages
    if Parser.isTerminalCommand stx then
      log := log ++ (← endOfText c ctx stx)
      break
    let (after, said, _) ← runProposed r false c ctx stx proposed?
    log := log ++ said
    c := tidy after
  return (input.fileMap, c.env, log)

/-- How many commands of `e` a file with this source has too. The last one of the common beginning may
    go on in what follows it (`readAgain`). What is proposed in only one of the two is not common. -/
def Elaboration.shared (e : Elaboration) (source : String) (proposed? : Option Span) : Nat :=
  if e.source == source && e.proposed? == proposed? then e.commands.size
  else
    let common := (e.source.toRawSubstring.commonPrefix source.toRawSubstring).bsize
    let common := [e.proposed?, proposed?].foldl (fun n s? => s?.elim n (min n ·.start)) common
    (e.commands.takeWhile fun c => c.next.pos.byteIdx ≤ common).size

/-- A command of another text, as it stands in this one; none where the parser reads another one there. -/
def readAgain (input : Parser.InputContext) (before : Command.State) (p : Parser.ModuleParserState) (c : Elaborated) :
    Option Elaborated :=
  let scope := before.scopes.head!
  let parserCtx := { env := before.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (stx, next, messages) := Parser.parseCommand input parserCtx p {}
  let isSame := stx.getKind == c.stx.getKind && stx.getTailPos? == c.stx.getTailPos?
  if isSame && messages.toList.isEmpty && c.parsed.toList.isEmpty then some { c with stx, next } else none

/-- Set the options of the project for all files from now on. `weak.NAME` is one that may not exist:
    nobody reads it then. -/
def setOptions (r : WorkerRef) (values : Array (String × Json)) : IO Answer := do
  let options := values.foldl (init := ({} : Options)) fun options (name, value) =>
    let name := name.toName.replacePrefix `weak .anonymous
    match value with
    | .bool b => options.set name b
    | .str s => options.set name s
    | other => (other.getNat?.toOption).elim options (options.set name ·)
  r.modify fun w => { w with options, recent := [] }
  return .result (Json.mkObj [])

/-- How many elaborated files are kept to go on from. -/
def recentFiles : Nat := 3

/-- Elaborate a whole file; `.error` says which imports the host must provide first.
    trees: which information trees to keep; holes are found in them. proposed: the bytes that hold a
    draft or a proof; a command is elaborated only if nothing stands against what is proposed of it.
    hear: is told each command with the state before it; then none goes on from an earlier file, and
    none of the trees is kept. -/
def elaborate (r : WorkerRef) (name source : String) (trees : Trees) (proposed? : Option Span := none)
    (hear? : Option (Command.State → Elaborated → IO Unit) := none) : IO (Except Need Elaboration) := do
  let input := Parser.mkInputContext source name
  let (header, parserState, messages) ← Parser.parseHeader input
  -- nothing follows a broken header, as in Lean; asking for the imports of one is a panic
  let isBroken := messages.hasErrors
  let imports := if isBroken then #["Init"] else importNames (headerToImports header)
  let need : Need := { imports }
  let w ← r.get
  let some base := w.envs[need.key]? | return .error need
  let start : Command.State := { Command.mkState base {} {} with scopes := [{ header := "", isPublic := true, opts := w.options }] }
  let like := w.recent.filter fun e => hear?.isNone && e.imports == imports && e.trees.serve trees
  let (best, n) := like.foldl (init := ((none : Option Elaboration), 0)) fun (best, n) e =>
    let m := e.shared source proposed?
    if m > n then (some e, m) else (best, n)
  let mut commands := best.elim #[] fun e => e.commands.take n
  if let some last := commands.back? then
    commands := commands.pop
    let before := ((commands.back?).map (·.after)).getD start
    let from_ := ((commands.back?).map (·.next)).getD parserState
    if let some last := readAgain input before from_ last then commands := commands.push last
  let taken := commands.size
  let mut c := ((commands.back?).map (·.after)).getD start
  let mut p := ((commands.back?).map (·.next)).getD parserState
  let mut log := commands.foldl (fun log c => log ++ c.said) messages
  let mut parsed := commands.foldl (fun parsed c => parsed ++ c.parsed) messages
  let mut stopped? : Option Nat := if isBroken then some 0 else none
  while !isBroken do
    let scope := c.scopes.head!
    let parserCtx := { env := c.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
    let cmdPos := p.pos
    let (stx, next, parseMessages) := Parser.parseCommand input parserCtx p {}
    p := next
    parsed := parsed ++ parseMessages
    let ctx : Command.Context := { fileName := name, fileMap := input.fileMap, cmdPos, snap? := none, cancelTk? := some w.token }
    if Parser.isTerminalCommand stx then
      log := log ++ parseMessages ++ (← endOfText c ctx stx)
      unless stx.isOfKind ``Parser.Command.eoi do stopped? := stx.getPos?.map (·.byteIdx)
      break
    let t0 ← IO.monoNanosNow
    let kept := trees == .all || (trees == .ofHoles && hasHole stx)
    let (after, said, skipped) ← runProposed r kept c ctx stx proposed?
    let said := parseMessages ++ said
    log := log ++ said
    let us := ((← IO.monoNanosNow) - t0) / 1000
    let trees := if kept then after.infoState.trees else {}
    let command : Elaborated := { stx, after := tidy after, trees, said, next, us, skipped, parsed := parseMessages }
    match hear? with
    | some hear => hear c command
    | none => commands := commands.push command
    c := tidy after
  -- where nothing was left to elaborate, the trees of `best` are there, and are wanted again later
  let trees := if commands.size == taken then best.elim trees (·.trees) else trees
  let e : Elaboration := { source, imports, base, map := input.fileMap, start, messages := log, commands, trees, proposed?, parsed, stopped? }
  let others := w.recent.filter fun old => old.source != source || old.proposed? != proposed?
  if hear?.isNone then r.modify fun w => { w with recent := (e :: others).take recentFiles }
  return .ok e

end LeanEnv
