"""What a whole file has to prove, what is wrong with it as an original, and names to show."""

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Accepted, Refusal, RefusalKind, Refused
from lakatos.lean_env.verification.judge import Original, import_line
from lakatos.lean_env.verification.rewrite import Edit, made_span, rewrite
from lakatos.lean_env.verification.targets import misspelt, shown, targets_of, unread_fault

SOURCE = """structure S where
  x : Nat
  h : x < 3

theorem t : 1 = 1 := rfl

example : 2 = 2 := rfl
"""


def command(text, *declarations):
    start = SOURCE.index(text)
    declared = [{"name": n, "kind": k, "type": ""} for n, k in declarations]
    return {"start": start, "stop": start + len(text), "declarations": declared}


def original(**changes):
    commands = (
        command("structure S", ("S", "inductive"), ("S.h", "field")),
        command("theorem t : 1 = 1 := rfl", ("t", "theorem"), ("mine", "axiom")),
        command("example : 2 = 2 := rfl"),
    )
    return Original(SOURCE, 1, commands, (), (), **changes)


def test_theorems_and_examples_are_targets_and_fields_are_not():
    targets = targets_of(original())
    assert {asked: target.shown for asked, target in targets.items()} == {
        "t": "t",
        "lakatos_example_1": "example@7",
    }


def test_a_declaration_with_a_sorry_is_a_target_wherever_that_comes_from():
    opened = original()
    opened.commands[0]["sorries"] = [["S.x._default", "S.x (default value)"]]
    opened.commands[1]["sorries"] = [["t", "t"], ["u", "u"]]
    targets = targets_of(opened)
    assert [target.shown for target in targets.values()] == [
        "S.x (default value)",
        "t",
        "u",
        "example@7",
    ]


def test_examples_are_called_as_the_user_knows_them():
    texts = ["lakatos_example_1 is off", "by _root_.lakatos_example_1.aux", "lakatos_example_12"]
    refused = Refused(tuple(Refusal(RefusalKind.KERNEL, text) for text in texts))
    told = shown(refused, targets_of(original()))
    assert [reason.text for reason in told.reasons] == [
        "example@7 is off",
        "by example@7.aux",
        "the example",
    ]
    assert shown(Accepted(("propext",)), {}) == Accepted(("propext",))


def test_text_that_is_no_command_is_a_fault_of_the_original():
    unread_fault("a.lean", original())
    message = {"line": 3, "column": 4, "text": "expected command"}
    with pytest.raises(UsageError, match=r"^a\.lean:3:5: Lean cannot read this command: exp"):
        unread_fault("a.lean", original(unread=(message,)))


def test_a_misspelt_axiom_is_told_with_the_one_it_is_near_to():
    lines = misspelt(["propext", "mine", "propex", "qqq", "minee"], ["propext"], original())
    assert list(lines.values()) == [
        "--allow-axiom propex: there is no such axiom; did you mean propext?",
        "--allow-axiom qqq: there is no such axiom; neither file nor imports declare it",
        "--allow-axiom minee: there is no such axiom; did you mean mine?",
    ]


@pytest.mark.parametrize(
    ("source", "text", "line"),
    [
        ("import Init\nimport A.B\n", "unknown module A.B: there is Init", "line 2: "),
        ("module\npublic import A.B C\n", "unknown module C", "line 2: "),
        ("import Init\nimport A.B\n", "unknown module prefix 'A'", "line 2: "),
        ("import A.B\nimport A.BC\n", "unknown module A.BC", "line 2: "),
        ("theorem t : True := trivial\n", "unknown module A", ""),
    ],
)
def test_the_line_of_a_missing_import(source, text, line):
    assert import_line(source, text) == line


def test_the_place_of_an_edit_once_all_are_made():
    source = "a ∀ sorry b sorry"
    raw = source.encode()
    first, last = raw.index(b"sorry"), raw.rindex(b"sorry")
    mine = Edit(first, first + 5, "∃ x")
    edits = [Edit(0, 0, "axiom ∀\n"), Edit(last, last + 5, "s")]
    made = rewrite(source, [*edits, mine]).encode()
    start, stop = made_span(edits, mine)
    assert made[start:stop].decode() == "∃ x"
