"""Lean text is cut where its theorems with a sorry are."""

from lakatos.data.lean_text import masked
from lakatos.data.problems.statements import (
    completed,
    foreign_imports,
    holes_elsewhere,
    statements,
    with_preamble,
)

FILE = """import Mathlib
open Nat

/-! theorem of_a_comment : True := sorry -/

/-- Doubles. -/
def double (n : ℕ) := n + n

/-- First
  one. -/
theorem first (n : ℕ) : double n = 2 * n := by
  sorry

-- theorem commented : True := sorry
lemma proved : True := trivial

open Real in
set_option maxHeartbeats 400000 in
@[simp] private theorem second.{u} («x sorry» : ℕ) : "sorry" = "sorry" ∧ True := by
  constructor
  · sorry
  · exact sorry

def open_data : ℕ := sorry

example (h' : 1 = 1) : 1 = 1 := sorry
"""


def test_each_theorem_has_all_but_the_other_open_ones_above_it():
    first, second, example = statements(FILE)
    assert (first.name, first.holes, first.document) == ("first", 1, "First\n  one.")
    assert first.header.endswith("def double (n : ℕ) := n + n\n\n")
    assert first.text.startswith("/-- First")
    assert first.text.endswith("  sorry\n\n-- theorem commented : True := sorry\n")
    assert (second.name, second.holes) == ("second", 2)
    assert second.text.startswith("open Real in\nset_option")
    assert "lemma proved" in second.header
    assert "theorem first" not in second.header
    assert "open Real in" not in second.header
    assert (example.name, example.holes) == ("", 1)
    assert "def open_data" in example.header
    assert holes_elsewhere(FILE) == 1


def test_a_text_without_theorems_has_none():
    assert statements("") == []
    assert statements("no Lean at all, sorry") == []
    assert statements("theorem done : True := trivial") == []


def test_comments_strings_and_primes_are_told_apart():
    code = masked("a' /- don't \" /- x -/ y -/ 'b' \"\\\" sorry\" h'.1 -- sorry\nsorry")
    assert code.count("sorry") == 1
    assert code.startswith("a' ")
    assert "h'.1" in code
    assert masked("/- never closed sorry").strip() == ""


def test_a_statement_gets_the_end_it_lacks():
    head = "theorem t (h : (fun x : ℕ => x) = id := by rfl) : True"
    whole = head + " := by sorry\n"
    assert completed(head + " := by\n") == whole
    assert completed(head + " :=") == whole
    assert completed(head) == whole
    assert completed(head + " := by  -- think") == whole
    assert completed(whole) == whole
    assert completed(head + " := sorry") == head + " := sorry\n"
    assert completed(head + " := trivial") == head + " := trivial\n"


def test_a_preamble_is_replaced_and_definitions_stay():
    header = "import Mathlib\nimport Lean.Elab\n\nopen Real\n  Nat\n-- mine\ndef f := 1\nopen f\n"
    assert with_preamble(header, "-- ours") == "-- ours\ndef f := 1\nopen f\n"
    assert with_preamble("", "set_option x true\n") == "set_option x true\n"
    assert with_preamble("open X in\ndef g := 1\n", "") == "open X in\ndef g := 1\n"
    assert foreign_imports(header) == ["Mathlib"]
