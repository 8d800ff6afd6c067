"""What `lakatos prove` prints of a proof: what worked, and where a false theorem is false."""

import json

import pytest

FILE = """theorem below (n : Nat) : n < 11 := by sorry
theorem swapped : ∀ a b : Nat, a - b = b - a := by sorry
theorem related {α : Type} (r : α → α → Prop) (symm : ∀ x y, r x y → r y x)
    (trans : ∀ x y z, r x y → r y z → r x z) (x y : α) (h : r x y) : r x x := by sorry
"""


@pytest.mark.lean
def test_a_disproof_says_where_and_a_proof_has_only_what_worked(run, tmp_path):
    (tmp_path / "f.lean").write_text(FILE, encoding="utf-8")
    words = "prove", "f.lean", "--refute", 0.5, "--workers", 1, "--json", "--expansions", 60
    code, out, error = run(*words)
    below, swapped, related = sorted(map(json.loads, out.splitlines()), key=lambda a: a["line"])
    assert code == 1
    assert below["detail"] == "false: n = 11"
    assert "first" not in below["disproof"]
    assert "⟨11, by decide⟩" in below["disproof"]
    assert swapped["detail"].startswith("false: a = ")
    assert related["proved"]
    assert "    false: n = 11" in error
    code, out, _ = run(*words, "--minimise", "off", "--theorem", "below")
    raw = json.loads(out)
    assert len(raw["disproof"]) > len(below["disproof"])
    assert raw["detail"] == "false: n = 11"


@pytest.mark.lean
def test_a_false_claim_about_lists_is_disproved(run, tmp_path):
    claim = "theorem t (xs : List Nat) (k : Nat) : (xs.take k).length = k := by sorry\n"
    (tmp_path / "f.lean").write_text(claim, encoding="utf-8")
    words = "prove", "f.lean", "--refute", 0.8, "--expansions", 20, "--time", 120, "--json"
    code, out, _ = run(*words, "--workers", 1)
    found = json.loads(out)
    assert (code, found["stop"]) == (1, "disproved")
    assert found["detail"].startswith("false: xs = ")


def test_a_wrong_word_is_one_line(run, tmp_path):
    (tmp_path / "f.lean").write_text(FILE, encoding="utf-8")
    code, _, error = run("prove", "f.lean", "--minimise", "maybe")
    assert (code, error) == (2, ["lakatos: minimise is on or off, not 'maybe'"])
