"""Drafts on real Lean: sketches filled, proofs mended, models told of what failed."""

import json

import pytest
from lakatos.data.store.store import Store

from .fake_openai import Server, answer

THEOREM = "theorem odd (n : Nat) (h : n % 2 = 1) : (n * n) % 4 = 1 := by\n  sorry\n"
SKETCH = """theorem odd (n : Nat) (h : n % 2 = 1) : (n * n) % 4 = 1 := by
  have half : n = 2 * (n / 2) + 1 := by sorry
  have square : n * n = 4 * ((n / 2) * (n / 2) + n / 2) + 1 := by
    generalize n / 2 = k at half
    sorry
  sorry
"""
FALSE_STEP = """```lean4
theorem odd (n : Nat) (h : n % 2 = 1) : (n * n) % 4 = 1 := by
  have half : n = 2 * (n / 2) + 1 := by sorry
  have wrong : n = 1 := by sorry
  rw [wrong]
```"""
COMM = "theorem comm (a b : Nat) : a + b = b + a := by\n  sorry\n"

pytestmark = pytest.mark.lean


@pytest.fixture
def run(tmp_path, capsys, monkeypatch, lakatos):
    """Prove a text with more arguments; the exit code, and what `--json` says of each theorem."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKATOS_DB", str(tmp_path / "attempts.db"))

    def call(text, *arguments):
        (tmp_path / "t.lean").write_text(text)
        code = lakatos("prove", "t.lean", "--json", "--workers", 1, *arguments)
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


def chat(server, *more):
    """Arguments that ask a general chat model at the server."""
    return "--policy", f"openai:m@{server.url}", *more


def said(body):
    return [(m["role"], m["content"]) for m in body["messages"]]


def fenced(proof):
    return f"```lean4\ntheorem comm (a b : Nat) : a + b = b + a := by\n  {proof}\n```"


def test_the_holes_of_ones_own_sketch_are_searched_and_put_back(run, lakatos, tmp_path):
    (tmp_path / "plan.lean").write_text(SKETCH)
    code, told = run(THEOREM, "--policy", "sketch:plan.lean", "--write")
    assert code == 0
    assert [each["theorem"] for each in told] == ["odd"], "holes are nobody's theorems"
    assert "have half : n = 2 * (n / 2) + 1 := by omega" in told[0]["proof"]
    assert "sorry" not in (tmp_path / "t.lean").read_text()
    assert lakatos("verify", "t.lean") == 0
    with Store.open(str(tmp_path / "attempts.db")) as store:
        kept = {a.theorem: store.load_attempt(a.id) for a in store.attempts()}
    assert {"odd", "odd#2", "odd#3"} <= {name.partition("~")[0] for name in kept}


def test_a_model_plans_again_when_a_step_is_false(run, tmp_path, monkeypatch):
    with Server(answer(FALSE_STEP), default=answer(f"```lean4\n{SKETCH}```")) as server:
        flags = "--mode", "sketch", "--attempts", 2
        code, told = run(THEOREM, *chat(server, *flags))
    assert code == 0
    assert told[0]["proved"]
    first, second = (said(body) for _, body in server.posts)
    assert first[-1][1].endswith("sorry\n```")
    assert second[:-2] == first
    assert second[-2] == ("assistant", FALSE_STEP)
    feedback = second[-1][1]
    assert "False, it has a counterexample:\n```\nn : Nat" in feedback
    assert "⊢ n = 1\n```" in feedback
    assert "Proved so far:" in feedback
    assert "have half : n = 2 * (n / 2) + 1 := by omega" in feedback
    monkeypatch.setenv("LAKATOS_DB", str(tmp_path / "attempts.db"))
    with Store.open(str(tmp_path / "attempts.db")) as store:
        turns = [t for a in store.attempts() for t in store.turns(a.id)]
    assert [(t.role, t.is_feedback, t.is_right) for t in turns[-3:]] == [
        ("assistant", False, False), ("user", True, None), ("assistant", False, False),
    ]  # fmt: skip
    assert turns[-2].text == feedback


def test_a_model_sees_its_error_and_the_goal_there(run, lakatos, tmp_path, capsys):
    wrong, right = fenced("rw [Nat.mul_comm]"), fenced("rw [Nat.add_comm]")
    with Server(answer(wrong), default=answer(right)) as server:
        flags = "--mode", "whole-proof", "--repair-depth", 0, "--attempts", 2
        code, told = run(COMM, *chat(server, *flags))
    assert (code, told[0]["proof"]) == (0, "rw [Nat.add_comm]")
    feedback = said(server.posts[1][1])[-1][1]
    assert "Error at line 1, `rw [Nat.mul_comm]`:" in feedback
    assert "Not proved:\n```\na b : Nat\n⊢ a + b = b + a\n```" in feedback
    with Store.open(str(tmp_path / "attempts.db")) as store:
        (attempt,) = store.attempts()
        turns = store.turns(attempt.id)
        steps = [s for e in store.load_attempt(attempt.id).expansions for s in e.steps]
    assert [t.is_right for t in turns if t.role == "assistant" and t.tokens] == [False, True]
    assert [s.tactic for s in steps] == ["rw [Nat.mul_comm]", "rw [Nat.add_comm]"]
    assert lakatos("show", 1, "--conversation", "--db", tmp_path / "attempts.db") == 0
    shown = capsys.readouterr().out
    assert "conversation 1, user, Lean's answer" in shown
    assert "Error at line 1, `rw [Nat.mul_comm]`:" in shown


def test_a_failed_proof_is_mended_before_the_model_is_asked_again(run):
    with Server(default=answer(fenced("rw [Nat.add_comn]"))) as server:
        flags = "--mode", "whole-proof", "--attempts", 4, "--turns", 4
        code, told = run(COMM, *chat(server, *flags))
    assert (code, told[0]["proof"]) == (0, "rw [Nat.add_comm]")
    assert len(server.posts) == 1


def test_all_first_drafts_are_one_request_and_all_may_fail(run):
    with Server(default=answer(fenced("exact absurd"), "I do not know.")) as server:
        flags = "--mode", "whole-proof", "--repair-depth", 0, "--attempts", 4, "--turns", 1
        code, told = run(COMM, *chat(server, *flags))
    assert (code, told[0]["stop"]) == (1, "dead_end")
    assert [body["n"] for _, body in server.posts] == [4]


def test_what_holes_share_is_proved_once(run, tmp_path):
    (tmp_path / "plan.lean").write_text(
        "refine ⟨?_, ?_⟩\n· intro k hk\n  sorry\n· intro m hm\n  sorry\n"
    )
    half = "(∀ n : Nat, 0 < n → n / n = 1)"
    code, _ = run(f"theorem t : {half} ∧ {half} := sorry\n", "--policy", "sketch:plan.lean")
    assert code == 0
    with Store.open(str(tmp_path / "attempts.db")) as store:
        holes = [a for a in store.attempts() if a.path == "t.lean" and a.line > 1]
        first, second = sorted((h for h in holes if h.is_accepted), key=lambda a: a.line)
        (step,) = (s for e in store.load_attempt(second.id).expansions for s in e.steps)
    assert first.steps > 1
    assert step.tactic.startswith("revert m hm\nintro k hk\n")


def test_a_proof_that_stands_on_another_sorry_counts_with_it(run, tmp_path):
    text = "theorem a : 1 + 1 = 2 := by\n  sorry\n\ntheorem b : 2 = 1 + 1 := by\n  sorry\n"
    (tmp_path / "plan.lean").write_text(
        "theorem b : 2 = 1 + 1 := by\n  exact a.symm\n\ntheorem a : 1 + 1 = 2 := by\n  rfl\n"
    )
    code, told = run(text, "--policy", "sketch:plan.lean", "--concurrency", 1)
    assert code == 0
    assert {each["theorem"]: each["proof"] for each in told} == {"a": "rfl", "b": "exact a.symm"}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--mode", "sketch"), "needs a policy that writes"),
        (("--mode", "poem"), "no mode 'poem'"),
        (("--policy", "sketch:no.lean"), "no such file"),
        (("--policy", "sketch:plan.lean", "--refute", "0.5"), "not in mode sketch"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(tmp_path, capsys, monkeypatch, lakatos, flags, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.lean").write_text(COMM)
    assert lakatos("prove", "t.lean", "--db", "a.db", *flags) == 2
    assert says in capsys.readouterr().err
