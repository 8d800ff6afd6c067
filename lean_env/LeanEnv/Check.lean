import LeanEnv.AllowedSyntax
import LeanEnv.State
open Lean Elab

/-! May a proposed text be elaborated at all? Asked of its syntax, before anything of it runs.

    {"v":1,"id":4,"op":"block","file":1,"hole":0,"text":"simp\n\naxiom f : False"}
    {"v":1,"id":4,"result":{"reasons":[{"kind":"not_a_block","text":"<tactic>:3:0: ..."}]},...}

Covered: Lean's own syntax must be listed (AllowedSyntax.lean); that of other libraries and of the file is
trusted, what its macros expand to is read too, as far as it holds proposed text; a configuration, which
Lean compiles and runs, is made of literals and constructors. Not covered: an elaborator of the file or of
a library other than Lean's that runs a term given to it; it can be given no unsafe constant. -/

namespace LeanEnv

/-- Syntax that leaves a hole. -/
def sorryKinds : List Name := [``Parser.Tactic.tacticSorry, ``Parser.Term.sorry, ``Parser.Tactic.tacticAdmit,
  `Lean.Parser.Tactic.Grind.sorry, `Lean.Parser.Tactic.Grind.grindAdmit]

/-- The holes that a draft may have: each becomes a goal of its own. -/
def draftKinds : List Name := [``Parser.Tactic.tacticSorry, ``Parser.Term.sorry]

/-- Options that a proof may set: they decide how long Lean tries, never what it accepts. -/
def allowedOptions : List Name := [`maxHeartbeats, `maxRecDepth, `synthInstance.maxHeartbeats,
  `synthInstance.maxSize, `exponentiation.threshold]

def optionKinds : List Name := [``Parser.Tactic.set_option, ``Parser.Term.set_option, `Lean.Parser.Tactic.Grind.setOption]

/-- Constants that make the kernel run compiled code. Gone since 4.35, so none is looked up here. -/
def compiledConstants : List Name := [`Lean.reduceBool, `Lean.reduceNat, `Lean.ofReduceBool, `Lean.ofReduceNat, `Lean.trustCompiler]

/-- Constructors that a configuration names by `.name`, whose type only the elaborator knows. -/
def dotNames : List Name := [`all, `none, `some, `pos, `neg, `true, `false, `default, `reducible, `instances,
  `notClasses, `nonDependentFirst, `nonDependentOnly]

/-- What a proposed text is read in: where names are looked up, and which bytes of a file it is;
    none where the whole text is proposed. -/
structure Place where
  env        : Environment
  options    : Options
  namespace_ : Name
  openDecls  : List OpenDecl
  span?      : Option Span := none

def Snapshot.place (s : Snapshot) : Place :=
  { env := s.core.env, options := s.coreCtx.options, namespace_ := s.coreCtx.currNamespace, openDecls := s.coreCtx.openDecls }

def placeIn (c : Command.State) (span : Span) : Place :=
  let scope := c.scopes.head!
  { env := c.env, options := scope.opts, namespace_ := scope.currNamespace, openDecls := scope.openDecls, span? := some span }

/-- What stands against a text, and at which part of it. kind: `sorry` or `forbidden`. -/
structure Objection where
  kind : String
  text : String
  part : Syntax

/-- Is it declared by the file itself, or by a library that is not Lean's own? -/
def isForeign (env : Environment) (n : Name) : Bool :=
  match env.getModuleIdxFor? n with
  | some i => !([`Init, `Std, `Lean].contains (((env.allImportedModuleNames[i]?).map Name.getRoot).getD `Init))
  | none => env.contains n

