"""`lakatos repl` on real Lean: the requests of leanprover-community/repl, and what differs."""

import asyncio
import io
import json
import subprocess
import sys

import pytest
from lakatos.data.errors import UsageError
from lakatos.prover.lean_parts import LeanConfig, open_lean
from lakatos.prover.serving.repl_json import parse_request
from lakatos.prover.serving.repl_loop import requests, serve_stream
from lakatos.prover.serving.repl_session import ReplLimits, ReplSession

from .test_prover_live_session import ENDLESS

SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry"


@pytest.fixture(scope="module")
def answers(toolchain):
    """What a new session answers to requests, in order."""
    with asyncio.Runner() as runner:
        lean = open_lean(toolchain, LeanConfig(workers=1))
        parts = runner.run(lean.__aenter__())

        def ask(*asked, **words):
            session = ReplSession(parts, **words)

            async def go():
                return [
                    await session.answer(each if isinstance(each, str) else json.dumps(each))
                    for each in asked
                ]

            return runner.run(go())

        yield ask
        runner.run(lean.__aexit__(None, None, None))


def errors(answer):
    return [m["data"] for m in answer.get("messages", ()) if m["severity"] == "error"]


@pytest.mark.lean
def test_a_command_and_tactics_on_its_sorry(answers):
    opened, split, left, done, both, wrong, unknown = answers(
        {"cmd": SWAP},
        {"tactic": "constructor", "proofState": 0},
        {"tactic": "exact h.2", "proofState": 1},
        {"tactic": "exact h.1", "proofState": 2},
        {"tactic": "all_goals simp [h]", "proofState": 1},
        {"tactic": "exact nosuch", "proofState": 1},
        {"tactic": "rfl", "proofState": 9},
    )
    assert opened == {
        "env": 0,
        "messages": [
            {
                "severity": "warning",
                "pos": {"line": 1, "column": 8},
                "endPos": {"line": 1, "column": 12},
                "data": "declaration uses `sorry`",
            }
        ],
        "sorries": [
            {
                "pos": {"line": 1, "column": 52},
                "endPos": {"line": 1, "column": 57},
                "goal": "p q : Prop\nh : p ∧ q\n⊢ q ∧ p",
                "proofState": 0,
            }
        ],
    }
    context = "p q : Prop\nh : p ∧ q\n"
    assert split["goals"] == [f"case left\n{context}⊢ q", f"case right\n{context}⊢ p"]
    assert left == {
        "proofState": 2,
        "goals": split["goals"][1:],
        "proofStatus": "Incomplete: open goals remain",
    }
    assert done == {"proofState": 3, "goals": [], "proofStatus": "Completed"}
    assert both["proofStatus"] == "Completed"
    assert wrong == {"message": "Lean error:\nUnknown identifier `nosuch`"}
    assert unknown == {"message": "Unknown proof state."}


@pytest.mark.lean
def test_environments_branch_and_places_are_those_of_the_command(answers):
    found = answers(
        {"cmd": "open Nat\nvariable (n : Nat)\ndef f := 37"},
        {"cmd": "theorem t : f = 37 := rfl\n#check (nosuch)", "env": 0},
        {"cmd": "def g := f + n\n#eval g 1", "env": 0},
        {"cmd": "#eval g 2\n#check t", "env": 2},
        {"cmd": "import Lean", "env": 0},
        {"cmd": "+ 1", "env": 0},
        {"cmd": "#eval f", "env": 0},
        {"cmd": "#eval f", "env": 70},
    )
    assert [each.get("env") for each in found] == [*range(7), None]
    assert "messages" not in found[0]
    assert found[1]["messages"][0]["pos"] == {"line": 2, "column": 8}
    assert found[2]["messages"][0] == {
        "severity": "info",
        "pos": {"line": 2, "column": 0},
        "endPos": {"line": 2, "column": 5},
        "data": "38",
    }
    assert found[3]["messages"][0]["data"] == "39"
    assert errors(found[3]) == ["Unknown identifier `t`"]
    assert errors(found[4]) == [
        "invalid 'import' command, it must be used in the beginning of the file"
    ]
    assert errors(found[5])  # it does not continue the definition
    assert found[6]["messages"][0]["data"] == "37"
    assert found[7] == {"message": "Unknown environment."}


@pytest.mark.lean
@pytest.mark.parametrize(
    "text",
    [
        "/- open",
        'def s := "open',
        "def x := 1\n#exit",
        "import",
        "import Init\n/- open",
        "def y :=",
    ],
)
def test_nothing_in_an_environment_hides_what_comes_after_it(answers, text):
    first, true, false = answers(
        {"cmd": text},
        {"cmd": "theorem t : 1 = 1 := rfl\n#eval 1", "env": 0},
        {"cmd": "theorem no : 1 = 2 := rfl", "env": 1},
    )
    assert first["messages"]
    assert (errors(true), true["messages"][0]["data"]) == ([], "1")
    assert errors(false)


