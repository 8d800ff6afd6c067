"""`counterexample?`: small values at which a statement is false, and the disproof from them."""

import asyncio

import pytest
from lakatos.data.records import Advanced, Rejected, Rejection
from lakatos.lean_env.pool import LeanPool

SOURCE = """inductive Tree (α : Type) where
  | leaf
  | node (l : Tree α) (x : α) (r : Tree α)
  deriving DecidableEq

def Tree.mirror {α} : Tree α → Tree α
  | .leaf => .leaf
  | .node l x r => .node r.mirror x l.mirror

def Tree.size {α} : Tree α → Nat
  | .leaf => 0
  | .node l _ r => l.size + 1 + r.size

structure Point where
  x : Nat
  y : Int
  deriving DecidableEq

def post (n r : Nat) : Prop := r = n + 1 ∧ ∀ i, i < n → i < r
"""

FALSE = {
    "∀ (t : Tree Nat), t.mirror = t": "t = Tree.leaf.node 0 (Tree.leaf.node 0 Tree.leaf)",
    "∀ (p : Point), p.y ≤ p.x": "p = { x := 0, y := 1 }",
    "∀ n : Nat, post n (n + 2)": "n = 0",
    "∀ (xs : List Nat) (h : 0 < xs.length), xs.reverse = xs": "xs = [0, 1]",
    "∀ (a b : Int), a * a = b * b → a = b": "a = 1, b = -1",
    "∀ (xs : Array Nat) (i : Nat) (h : i < xs.size), xs[i] = 0": "xs = #[0, 1], i = 1",
    "∀ {α : Type} [DecidableEq α] (xs : List α) (a : α), a ∈ xs → xs.length = 1": (
        "α = Nat, xs = [0, 1], a = 0"
    ),
    "∀ (p q : Prop), p ∨ q → p": "p = False, q = True",
    "∀ (f : Nat → Nat), f 0 = f 1": "f = fun a => a",
    "∀ (i : Fin 3), i.val < 2": "i = 2",
    '∀ (s : String), s.length = 0 ∨ s = "a"': 's = "ab"',
    "∀ (o : Option Nat), o.isSome = true": "o = Option.none",
    "2 + 2 = 5": "",
}
TRUE = (
    "∀ (t : Tree Nat), t.mirror.size = t.size",
    "∀ (a b : Nat), a + b = b + a",
    "∀ n : Nat, post n (n + 1)",
    "∃ n : Nat, 5 < n",
    "∀ {α : Type} (xs ys : List α), (xs ++ ys).length = ys.length + xs.length",
    "∀ (f : Nat → Nat) (h : ∀ n, f n = 0), f 3 = 0",
)


@pytest.mark.lean
def test_values_are_found_where_it_is_false_and_nowhere_else(toolchain):
    """A goal that is false is rejected with the values; its negation is closed by a disproof."""

    async def run():
        async with LeanPool(toolchain, workers=1) as pool:
            opened = await pool.open("a.lean", SOURCE)
            found = {}
            for statement in (*FALSE, *TRUE):
                goal = await pool.statement(opened, statement)
                negation = await pool.statement(opened, f"¬ ({statement})")
                limit = 2_000 if statement in TRUE else 400
                steps = [
                    (await pool.apply(state, ["counterexample?"], heartbeats=limit))[0]
                    for state in (goal, negation)
                ]
                found[statement] = steps
            return found

    found = asyncio.run(run())
    told = {statement: steps[0].outcome for statement, steps in found.items()}
    expected = {each: Rejected(text, Rejection.FALSE) for each, text in FALSE.items()}
    assert {each: told[each] for each in FALSE} == expected
    for statement in FALSE:
        step = found[statement][1]
        assert step.outcome == Advanced(()), (statement, step.outcome)
        assert step.tactic.startswith("intro h\nexact absurd ")
    for statement in TRUE:
        for step in found[statement]:
            assert isinstance(step.outcome, Rejected), statement
            assert step.outcome.kind in (Rejection.ELABORATION, Rejection.HEARTBEATS)
