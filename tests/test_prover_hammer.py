"""The hammer's portfolio as text: what it proposes for which shape of goal."""

import asyncio
import re

import pytest
from lakatos.data.records import Declaration, Goal, Hypothesis, Origin, ProofState, Theorem
from lakatos.prover.hammer.goal_text import introductions, split_top
from lakatos.prover.hammer.policy import CLOSING_MATHLIB, MAX_PROPOSALS, Hammer
from lakatos.prover.policy.base import Query


def goal(target, *hypotheses):
    pairs = (h.split(" : ", 1) for h in hypotheses)
    return Goal(target, tuple(Hypothesis(name, text) for name, text in pairs))


def propose(goals, *, source="", context=(), after=None):
    goals = goals if isinstance(goals, tuple) else (goals,)
    state = ProofState("k", goals, after)
    theorem = Theorem("t", source, "t.lean", 0, 0, 1, 0, "tactic", state, context=context)
    return asyncio.run(Hammer().propose([Query(theorem, state)]))[0].proposals


def tactics(*args, **kwargs):
    return [p.tactic for p in propose(*args, **kwargs)]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("∀ (n m : Nat), n ≤ m → n = m", ["n", "m", "h"]),
        ("∀ x ∈ s, ∀ ε > 0, p x → ¬q x", ["x", "h", "ε", "h1", "h2", "h3"]),
        ("∀ {α : Type} [inst : Ring α] (x : α), x = x", ["α", "inst", "x"]),
        ("(p → q) → p → q", ["h", "h1"]),
        ("¬∀ x, p x", ["h"]),
        ("(p → q) ↔ r", []),
        ("(∀ x, p x) ∧ q", []),
        ("∃ f, f → q", []),
        ("∀ (a : α), f a ≠ g", ["a", "h"]),
        ("a ≠ b ∨ q", []),
    ],
)
def test_introductions_take_the_names_of_binders(target, names):
    assert introductions(target, []) == names


def test_introduced_names_are_new():
    assert introductions("∀ (x : Nat), p x → q", ["x", "h"]) == ["x1", "h1"]


def test_split_top_respects_brackets():
    assert split_top("(a ∧ b) ∧ ⟨c ∧ d⟩ ∧ e", " ∧ ") == ["(a ∧ b)", "⟨c ∧ d⟩", "e"]


GOALS = {
    "implication": (goal("p → q"), "intro h"),
    "and": (goal("p ∧ q"), "constructor"),
    "iff": (goal("p ↔ q"), "constructor"),
    "or": (goal("p ∨ q"), "right"),
    "function": (goal("f = g"), "funext x"),
    "if": (goal("(if x = 0 then 1 else 2) > 0"), "split"),
    "witness": (goal("∃ y, y = x", "x : Nat"), "refine ⟨x, ?_⟩"),
    "conjunction": (goal("r", "h : p ∧ ∃ x, q x"), "obtain ⟨h1, h2⟩ := h"),
    "existential": (goal("r", "h : ∃ x, p x ∧ q x"), "obtain ⟨x, ⟨h1, h2⟩⟩ := h"),
    "disjunction": (goal("r", "h : p ∨ q"), "rcases h with h | h"),
    "apply": (goal("q", "h : p → q"), "apply h"),
    "rewrite": (goal("f (f x) = x", "h : ∀ (x : Nat), f x = x"), "rw [h]"),
    "negation": (goal("False", "h : ¬p"), "apply h"),
    "substitution": (goal("x = 3", "x : Nat", "h : x = 3"), "subst h"),
    "pair": (goal("p.1 = p.1", "p : Nat × Nat"), "obtain ⟨a, b⟩ := p"),
    "list": (
        goal("xs.length = n", "xs : List α"),
        "induction xs with\n| nil => ?_\n| cons x xs ih => ?_",
    ),
    "number": (goal("n ≤ n * n", "n : Nat"), "induction n with\n| zero => ?_\n| succ n ih => ?_"),
    "hidden": (goal("p", "n✝ : Nat", "h✝ : p"), "rename_i n h"),
    "instance of a law": (
        goal("x 1 = 2", "x : Nat → Nat", "h : ∀ (n : Nat), x n = 2"),
        "have hi := h 1",
    ),
    "cast": (
        goal("a = 42", "a : ℕ", "h : (5 : ℚ) * ↑a = 210"),
        "have key : (a : Rat) = 42 := by grind\nexact_mod_cast key",
    ),
}