/-- Is it Lean's own syntax, of which a proof may be made? -/
def isOwnKind (kind : Name) : Bool := allowedKinds.contains kind || kind.getRoot == `token

/-- Is a byte of the file in the proposed text? -/
def Place.holds (p : Place) (at_ : String.Pos.Raw) : Bool :=
  p.span?.all fun s => s.start ≤ at_.byteIdx && at_.byteIdx < s.stop

/-- Does any of it stand in the proposed text, rather than in a macro or in the rest of the file? -/
def Place.isProposed (p : Place) (stx : Syntax) : Bool :=
  (stx.find? fun s => match s with
    | .atom (.original _ at_ _ _) _ | .ident (.original _ at_ _ _) _ _ _ => p.holds at_
    | _ => false).isSome

/-- Does it begin in the proposed text? What only holds some of it is syntax of the file. -/
def Place.begins (p : Place) (stx : Syntax) : Bool := stx.getPos?.all p.holds

/-- The constants that an identifier may mean. -/
def Place.meanings (p : Place) (n : Name) : List ConstantInfo :=
  (ResolveName.resolveGlobalName p.env p.options p.namespace_ p.openDecls n).filterMap fun (c, _) => p.env.find? c

/-- Kinds of syntax that are literals, or constructors put to parts. -/
def literalKinds : List Name := [nullKind, choiceKind, numLitKind, strLitKind, charLitKind, scientificLitKind, ``Parser.Term.paren,
  ``Parser.Term.hygienicLParen, ``Parser.Term.tuple, ``Parser.Term.anonymousCtor, `«term[_]», `«term#[_,]», `«term-_»,
  `«term{}», ``Parser.Term.structInstFields, ``Parser.Term.structInstFieldDef]

/-- Is it a literal, a constructor, or made of these alone? `partial`: syntax is a tree. -/
partial def Place.isLiteral (p : Place) : Syntax → Bool
  | .ident _ _ n _ => let found := p.meanings n; !found.isEmpty && found.all (· matches .ctorInfo _)
  | stx@(.node _ k args) =>
    let parts := args.all fun a => a.isAtom || p.isLiteral a
    if k == hygieneInfoKind then true
    else if k == ``Parser.Term.dotIdent then dotNames.contains stx[1].getId
    else if k == ``Parser.Term.app then (stx[0].isIdent || stx[0].isOfKind ``Parser.Term.dotIdent) && parts
    -- no `{ s with .. }`, no `..`; after a colon the type's name
    else if k == ``Parser.Term.structInst then
      stx[1].getNumArgs == 0 && p.isLiteral stx[2] && stx[3][0].getNumArgs == 0 && stx[4].getArgs.all fun a => a.isAtom || a.isIdent
    else if k == ``Parser.Term.structInstField then
      stx[0][0].isIdent && stx[0][1].getNumArgs == 0 && stx[1].getNumArgs > 0 && p.isLiteral stx[1]
    else literalKinds.contains k && parts
  | _ => false

/-- The values of the configuration items in the arguments of a node: `(config := v)`, `(name := v)`. -/
def configValues (kind : Name) (args : Array Syntax) : Array Syntax := Id.run do
  let mut out : Array Syntax := #[]
  for i in List.range args.size do
    let isItem := kind == ``Parser.Tactic.valConfigItem || kind == ``Parser.Tactic.config || (i > 0 && args[i - 1]!.isToken "config")
    if args[i]!.isToken ":=" && isItem then out := out.push ((args[i + 1]?).getD .missing)
  return out

/-- What the macros of the file, and of libraries that are not Lean's own, make of a node. -/
def Place.expansions (p : Place) (stx : Syntax) : List Syntax :=
  let entries := (macroAttribute.getEntries p.env stx.getKind).filter fun e => isForeign p.env e.declName
  if entries.isEmpty then [] else
  let methods := Macro.mkMethods {
    expandMacro? := fun _ => return none
    getCurrNamespace := return p.namespace_
    hasDecl := fun n => return p.env.contains n
    resolveNamespace := fun n => return ResolveName.resolveNamespace p.env p.namespace_ p.openDecls n
    resolveGlobalName := fun n => return ResolveName.resolveGlobalName p.env p.options p.namespace_ p.openDecls n }
  let ctx : Macro.Context := { methods, quotContext := p.env.mainModule, currMacroScope := firstFrontendMacroScope, ref := stx }
  entries.filterMap fun e => match e.value stx ctx default with
    | .ok made _ => some made
    | .error .. => none

/-- How deep macros of the file are followed. -/
def macroDepth : Nat := 16

/-- Is there a hole in it, or in what the macros of the file make of it? `partial`: syntax is a tree,
    and macros are followed to `depth`. -/
partial def Place.leavesHole (p : Place) (stx : Syntax) (depth : Nat := macroDepth) : Bool :=
  match stx with
  | .ident _ _ n _ => n.eraseMacroScopes == ``sorryAx
  | .node _ kind args => sorryKinds.contains kind || args.any (p.leavesHole · depth) ||
    (depth > 0 && (p.expansions stx).any (p.leavesHole · (depth - 1)))
  | _ => false

def clip (text : String) : String :=
  let line := " ".intercalate (((text.split Char.isWhitespace).toList.map (·.toString)).filter (!·.isEmpty))
  if line.length > 80 then (line.take 80).toString ++ " …" else line

/-- How a part of a text is called: by its first word. -/
def wordOf (stx : Syntax) : String :=
  match stx.find? fun s => s.isAtom && !s.getAtomVal.trimAscii.isEmpty with
  | some a => a.getAtomVal.trimAscii.toString
  | none => stx.getKind.toString

def notInProof (part : Syntax) (what : String) : Option Objection :=
  some { kind := "forbidden", text := s!"{what} may not stand in a proof", part }

/-- What stands against a name. -/
def Place.againstName (p : Place) (stx : Syntax) (n : Name) : Option Objection :=
  -- `decide +native`, `decide (native := true)`
  if n == `native then notInProof stx "native" else
  let found := p.meanings n
  if found.any (·.name == ``sorryAx) then some { kind := "sorry", text := "sorryAx is not a proof", part := stx }
  else if found.any fun c => compiledConstants.contains c.name then notInProof stx s!"{n}, which trusts compiled code,"
  else if found.any (·.isUnsafe) then notInProof stx s!"{n}, which is unsafe,"
  else none

