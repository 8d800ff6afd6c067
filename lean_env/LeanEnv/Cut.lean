import LeanEnv.Run
open Lean Elab Meta Tactic Command

/-! Where a proof that Lean does not take can be cut, by its syntax: for each error, and for each `sorry`
of a broken command, the texts to replace by a `sorry`, smallest first.

    {"v":1,"id":1,"op":"cut","source":"theorem t : 1 = 1 := by\n  skip\n  exact foo"}
    {"v":1,"id":1,"result":{"imports":["Init"],"commands":[{"start":0,"stop":43,"value":{"start":21,...},
     "errors":[{"text":"Unknown identifier `foo`",...,"cuts":[{"start":33,"stop":42,"text":"sorry","kind":"rest"},...]}]}]}}

Kinds: `tactic` one tactic; `rest` it and all that follow in its block; `end` what is left open at the
end of a block; `arms` missing alternatives; `without` a `have`, to go on without it; `term` a term whose type is a known proposition; `drop` tactics
after the last goal; `parse` text that the parser stumbles over; `proof` the whole. -/

namespace LeanEnv

structure Cut where
  start : Nat
  stop  : Nat
  text  : String
  kind  : String

def Cut.toWire (c : Cut) : Json :=
  Json.mkObj [("start", c.start), ("stop", c.stop), ("text", c.text), ("kind", c.kind)]

def Span.holds (outer inner : Span) : Bool := outer.start ≤ inner.start && inner.stop ≤ outer.stop

/-- The tactics of every block in `stx`, outer blocks first. -/
def blocksOf (stx : Syntax) : Array (Array Syntax) := Id.run do
  let mut out : Array (Array Syntax) := #[]
  for n in stx.topDown (firstChoiceOnly := true) do
    let items :=
      if n.isOfKind ``Parser.Tactic.tacticSeq1Indented then n[0].getSepArgs
      else if n.isOfKind ``Parser.Tactic.tacticSeqBracketed then n[1].getSepArgs
      else #[]
    let items := items.filter fun i => (spanOf i).isSome
    unless items.isEmpty do out := out.push items
  return out

/-- What the information trees of a command tell of its text. -/
structure Told where
  before : Std.HashMap Span Nat := {}
  after  : Std.HashMap Span Nat := {}
  /-- Terms whose type is a known proposition. -/
  props  : Array Syntax := #[]
  /-- Terms that Lean made sense of. -/
  known  : Std.HashSet Span := {}

def Told.add (t : Told) : Info → Told
  | .ofTacticInfo i => match spanOf i.stx with
    | some s => { t with before := t.before.insertIfNew s i.goalsBefore.length, after := t.after.insertIfNew s i.goalsAfter.length }
    | none => t
  | .ofTermInfo i => match spanOf i.stx with
    | some s => if i.expr.hasSyntheticSorry then t else { t with known := t.known.insert s }
    | none => t
  | _ => t

/-- A term that was to have a type, in its context; none for what is no term of the text. -/
def wantedOf (ctx : ContextInfo) : Info → Option (ContextInfo × Syntax × LocalContext × Expr)
  | .ofTermInfo i => do if i.isBinder then none else return (ctx, i.stx, i.lctx, ← i.expectedType?)
  | .ofPartialTermInfo i => return (ctx, i.stx, i.lctx, ← i.expectedType?)
  | _ => none

def isWrittenTerm (stx : Syntax) : Bool :=
  stx.getHeadInfo matches .original .. && !stx.isOfKind ``Parser.Term.byTactic && !stx.isOfKind ``Parser.Term.sorry

