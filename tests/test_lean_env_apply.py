"""What a pool says of a tactic: drafts, searches, messages, limits; states that travel."""

import asyncio
import itertools
import pickle

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import (
    Accepted,
    Advanced,
    Origin,
    ProofState,
    ProofTree,
    Rejected,
    Rejection,
)
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.script import script
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.tests.test_lean_env_pool import asynchronous, new_pool, root_of

SOURCE = """theorem zero (n : Nat) : n + 0 = n := by sorry
theorem both (p q r : Prop) (hp : p) (hq : q) (hr : r) : p ∧ q ∧ r := by sorry
theorem wrong : 1 + 1 = 3 := by sorry
theorem all : ∀ n : Nat, 0 + n = n := by sorry
theorem one (n : Nat) : 0 + n = n := by sorry
theorem exists_two : ∃ n : Nat, n * n = 4 := by sorry
example : 1 = 0 := by sorry
"""
DRAFTS = {
    "refine ⟨sorry, ?_, by sorry⟩": ["q", "p", "r"],
    "constructor\n· sorry\n· constructor\n  · sorry\n  · exact hr": ["p", "q"],
    "have h : p ∧ q := sorry\nexact ⟨h.1, h.2, hr⟩": ["p ∧ q"],
    "have h : q ∧ p := by\n  sorry\nrefine ⟨h.2, h.1, ?_⟩": ["r", "q ∧ p"],
    "constructor\ncase left => (sorry)\ncase right => constructor <;> assumption": ["p"],
    "exact ⟨hp, hq, show r by skip; sorry⟩": ["r"],
    "sorry": ["p ∧ q ∧ r"],
}
IN_ORDER = ("rfl", "assumption", "-- a comment\n    constructor")


@asynchronous
async def test_a_text_alone_is_one_tactic():
    async with new_pool() as pool:
        (step,) = await pool.apply(await root_of(pool), "dec")
        assert isinstance(step.outcome, Advanced)


@asynchronous
async def test_one_call_has_its_own_limits():
    async with new_pool() as pool:
        state = await root_of(pool)
        (step,) = await pool.apply(state, ["hb"], heartbeats=77)
        assert step.outcome.message == "77"
        (step,) = await pool.apply(state, ["slow"], timeout_s=0.05)
        assert step.outcome.wall_s == 0.05
        with pytest.raises(UsageError, match="heartbeats must be at least 1"):
            await pool.apply(state, ["dec"], heartbeats=0)
        with pytest.raises(UsageError, match="above 0 seconds"):
            await pool.apply(state, ["dec"], timeout_s=0.0)


@asynchronous
async def test_a_step_that_searched_has_what_was_found():
    async with new_pool() as pool:
        (step,) = await pool.apply(await root_of(pool), ["seek"])
        assert (step.tactic, step.outcome.suggestion) == ("dec", "dec")
        assert step.outcome.states[0].origin.tactic == "dec"


@asynchronous
async def test_an_outcome_has_what_was_said():
    async with new_pool() as pool:
        (step,) = await pool.apply(await root_of(pool), ["say so"])
        (said,) = step.outcome.messages
        assert (said.text, said.column, said.end_column) == ("so", 4, 6)


@asynchronous
async def test_a_draft_is_taken_again_by_a_worker_that_never_saw_it():
    async with new_pool() as first, new_pool() as second:
        state = await root_of(first)
        (step,) = await first.apply(state, ["plan sorry sorry"], allow_sorry=True)
        hole = step.outcome.states[1]
        assert (hole.origin.hole.start, hole.origin.hole.stop) == (11, 16)
        await root_of(second)
        (again,) = await second.apply(pickle.loads(pickle.dumps(hole)), ["dec"])
        assert isinstance(again.outcome, Advanced)
        (refused,) = await first.apply(state, ["plan sorry"])
        assert isinstance(refused.outcome, Rejected)


def test_a_pool_used_in_a_second_loop_says_so():
    pool = new_pool()
    with asyncio.Runner() as first:
        first.run(root_of(pool))
        with pytest.raises(UsageError, match="one pool in each loop"):
            asyncio.run(root_of(pool))
        first.run(pool.close())


def test_a_state_thousands_of_steps_deep_travels():
    state = ProofState("0", root="file:0.0")
    for number in range(5_000):
        state = ProofState(f"{number}", (), Origin(state, f"t{number}", 0), 1, "file:0.0")
    loaded = pickle.loads(pickle.dumps(state))
    assert loaded == state
    assert [(o.tactic, o.index, o.positions) for o in loaded.recipe] == [
        (o.tactic, o.index, o.positions) for o in state.recipe
    ]
    assert loaded.recipe[0].parent.root == "file:0.0"