/-- What stands against syntax of this kind, its parts apart. -/
def Place.againstKind (p : Place) (drafts : Bool) (stx : Syntax) (kind : Name) : Option Objection :=
  if sorryKinds.contains kind then
    if drafts && draftKinds.contains kind then none else some { kind := "sorry", text := s!"{wordOf stx} is not a proof", part := stx }
  else if !(isOwnKind kind || isForeign p.env kind) then notInProof stx (wordOf stx)
  else if optionKinds.contains kind && !allowedOptions.contains stx[1].getId.eraseMacroScopes then
    notInProof stx s!"set_option {stx[1].getId.eraseMacroScopes}"
  else none

/-- What stands against the configuration in the arguments of a node. -/
def Place.againstConfig (p : Place) (kind : Name) (args : Array Syntax) : Option Objection :=
  ((configValues kind args).find? fun v => p.isProposed v && !p.isLiteral v).map fun v =>
    { kind := "forbidden", part := v
      text := s!"a configuration takes literals and constructors only, not {clip ((v.reprint).getD (wordOf v))}" }

/-- The first thing that stands against `stx`, in order of its text. drafts: whether it may have holes.
    `partial`: syntax is a tree, and the macros in it are followed to `depth`. -/
partial def Place.objection? (p : Place) (drafts : Bool) (stx : Syntax) (depth : Nat := macroDepth) : Option Objection :=
  match stx with
  | .ident (.original _ at_ _ _) _ n _ => if p.holds at_ then p.againstName stx n else none
  | .node _ kind args => do
    if (p.span?.isSome || depth < macroDepth) && !p.isProposed stx then failure
    (if depth < macroDepth || p.begins stx then p.againstKind drafts stx kind else none)
      <|> p.againstConfig kind args
      <|> args.findSome? (p.objection? drafts · depth)
      <|> (if depth == 0 then none else (p.expansions stx).findSome? fun made =>
        (p.objection? drafts made (depth - 1)).map fun o => { o with part := stx })
  | _ => none

/-- What stands against a command of a file in which a span is proposed: that it begins there, or what
    is proposed of it. -/
def againstCommand (before : Command.State) (proposed : Span) (stx : Syntax) : Option Objection :=
  match stx.getPos? with
  | some at_ =>
    let p := placeIn before proposed
    if p.holds at_ then notInProof stx s!"the command {wordOf stx}" else p.objection? (drafts := true) stx
  | none => none

/-- Tactics that search and print what they found (`exact?`, `simp?`, `try?`, ...). Only tactics:
    `?_` and `xs[i]?` are terms. -/
def suggests? (stx : Syntax) : Option String :=
  (stx.find? fun s => match s with
    | .node _ (.str `Lean.Parser.Tactic k) _ => k.contains '?' || k.endsWith "Trace" || k == "showTerm"
    | .node _ (.str `Lean.Parser.Tactic.Grind k) _ => k.endsWith "Trace"
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
  | .ok stx => match s.place.objection? (drafts := false) stx with
    | some o => [{ kind := if o.kind == "sorry" then "sorry" else "forbidden_syntax", text := o.text }]
    | none => match suggests? stx with
      | some what => [{ kind := "forbidden_syntax", text := s!"the proof searches instead of saying what it found: {what}" }]
      | none => []

end LeanEnv
