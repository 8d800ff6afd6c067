"""`--keep-prompts`: prompts of a tactic model and its answers are stored."""

import pytest
from lakatos.data.dataset.from_store import rows_of
from lakatos.data.store.store import Store

from .fake_openai import Server, answer

FILE = "theorem t (a b : Nat) : a + b = b + a := by sorry\n"


@pytest.mark.lean
@pytest.mark.parametrize("flags", [["--keep-prompts"], []])
def test_prompts_and_completions_are_stored_with_the_option(run, tmp_path, flags):
    (tmp_path / "f.lean").write_text(FILE, encoding="utf-8")
    with Server(default=answer("simp_arith_nonsense\n", "omega\n")) as server:
        policy = "--policy", f"openai:m@{server.url}", "--samples", 2, "--workers", 1
        code, _, _ = run("prove", "f.lean", *policy, "--mode", "tactic", *flags)
    assert code == 0
    code, out, error = run("show", 1, "--conversation")
    if not flags:
        assert code == 2
        assert "--keep-prompts" in error[0]
        return
    assert code == 0
    assert out.count("conversation 1, prompt") == 1
    assert "a + b = b + a" in out
    assert [out.count(word) for word in ("simp_arith_nonsense", "omega")] == [1, 1]
    with Store.open(str(tmp_path / "attempts.db")) as store:
        turns = store.turns(1)
        kinds = {kind for kind, _ in rows_of(store.load_attempt(1), turns, store.visits(1))}
    assert [turn.role for turn in turns] == ["prompt", "completion", "completion"]
    assert "conversations" not in kinds  # they are steps, not chats
