"""`lakatos eval --check`: what a run would do is printed, and nothing is run."""

import json

import pytest
from lakatos.data.report import json_output
from lakatos.data.report.check import EvaluationCheck, ModelAnswer
from lakatos.data.store.store import Store

from .fake_openai import Server, answer, refuse
from .test_docs_json import documented, fields_of

lean = pytest.mark.lean
SET = """theorem one : 1 = 1 := by sorry
theorem two : Nonsense (1 : Nat) := by sorry
theorem three (p : Prop) : p → p := by sorry
"""


def found(**changes):
    values = {
        "name": "toy", "problems": 60, "unfit": [], "left_out": 0, "goes_on": None, "to_try": 60,
        "attempts": 60, "seconds": 60.0, "places": 2, "answer": None, "tokens_most": None,
        "disk_bytes": 10, "free_bytes": 100, "store": "l.db",
    }  # fmt: skip
    return EvaluationCheck(**values | changes)


def test_all_well_is_exit_0_and_no_line_has_a_cure():
    lines = list(found().lines())
    assert found().exit_code == 0
    assert not any(cure for _, _, cure in lines)
    assert lines[1][1].startswith("at most 30 min 00 s: 60 attempts of 60 s, 2 at once")


def test_what_does_not_elaborate_is_named_and_exit_1():
    unfit = [(f"p{i}", "line 1:\nno") for i in range(7)]
    checked = found(unfit=unfit)
    (subject, text, cure), *_ = checked.lines()
    assert (subject, checked.exit_code) == ("statements", 1)
    assert text.splitlines()[:2] == ["Lean accepts 53 of 60", "    p0: line 1: no"]
    assert text.splitlines()[-1] == "    and 2 more"
    assert cure == "mend them; as it is 7 of them would count as not solved"


def test_what_is_left_out_is_no_fault():
    checked = found(unfit=[("p", "no")], left_out=1, to_try=59)
    (_, text, cure), *_ = checked.lines()
    assert "Lean accepts 59 of 60, 1 would be left out" in text
    assert (cure, checked.exit_code) == ("", 0)


@pytest.mark.parametrize(
    "changes", [{"free_bytes": 9}, {"answer": ModelAnswer("openai:m", fault="nobody there")}]
)
def test_a_model_or_a_disk_that_fails_is_exit_3(changes):
    checked = found(unfit=[("p", "no")], **changes)
    assert checked.exit_code == 3
    assert sum(bool(cure) for _, _, cure in checked.lines()) == 2


def test_the_json_object_has_the_documented_fields():
    checked = found(unfit=[("p", "no")], answer=ModelAnswer("openai:m"))
    assert (
        set(fields_of(json_output.check_object(checked))) - {"type", "schema"}
        == documented()["check"]
    )


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "set.lean"
    path.write_text(SET, encoding="utf-8")
    return path


@lean
def test_the_model_gets_one_request_and_nothing_is_stored(run, place, tmp_path):
    words = "eval", "toy", "--data", place, "--check", "--workers", 1, "--samples", 4, "--time", 30
    with Server(default=answer("```lean\nrfl\n```", "```lean\nomega\n```")) as server:
        code, out, _ = run(*words, "--json", "--policy", f"openai:m@{server.url}")
        requests = len(server.posts)
    (check,) = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert (check["theorems"], check["accepted"], check["to_try"]) == (3, 2, 3)
    assert check["unfit"][0]["name"] == "two"
    assert check["model"]["accepted"] >= 1
    assert check["model"]["fault"] == ""
    assert check["tokens_most"] > check["model"]["tokens"] > 0
    assert (requests, check["wall_s_most"]) == (1, 60.0)
    with Store.open(str(tmp_path / "attempts.db")) as store:
        assert store.evaluations() == []
        assert store.attempts() == []


@lean
def test_a_model_that_fails_is_reported_with_exit_3(run, place):
    words = "eval", "toy", "--data", place, "--check", "--workers", 1
    with Server(default=refuse(500)) as server:
        policy = "--policy", f"openai:m@{server.url}", "--model-option", "tries=1"
        code, out, _ = run(*words, *policy)
    assert code == 3
    assert "✗ model: " in out
    assert "500" in out


@lean
def test_the_core_and_a_run_that_would_go_on(run, place, tmp_path):
    words = "eval", "toy", "--data", place, "--core", "--workers", 1, "--expansions", 5
    code, out, _ = run(*words, "--check")
    assert code == 0
    assert "Lean accepts 2 of 3, 1 would be left out" in out
    assert "a new run would begin: toy-core, 2 problems to try" in out
    assert run(*words)[0] == 0
    with Store.open(str(tmp_path / "attempts.db")) as store:
        store.ledger(1).reopen([1])
    code, out, _ = run("eval", "--run", 1, "--check", "--workers", 1)
    assert (code, "run 1 would go on: toy-core, 1 problems to try" in out) == (0, True)
    code, _, error = run(*words, "--seed", 3, "--resume", "--check")
    assert (code, "differs: --seed 0, now 3" in error[-1]) == (2, True)