@pytest.mark.parametrize("name", GOALS)
def test_a_shape_brings_its_tactic(name):
    shown, expected = GOALS[name]
    assert expected in tactics(shown)


def test_cheap_closers_come_first():
    first = tactics(goal("2 + 2 = 4"))
    assert first[0] == "rfl"
    assert first.index("omega") < first.index("grind")


def test_arithmetic_templates_carry_the_numbers_of_the_goal():
    square = tactics(goal("a ^ 2 % 3 = 0 ∨ a ^ 2 % 3 = 1", "a : ℤ"))
    assert any("a % 3 = 0 ∨ a % 3 = 1 ∨ a % 3 = 2" in t for t in square)
    power = tactics(goal("3 ∣ n", "n : ℕ", "h : 7 ∣ 2 ^ n - 1"))
    assert any("Nat.pow_mod (2 ^ 3) (n / 3) 7" in t for t in power)
    divisor = tactics(goal("(n + 7).gcd (2 * n + 1) ≤ 13", "n : ℕ"))
    assert any("2 * (n + 7) - 1 * (2 * n + 1) = 13" in t for t in divisor)
    product = tactics(goal("a = 3", "a : ℕ", "b : ℕ", "h : a * b = 6"))
    assert any("k = 1 ∨ k = 2 ∨ k = 3 ∨ k = 6" in t for t in product)


def test_finite_search_leaves_out_what_cannot_be_decided():
    shown = goal("x = 4", "x : ℕ", "f : ℕ → ℕ", "h : x * x = 16", "h' : ∀ (n : ℕ), f n = x")
    found = [t for t in tactics(shown) if t.endswith("decide +kernel")]
    assert any("clear h'" in t and "revert x" in t for t in found)
    assert not any("revert x" in t for t in tactics(goal("f x = 4", "x : ℕ", "f : ℕ → ℕ")))


FIRST_TERMS = ("h : f 1 = 1", "h' : f 2 = 3")


@pytest.mark.parametrize(
    "rule",
    ["∀ (n : ℕ), n ≥ 3 → f n = f (n - 1) - f (n - 2)", "∀ (n : ℕ), f (n + 2) = f (n + 1) - f n"],
)
def test_a_periodic_sequence_is_followed_to_the_term_asked(rule):
    shown = goal("f 2025 = 2", "f : ℕ → ℤ", *FIRST_TERMS, f"rule : {rule}")
    (found,) = [t for t in tactics(shown) if "have key" in t]
    assert "∀ n : Nat, f (6 * n + 1) = 1 ∧ f (6 * n + 2) = 3" in found
    assert "have t0 : f 2025 = 2" in found


@pytest.mark.parametrize(
    "rule", ["∀ (n : ℕ), f (n + 2) = f (n + 1) + f n", "∀ (n : ℕ), f (n + 2) = g (f n)"]
)
def test_no_period_no_tactic(rule):
    shown = goal("f 2025 = 2", "f : ℕ → ℤ", *FIRST_TERMS, f"rule : {rule}")
    assert not [t for t in tactics(shown) if "have key" in t]


CONTEXT = (
    Declaration("L.double", "definition", "List α → List α"),
    Declaration("L.double.match_1", "definition", ""),
    Declaration("termℕ", "definition", "Lean.ParserDescr"),
    Declaration("L.double_nil", "theorem", "L.double [] = []"),
    Declaration("L.other", "theorem", "1 = 1"),
    Declaration("L.far", "theorem", "2 = 2"),
    Declaration("L.near", "theorem", "3 = 3"),
)


def test_definitions_are_unfolded_and_theorems_used():
    found = tactics(goal("double (double xs) = ys", "xs : List α"), context=CONTEXT)
    assert "simp [L.double]" in found
    assert "induction xs <;> simp_all [L.double]" in found
    assert "rw [L.double_nil]" in found
    assert not any("match_1" in t or "termℕ" in t for t in found)
    assert "rw [L.other]" not in found


PATHS = (
    Declaration("Edge.Path", "inductive", "Nat → Nat → Prop"),
    Declaration("Edge.Path.stop", "constructor", "Path a a"),
    Declaration("Edge.Tree", "inductive", "Type"),
    Declaration("Edge.Tree.leaf", "constructor", "Tree"),
)


