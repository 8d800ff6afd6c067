"""Real Lean says what a file proves and how."""

import asyncio

import pytest
from lakatos.data.traced import proof_tree, state_text
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.protocol import Result
from lakatos.lean_env.queries.trace import Traces

pytestmark = pytest.mark.lean

SOURCE = """/-- Adds nothing. -/
theorem zero_of (n : Nat) (h : n = 0) : n + 0 = 0 := by
  rw [Nat.add_zero]
  exact h

namespace Foo
open Nat List

/-- A tree. -/
inductive Tree where
  | leaf
  | node (l r : Tree)

def Tree.size : Tree → Nat
  | .leaf => 1
  | .node l r => l.size + r.size

private theorem Tree.pos (t : Tree) : 0 < t.size := by
  induction t with
  | leaf => simp [size]
  | node l r ih₁ ih₂ =>
    first
    | fail
    | (simp only [size]; omega)

theorem uses (t : Tree) : 0 < t.size ∧ True := by
  constructor
  · exact t.pos
  skip
  trivial

example (a b : Nat) : a + b = b + a := by
  have h : b + a = a + b := by exact Nat.add_comm b a
  exact h.symm

theorem same : 1 + 1 = 2 := rfl
theorem same' : 1 + 1 = 2 := by decide
theorem unproved (n : Nat) : n = 1 := by sorry
theorem wrong : 1 = 2 := by
  rfl
theorem after : True := trivial
end Foo
"""


def trace(toolchain, source=SOURCE):
    async def go():
        async with LeanPool(toolchain, workers=1) as pool:
            traced, _ = await Traces(pool, "Lean").trace("A.lean", source)
            return traced

    return asyncio.run(go())


@pytest.fixture(scope="module")
def file(toolchain):
    return trace(toolchain)


@pytest.fixture(scope="module")
def named(file):
    return {each.name: each for each in file.declarations}


def names(constants):
    return {each.name for each in constants}


def tactics(declaration):
    return [step.tactic for step in declaration.steps]


def test_declarations_of_every_kind_are_there_but_what_failed(file):
    kinds = [(each.name.removeprefix("Foo."), each.kind) for each in file.declarations]
    assert kinds == [
        ("zero_of", "theorem"), ("Tree", "inductive"), ("Tree.leaf", "constructor"),
        ("Tree.node", "constructor"), ("Tree.size", "definition"), ("Tree.pos", "theorem"),
        ("uses", "theorem"), ("example@32", "example"), ("same", "theorem"),
        ("same'", "theorem"), ("unproved", "theorem"), ("after", "theorem"),
    ]  # fmt: skip
    assert [line for line, _ in file.errors] == [40]
    assert file.imports == ("Init",)


def test_a_declaration_has_its_text_scope_and_dependencies(file, named):
    first, size, pos = named["zero_of"], named["Foo.Tree.size"], named["Foo.Tree.pos"]
    assert file.statement(first) == "theorem zero_of (n : Nat) (h : n = 0) : n + 0 = 0"
    assert first.doc.strip() == "Adds nothing."
    assert first.type == "∀ (n : Nat), n = 0 → n + 0 = 0"
    assert (size.namespace, set(size.opens)) == ("Foo", {"Nat", "List"})
    assert names(size.needs) == {"Foo.Tree", "Nat"}
    assert {"Foo.Tree.leaf", "Foo.Tree.node", "HAdd.hAdd"} <= names(size.used)
    assert pos.is_private
    assert file.statement(pos) == "theorem Tree.pos (t : Tree) : 0 < t.size"
    assert file.text(named["Foo.Tree.node"].head, named["Foo.Tree.node"].stop).startswith("| node")


def test_steps_have_their_goals(named):
    rw, exact = named["zero_of"].steps
    assert (rw.tactic, rw.parent, rw.closed, rw.opened) == ("rw [Nat.add_zero]", None, (0,), (1,))
    assert state_text(rw.before) == "n : Nat\nh : n = 0\n⊢ n + 0 = 0"
    assert state_text(rw.after) == state_text(exact.before) == "n : Nat\nh : n = 0\n⊢ n = 0"
    assert state_text(exact.after) == "no goals"
    assert "Nat.add_zero" in names(rw.used)
    assert names(exact.used) == set()


def test_steps_within_steps_know_where_they_are(named):
    induction, leaf, first, both, only, omega = named["Foo.Tree.pos"].steps
    assert [s.parent for s in (induction, leaf, first, both, only, omega)] == [
        None, 0, 0, 2, 3, 3,
    ]  # fmt: skip
    assert both.tactic == "(simp only [size]; omega)", "what failed before it is no step"
    assert only.opened == omega.closed
    assert "| leaf => simp [size]" in induction.tactic.splitlines()
    assert {"Foo.Tree.size", "Foo.Tree.rec"} <= names(induction.used)


def test_a_tactic_that_changes_nothing_is_no_step(named):
    assert tactics(named["Foo.uses"]) == [
        "constructor", "· exact t.pos", "exact t.pos", "trivial",
    ]  # fmt: skip
    tree = proof_tree(named["Foo.uses"].steps)
    assert [(each.step, len(each.children)) for each in tree] == [(0, 2), (1, 0), (3, 0)]