class Checked:
    """Theorems of SOURCE on real Lean, tried and judged."""

    def __init__(self, pool, verifier, opened):
        self.pool, self.verifier = pool, verifier
        self.theorems = {theorem.name: theorem for theorem in opened.theorems}

    async def outcome(self, name, tactic, **options):
        (step,) = await self.pool.apply(self.theorems[name].state, tactic, **options)
        return step.outcome

    async def step(self, name, tactic, **options):
        return (await self.pool.apply(self.theorems[name].state, tactic, **options))[0]

    async def proof(self, state, tactics):
        """The first proof that these tactics make, tried in order."""
        for step in await self.pool.apply(state, tactics):
            if isinstance(step.outcome, Advanced):
                children = [await self.proof(child, tactics) for child in step.outcome.states]
                if all(children):
                    return ProofTree(state, step.tactic, tuple(children))
        return None

    async def verdict(self, name, proof):
        return (await self.verifier.verify(self.theorems[name], proof)).verdict


def on_lean(test):
    """A test of real Lean, given a `Checked`."""

    @pytest.mark.lean
    def run(toolchain):
        async def go():
            async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as gate:
                await test(Checked(pool, gate, await pool.open("A.lean", SOURCE)))

        asyncio.run(go())

    run.__name__ = test.__name__
    return run


@on_lean
async def test_the_holes_of_drafts_are_proved_in_their_places(lean):
    for draft, expected in DRAFTS.items():
        step = await lean.step("both", draft, allow_sorry=True)
        assert isinstance(step.outcome, Advanced), (draft, step.outcome)
        assert [state.goals[0].target for state in step.outcome.states] == expected, draft
        children = [await lean.proof(state, IN_ORDER) for state in step.outcome.states]
        proof = script(ProofTree(lean.theorems["both"].state, draft, tuple(children)))
        assert "sorry" not in proof
        assert isinstance(await lean.verdict("both", proof), Accepted), proof
        assert not isinstance(await lean.verdict("both", draft), Accepted)


@on_lean
async def test_a_hole_knows_what_stands_before_it(lean):
    draft = "induction n with\n| zero => sorry\n| succ n ih => sorry"
    outcome = await lean.outcome("one", draft, allow_sorry=True)
    assert [state.pretty for state in outcome.states] == [
        "case zero\n⊢ 0 + 0 = 0",
        "case succ\nn : Nat\nih : 0 + n = n\n⊢ 0 + (n + 1) = n + 1",
    ]


@on_lean
async def test_holes_that_cannot_be_filled_one_by_one_are_refused(lean):
    for name, draft, why in (
        ("both", "constructor <;> sorry", "stands for several goals"),
        ("exists_two", "refine ⟨?n, sorry⟩", "shares unknowns"),
        ("exists_two", "exact ⟨sorry, sorry⟩", "speaks of the value of a sorry"),
        ("both", "admit", "is not a proof"),
    ):
        outcome = await lean.outcome(name, draft, allow_sorry=True)
        assert isinstance(outcome, Rejected)
        assert why in outcome.message
    outcome = await lean.outcome(
        "exists_two", "first | (sorry; fail) | exact ⟨2, sorry⟩", allow_sorry=True
    )
    assert [state.goals[0].target for state in outcome.states] == ["2 * 2 = 4"]


@on_lean
async def test_a_theorem_does_not_close_its_own_goal(lean):
    for name, tactics in (
        (
            "wrong",
            ["exact wrong", "apply wrong", "rw [wrong]", "have := wrong; omega", "simp [wrong]"],
        ),
        ("all", ["exact all", "intro n; exact all n", "intro n\nhave := all\nexact this n"]),
        ("one", ["exact one n", "exact one _", "have h := one; exact h n"]),
    ):
        for tactic in tactics:
            outcome = await lean.outcome(name, tactic)
            assert isinstance(outcome, Rejected), tactic
            assert f"prove itself: {name}" in outcome.message
    smaller = "cases n with\n| zero => rfl\n| succ n => exact congrArg (· + 1) (NAME n)"
    for name, tactic in (("one", smaller), ("all", f"intro n\n{smaller}")):
        proof = tactic.replace("NAME", name)
        assert await lean.outcome(name, proof) == Advanced(())
        assert isinstance(await lean.verdict(name, proof), Accepted)


@on_lean
async def test_searching_tactics_become_what_they_found(lean):
    for name, tactic in (
        ("zero", "exact?"),
        ("zero", "simp?"),
        ("zero", "rw?"),
        ("zero", "skip\nshow_term simp"),
        ("both", "constructor\n· show_term exact hp\n· show_term exact ⟨hq, hr⟩"),
    ):
        step = await lean.step(name, tactic)
        assert step.outcome == Advanced(()), (tactic, step.outcome)
        assert "?" not in step.tactic
        assert "show_term" not in step.tactic
        assert "--" not in step.tactic
        assert isinstance(await lean.verdict(name, step.tactic), Accepted), step.tactic


@on_lean
async def test_what_lean_logged_before_it_gave_up_is_its_message(lean):
    for name, tactic, column, end in (
        ("zero", "exact _", 6, 7),
        ("zero", "calc n + 0 = n := _", 18, 19),
        ("both", "refine ⟨hp, foo⟩", 12, 15),
    ):
        outcome = await lean.outcome(name, tactic)
        assert isinstance(outcome, Rejected)
        assert "internal exception" not in outcome.message
        assert outcome.messages[0].text == outcome.message
        said = outcome.messages[0]
        assert (said.line, said.column, said.end_line, said.end_column) == (1, column, 1, end)


