"""Edits by bytes; examples found where they are commands, and named."""

from lakatos.lean_env.verification.rewrite import Edit, examples, name_example, rewrite


def test_edits_are_made_at_bytes():
    assert rewrite("αβγ", [Edit(4, 6, "c"), Edit(0, 0, "x"), Edit(2, 2, "y")]) == "xαyβc"


def test_examples_are_found_where_they_are_commands():
    source = (
        "-- example\n"
        "variable {p : Prop} (q r : Prop) [Inhabited Nat] (h : p ∧ (q ∨ r))\n"
        "section A\n"
        'variable (s : String := "example")\n'
        "/-- an example -/ @[simp, reducible] private noncomputable example : p := h\n"
        "end A\n"
        "def «example» := 1\n"
        "example : q := h\n"
    )
    first, second = examples(source)
    assert source.encode()[first.start :].startswith(b"/-- an example")
    assert source.encode()[first.keyword :].startswith(b"example : p")
    assert (first.line, first.variables) == (5, ("p", "q", "r", "h", "s"))
    assert second.start == second.keyword
    assert (second.line, second.variables) == (8, ("p", "q", "r", "h"))
    text = rewrite(source, name_example(second, "e", "include"))
    assert text.endswith("include p q r h in theorem _root_.e : q := h\n")
    assert rewrite(source, name_example(second, "e", "def")).endswith("def _root_.e : q := h\n")
