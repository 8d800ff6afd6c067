"""Whole proofs and repairs to train on: asked as a draft generator asks, from datasets."""

import asyncio
import json
from dataclasses import replace

import pytest
from lakatos.data.dataset import from_store
from lakatos.data.records import (
    Accepted,
    Attempt,
    Goal,
    Message,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
)
from lakatos.data.store.store import Store
from lakatos.prover.models.base import Completion, Generated, Sampling
from lakatos.prover.policy.prompts import format_named
from lakatos.prover.repair.draft_generator import ModelDraftGenerator
from lakatos.prover.repair.feedback import feedback
from lakatos.prover.repair.repair_task import BrokenTheorem, trajectory
from lakatos.prover.training.draft_examples import draft_examples

FORM = format_named("deepseek-prover")
SOURCE = """import Lean

def α := 1

/-- The theorem. -/
@[simp] theorem t (p q : Prop) : p → q → p ∧ q := by
  sorry

/-- The next one. -/
theorem u : α = 1 := by
  sorry
"""
START = len(SOURCE[: SOURCE.index("sorry")].encode())
PROOF = "intro hp hq\n  exact ⟨hp, hq⟩"
BLOCK = "intro hp hq\nexact ⟨hp, hq⟩"
ERRORS = "Error at line 1, `simp`:\nsimp made no progress\n\n"


def theorem(source=SOURCE, start=START):
    """As Lean's worker gives it: with the places of its command."""
    return Theorem(
        "t", source, "a.lean", start, start + 5, 7, 2, "tactic",
        ProofState("key t", (Goal("p → q → p ∧ q"),)), "t",
        command_start=len(source[: source.index("/--")].encode()), command_stop=start + 5,
    )  # fmt: skip


def dataset(folder, own, proof=PROOF, turns=(), verdict=None):
    """What `extract store` writes of one attempt."""
    with Store.open(str(folder / "l.db")) as store:
        recorder = store.recorder(store.start_run("prove a.lean", {}, "Lean 4.28.0", 0))
        recorder.start_attempt(own)
        recorder.turns(own, list(turns))
        verdict = verdict or Accepted()
        stop = StopReason.PROVED if isinstance(verdict, Accepted) else StopReason.REFUSED
        recorder.finish_attempt(Attempt(own, stop, proof, verdict))
        store.flush()
        from_store.write(store, folder / "data")
    return folder / "data"


class Told:
    """A model that gives the answers it was told, and keeps what it was asked."""

    name = "told"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def generate(self, prompts, sampling):
        self.asked += [prompt.text for prompt in prompts]
        return [Generated((Completion(self.answers.pop(0), -1.0, 1),)) for _ in prompts]

    async def close(self):
        self.answers.clear()


def conversation(form, *answers):
    """A draft generator's talk about the theorem; what it asked, and its turns."""
    model, own = Told(*answers), theorem()

    async def talk():
        generator = ModelDraftGenerator(model, form, Sampling())
        (begun,) = await generator.begin(own, 1)
        turns = begun.take_turns(is_right=len(answers) == 1)
        for number in range(2, len(answers) + 1):
            await generator.go_on(own, begun, feedback(ERRORS))
            turns += begun.take_turns(is_right=number == len(answers))
        return turns

    return model.asked, asyncio.run(talk())


def test_an_accepted_proof_answers_what_a_draft_generator_asks(tmp_path):
    (asked,), turns = conversation(FORM, f"  {PROOF}\n")
    (found,) = draft_examples(dataset(tmp_path, theorem(), turns=turns), FORM)
    assert found.prompt == asked
    assert found.prompt.endswith("@[simp] theorem t (p q : Prop) : p → q → p ∧ q := by\n")
    assert found.proof == "  intro hp hq\n  exact ⟨hp, hq⟩\n```"
    assert (found.state, found.theorem) == ("⊢ p → q → p ∧ q", "key t")


@pytest.mark.parametrize("name", ["deepseek-prover", "chat-proof", "chat-sketch"])
def test_a_failed_draft_with_leans_answer_is_asked_before_the_proof(tmp_path, name):
    form = format_named(name)
    block = "" if form.text else "```lean4\ntheorem t (p q : Prop) : p → q → p ∧ q := by\n"
    answers = f"{block}  simp\n", f"{block}  {PROOF}\n"
    _, turns = conversation(form, *answers)
    first, second = draft_examples(dataset(tmp_path, theorem(), turns=turns), FORM)
    asked, _ = conversation(FORM, "  simp\n", f"  {PROOF}\n")
    assert [first.prompt, second.prompt] == asked
    assert first.proof == second.proof
    assert "simp made no progress" in second.prompt


def test_a_repair_is_asked_with_the_broken_proof_and_its_errors(tmp_path):
    source = SOURCE.replace(":= by\n  sorry\n\n", ":= by sorry\n\n")
    own = theorem(source, len(source[: source.index("sorry")].encode()))
    message = Message("error", "simp made no progress", 8, 2, 0, 0)
    broken = BrokenTheorem(own, 0, 0, "by\n  simp", "by sorry", 7, 50, None, (message,))
    value = "by\n  intro hp hq\n  exact ⟨hp, hq⟩"
    found = dataset(tmp_path, own, value, trajectory(broken, value))
    plain, repair = draft_examples(found, FORM)
    assert plain.proof == repair.proof == "  intro hp hq\n  exact ⟨hp, hq⟩\n```"
    assert repair.prompt.startswith(f"{plain.prompt}  simp\n\n```\n\nLean does not accept")
    assert "Error at line 2, `simp`:\nsimp made no progress" in repair.prompt
    assert repair.prompt.endswith(plain.prompt)


def test_what_the_verifier_refused_is_no_example(tmp_path):
    refused = Refused((Refusal(RefusalKind.AXIOM, "an axiom"),))
    assert list(draft_examples(dataset(tmp_path, theorem(), verdict=refused), FORM)) == []


def test_a_hole_inside_a_proof_is_asked_as_an_example(tmp_path):
    source = SOURCE.replace("by\n  sorry\n\n", "by\n  have h : 1 = 1 := by sorry\n  simp\n\n", 1)
    own = theorem(source, len(source[: source.index("sorry")].encode()))
    own = replace(own, state=ProofState("key h", (Goal("1 = 1"),)))
    (found,) = draft_examples(dataset(tmp_path, own, "rfl"), FORM)
    assert found.prompt.endswith("example : 1 = 1 := by\n")
    assert found.proof == "  rfl\n```"


def test_the_proofs_of_files_are_examples_if_they_are_by_tactics(tmp_path):
    row = {
        "key": "k", "full_name": "N.t", "theorem_statement": "theorem t : 1 = 1", "mode": "tactic",
        "proof": ":= by\n  skip\n  rfl", "namespace": "N", "opens": ["Nat"], "imports": ["Init"],
        "traced_tactics": [{"state_before": "⊢ 1 = 1"}],
    }  # fmt: skip
    rows = [row, row | {"proof": ":= rfl", "mode": "term", "traced_tactics": []}]
    text = "".join(json.dumps(each) + "\n" for each in rows)
    (tmp_path / "theorems.jsonl").write_text(text, encoding="utf-8")
    (found,) = draft_examples(tmp_path, FORM)
    assert found.prompt.endswith("open Nat\n\nnamespace N\n\ntheorem t : 1 = 1 := by\n")
    assert found.proof == "  skip\n  rfl\n```"
    assert found.state == "⊢ 1 = 1"