@on_lean
async def test_an_assignment_out_of_reach_is_seen_when_the_state_closes(lean):
    trick = "have: true := by apply ?succ; trivial"
    states = (await lean.outcome("example@7", "cases 1")).states
    outcomes = [(await lean.pool.apply(state, trick))[0].outcome for state in states]
    assert not any(outcome == Advanced(()) for outcome in outcomes)


@on_lean
async def test_a_tactic_may_be_for_another_goal(lean):
    (state,) = (await lean.outcome("exists_two", "refine ⟨?n, ?h⟩")).states
    targets = [goal.target for goal in state.goals]
    at = targets.index("Nat")
    (step,) = await lean.pool.apply(state, "  exact 2", goal=at)
    (left,) = step.outcome.states
    proof = ProofTree(state, step.tactic, (ProofTree(left, "rfl"),))
    whole = script(ProofTree(lean.theorems["exists_two"].state, "refine ⟨?n, ?h⟩", (proof,)))
    assert isinstance(await lean.verdict("exists_two", whole), Accepted), whole
    with pytest.raises(UsageError, match="no goal 2: it has 2, from 0 on"):
        await lean.pool.apply(state, "rfl", goal=2)


@on_lean
async def test_blanks_and_comments_before_a_tactic_keep_the_script_whole(lean):
    for tactic in ("/- c -/ rfl", "  rfl", "\n\n    have h := 1\n    rfl\n", "-- c\n  rfl"):
        assert await lean.outcome("zero", tactic) == Advanced(()), tactic
        proof = script(ProofTree(lean.theorems["zero"].state, tactic))
        assert isinstance(await lean.verdict("zero", f"skip\n{proof}"), Accepted), proof


UNIVERSES = """variable {α : Type u}
theorem t (p q : α → Prop) (h : ∀ x, p x ∧ q x) : (∀ x, p x) ∧ (∀ x, q x) :=
  ⟨fun x => sorry, fun x => sorry⟩
"""


@pytest.mark.lean
def test_holes_are_judged_one_by_one_where_a_universe_has_a_common_name(toolchain):
    async def go():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as gate:
            opened = await pool.open("u.lean", UNIVERSES)
            proofs = zip(opened.theorems, ("exact (h x).1", "exact (h x).2"), strict=True)
            return [(await gate.verify(*pair)).verdict for pair in proofs]

    assert all(isinstance(verdict, Accepted) for verdict in asyncio.run(go()))


KERNEL = """macro "certainly" : tactic => `(tactic| decide +kernel)
theorem right : 2 ^ 10 = 1024 := by sorry
theorem wrong : 2 ^ 10 = 1023 := by sorry
"""


@on_lean
async def test_what_asks_the_kernel_is_answered_by_it(lean):
    """Of what other tactics put aside it is asked only when the whole proof is judged."""
    right, wrong = (await lean.pool.open("kernel.lean", KERNEL)).theorems
    tactics = ["decide +kernel", "decide (config := { kernel := true })", "certainly"]
    for theorem, expected in ((right, True), (wrong, False)):
        steps = await lean.pool.apply(theorem.state, tactics)
        assert [step.outcome == Advanced(()) for step in steps] == [expected] * 3


@on_lean
async def test_a_text_that_was_read_before_is_read_as_it_is_meant_now(lean):
    for _ in range(2):
        assert isinstance(await lean.outcome("both", "exact sorry", allow_sorry=True), Advanced)
        refused = await lean.outcome("both", "exact sorry")
        assert (refused.kind, refused.message) == (Rejection.SORRY, "sorry is not a proof")
        assert isinstance(await lean.outcome("wrong", "simp only"), Rejected)
        assert await lean.outcome("zero", "simp only [Nat.add_zero]") == Advanced(())


CANCEL = """theorem cancel {G : Type} (mul : G → G → G) (one : G) (inv : G → G)
    (assoc : ∀ a b c, mul (mul a b) c = mul a (mul b c)) (one_mul : ∀ a, mul one a = a)
    (inv_mul : ∀ a, mul (inv a) a = one) (a b c : G) (h : mul a b = mul a c) : b = c := by sorry
"""
LAWS = "".join(
    f"have {x}{y}{z} := assoc {x} {y} {z}\n" for x, y, z in itertools.product("abc", repeat=3)
)


@on_lean
async def test_a_grind_that_ends_with_its_heartbeats_is_out_of_heartbeats(lean):
    """It takes their end for a failure of its own, and says so."""
    (cancel,) = (await lean.pool.open("cancel.lean", CANCEL)).theorems
    tactic = f"{LAWS}have h1 := inv_mul a\nhave h2 := assoc (inv a) a\ngrind"
    outcomes = [
        (await lean.pool.apply(cancel.state, tactic, heartbeats=limit))[0].outcome
        for limit in (*range(200, 450, 50), 8_000)
    ]
    assert outcomes.pop() == Advanced(())
    out_of_them = [each for each in outcomes if each != Advanced(())]
    assert {each.kind for each in out_of_them} == {Rejection.HEARTBEATS}
    assert any("`grind` failed" in each.message for each in out_of_them)
