"""Lean 3 and small slips as Lean 4 writes them; what is right is not touched."""

import pytest
from lakatos.prover.repair.syntax_refiner import closing_end, spellings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("begin\n  intro h,\n  exact h,\nend", "by\n  intro h\n  exact h"),
        ("begin simp, refl end", "by simp; rfl"),
        ("by simp,", "by simp"),
        ("λ x, f x", "fun x => f x"),
        ("fun (x : Nat) y, f x", "fun (x : Nat) y => f x"),
        ("by\n  rw h\n  rw ← h2 at h3", "by\n  rw [h]\n  rw [← h2] at h3"),
        ("by\n  have h : a = b, from e,\n  exact h", "by\n  have h : a = b :=  e\n  exact h"),
        ("by\n  have h : a = b by simp\n  exact h", "by\n  have h : a = b := by simp\n  exact h"),
        ("begin\n  { exact h, },\n  { simp, omega },\nend", "by\n  { exact h }\n  { simp; omega }"),
        ("begin\n  cases h with a b,\n  exact b\nend", "by\n  obtain ⟨a, b⟩ := h\n  exact b"),
        ("by\n  intro h\n   exact h", "by\n  intro h\n  exact h"),
        ("by\n  simp [h", "by\n  simp [h]"),
        ("by\n  exact ⟨h, (foo", "by\n  exact ⟨h, (foo)⟩"),
    ],
)
def test_what_has_one_meaning_is_offered(written, meant):
    assert meant in list(spellings(written))


@pytest.mark.parametrize(
    "right",
    [
        "by\n  intro h\n  exact ⟨h, fun x => x⟩",
        "by\n  rw [h, h2]\n  simp [a, b] at *",
        "by\n  have h : ∀ x, x = x := fun x => rfl\n  exact h 1",
        'by\n  -- begin, then λ x, y\n  exact foo "a, b,"',
    ],
)
def test_a_right_proof_is_offered_no_change(right):
    assert list(spellings(right)) == []


def test_begin_is_never_taken_for_a_word():
    assert all("begin" not in text for text in spellings("begin\n  simp,\nend"))


def test_a_begin_block_ends_at_its_own_end():
    text = "begin\n  exact begin simp end,\nend\n\nend Namespace"
    assert closing_end(text) == text.index("\n\nend Namespace")
    assert closing_end("by simp") is None
    assert closing_end("begin simp") is None