def test_proofs_of_inductive_predicates_are_taken_apart_and_built():
    found = tactics(goal("Path a c", "a c : Nat", "h : Path a b"), context=PATHS)
    assert "induction h <;> grind [Edge.Path]" in found
    assert "cases h" in found
    joined = Declaration("Edge.join", "theorem", "Path a b → Path b c → Path a c")
    above = tactics(goal("Path a c", "h : Path a b"), context=(*PATHS, joined))
    assert "induction h <;> grind [Edge.Path, Edge.join]" in above
    assert "apply Edge.Path.stop" in found
    assert "constructor <;> assumption" in found
    other = tactics(goal("t = Tree.leaf", "t : Tree"), context=PATHS)
    assert not [tactic for tactic in other if "Path" in tactic or "grind [Edge.Tree]" in tactic]


COMMANDS = (
    Declaration("Com", "inductive", "Type"),
    Declaration("Com.skip", "constructor", "Com"),
    Declaration("Com.seq", "constructor", "Com → Com → Com"),
    Declaration("Run", "inductive", "Com → Nat → Nat → Prop"),
    Declaration("Run.skip", "constructor", "∀ {s : Nat}, Run Com.skip s s"),
    Declaration(
        "Run.seq",
        "constructor",
        "∀ {c : Com} {s t : Nat} {d : Com} {u : Nat}, Run c s t → Run d t u → Run (c.seq d) s u",
    ),
    Declaration("Ev", "inductive", "Nat → Prop"),
    Declaration("Ev.two", "constructor", "∀ {n : Nat}, Ev n → Ev (n + 2)"),
    Declaration("Ev.all", "constructor", "∀ {n : Nat}, Ev n → Ev n"),
)


def test_what_a_rule_puts_together_is_taken_apart_again():
    runs = goal("Run c s t ↔ Run d s t", "c d : Com", "s t : Nat")
    start = "constructor <;> intro h <;> (iterate 4 all_goals try first | "
    (found,) = [t for t in tactics(runs, context=COMMANDS) if t.startswith(start)]
    assert "cases ‹Run Com.skip _ _› | cases ‹Run (Com.seq ..) _ _›)" in found
    assert "solve_by_elim [Run.skip, Run.seq]" in found
    even = tactics(goal("Ev m", "m : Nat", "h : Ev (m + 4)"), context=COMMANDS)
    assert [t for t in even if "cases ‹Ev (_ + 2)›" in t]
    assert not [t for t in even if "cases ‹Ev _›" in t], "it could go on for ever"


def test_an_induction_along_a_proof_is_for_all_other_values():
    values = ("c : Com", "r : Nat", "s : Nat", "t : Nat")
    same = goal("s = t", *values, "h : Run c r s", "h' : Run c r t")
    found = tactics(same, context=COMMANDS)
    assert "induction h generalizing t <;> grind [Run]" in found
    assert "induction h' generalizing s <;> grind [Run]" in found


def test_helpers_of_programs_are_known_and_strangers_are_not():
    source = "def far (n : Nat) := n\ndef near (n : Nat) := n\ndef f (n : Nat) : Nat :=\n  near n\n"
    source += "def loop : Nat → Nat\n  | 0 => 0\n  | n + 1 => loop n\ndef g (n : Nat) := loop n\n"
    own = [Declaration(n, "definition", "Nat → Nat") for n in ("far", "near", "f", "loop", "g")]
    found = tactics(goal("f n = n", "n : Nat"), source=source, context=tuple(own))
    assert "grind [f, near]" in found
    assert "grind [f]" in found
    assert not [t for t in found if "far" in t]
    assert "simp [g]" in tactics(goal("g n = 0", "n : Nat"), source=source, context=tuple(own))


def test_products_are_compared_by_squares_of_differences():
    found = tactics(goal("a * b + b * c + c * a ≤ 9", "a : Int", "b : Int", "c : Int"))
    (text,) = [t for t in found if "sq0" in t]
    assert [line.split(" := ")[0] for line in text.splitlines()] == [
        "have sq0 : 0 ≤ (a - b) * (a - b)",
        "have sq1 : 0 ≤ (a - c) * (a - c)",
        "have sq2 : 0 ≤ (b - c) * (b - c)",
        "grind",
    ]
    one = [t for t in tactics(goal("2 * x ≤ x * x + 1", "x : Int")) if "sq0" in t]
    assert "(x - 1) * (x - 1)" in one[0]
    naturals = tactics(goal("2 * a * b ≤ a * a + b * b", "a : Nat", "b : Nat"))
    assert [t for t in naturals if t.startswith("rcases Nat.le_total a b with h | h")]


