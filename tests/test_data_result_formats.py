"""Exports have the keys that the readers of each format expect, and lose no problem."""

import csv
import json
import tomllib

import pytest
from lakatos.cli import main
from lakatos.data.errors import StoreError, UsageError
from lakatos.data.report import export as result_formats
from lakatos.data.store.store import Store

from .made_up_runs import keep, result

WORDS = ["+-", "--", "n", "u", "rr", "dc"]


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "l.db")) as opened:
        keep(opened, [result(f"p{i}", w) for i, w in enumerate(WORDS)], k=2)
        yield opened


@pytest.fixture
def written(store, tmp_path):
    """Write a format; its files by name."""

    def call(name):
        folder = tmp_path / name / "deep"
        run = store.load_evaluation(1)
        paths = result_formats.write(run, name, store.load_attempts, folder)
        return {path.name: path.read_text(encoding="utf-8") for path in paths}

    return call


def test_llmstep_has_attempts_by_problem(written):
    ((name, text),) = written("llmstep").items()
    assert name == "results__hammer__0.json"
    told = json.loads(text)
    assert set(told) == {"results", "args"}
    assert [r["success"] for r in told["results"]] == [True, False, False, False, False, False]
    assert [len(r["attempt_results"]) for r in told["results"]] == [2, 2, 1, 1, 2, 2]
    proved = told["results"][0]["attempt_results"][0]
    assert set(proved) == {
        "theorem", "proof", "score", "success", "failure_reason", "trace", "temperature",
        "elapsed", "iteration",
    }  # fmt: skip
    assert proved["proof"] == ["constructor", "norm_num", "norm_num"]
    assert proved["trace"][0] == {"tactic": "constructor", "state_before": "⊢ p0 < 2"}
    assert proved["trace"][1]["state_before"] == "⊢ 0 < 2"
    reasons = [a["failure_reason"] for r in told["results"] for a in r["attempt_results"]]
    assert reasons == [
        "", "SearchEnded", "SearchEnded", "SearchEnded", "DojoInitError", "SearchEnded",
        "SearchEnded", "SearchEnded", "SearchEnded", "DojoCrashError",
    ]  # fmt: skip


def test_goedel_counts_each_problem_once(written):
    files = written("goedel")
    summary = json.loads(files["compilation_summarize.json"])
    assert summary == {"total": 6, "correct": 1, "accuracy": "16.67", "field": "complete"}
    compiled = json.loads(files["code_compilation.json"])
    assert len(compiled) == len(json.loads(files["to_inference_codes.json"])) == 10
    first = compiled[0]
    assert first["code"].endswith(":= by\n  by\n  norm_num\n")
    assert "sorry" not in first["code"]
    for record in compiled:
        told = record["compilation_result"]
        assert told["pass"] == (not told["errors"])
        assert told["complete"] == (not told["errors"] and "sorry" not in record["code"])
        if record["name"] in ("p1", "p5"):
            assert told["sorries"][0]["goal"] == f"⊢ {record['name']} < 2"
    rows = list(csv.reader(files["compilation_summarize.csv"].splitlines(), delimiter="\t"))
    assert rows[:2] == [["name", "correct"], ["p0", "1"]]
    assert len(rows) == 7


def test_reprover_gives_one_result_an_attempt(written):
    told = json.loads(written("reprover")["results.json"])
    assert [r["status"] for r in told] == ["Proved"] + ["Open"] * 7 + ["Failed", "Open"]
    proved = told[0]
    assert proved["proof"] == ["constructor", "norm_num", "norm_num"]
    assert (proved["num_total_nodes"], proved["num_searched_nodes"]) == (4, 4)
    assert proved["actor_time"] + proved["environment_time"] == pytest.approx(proved["total_time"])
    assert told[1]["proof"] is None


def test_nanoproof_nodes_alternate(written):
    files = written("nanoproof")
    assert tomllib.loads(files["summary.toml"]) == {
        "dataset": "problems.jsonl", "total": 6, "solved": 1, "errors": 2, "success_rate": 1 / 6,
    }  # fmt: skip
    lines = [json.loads(line) for line in files["theorems.jsonl"].splitlines()]
    assert len(lines) == 10
    assert lines[4]["error"] == "unknown identifier 'ℕ'"
    root = lines[0]["proof"]
    assert (root["to_play"], root["state"], list(root["children"])) == (
        1, ["⊢ p0 < 2"], ["constructor"],
    )  # fmt: skip
    split = root["children"]["constructor"]
    assert (split["to_play"], split["action"], list(split["children"])) == (
        2, "constructor", ["0", "1"],
    )  # fmt: skip
    leaf = split["children"]["1"]["children"]["norm_num"]
    assert (leaf["state"], leaf["children"], leaf["to_play"]) == ([], None, 1)
    nodes, work = {}, [root]
    while work:
        node = work.pop()
        nodes[node["id"]] = node
        for action, child in (node["children"] or {}).items():
            assert child["parent_id"] == node["id"]
            assert str(child["action"]) == action
            work.append(child)
    assert len(nodes) == 6
    assert lines[0]["linearized_proof"].startswith("-- 1\nimport Mathlib")
    assert lines[1]["proof"] is None


def test_what_cannot_be_written_is_said(store, tmp_path):
    run = store.load_evaluation(1)
    with pytest.raises(UsageError, match="there is: llmstep, goedel, reprover, nanoproof"):
        result_formats.write(run, "excel", store.load_attempts, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        result_formats.write(run, "goedel", store.load_attempts, tmp_path / "file")
    with pytest.raises(StoreError, match="attempt 1 of p0 is missing"):
        result_formats.write(run, "goedel", lambda ids: iter(()), tmp_path)


def test_the_command_writes_them(store, tmp_path, capsys):
    db = str(tmp_path / "l.db")
    code = main(["report", "1", "--export", "reprover", "--out", str(tmp_path / "x"), "--db", db])
    assert code == 0
    assert (tmp_path / "x" / "results.json").exists()
    assert main(["report", "1", "--export", "x", "--db", db]) == 2
    assert "no format 'x'" in capsys.readouterr().err