def toldBy (trees : PersistentArray InfoTree) : IO Told := do
  let mut out : Told := {}
  for tree in trees do
    out := tree.foldInfo (init := out) fun _ info t => t.add info
    let wanted := tree.foldInfo (init := #[]) fun ctx info acc => acc ++ (wantedOf ctx info).toArray
    for (ctx, stx, lctx, type) in wanted do
      if isWrittenTerm stx then
        let isKnown ← try ctx.runMetaM lctx do
            let type ← instantiateMVars type
            if type.hasExprMVar then return false else isProp type
          catch _ => pure false
        if isKnown then out := { out with props := out.props.push stx }
  return out

def column (map : FileMap) (at_ : Nat) : Nat := (map.toPosition ⟨at_⟩).column

/-- `n` tactics `sorry`, one for each goal, each on a line of its own at `column`. -/
def sorries (n column : Nat) : String :=
  if n ≤ 1 then "sorry"
  else ("\n" ++ "".pushn ' ' column).intercalate (List.replicate n "· sorry")

/-- The cuts in one block for what stands at `place`, a part of its tactic number `i`. -/
def cutsInBlock (map : FileMap) (told : Told) (items : Array Span) (i : Nat) (isHave : Bool := false) : Array Cut := Id.run do
  let some item := items[i]? | return #[]
  let some last := items.back? | return #[]
  let some first := items[0]? | return #[]
  let goals := told.before.getD item 1
  if goals == 0 then
    let from_ := if i == 0 then item.start else (items[i - 1]?.getD item).stop
    return #[{ start := from_, stop := last.stop, text := if i == 0 then "skip" else "", kind := "drop" }]
  let mut out : Array Cut := #[]
  if goals > 1 then out := out.push { start := item.start, stop := item.stop, text := "sorry", kind := "tactic" }
  if let (true, some next) := (isHave, items[i + 1]?) then
    out := out.push { start := item.start, stop := next.start, text := "", kind := "without" }
  for k in List.range (i + 1) do
    let some from_ := items[i - k]? | continue
    let text := sorries (told.before.getD from_ 1) (column map first.start)
    out := out.push { start := from_.start, stop := last.stop, text, kind := if k == i && i > 0 then "block" else "rest" }
  return out

/-- The alternatives of an `induction`, `cases` or the like that stand in `stx`, unless `place` is in one. -/
def armsAround (stx : Syntax) (place : Span) : Option Syntax := do
  let alts ← stx.find? (·.isOfKind ``Parser.Tactic.inductionAlts)
  let last ← alts[2].getArgs.back?
  if alts[2].getArgs.any fun a => (spanOf a).any (·.holds place) then none else return last

/-- The innermost block of the smallest syntax around `place` that has one. -/
def blockAt (stx : Syntax) (place : Span) : Option (Array Span) := Id.run do
  let mut found : Option (Array Span) := none
  for n in stx.topDown (firstChoiceOnly := true) do
    if (spanOf n).any (·.holds place) then
      if let some items := (blocksOf n)[0]? then found := some (items.filterMap spanOf)
  return found

/-- Where to cut for what stands at `place`; `isOpen`: goals are left at the end of the block there. -/
def cutsAt (map : FileMap) (told : Told) (stx : Syntax) (place : Span) (isOpen : Bool) : Array Cut := Id.run do
  let mut out : Array Cut := #[]
  if isOpen then
    if let some items := blockAt stx place then
      if let (some first, some last) := (items[0]?, items.back?) then
        let margin := "\n" ++ "".pushn ' ' (column map first.start)
        let text := margin ++ sorries (told.after.getD last 1) (column map first.start)
        out := out.push { start := last.stop, stop := last.stop, text, kind := "end" }
        out := out ++ cutsInBlock map told items (items.size - 1)
  let mut innermost : Option Syntax := none
  for items in blocksOf stx do
    let spans := items.filterMap spanOf
    for i in List.range spans.size do
      if (spans[i]?).any (·.holds place) then
        innermost := items[i]?
        let isHave := (items[i]?).any (·.isOfKind ``Parser.Tactic.tacticHave__)
        out := out ++ cutsInBlock map told spans i isHave
  if let some item := innermost then
    if let some (some span) := (armsAround item place).map spanOf then
      let text := "\n" ++ "".pushn ' ' (column map span.start) ++ "| _ => sorry"
      out := out.push { start := span.stop, stop := span.stop, text, kind := "arms" }
  let whole := (blocksOf stx).foldl (init := #[]) fun acc items => acc ++ items.map fun i => spanOf i[1]
  for t in told.props do
    if let some span := spanOf t then
      if span.holds place && !whole.contains (some span) then
        out := out.push { start := span.start, stop := span.stop, text := "sorry", kind := "term" }
  let sorted := out.qsort fun a b => a.stop - a.start < b.stop - b.start
  return sorted.foldl (init := #[]) fun acc c =>
    if acc.any fun a => a.start == c.start && a.stop == c.stop then acc else acc.push c

/-- The text of a declaration that is its proof or value: from behind its `:=` on. -/
def valueOf (stx : Syntax) (stop : Nat) : Option Cut := do
  let node ← stx.find? fun n =>
    n.isOfKind ``Parser.Command.declValSimple || n.isOfKind ``Parser.Command.declValEqns
  let start ← node.getPos?
  if node.isOfKind ``Parser.Command.declValEqns then
    return { start := start.byteIdx, stop, text := ":= sorry", kind := "proof" }
  match spanOf node[1] with
  | some value => return { start := value.start, stop, text := "sorry", kind := "proof" }
  | none => return { start := start.byteIdx, stop, text := ":= sorry", kind := "proof" }

/-- Line by line, the byte where the line starts and the column of its first character; none if blank. -/
def marginsOf (source : String) (map : FileMap) : Array (Nat × Option Nat) := Id.run do
  let mut out : Array (Nat × Option Nat) := #[]
  for i in List.range (map.positions.size - 1) do
    let (some a, some b) := (map.positions[i]?, map.positions[i + 1]?) | continue
    let line := (Substring.Raw.mk source a b)
    let rest := line.trimLeft
    let blank := rest.isEmpty
    out := out.push (a.byteIdx, if blank then none else some (line.bsize - rest.bsize))
  return out

/-- Where the text that starts at `start` ends by Lean's rule of columns: before the next line whose
    first character stands at `most` or to the left of it, and at `limit` at the latest. -/
def endByColumn (margins : Array (Nat × Option Nat)) (start most limit : Nat) : Nat :=
  ((margins.find? fun (a, c) => a > start && c.any (· ≤ most)).map (·.1)).getD limit |> min limit

/-- Cuts for a place that the parser stumbles over: the text of each unfinished tactic around it. -/
def cutsForParser (map : FileMap) (margins : Array (Nat × Option Nat)) (stx : Syntax) (at_ limit : Nat) : Array Cut := Id.run do
  let mut out : Array Cut := #[]
  let push (out : Array Cut) (start stop : Nat) : Array Cut :=
    let isNew := !out.any fun c => c.start == start && c.stop == stop
    if isNew && start ≤ at_ && at_ ≤ stop && start < stop then out.push { start, stop, text := "sorry", kind := "parse" } else out
  for items in blocksOf stx do
    let spans := items.filterMap spanOf
    let some first := spans[0]? | continue
    let margin := column map first.start
    if column map at_ == margin then out := push out at_ (endByColumn margins at_ margin limit)
    if let some item := (spans.filter (·.start ≤ at_)).back? then
      out := push out item.start (endByColumn margins item.start margin limit)
      if margin > 0 then out := push out item.start (endByColumn margins item.start (margin - 1) limit)
    if margin > 0 then out := push out first.start (endByColumn margins first.start (margin - 1) limit)
  return out.qsort fun a b => a.stop - a.start < b.stop - b.start

end LeanEnv