CAUGHT = """theorem taken_back (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  first
  | (constructor; fail)
  | exact ⟨hp, hq⟩
theorem halfway (p q : Prop) (hp : p) : q ∨ p := by
  first | omega | exact .inr hp
theorem inside (p q : Prop) (hp : p) (hq : q) : p ∧ q :=
  ⟨hp, by first | done | exact hp | exact hq⟩
theorem tried (n : Nat) : n + 0 = n := by
  try (rw [Nat.add_comm]; fail)
  rfl
theorem each (p q : Prop) (h : p ∧ q) : q ∧ p := by
  constructor
  all_goals first | exact h.1 | exact h.2
theorem aside (p : Prop) (a b : Nat) (hp : p) (h : a = b) : p ∧ b = a := by
  simp [show a = b by omega]
  exact hp
"""


def test_what_failed_and_was_caught_is_no_step(toolchain):
    """What Lean tells of a branch that it took back looks as if it had closed its goal."""
    found = {each.name: tactics(each) for each in trace(toolchain, CAUGHT).declarations}
    first = "first\n| (constructor; fail)\n| exact ⟨hp, hq⟩"
    inner = "first | exact h.1 | exact h.2"
    assert found == {
        "taken_back": [first, "exact ⟨hp, hq⟩"],
        "halfway": ["first | omega | exact .inr hp", "exact .inr hp"],
        "inside": ["first | done | exact hp | exact hq", "exact hq"],
        "tried": ["rfl"],
        "each": ["constructor", f"all_goals {inner}", inner, "exact h.2", inner, "exact h.1"],
        "aside": ["simp [show a = b by omega]", "omega", "exact hp"],
    }


def test_premises_have_spans_and_places(file, named):
    (cited,) = named["zero_of"].steps[0].citations
    assert (cited.constant.name, cited.constant.module) == ("Nat.add_zero", "Init.Core")
    assert file.text(cited.start, cited.stop) == "Nat.add_zero"
    exact = named["Foo.uses"].steps[2]
    (own,) = [c for c in exact.citations if c.constant.name == "Foo.Tree.pos"]
    assert own.constant.place == ((18, 17), (18, 25))
    assert file.text(own.start, own.stop) in ("t.pos", "pos")


def test_a_have_is_its_own_small_proof(named):
    have, inner, last = named["example@32"].steps
    assert (inner.parent, inner.tactic) == (0, "exact Nat.add_comm b a")
    assert inner.closed[0] not in [goal.number for goal in have.after]
    assert state_text(last.before) == "a b : Nat\nh : b + a = a + b\n⊢ a + b = b + a"


def test_proofs_by_terms_have_constants_and_equal_statements_one_key(named):
    assert named["Foo.same"].steps == ()
    assert "rfl" in names(named["Foo.same"].used)
    assert named["Foo.same"].key == named["Foo.same'"].key != named["zero_of"].key


def test_sorry_is_seen(named):
    assert [n for n, each in named.items() if each.has_sorry] == ["Foo.unproved"]


def test_every_step_can_be_taken_again_from_the_state_before_it(toolchain):
    async def go():
        async with LeanPool(toolchain, workers=1) as pool:
            traces = Traces(pool, "Lean")
            wire = await traces.ask("A.lean", SOURCE, keep=True)
            replies = []
            for command in wire["commands"]:
                goals = command["goals"]
                for step in command["steps"]:
                    text = SOURCE.encode()[step["start"] : step["stop"]].decode()
                    if "\n" in text or "sorry" in text or command["failed"]:
                        continue
                    again = await pool.request(
                        "apply", wall_s=20.0, state=step["state"], tactic=text
                    )
                    assert isinstance(again, Result), text
                    states = again.value["states"]
                    after = [goal for state in states for goal in state["goals"]]
                    expected = [goals[n]["target"] for n in step["after"]]
                    replies.append(([goal["target"] for goal in after], expected))
            return replies

    replies = asyncio.run(go())
    assert len(replies) >= 12
    assert all(found == expected for found, expected in replies)


def test_the_native_worker_says_the_same_and_more(native_toolchain, named):
    file = trace(native_toolchain)
    again = {each.name: each for each in file.declarations}
    assert again.keys() == named.keys()
    assert [tactics(each) for each in again.values()] == [tactics(n) for n in named.values()]


def test_a_long_trace_can_be_interrupted(toolchain):
    long = (
        "theorem slow : True := by\n" + "  have : 3 ^ 5 = 243 := by decide\n" * 3000 + "  trivial\n"
    )

    async def go():
        async with LeanPool(toolchain, workers=1) as pool:
            answer = await pool.request("trace", wall_s=1.0, name="A.lean", source=long)
            assert not isinstance(answer, Result)
            assert (await Traces(pool, "Lean").trace("B.lean", "def a := 1"))[1]

    asyncio.run(go())