def test_a_name_behind_a_variable_is_of_its_type():
    own = [Declaration(name, "definition", "Nat") for name in ("Com.exec", "Instr.exec")]
    own += [Declaration("Com", "inductive", "Type"), Declaration("Instr", "inductive", "Type")]
    found = tactics(goal("c.exec s = s", "c : Com", "s : Nat"), context=tuple(own))
    assert "grind [Com.exec]" in found
    assert not [t for t in found if "Instr" in t]
    for unknown in ("exec c s = s", "(f c).exec s = s", "c.rest.exec s = s"):
        both = tactics(goal(unknown, "c : Com", "s : Nat"), context=tuple(own))
        assert "grind [Com.exec, Instr.exec]" in both


def test_a_rule_is_reached_by_induction_on_what_it_speaks_of():
    back = goal("Run c s t", "c : Com", "s : Nat", "t : Nat", "h : f c s = t")
    start = "induction c generalizing s t <;> (try simp_all) <;> (iterate 4 all_goals try first | "
    assert [t for t in tactics(back, context=COMMANDS) if t.startswith(start)]


GROUP = (
    Declaration("Grp", "inductive", "Type → Type"),
    Declaration("Grp.one", "definition", "{G : Type} → Grp G → G"),
    Declaration("Grp.inv", "definition", "{G : Type} → Grp G → G → G"),
    Declaration(
        "Grp.assoc",
        "field",
        "∀ {G : Type} (self : Grp G) (a b c : G), self.mul (self.mul a b) c = self.mul a b",
    ),
    Declaration("Grp.neutral", "field", "∀ {G : Type} (self : Grp G) (a : G), self.mul a a = a"),
)


def test_laws_of_structures_are_stated_at_small_terms():
    found = tactics(goal("a = g.one", "G : Type", "g : Grp G", "a : G"), context=GROUP)
    few, many = [t.splitlines() for t in found if "law0" in t]
    assert len(few) == 3**3 + 4 + 1
    assert "have law1 := g.assoc a a g.one" in few
    assert len(many) == 4**3 + 4 + 1
    assert "have law1 := g.assoc a a g.one" in many
    assert "have law64 := g.neutral a" in many
    assert any(line.endswith("g.assoc (g.inv (g.inv a)) a (g.inv a)") for line in many)
    assert few[-1] == many[-1] == "grind [g.assoc, g.neutral]"
    things = ("M : Type", "f : M → M → M", "e : M", "u : M")
    with_fact = goal("u = e", *things, "h : ∀ (a : M), f u a = a")
    assert "have law0 := h e\nhave law1 := h u\ngrind" in tactics(with_fact)


def test_quotients_are_witnesses_of_multiples():
    by = "by first | omega | grind"
    assert f"exact ⟨(m + n) / 2, {by}⟩" in tactics(goal("∃ k, m + n = 2 * k", "m n : Nat"))
    assert f"exact ⟨(n) / 3, {by}⟩" in tactics(goal("∃ k, n = k * 3 + 1", "n : Nat"))
    assert not [t for t in tactics(goal("∃ k, k + n = 2 * k", "n : Nat")) if "/ 2" in t]
    found = tactics(goal("(∃ k, n = 2 * k) ∨ ∃ k, n = 2 * k + 1", "n : Nat"))
    parts = "exact Or.inl ⟨(n) / 2, by omega⟩ | exact Or.inr ⟨(n) / 2, by omega⟩"
    assert f"by_cases hm : (n) % 2 = 0 <;> first | {parts}" in found


