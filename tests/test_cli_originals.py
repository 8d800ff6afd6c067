"""What the command line says of files that are wrong as originals, and of sorries nobody wrote."""

import json
import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.lean

PROVED = "theorem t : 1 = 1 := by rfl\n"
OPEN = "theorem t : 1 = 1 := by sorry\n"


def test_an_original_that_lean_cannot_read_is_its_own_fault(run):
    Path("original.lean").write_text(OPEN + "theoremm u : 1 = 1 := rfl\n")
    Path("proof.lean").write_text(PROVED)
    code, out, error = run("verify", "proof.lean", "--original", "original.lean")
    assert (code, out) == (2, "")
    assert error[0].startswith("lakatos: original.lean:2:1: Lean cannot read this command: ")


def test_a_file_that_lean_cannot_read_is_not_one_without_sorry(run):
    Path("a.lean").write_text("theorem t : 1 = := by sorry\n")
    code, out, error = run("prove", "a.lean")
    assert code == 2
    assert "nothing to prove" not in out
    assert error[0].startswith("a.lean:1:16: error: unexpected token ':='")


def test_a_missing_import_is_called_so_and_laid_to_its_file(run):
    Path("right.lean").write_text(PROVED)
    Path("wrong.lean").write_text("import Init\nimport Mathlib.Data.Foo\n" + PROVED)
    code, out, error = run("verify", "right.lean", "--original", "wrong.lean")
    assert (code, out, len(error)) == (2, "", 1)
    assert "wrong.lean: line 2: missing import: unknown module Mathlib.Data.Foo" in error[0]
    code, out, _ = run("verify", "wrong.lean", "--original", "right.lean")
    assert code == 1
    assert "✗ t  refused, " in out
    assert "line 2: missing import: unknown module Mathlib.Data.Foo" in out
    code, _, error = run("prove", "wrong.lean")
    assert code == 2
    assert "cannot open wrong.lean: missing import: unknown module" in error[0]


HIDDEN = """macro "gap" : term => `(sorry)
theorem admitted : 1 = 1 := by admit
theorem hidden : 2 = 3 := gap
example : 2 = 4 := gap
"""


def test_a_sorry_that_is_not_written_there_is_named(run):
    Path("a.lean").write_text(HIDDEN)
    code, out, error = run("prove", "a.lean")
    assert (code, out) == (1, "")
    assert [line.split(" rests on a sorry that is not written there")[0] for line in error] == [
        "a.lean:2:9: admitted",
        "a.lean:3:9: hidden",
        "a.lean:4:1: example",
    ]


STATED = """theorem inside : (⟨3, sorry⟩ : Fin 5) = ⟨3, by decide⟩ := by sorry
structure Hour where
  h : Nat
  ok : h % 24 < 24 := sorry
theorem index (xs : List Nat) : xs[0]'(by sorry) = 1 → True := fun _ => trivial
theorem given (h : 1 = 1 := sorry) : True := trivial
theorem fine : 2 = 2 := by sorry
"""


def test_a_sorry_in_a_statement_is_reported_and_not_tried(run):
    Path("a.lean").write_text(STATED)
    code, out, error = run("prove", "a.lean")
    assert code == 1
    assert not [line for line in error if "ALARM" in line]
    tried = [line for line in out.splitlines() if line.startswith(("✓", "✗"))]
    assert len(tried) == 6
    assert all("not tried, its statement has a sorry" in line for line in tried[:5])
    assert "fine  proved" in tried[5]


def test_fields_are_no_theorems_and_examples_keep_their_names(run):
    source = "structure Hour where\n  h : Nat\n  ok : h < 24\n\nexample : 1 = 1 := by sorry\n"
    Path("original.lean").write_text(source)
    Path("proof.lean").write_text(source.replace("1 = 1 := by sorry", "1 = 2 := by sorry"))
    code, out, _ = run("verify", "proof.lean", "--original", "original.lean")
    assert code == 1
    assert [line.split()[1] for line in out.splitlines() if line.startswith("✗")] == ["example@5"]
    assert "the statement of example@5" in out
    assert "lakatos_example" not in out


def test_a_misspelt_axiom_is_named(run):
    Path("a.lean").write_text("axiom mine : 1 = 2\n" + PROVED)
    names = ("--allow-axiom", "Clasical.choice", "--allow-axiom", "mine")
    code, _, error = run("verify", "a.lean", *names)
    assert code == 0
    (line,) = error
    assert line.endswith("there is no such axiom; did you mean Classical.choice?")


def steps_of(database):
    query = "select body, outcome from steps join texts on texts.id = tactic_id"
    with sqlite3.connect(database) as connection:
        return {body.decode(): outcome for body, outcome in connection.execute(query)}


def test_attacks_of_a_policy_end_with_the_theorem_open_and_nothing_run(run, tmp_path):
    run_it = "unsafeBaseIO (EIO.catchExceptions (IO.Process.exit 3 : IO Nat) fun _ => pure 7)"
    attacks = [
        f"simp (config := {{ maxSteps := {run_it} }})",
        f"omega (splitDisjunctions := {run_it} == 7)",
        f"grind (splits := {run_it})",
        f"rw (occs := .pos [{run_it}]) [Nat.add_comm]",
        f"conv => lhs; simp (maxSteps := {run_it})",
        "simp (config := unsafeCast 5)",
        "run_tac IO.Process.exit 3",
        "grind => sorry",
    ]
    Path("a.lean").write_text("theorem challenge (n : Nat) : n < 50 := by sorry\n")
    Path("policy.jsonl").write_text(json.dumps({"tactics": attacks}))
    policy = ("--policy", "scripted:policy.jsonl", "--workers", "1")
    code, out, _ = run("prove", "a.lean", *policy)
    assert code == 1
    assert "✗ a.lean:1:44 challenge" in out
    expected = dict.fromkeys(attacks, "forbidden") | {"grind => sorry": "sorry"}
    assert steps_of(tmp_path / "attempts.db") == expected


def test_a_sorry_of_another_mode_does_not_end_the_search(run):
    tactics = [["grind => sorry", 0.9], ["exact ⟨7, rfl⟩", 0.1]]
    Path("a.lean").write_text("theorem t : ∃ x : Nat, x * x = 49 := by sorry\n")
    Path("policy.jsonl").write_text(json.dumps({"tactics": tactics}))
    code, out, _ = run("prove", "a.lean", "--policy", "scripted:policy.jsonl")
    assert code == 0
    assert "exact ⟨7, rfl⟩" in out
