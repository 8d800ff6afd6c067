"""Random proof trees, found by random tactics on real Lean, assembled and judged."""

import asyncio
import random

import pytest
from lakatos.data.lean_text import indent
from lakatos.data.records import Accepted, Advanced, ProofTree
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.script import script
from lakatos.lean_env.verification.verifier import Verifier

ATOMS = 5
TREES = 200
BINDERS = "".join(f" (p{n} : Prop) (h{n} : p{n})" for n in range(ATOMS))
AND = ("constructor", "refine ⟨?_, ?_⟩", "  apply And.intro", "/- both -/ constructor",
       "refine And.intro ?_ ?_", "and_intros", "exact ⟨sorry, sorry⟩",
       "refine ⟨by\n  sorry, ?_⟩", "constructor\n· sorry\n· skip\n  sorry")  # fmt: skip
OR = ("left", "right", "refine .inl ?_", "-- a side\nexact Or.inr (by sorry)")
ARROW = ("intro", "intro x", "    intro y\n    skip", "refine fun z => ?_", "rintro _",
         "exact fun _ => sorry", "intro w; revert w; intro")  # fmt: skip
EXISTS = ("refine ⟨?_, ?_⟩", "apply Exists.intro", "refine ⟨3, ?_⟩", "exact ⟨7, by sorry⟩",
          "constructor")  # fmt: skip
EQUAL = ("rfl", "exact rfl", "simp")
NUMBER = ("exact 0", "exact 5")
ATOM = ("assumption", "exact (by\n  assumption)", "  first\n    | assumption\n    | rfl")
CASES = ("cases NAME", "cases NAME with\n| inl _ => sorry\n| inr l => sorry",
         "rcases NAME with _ | right", "obtain a | b := NAME\n· sorry\n· sorry")  # fmt: skip


def formula(draw, depth):
    """A random one that holds: each of its atoms does."""
    if depth == 0 or draw.random() < 0.15:
        return f"p{draw.randrange(ATOMS)}"
    left, right = (formula(draw, depth - 1) for _ in range(2))
    kind = draw.randrange(5)
    return {
        0: f"({left} ∧ {right})",
        1: f"({left} ∨ {right})",
        2: f"({left} → {right})",
        3: f"(∃ n : Nat, n = n ∧ {left})",
        4: f"({left} ∨ {right} → {left})",
    }[kind]


def tactics(draw, state):
    """Some that may fit the first goal of a state, in random order."""
    goal = state.goals[0]
    target = goal.target
    split = [h.name for h in goal.hypotheses if " ∨ " in h.type and "→" not in h.type]
    fitting = [*ATOM, *AND, *OR, *ARROW, *EXISTS, *EQUAL]
    if target == "Nat":
        fitting = list(NUMBER)
    elif target.startswith("∃"):
        fitting = [*EXISTS]
    elif split and "✝" not in split[0] and draw.random() < 0.5:
        fitting = [each.replace("NAME", split[0]) for each in CASES] + fitting
    draw.shuffle(fitting)
    return fitting


async def proof(pool, draw, state, steps):
    """A random proof of a state, or None when its steps are over."""
    if steps <= 0:
        return None
    for tactic in tactics(draw, state):
        (step,) = await pool.apply(state, tactic, allow_sorry=True)
        if not isinstance(step.outcome, Advanced) or step.outcome.states == (state,):
            continue
        children = []
        for child in step.outcome.states:
            found = await proof(pool, draw, child, steps - 1)
            if found is None:
                break
            children.append(found)
        if len(children) == len(step.outcome.states):
            return ProofTree(state, step.tactic, tuple(children))
    return None


@pytest.mark.lean
def test_random_trees_are_assembled_and_accepted(toolchain):
    draw = random.Random(18)
    statements = [f"theorem t{n}{BINDERS} : {formula(draw, 3)} := by" for n in range(TREES)]
    original = "".join(f"{each}\n  sorry\n" for each in statements)

    async def go():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("random.lean", original)
            found = [await proof(pool, draw, t.state, 12) for t in opened.theorems]
            blocks = [script(tree) if tree else "sorry" for tree in found]
            texts = zip(statements, blocks, strict=True)
            whole = "".join(f"{s}\n  {indent(block, 2)}\n" for s, block in texts)
            return found, blocks, await verifier.compare(original, whole)

    found, blocks, verdicts = asyncio.run(go())
    assert sum(tree is not None for tree in found) == TREES
    refused = [b for b, (_, v) in zip(blocks, verdicts, strict=True) if not isinstance(v, Accepted)]
    assert refused == []
    assert sum("\n" in block for block in blocks) > TREES // 2