@pytest.mark.lean
def test_what_a_theorem_rests_on_is_judged_across_environments(answers):
    chain = (
        {"cmd": "axiom no : False\ntheorem hole : 1 = 2 := sorry"},
        {"cmd": "theorem a : 2 = 3 := no.elim", "env": 0},
        {"cmd": "theorem b : 2 = 3 := by cases hole", "env": 0},
        {"cmd": "theorem c : 2 = 2 := rfl", "env": 2},
        {"cmd": "theorem d : 1 = 2 := by sorry", "env": 0},
        {"tactic": "exact hole", "proofState": 1},
        {"tactic": "exact no.elim", "proofState": 1},
    )
    opened, by_axiom, by_hole, honest, _, filled, by_no = answers(*chain)
    assert errors(opened) == []
    assert errors(by_axiom)[0].startswith("a is refused: axiom:")
    assert errors(by_hole)[0].startswith("b is refused: sorry:")
    assert honest == {"env": 3}
    assert filled["proofStatus"].startswith("Error: sorry:")
    assert by_no["proofStatus"].startswith("Error: axiom:")
    trusting = answers(*chain, judge=False)
    assert [errors(each) for each in trusting[1:3]] == [[], []]
    assert trusting[5]["proofStatus"] == "Completed"


@pytest.mark.lean
def test_what_code_of_a_text_declares_is_judged_too(answers):
    forged = """import Lean
open Lean
run_meta
  let decl := .thmDecl {
    name := `no, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 decl none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => throwError "not added"
"""
    (answer,) = answers({"cmd": forged})
    assert errors(answer)[0].startswith("no is refused: kernel:")


@pytest.mark.lean
def test_an_axiom_of_the_text_is_not_leans_own_by_its_name(answers):
    text = "prelude\nimport Init.Prelude\naxiom propext : False\ntheorem no : False := propext"
    (answer,) = answers({"cmd": text})
    assert errors(answer)[0].startswith("no is refused: axiom:")


@pytest.mark.lean
def test_all_tactics_and_root_goals(answers):
    text = "example : 1 = 1 := by\n  skip\n  have h : 2 = 2 := by rfl\n  exact rfl\n"
    found, first, last, root = answers(
        {
            "cmd": f"{text}\ntheorem u : 1 + 1 = 2 := by rfl",
            "allTactics": True,
            "rootGoals": True,
        },
        {"tactic": "exact rfl", "proofState": 0},
        {"tactic": "exact rfl", "proofState": 5},
        {"tactic": "decide", "proofState": 1},
    )
    roots = [(each["pos"], each["goal"], each["proofState"]) for each in found["sorries"]]
    assert roots == [
        ({"line": 1, "column": 19}, "⊢ 1 = 1", 0),
        ({"line": 6, "column": 25}, "⊢ 1 + 1 = 2", 1),
    ]
    tactics = [(each["tactic"], each["goals"], each["proofState"]) for each in found["tactics"]]
    assert tactics == [
        ("have h : 2 = 2 := by rfl", "⊢ 1 = 1", 2),
        ("rfl", "⊢ 2 = 2", 3),
        ("exact rfl", "h : 2 = 2\n⊢ 1 = 1", 4),
        ("rfl", "⊢ 1 + 1 = 2", 5),
    ]
    assert "Nat" in found["tactics"][0]["usedConstants"]
    assert [each["proofStatus"] for each in (first, last, root)] == ["Completed"] * 3


@pytest.mark.lean
def test_a_sorry_of_a_tactic_is_a_state_and_no_proof(answers):
    _, drafted, filled, closed, again = answers(
        {"cmd": SWAP},
        {"tactic": "have hp : p := by sorry", "proofState": 0},
        {"tactic": "exact h.1", "proofState": 1},
        {"tactic": "exact ⟨h.2, hp⟩", "proofState": 2},
        {"tactic": "rfl", "proofState": 4},
    )
    assert drafted["sorries"] == [{"goal": "p q : Prop\nh : p ∧ q\n⊢ p", "proofState": 1}]
    assert drafted["goals"] == ["p q : Prop\nh : p ∧ q\nhp : p\n⊢ q ∧ p"]
    assert filled["proofStatus"].startswith("Incomplete")
    assert closed["proofStatus"] == "Incomplete: contains sorry"
    assert again == {"message": "Lean error:\nno goals to be proved"}


