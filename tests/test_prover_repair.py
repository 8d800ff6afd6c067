"""Repair on real Lean: what is broken is mended, what is right is left alone, a kill survived."""

import json
import subprocess
import sys

import pytest

FIVE = """theorem names (a b : Nat) : a + b = b + a := by
  rw [Nat.add_comn]

theorem open_goal (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · exact hp

theorem old (p q : Prop) : p ∧ q → q ∧ p :=
begin
  intro h,
  exact ⟨h.2, h.1⟩,
end

theorem kept : 2 + 2 = 4 := rfl

theorem swapped (a b c : Nat) (h1 : a ≤ b) (h2 : b ≤ c) : a ≤ c := by
  exact Nat.le_trans h2 h1

theorem cut_off (xs : List Nat) : (xs ++ []).length = xs.length := by
  cases xs with
  | nil => rfl
  | cons x xs => simp [List.app
"""
FALSE_LEMMA = """theorem t (xs : List Nat) : (xs ++ []).length = xs.length := by
  cases xs with
  | nil => rfl
  | cons x xs =>
    have : x = 0 := by simp
    rw [this]
    simp
"""
RIGHT = "theorem t : 1 = 1 := by\r\n  rfl\r\n"
STATEMENT = "theorem t : 1 = Nat.nonsense := by rfl\n"

OLDER = """theorem mem_head (a : Nat) (xs : List Nat) : a ∈ a :: xs := by
  exact List.mem_cons_self a xs

theorem two_pow_pos (n : Nat) : 0 < 2 ^ n := by
  exact Nat.pos_pow_of_pos n (by decide)

theorem add_zeros (n : Nat) : 0 + n = n := by
  induction n with
  | zero => rfl
  | succ n ih => rw [Nat.succ_eq_add_one, ← Nat.add_assoc, ih]

theorem nth (xs : List Nat) (h : xs = [1]) : xs.get? 0 = some 1 := by
  simp [h]
"""

pytestmark = pytest.mark.lean


def statements(text):
    return [line.split(":=")[0] for line in text.splitlines() if line.startswith("theorem")]


def test_five_breakages_are_mended_in_place(run, tmp_path):
    file = tmp_path / "five.lean"
    file.write_text(FIVE)
    code, out, error = run("repair", "five.lean", "--write", "--time", "30")
    assert (code, error) == (0, [])
    assert "5 of 5 proved" in out
    mended = file.read_text()
    assert statements(mended) == statements(FIVE)
    assert "rw [Nat.add_comm]" in mended
    assert "by\n  intro h\n  exact ⟨h.2, h.1⟩" in mended
    assert "theorem kept : 2 + 2 = 4 := rfl" in mended
    assert "sorry" not in mended
    assert run("verify", "five.lean")[0] == 0
    assert run("repair", "five.lean", "--write")[:2] == (
        0, "five.lean: nothing to repair, Lean finds no error in it\n",
    )  # fmt: skip
    assert file.read_text() == mended
    assert run("extract", "store", "--out", "data")[0] == 0
    rows = (tmp_path / "data" / "jsonl" / "repairs.jsonl").read_text(encoding="utf-8").splitlines()
    told = {row["theorem"]: row["messages"] for row in map(json.loads, rows)}
    assert len(told) == 5
    broken, answer = told["names"]
    assert "Error at line 2, `rw [Nat.add_comn]`" in broken["content"]
    assert "nknown" in broken["content"]
    assert answer["content"] == "```lean4\nby\n  rw [Nat.add_comm]\n```"
    assert (broken["train"], answer["train"], answer["is_right"]) == (False, True, True)


def test_a_file_for_an_older_lean_is_brought_up_to_date(run, tmp_path):
    """Arguments became implicit, names are gone, goals read otherwise; a statement is its own."""
    (tmp_path / "old.lean").write_text(OLDER)
    code, out, error = run("repair", "old.lean", "--json", "--time", "30", "--workers", "1")
    told = [json.loads(line) for line in out.splitlines()]
    assert [each["theorem"] for each in told] == ["mem_head", "two_pow_pos", "add_zeros"]
    assert all(each["proved"] for each in told)
    assert "| zero => rfl" in told[2]["proof"]
    assert code == 2
    assert any("List.get?" in line for line in error)


def test_a_false_lemma_is_seen_and_the_cut_moves_up(run, tmp_path):
    (tmp_path / "t.lean").write_text(FALSE_LEMMA)
    code, out, _ = run("repair", "t.lean", "--json", "--time", "40")
    told = json.loads(out)
    assert code == 0
    assert told["false"] == ["x = 0"]
    assert told["rounds"] > 1
    assert "have : x = 0" not in told["proof"]
    assert "| nil => rfl" in told["proof"]


def test_a_right_file_comes_back_byte_for_byte(run, tmp_path):
    (tmp_path / "t.lean").write_bytes(RIGHT.encode())
    assert run("repair", "t.lean", "--write")[0] == 0
    assert (tmp_path / "t.lean").read_bytes() == RIGHT.encode()
    assert run("repair", "t.lean", "--out", "u.lean")[0] == 0
    assert (tmp_path / "u.lean").read_bytes() == RIGHT.encode()


def test_an_error_in_a_statement_is_not_ours_to_mend(run, tmp_path):
    (tmp_path / "t.lean").write_text(STATEMENT)
    code, _, error = run("repair", "t.lean", "--write")
    assert code == 2
    assert "nonsense" in error[0]
    assert (tmp_path / "t.lean").read_text() == STATEMENT


def test_a_theorem_that_applies_itself_is_a_broken_proof(run, tmp_path):
    (tmp_path / "t.lean").write_text("theorem t (n : Nat) : n + 0 = n := t n\n")
    code, out, _ = run("repair", "t.lean", "--json", "--time", "30")
    proved = json.loads(out.splitlines()[0])
    assert (code, proved["theorem"], proved["proved"]) == (0, "t", True)
    assert "fail to show termination" in proved["errors"][0]


def test_what_cannot_be_mended_is_left_as_it_is(run, tmp_path):
    text = "theorem no (n : Nat) : n < n := by\n  simp\n"
    (tmp_path / "t.lean").write_text(text)
    code, out, _ = run("repair", "t.lean", "--write", "--time", "3", "--repair-depth", "1")
    assert code == 1
    assert "✗" in out
    assert (tmp_path / "t.lean").read_text() == text


def test_killed_half_way_it_goes_on_from_what_is_kept(tmp_path):
    hard = "theorem hard (f : Nat → Nat) (h : ∀ n, f n < f (n + 1)) : f 0 < 0 := by simp\n"
    file = tmp_path / "t.lean"
    file.write_text(FIVE + "\n" + hard)
    command = [sys.executable, "-m", "lakatos.cli"]
    command = [sys.executable, "-c", "import sys; from lakatos.cli import main; sys.exit(main())"]
    arguments = ["repair", "t.lean", "--json", "--db", "a.db", "--time", "600"]
    with subprocess.Popen(
        [*command, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.kill()
    assert [each["proved"] for each in told] == [True, True]
    again = subprocess.run(
        [*command, *arguments[:-1], "5", "--theorem", told[0]["theorem"]],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told_again = json.loads(again.stdout)
    assert told_again["proof"] == told[0]["proof"]
    assert told_again["steps"] == 0
    assert told[0]["steps"] > 0
