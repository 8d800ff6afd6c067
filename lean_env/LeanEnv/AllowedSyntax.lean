import Lean
open Lean

/-! The syntax of Lean's own (Init, Std, Lean; version 4.28, and what newer ones call otherwise) that a proposed proof may be made of.

What is not listed is refused: it runs code of the proof's author (`run_tac`, `by_elab`, attributes,
doc comments, which may hold code to run), reads a file (`include_str`), starts a program (`bv_decide`),
trusts the compiler (`native_decide`), leaves a hole (`sorry`), or belongs to no proof (commands,
quotations). Syntax of other libraries and of the file itself is not listed: see Check.lean. -/

namespace LeanEnv

/-- One line: a namespace (`_`: none), then names in it. -/
def allowedText : String := "_ boolIfThenElse char choice coeFunNotation coeNotation coeSortNotation fieldIdx group hygieneInfo ident interpolatedStrKind interpolatedStrLitKind
_ name null num patternIgnore rawNatLit scientific str tacticBy_cases_:_ tacticClean_wf tacticDecreasing_tactic tacticDecreasing_trivial
_ tacticDecreasing_trivial_pre_omega tacticDecreasing_with_ tacticFunext___ tacticGet_elem_tactic tacticGet_elem_tactic_extensible
_ tacticGet_elem_tactic_trivial tacticSimp_wf tactic∎ term!_ term#[_,] term%[_|_] term-_ termDepIfThenElse termExists_,_ termIfLet termIfThenElse
_ termS!_ termWithout_expected_type_ term[_] term_!=_ term_$__ term_%_ term_&&&_ term_&&_ term_*>_ term_*_ term_++_ term_+_ term_-_ term_/\\_ term_/_
_ term_::_ term_<$>_ term_<&&>_ term_<&>_ term_<*>_ term_<*_ term_<->_ term_<<<_ term_<=<_ term_<=_ term_<_ term_<|>_ term_<|_ term_<||>_ term_=<<_
_ term_==_ term_=_ term_>=>_ term_>=_ term_>>=_ term_>>>_ term_>>_ term_>_ term_\\/_ term_\\_ term_^^^_ term_^_ term__[_] term__[_]'_ term__[_]_!
_ term__[_]_? term_|>_ term_||_ term_|||_ term_×'_ term_×'__1 term_×_ term_×__1 term_•_ term_⁻¹ term_↔_ term_∈_ term_∉_ term_∘_ term_∣_ term_∧_
_ term_∨_ term_∩_ term_∪_ term_≈_ term_≍_ term_≠_ term_≤_ term_≥_ term_⊂_ term_⊃_ term_⊆_ term_⊇_ term_⊕'_ term_⊕_ term{_:_//_} term{_} term{}
_ term~~~_ term¬_ termΣ'_,_ termΣ_,_ term‹_› term∃_,_ term∅ term∎
Array tacticArray_get_dec tacticArray_mem_dec term__[:_] term__[_:] term__[_:_] term_~_
BitVec term__#'__ term__#__
Bool term_^^_
Int term-[_+1]
Lean binderIdent binderPred<_ binderPred>_ binderPred∈_ binderPred∉_ binderPred≠_ binderPred≤_ binderPred≥_ binderPred⊂_ binderPred⊃_ binderPred⊆_
Lean binderPred⊇_ bracketedExplicitBinders calc calcFirstStep calcStep calcSteps calcTactic cdot cdotTk convCalc_ doElemRepeat_ doElemRepeat__Until_
Lean doElemWhile_:_Do_ doElemWhile_Do_ explicitBinders modCast solveTactic term∀__,_ term∃__,_ unbracketedExplicitBinders
Lean.Elab.Tactic.Ext applyExtTheorem ext tacticExt1___
Lean.Order term_⊑_ term⊥
Lean.Parser colon colonA colonD colonEq colonEqA colonEqD colonEqR colonEqS colonR colonS equal equalA equalD equalR equalS
Lean.Parser.Command openHiding openOnly openRenaming openRenamingItem openScoped openSimple
Lean.Parser.Level addLit hole imax max paren
Lean.Parser.Tactic acNf0 acRfl allGoals anchor anyGoals apply apply? applyAssumption applyRfl applyRules as_aux_lemma assumption bvNormalize
Lean.Parser.Tactic bvNormalizeMacro by? case case' caseArg cases change changeWith classical clear clearValue clearValueArg clearValueHyp
Lean.Parser.Tactic clearValueStar configItem congr constructor contradiction cutsat decide delta discharger done dsimp dsimpArgs dsimpAutoUnfold
Lean.Parser.Tactic dsimpKind dsimpTrace dsimpTraceArgsRest elimTarget eqRefl exact exact? exposeNames extractLets fail failIfSuccess falseOrByContra
Lean.Parser.Tactic first focus funCases funInduction generalize generalizeArg grind grindErase grindLemma grindLemmaMin grindParam grindTrace grobner
Lean.Parser.Tactic guardExpr guardExprConv guardHyp guardHypConv guardTarget guardTargetConv induction inductionAlt inductionAltLHS inductionAlts
Lean.Parser.Tactic injection injections intro introMatch intros invariantAlts invariantCaseAlt invariantDotAlt invariantsKW left letToHave letrec lia
Lean.Parser.Tactic liftLets location locationHyp locationType locationWildcard massumption massumptionMacro match mcases mcasesError mcasesMacro
Lean.Parser.Tactic mcasesPat#_ mcasesPat%_ mcasesPat(_) mcasesPat- mcasesPatAlts mcasesPat_ mcasesPat⌜_⌝ mcasesPat□_ mcasesPat⟨_⟩ mclear mclearError
Lean.Parser.Tactic mclearMacro mconstructor mconstructorMacro mdup mexact mexactError mexactMacro mexfalso mexfalsoMacro mexists mexistsError
Lean.Parser.Tactic mexistsMacro mframe mframeMacro mhave mhaveError mhaveMacro mintro mintroError mintroMacro mintroPat_ mintroPat∀_ mleave
Lean.Parser.Tactic mleaveMacro mleft mleftMacro mpure mpureError mpureIntro mpureIntroMacro mpureMacro mrefine mrefineError mrefineMacro mrefinePat#_
Lean.Parser.Tactic mrefinePat%_ mrefinePat(_) mrefinePat?_ mrefinePat_ mrefinePats mrefinePat⌜_⌝ mrefinePat□_ mrefinePat⟨_⟩ mrenameI mrenameIError
Lean.Parser.Tactic mrenameIMacro mreplace mreplaceError mreplaceMacro mrevert mrevertError mrevertMacro mrevertPat_ mrevertPat∀_ mright mrightMacro
Lean.Parser.Tactic mspec mspecMacro mspecNoBind mspecNoSimp mspecialize mspecializeError mspecializeMacro mspecializePure mspecializePureError
Lean.Parser.Tactic mspecializePureMacro mstart mstartMacro mstop mstopMacro mvcgen mvcgenMacro negConfigItem normCast0 obtain omega open optConfig
Lean.Parser.Tactic paren posConfigItem pushCast rcases rcasesPatLo rcasesPatMed refine refine' rename renameI repeat' repeat1' replace revert
Lean.Parser.Tactic rewriteSeq rewrites? rewrites_forbidden right rintro rotateLeft rotateRight rwRule rwRuleSeq rwSeq seq1 set_option show showTerm
Lean.Parser.Tactic showTermElab simp simpAll simpAllArith simpAllArithBang simpAllAutoUnfold simpAllKind simpAllTrace simpAllTraceArgsRest simpArgs
Lean.Parser.Tactic simpArith simpArithBang simpAutoUnfold simpErase simpLemma simpPost simpPre simpStar simpTrace simpTraceArgsRest simpa
Lean.Parser.Tactic simpaArgsRest skip solveByElim specialize split subst substEqs substVars symm symmSaturate tacDepIfThenElse tacIfThenElse
Lean.Parser.Tactic tacticAc_nf_ tacticAnd_intros tacticApply_mod_cast_ tacticAssumption_mod_cast_ tacticBv_omega tacticDsimp?!_ tacticErw___
Lean.Parser.Tactic tacticExact_mod_cast_ tacticExfalso tacticExists_,, tacticHave' tacticHaveI__ tacticHave__ tacticInfer_instance tacticIterate____
Lean.Parser.Tactic tacticLet'__ tacticLetI__ tacticLet__ tacticMvcgen_trivial tacticMvcgen_trivial_extensible tacticNext_=>_ tacticNofun
Lean.Parser.Tactic tacticNomatch_,, tacticNorm_cast__ tacticRefine_lift'_ tacticRefine_lift_ tacticRepeat_ tacticRfl tacticRfl' tacticRw_mod_cast___
Lean.Parser.Tactic tacticRwa__ tacticSeq tacticSeq1Indented tacticSeqBracketed tacticSimp?!_ tacticSimp_all?!_ tacticSimpa!_ tacticSimpa?!_
Lean.Parser.Tactic tacticSimpa?_ tacticSuffices_ tacticTrivial tacticTry_ tacticUnhygienic_ tactic_<;>_ traceMessage traceState tryTrace unfold
Lean.Parser.Tactic valConfigItem vcAlt vcAlts withReducible withReducibleAndInstances withUnfoldingAll
Lean.Parser.Tactic.Conv allGoals anyGoals arg argArg case case' change clear congr conv convApply_ convArgs convConvSeq convDone convErw__
Lean.Parser.Tactic.Conv convIntro___ convLeft convNext__=>_ convRepeat_ convRfl convRight convRw__ convSeq convSeq1Indented convSeqBracketed
Lean.Parser.Tactic.Conv convTactic convTrace_state convTry_ conv_<;>_ conv·._ delta dsimp dsimpTrace enter enterArg enterPattern ext extractLets
Lean.Parser.Tactic.Conv failIfSuccess first focus fun letToHave lhs liftLets nestedConv nestedTactic nestedTacticCore normCast occs occsIndexed
Lean.Parser.Tactic.Conv occsWildcard paren pattern reduce rewrite rhs simp simpMatch simpTrace skip unfold whnf zeta
Lean.Parser.Tactic.Grind ac allGoals anyGoals cases casesNext casesTrace done exposeNames fail failIfSuccess finish finishTrace first focus
Lean.Parser.Tactic.Grind grindFilter grindRepeat_ grindSeq grindSeq1Indented grindSeqBracketed grindStep grindTry_ grind_<;>_ grind_filter!_
Lean.Parser.Tactic.Grind grind_filter(_) grind_filterGen!=_ grind_filterGen<=_ grind_filterGen<_ grind_filterGen=_ grind_filterGen>=_
Lean.Parser.Tactic.Grind grind_filterGen>_ grind_filterGen≤_ grind_filterGen≥_ grind_filter_ grind_filter_&&_ grind_filter_||_ grind_ref_ grind_ref__1
Lean.Parser.Tactic.Grind grind·._ have haveSilent instantiate lia linarith mbtc nestedTacticCore next paren renameI ring setConfig setOption
Lean.Parser.Tactic.Grind showAsserted showCases showEqcs showFalse showLocalThms showState showTerm showTrue skip thm thmNs use
Lean.Parser.Tactic.SolveByElim arg args erase star using_
Lean.Parser.Tactic.rcasesPat clear explicit ignore one paren tuple
Lean.Parser.Tactic.rintroPat binder one
Lean.Parser.Term anonymousCtor app arrow assert basicFun binderDefault binderTactic binop binop_lazy binrel binrel_no_prop borrowed byTactic byTactic'
Lean.Parser.Term cdot clear declName defaultOrOfNonempty depArrow do doAssert doBreak doCatch doCatchMatch doContinue doExpr doFinally doFor doForDecl
Lean.Parser.Term doHave doIdDecl doIf doIfLet doIfLetBind doIfLetPure doIfProp doLet doLetArrow doLetElse doLetRec doMatch doNested doPatDecl
Lean.Parser.Term doReassign doReassignArrow doReturn doSeqBracketed doSeqIndent doSeqItem doTry doUnless dotIdent doubleQuotedName ellipsis
Lean.Parser.Term ensureExpectedType ensureTypeOf explicit explicitBinder explicitUniv falseVal forInMacro forInMacro' forall fromTerm fun
Lean.Parser.Term generalizingParam have haveI hole hygienicLParen implicitBinder inaccessible instBinder leftact let letConfig letDecl letEqnsDecl
Lean.Parser.Term letI letId letIdDecl letNegOpt letOptEq letOptGeneralize letOptNondep letOptPostponeValue letOptUsedOnly letOptZeta letOpts
Lean.Parser.Term letPatDecl letPosOpt letRecDecl letRecDecls let_delayed let_fun let_tmp letrec liftMethod match matchAlt matchAlts
Lean.Parser.Term matchAltsWhereDecls matchDiscr motive namedArgument namedPattern noErrorIfUnused noImplicitLambda nofun noindex nomatch omission open
Lean.Parser.Term optEllipsis panic paren pipeProj proj prop quotedName rightact set_option show showTermElabImpl sort strictImplicitBinder structInst
Lean.Parser.Term structInstArrayRef structInstField structInstFieldDef structInstFieldEqns structInstFields structInstLVal subst suffices sufficesDecl
Lean.Parser.Term syntheticHole termFor termReturn termTry termUnless trueVal tuple type typeAscription typeOf typeSpec unop unreachable whereDecls
Lean.Parser.Term whereFinally whereFinallySubsection
Lean.Parser.Termination coinductiveFixpoint decreasingBy inductiveFixpoint partialFixpoint suffix terminationBy terminationBy?
List tacticSizeOf_list_dec term_<+:_ term_<+_ term_<:+:_ term_<:+_ term_~_
Rat term_/._
Std term*...* term*...<_ term*...=_ term*..._ termF!_ term_...* term_...<_ term_...=_ term_..._ term_<...* term_<...<_ term_<...=_ term_<..._
Std.DHashMap term_~m_
Std.DHashMap.Raw term_~m_
Std.DTreeMap term_~m_
Std.DTreeMap.Raw term_~m_
Std.Do termPost⟨_,,⟩ termSpred(_) termTerm(_) termWp⟦_:_⟧ term_→ₑ_ term_→ₚ_ term_⇓?_=>_ term_⇓_=>_ term_∧ₑ_ term_∧ₚ_ term_⊢ₑ_ term_⊢ₚ_ term_⊢ₛ_
Std.Do term_⊣⊢ₛ_ term⊢ₛ_ term⌜_⌝ triple
Std.HashMap term_~m_
Std.HashMap.Raw term_~m_
Std.HashSet term_~m_
Std.HashSet.Raw term_~m_
Std.Legacy.Range term[:_:_] term[:_] term[_:_:_] term[_:_]
Std.Time termDate(_) termDatespec(_) termDatespec(_,_) termDatetime(_) termOffset(_) termTime(_) termTimezone(_) termZoned(_) termZoned(_,_)
Std.TreeMap term_~m_
Std.TreeMap.Raw term_~m_
Std.TreeSet term_~m_
Std.TreeSet.Raw term_~m_
Vector term#v[_,] term_~_"

/-- The same for syntax that 4.35 calls otherwise: `rwa`, `simpa using`, `·`, nested actions and loops of
    `do`, `inferInstanceAs`. What is wholly new there is not listed. -/
def renamedText : String := "Lean.Parser.Tactic rwa rwaAt rwaAtLegacyLocation simpaUsingBang simpaUsingBangArgsRest
Lean.Parser.Tactic tacticSimpa!__1 tacticSimpa?__1 tacticSimpa?!__1 constructorBang
Lean.Parser.Tactic.Conv conv·_
Lean.Parser.Tactic.Grind grind·_
Lean.Parser.Term nestedAction doWhile doRepeat doRepeatUntil inferInstanceAs"

/-- The kinds of syntax in both. -/
def allowedKinds : Std.HashSet Name := Id.run do
  let mut out : Std.HashSet Name := {}
  for line in (allowedText ++ "\n" ++ renamedText).splitOn "\n" do
    match line.splitOn " " with
    | space :: names =>
      let space := if space == "_" then .anonymous else space.toName
      for name in names do out := out.insert (.str space name)
    | [] => continue
  return out

end LeanEnv