@pytest.mark.lean
def test_pickles_lead_there_again_in_another_session(answers, tmp_path):
    env, state, hole = (str(tmp_path / name) for name in ("env", "state", "hole"))
    answers(
        {"cmd": "def f := 37"},
        {"cmd": f"open Nat\n{SWAP}", "env": 0},
        {"tactic": "constructor", "proofState": 0},
        {"tactic": "have : 1 = 1 := sorry", "proofState": 1},
        {"pickleTo": env, "env": 1},
        {"pickleTo": state, "proofState": 1},
        {"pickleTo": hole, "proofState": 2},
    )
    found = answers(
        {"unpickleEnvFrom": env},
        {"cmd": "#eval f", "env": 0},
        {"unpickleProofStateFrom": state},
        {"tactic": "exact h.2\nexact h.1", "proofState": 0},
        {"unpickleProofStateFrom": hole, "env": 0},
        {"tactic": "rfl", "proofState": 2},
        {"unpickleProofStateFrom": env},
        {"unpickleEnvFrom": str(tmp_path / "nosuch")},
        {"pickleTo": str(tmp_path), "env": 0},
        {"unpickleProofStateFrom": state, "env": 8},
    )
    assert found[1]["messages"][0]["data"] == "37"
    assert len(found[2]["goals"]) == 2
    assert found[3]["proofStatus"] == "Completed"
    assert found[4]["goals"][0].endswith("⊢ 1 = 1")
    assert found[5]["goals"] == []
    assert [list(each) for each in found[6:]] == [["message"]] * 4


@pytest.mark.lean
def test_a_text_that_ends_workers_is_answered_and_the_session_goes_on(answers):
    gone, after = answers({"cmd": "#eval (IO.Process.exit 3 : IO Unit)"}, {"cmd": "#eval 1"})
    assert "exit" in gone["message"]
    assert after["messages"][0]["data"] == "1"


@pytest.mark.lean
def test_a_command_and_a_tactic_end_at_their_limits(answers):
    opened, slow, hung, after = answers(
        {"cmd": SWAP},
        {"cmd": f"example : True := by\n  {ENDLESS}\n  trivial"},
        {"tactic": ENDLESS, "proofState": 0},
        {"tactic": "exact ⟨h.2, h.1⟩", "proofState": 0},
        limits=ReplLimits(command_s=5.0, tactic_s=0.2),
    )
    assert opened["env"] == 0
    assert "timed out in 5 seconds" in slow["message"]
    assert "no answer within 0.2 s" in hung["message"]
    assert after["proofStatus"] == "Completed"


@pytest.mark.lean
def test_files_and_what_is_not_served(answers, tmp_path):
    place = tmp_path / "F.lean"
    place.write_text("theorem t : f = 37 := by exact rfl\n", encoding="utf-8")
    _, file, missing, tree = answers(
        {"cmd": "def f := 37"},
        {"path": str(place), "env": 0, "allTactics": True},
        {"path": "nosuch.lean"},
        {"cmd": "#check 1", "infotree": "full"},
    )
    assert file["env"] == 1
    assert [each["tactic"] for each in file["tactics"]] == ["exact rfl"]
    assert "nosuch.lean" in missing["message"]
    assert "info trees are not served" in tree["message"]


@pytest.mark.parametrize(
    "text",
    ["", "nothing", "[1]", "{}", '{"cmd": 1}', '{"cmd": "", "env": "0"}', '{"tactic": "rfl"}',
     '{"cmd": "", "env": true}'],
)  # fmt: skip
def test_what_is_no_request_is_told(text):
    with pytest.raises(UsageError, match="Could not parse"):
        parse_request(text)


def test_requests_end_at_an_empty_line_or_at_the_end():
    async def go():
        async def lines():
            for line in ('{"cmd":\n', '"a"}\n', "\n", "\n", "# no\n", "\n", "-- no\n", "\n", "{}"):
                yield line

        return [each async for each in requests(lines())]

    assert asyncio.run(go()) == ['{"cmd":"a"}', "{}"]


def test_each_answer_is_a_line_and_an_empty_one():
    class Echo:
        async def answer(self, text):
            return {"message": text}

    written = []
    asyncio.run(serve_stream(Echo(), io.BytesIO("a\n\n⊢".encode()), written.append))
    assert written == ['{"message": "a"}\n\n', '{"message": "⊢"}\n\n']


@pytest.mark.lean
def test_the_command_answers_until_its_input_ends(own_toolchain):
    code = "import sys; from lakatos.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "repl"]
    asked = json.dumps({"cmd": "#eval 1 + 1"}) + "\n\n"
    done = subprocess.run(words, input=asked, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["messages"][0]["data"] == "2"
    assert done.stderr == ""
