"""What is made of a trace: texts, places, annotations, AND-trees."""

from dataclasses import replace

import pytest
from lakatos.data.errors import ProtocolError
from lakatos.data.lean_text import dedented
from lakatos.data.traced import Solved, proof_tree, state_text
from lakatos.lean_env.queries.trace import to_traced

from .toy_trace import SOURCE, traced, wire


def test_a_declaration_is_cut_out_of_its_text():
    file = traced()
    both, term, _ = file.declarations
    assert file.statement(both) == "theorem Foo.both (p q : Prop) (hp : p) (hq : q) : p ∧ q"
    assert file.proof(term) == ":= rfl"
    assert (both.doc, both.namespace, both.opens) == ("Both. ", "", ("Nat",))
    assert file.place(both.start) == (1, 1)
    assert file.place(both.value) == (2, 57)


def test_columns_count_characters_not_bytes():
    file = traced()
    q = SOURCE.encode().index("∧ q".encode())
    assert file.place(q + len("∧ ".encode()))[1] == SOURCE.splitlines()[1].index("∧ q") + 3


def test_a_step_says_what_it_closed_and_opened():
    constructor, dot, _, _, last = traced().declarations[0].steps
    assert (constructor.closed, constructor.opened) == ((0,), (1, 2))
    assert (dot.closed, dot.opened) == ((1,), ())
    assert state_text(last.after) == "no goals"
    assert state_text(last.before).startswith("case right\np q : Prop\nhp : p\n")


def test_later_lines_of_a_tactic_move_left_as_far_as_its_first():
    dot = traced().declarations[0].steps[1]
    assert dot.tactic == "· first\n  | exact bar hp"
    assert dedented("a\n    b\n  c\n", 2) == "a\n  b\nc\n"


def test_what_stands_in_mid_line_keeps_the_shape_of_its_later_lines():
    text = "induction n with\n    | zero => rfl\n    | succ n ih =>\n      simp\n"
    moved = "induction n with\n  | zero => rfl\n  | succ n ih =>\n    simp\n"
    assert dedented(text, 40) == moved
    literal = 'exact f "a\nb" (by\n    simp)'
    assert dedented(literal, 2) == 'exact f "a\nb" (by\n  simp)'


def test_premises_are_marked_where_they_are_cited():
    file = traced()
    first = file.declarations[0].steps[2]
    text, constants = file.annotated(first)
    assert text == "first\n| exact <a>bar</a> hp"
    assert [(each.name, each.place) for each in constants] == [("bar", ((1, 9), (1, 12)))]
    assert file.annotated(first, lambda each: False) == (first.tactic, [])
    assert file.declarations[0].premises == ("bar",)


def test_a_premise_without_a_place_is_not_marked():
    file = traced()
    first = file.declarations[0].steps[2]
    nowhere = [replace(c, constant=replace(c.constant, place=None)) for c in first.citations]
    assert file.annotated(replace(first, citations=tuple(nowhere)))[1] == []


def test_the_tree_takes_the_outermost_step_of_each_goal():
    assert proof_tree(traced().declarations[0].steps) == [
        Solved(0, 0, (1, 2)), Solved(1, 1, ()), Solved(2, 4, ()),
    ]  # fmt: skip


def test_the_tree_of_a_first_takes_the_branch_that_counted():
    steps = traced().declarations[0].steps
    other = replace(steps[4], tactic="assumption")
    assert proof_tree([*steps, other])[2] == Solved(2, 5, ())


def test_a_proof_is_a_theorem_without_sorry():
    both, term, open_ = traced().declarations
    assert [each.is_proof for each in (both, term, open_)] == [True, True, False]
    assert replace(term, kind="definition").is_proof is False
    assert replace(both, kind="example").is_proof is True


def test_another_shape_is_a_protocol_error():
    answer = wire()
    del answer["commands"][0]["goals"]
    with pytest.raises(ProtocolError, match="trace"):
        to_traced("A.lean", SOURCE, "", answer)


def test_what_failed_is_left_out_and_told():
    answer = wire(errors=[(2, "no")])
    answer["commands"][0]["failed"] = True
    file = to_traced("A.lean", SOURCE, "", answer)
    assert [each.name for each in file.declarations] == ["term", "open_"]
    assert file.errors == ((2, "no"),)