def test_functions_are_chosen_and_diagonals_tried():
    chosen = goal("∃ g, ∀ b, f (g b) = b", "f : α → β", "h : ∀ (b : β), ∃ a, f a = b")
    assert "obtain ⟨g, hg⟩ := Classical.axiomOfChoice h" in tactics(chosen)
    missed = "(fun x => ¬ f x x)"
    for type_ in ("α → α → Prop", "α → (α → Prop)"):
        found = tactics(goal("∃ p, ∀ a, f a ≠ p", f"f : {type_}"))
        assert f"refine ⟨{missed}, ?_⟩" in found
    assert f"have hd := h {missed}" in tactics(
        goal("False", "f : α → α → Prop", "h : ∀ (p : α → Prop), ∃ a, f a = p")
    )
    at_point = goal("False", "f : α → α → Prop", "a : α", "h : f a = fun x => ¬f x x")
    assert "have hp := congrFun h a\ngrind" in tactics(at_point)


def test_own_propositions_are_written_out_everywhere():
    context = (Declaration("Even'", "definition", "Nat → Prop"),)
    found = tactics(goal("Even' (m + n)", "m n : Nat", "h : Even' m"), context=context)
    assert "unfold Even' at *" in found


PROGRAM = """@[reducible, simp]
def double_post (n result : Nat) : Prop := result = 2 * n
def double.go (n : Nat) : Nat := n
def double (n : Nat) : Nat := double.go n + n
"""


def program():
    types = {
        "double_post": "Nat → Nat → Prop",
        "double.go": "Nat → Nat",
        "double": "Nat → Nat",
    }
    context = tuple(Declaration(name, "definition", type_) for name, type_ in types.items())
    return tactics(goal("double_post n (double n)", "n : Nat"), source=PROGRAM, context=context)


def test_grind_is_not_given_what_it_sees_through():
    found = program()
    assert "grind [double]" in found
    assert not [t for t in found if re.search(r"grind \[[^\]]*double_post", t)]


def test_a_program_is_unfolded_and_split():
    text = "unfold double_post double at *; (repeat' split) <;> (try simp_all) <;> (try grind)"
    assert text in program()


def test_a_sum_over_a_range_is_followed_by_its_bound():
    found = tactics(goal("2 * (List.range (n + 1)).sum = n * (n + 1)", "n : Nat"))
    assert "induction n <;> simp_all [List.range_succ] <;> grind" in found


def test_recursion_is_followed_before_definitions_are_unfolded_which_may_loop():
    found = tactics(goal("double (double xs) = ys", "xs : List α"), context=CONTEXT)
    follow, loop = "fun_induction L.double <;> grind [L.double]", "simp [L.double]"
    assert found.index(follow) < found.index(loop)


def test_mathlib_tactics_only_with_mathlib():
    shown = goal("a * b = b * a", "a : ℝ", "b : ℝ")
    names = [tactic for tactic, _ in CLOSING_MATHLIB]
    assert set(names) <= set(tactics(shown, source="import Mathlib.Tactic\n"))
    assert not set(names) & set(tactics(shown, source="-- import Mathlib\n"))


EVERY = [
    *(shown for shown, _ in GOALS.values()),
    goal("x✝ + y = z", "x✝ : ℕ", "y : ℕ", "h✝ : y * x✝ = 4", "h : y = 2 ∨ y = 3"),
    goal("↑(t 2020).den = 626", "t : ℕ → ℚ", "h : ∀ n ≥ 3, t n = t (n - 1) / 2"),
]


@pytest.mark.parametrize("shown", EVERY, ids=lambda shown: shown.target[:20])
def test_every_portfolio_is_sound_text(shown):
    found = propose(shown, context=CONTEXT)
    assert found == propose(shown, context=CONTEXT)
    assert 0 < len(found) <= MAX_PROPOSALS
    assert all(0 < p.prior <= 1 for p in found)
    assert len({p.tactic for p in found}) == len(found)
    assert [p.prior for p in found] == sorted((p.prior for p in found), reverse=True)
    banned = re.compile(r"✝|\bsorry\b|\badmit\b|native_decide|\w\?(?=\s|$)")
    searching = {"exact?", "library?", "loop_induction?"}  # what it finds takes its place
    assert not [p.tactic for p in found if banned.search(p.tactic) and p.tactic not in searching]


def test_searches_are_tried_near_the_theorem_and_that_of_the_library_waits_below_it():
    below = Origin(ProofState("above"), "intro x", 0)
    far = Origin(ProofState("between", origin=below), "simp", 0)
    waits = [
        {p.tactic: p.waits for p in propose(goal("f x = x"), after=after)}.get("library?")
        for after in (None, below, far)
    ]
    assert waits == [False, True, None]


def test_no_goals_no_proposals():
    assert propose(()) == ()
