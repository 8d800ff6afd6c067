"""`lakatos eval` as a user meets it: wrong uses, exact accounting, going on after a break."""

import json
import os
import signal
import subprocess
import sys

import pytest
from lakatos.data.store.store import Store

lean = pytest.mark.lean
ROWS = [
    {"name": "imo_1", "formal_statement": "theorem imo_1 (n : ℕ) : n + 0 = n := by\n"},
    {"name": "imo_2", "formal_statement": "theorem imo_2 (a b : ℤ) : a + b = b + a := by\n"},
    {"name": "amc_1", "formal_statement": "theorem amc_1 : 1 = (2 : ℕ) := by\n"},
    {"name": "amc_2", "formal_statement": "theorem amc_2 : Nonsense := by\n"},
]
HEADER = "import Mathlib\nopen Nat Real\n"


@pytest.fixture
def rows(tmp_path):
    place = tmp_path / "set.jsonl"
    lines = [json.dumps(row | {"header": HEADER, "split": "valid"}) for row in ROWS]
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--data", "missing.jsonl"], "missing.jsonl: no such file or folder"),
        (["--data", "empty.jsonl"], "no theorem with a sorry"),
        (["--data", "text.jsonl"], "text.jsonl:1: no JSON"),
        (["--data", "set.jsonl", "--shard", "3/2"], "no shard: 3/2"),
        (["--data", "set.jsonl", "--slice", "x"], "no slice: x"),
        (["--data", "set.jsonl", "--split", "test"], "there is valid"),
        (["--data", "set.jsonl", "--name", "putnam*"], "no name fits putnam*"),
        (["--data", "set.jsonl", "--retry", "sad"], "no class 'sad'; there is: solved, budget"),
        (["--data", "set.jsonl", "-k", "0"], "attempts must be at least 1"),
        (["--data", "set.jsonl", "--time", "0"], "time must be above 0 seconds"),
        (["--data", "set.jsonl", "--header", "no.lean"], "no.lean: no such file"),
        ([], "missing --data PATH: lakatos eval NAME --data PATH, or --run N to go on"),
        (["--run", "7"], "run 7 is no evaluation"),
        pytest.param(
            ["--data", "set.jsonl", "--resume", "--lean", "embedded"],
            "no run to go on with",
            marks=lean,
        ),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_2(run, rows, tmp_path, arguments, line):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "text.jsonl").write_text("no rows\n")
    code, out, error = run("eval", "minif2f", *arguments)
    assert (code, out) == (2, "")
    assert len(error) == 1
    assert line in error[0]
    assert error[0].startswith("lakatos: ")


@lean
def test_a_set_is_evaluated_and_every_theorem_counted(run, rows):
    code, out, _ = run("eval", "toy", "--data", rows, "--json", "--expansions", 5, "--workers", 1)
    *results, end = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert {result["outcome"] for result in results} == {"does not elaborate"}
    assert end["theorems"] == sum(end["classes"].values()) == 4


@lean
def test_the_core_is_what_elaborates(run, rows, tmp_path):
    words = "eval", "toy", "--data", rows, "--core", "--expansions", 20, "--workers", 1
    code, out, error = run(*words, "--json")
    *results, end = [json.loads(line) for line in out.splitlines()]
    found = {result["name"]: result["outcome"] for result in results}
    assert found == {"imo_1": "solved", "imo_2": "solved", "amc_1": "dead end"}
    assert end["problem_set"] == "toy-core"
    assert end["theorems"] == sum(end["classes"].values()) == 3
    assert "3 of 4 statements elaborate" in error
    assert code == 1
    with Store.open(str(tmp_path / "attempts.db")) as store:
        stored = store.load_evaluation(end["run"])
    assert stored.is_finished
    assert stored.config["evaluation"]["header"] == "core"
    code, out, error = run(*words, "--resume")
    assert (code, error[-1]) == (1, f"run {end['run']} goes on: 0 of 3 left")
    assert "toy-core: 2 of 3 solved (66.7 %)" in out
    code, out, error = run(*words, "--retry", "dead-end", "--quiet")
    assert "toy-core: 2 of 3 solved" in out
    code, out, error = run(*words, "--run", end["run"], "--seed", 5)
    assert (code, out) == (2, "")
    assert error[-1].startswith("lakatos: run 1 (3 of 3 done) differs: --seed 0, now 5. ")


TWO = "theorem one : 1 = 1 := by sorry\ntheorem two (p : Prop) : p → p := by sorry\n"


@lean
def test_a_run_goes_on_as_it_was_begun_or_says_what_differs(run, tmp_path):
    place = tmp_path / "two.lean"
    place.write_text(TWO, encoding="utf-8")
    words = "eval", "two", "--data", place, "--workers", 1
    assert run(*words, "--time", 8, "--slice", 1)[0] == 0
    with Store.open(str(tmp_path / "attempts.db")) as store:
        store.ledger(1).reopen([0])
        store.finish_run(1, "interrupted")
    code, out, error = run(*words, "--time", 9, "--slice", 1, "--resume")
    assert (code, out) == (2, "")
    assert error[-1] == (
        "lakatos: run 1 (0 of 1 done) differs: --time 8, now 9. "
        "Go on with it: lakatos eval --run 1. Begin a new one: leave --resume out."
    )
    code, out, error = run(*words, "--resume", "--db", tmp_path / "attempts.db")
    assert code == 2
    assert "differs: --time 8, now 60, --slice 1, now not given. " in error[-1]
    assert f"lakatos eval --run 1 --db {tmp_path / 'attempts.db'}. " in error[-1]
    place.write_text(TWO.replace("1 = 1", "2 = 2"), encoding="utf-8")
    code, _, error = run(*words, "--time", 8, "--slice", 1, "--resume")
    assert (code, "differs: one reads otherwise." in error[-1]) == (2, True)
    code, _, error = run("eval", "--run", 1, "--data", place)
    assert (code, "has other problems: one reads otherwise." in error[-1]) == (2, True)
    code, out, error = run("eval", "--run", 1, "--json", "--workers", 1)
    assert code == 0
    assert f"{place} has changed (one reads otherwise); the run keeps its own" in error
    (result, end) = [json.loads(line) for line in out.splitlines()]
    assert (result["outcome"], end["run"], end["theorems"]) == ("solved", 1, 1)
    with Store.open(str(tmp_path / "attempts.db")) as store:
        assert [row.is_finished for row in store.evaluations()] == [True]


@lean
def test_the_core_keeps_what_is_not_the_statements_fault(run, rows):
    with rows.open("a", encoding="utf-8") as file:
        file.write('{"broken\n')
    words = "eval", "toy", "--data", rows, "--core", "--expansions", 5, "--workers", 1
    _, out, error = run(*words, "--json", "--quiet")
    *results, end = [json.loads(line) for line in out.splitlines()]
    found = {result["name"]: result["outcome"] for result in results}
    assert found["set.jsonl:5"] == "does not elaborate"
    assert "amc_2" not in found
    assert end["theorems"] == sum(end["classes"].values()) == 4
    assert any(line.startswith("set.jsonl:5: no JSON") for line in error)
    assert "malformed, crashed or out of time, and counted: 1" in error
    _, out, _ = run("report", end["run"])
    assert "4 problems; left out, since Lean refuses them: 1" in out


FERMAT = "∀ n : Nat, n > 2 → ¬ ∃ a b c : Nat, a > 0 ∧ b > 0 ∧ c > 0 ∧ a ^ n + b ^ n = c ^ n"
ILL = {
    "good": "theorem good (a b : Nat) : a + b = b + a := by sorry",
    "syntax": "theorem syntax (a : Nat) : a + = a := by sorry",
    "crash": "#eval (IO.Process.exit 3 : IO Unit)\ntheorem crash : 1 = 1 := by sorry",
    "slow": f"theorem slow : {FERMAT} := by sorry",
}


@lean
@pytest.mark.parametrize(("flags", "count"), [((), 5), (("--core",), 4)])
def test_broken_crashing_and_slow_rows_are_all_counted(run, tmp_path, flags, count):
    lines = [json.dumps({"name": name, "statement": text}) for name, text in ILL.items()]
    (tmp_path / "ill.jsonl").write_text("\n".join([*lines, "no JSON"]), encoding="utf-8")
    words = "eval", "ill", "--data", "ill.jsonl", "--json", "--time", "5", "--workers", "1"
    code, out, _ = run(*words, *flags)
    *results, end = [json.loads(line) for line in out.splitlines()]
    found = {result["name"]: result["outcome"] for result in results}
    assert code == 1
    assert (found["good"], found["crash"]) == ("solved", "crash")
    assert found["slow"] in ("budget", "dead end")
    assert ("syntax" in found) == (not flags)
    assert end["theorems"] == sum(end["classes"].values()) == len(found) == count


@lean
def test_an_interrupted_run_says_how_to_go_on(rows, tmp_path):
    command = [sys.executable, "-c", "from lakatos.cli import main; raise SystemExit(main())"]
    command += ["eval", "toy", "--data", str(rows), "--core", "--workers", "1", "--time", "60"]
    environ = {**os.environ, "LAKATOS_DB": str(tmp_path / "stopped.db")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environ, **pipes) as process:
        assert process.stdout.readline().startswith("✓ imo_1")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate()
    assert process.returncode == 130
    if "not tried yet" in out:  # the rest may have been over before the signal came
        assert "go on:   lakatos eval --run 1" in error.splitlines()
        assert "so far:  lakatos report 1" in error.splitlines()


MIXTURE = {
    "good.lean": "theorem good (p : Prop) : p → p := by sorry\n",
    "sub/several.lean": "def two := 2\n\ntheorem first : two = 2 := by sorry\n\n"
    "theorem second : two = 2 ∧ two + 0 = 2 := by\n  constructor\n  · sorry\n  · sorry\n",
    "type.lean": "theorem ill : 1 = True := by sorry\n",
    "syntax.lean": "theorem )) := by sorry\n",
    "module.lean": "import Nowhere\ntheorem lost : True := by sorry\n",
    "false.lean": "theorem wrong : False := by sorry\n",
    "done.lean": "theorem done : True := trivial\n",
    "empty.lean": "",
    "rows.jsonl": '{"name": "row", "formal_statement": "theorem row : True := by"}\n{"broken\n',
}


@lean
def test_a_broken_mixture_of_files_is_accounted_for_exactly(run, tmp_path):
    for name, text in MIXTURE.items():
        place = tmp_path / "mixture" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    (tmp_path / "mixture" / "bytes.lean").write_bytes(b"\xff\xfe")
    words = "eval", "mixture", "--data", tmp_path / "mixture", "--json", "--expansions", 5
    code, out, error = run(*words, "--workers", 1)
    *results, end = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert {result["name"]: result["outcome"] for result in results} == {
        "good": "solved",
        "first": "solved",
        "second": "solved",
        "second#2": "solved",
        "row": "solved",
        "ill": "does not elaborate",
        "lost": "does not elaborate",
        "syntax": "does not elaborate",
        "bytes.lean": "does not elaborate",
        "rows.jsonl:2": "does not elaborate",
        "wrong": "dead end",
    }
    assert end["theorems"] == sum(end["classes"].values()) == 11
    assert "done.lean: no theorem with a sorry" in error
    assert any(line.startswith("rows.jsonl:2: no JSON") for line in error)


def results_of(path, run_id):
    with Store.open(str(path)) as store:
        evaluation = store.load_evaluation(run_id)
    return evaluation.is_finished, [
        (r.problem.name, r.outcome, [(a.seed, a.proof, a.steps) for a in r.attempts])
        for r in evaluation.results
    ]


@lean
def test_killed_in_its_midst_a_run_goes_on_to_the_same_results(rows, tmp_path):
    command = [sys.executable, "-c", "from lakatos.cli import main; raise SystemExit(main())"]
    command += ["eval", "toy", "--data", rows, "--core", "--workers", "1", "--expansions", "20"]
    quiet = {"stderr": subprocess.DEVNULL, "text": True}

    def arguments(name, *more):
        environ = {**os.environ, "LAKATOS_DB": str(tmp_path / name)}
        return {"args": [*map(str, command), *more], "env": environ, **quiet}

    assert subprocess.run(**arguments("whole.db"), stdout=subprocess.DEVNULL).returncode == 1
    finished, whole = results_of(tmp_path / "whole.db", 1)
    assert finished
    options = {"stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(**arguments("killed.db"), **options) as process:
        assert process.stdout.readline().startswith("✓ imo_1")
        os.killpg(process.pid, signal.SIGKILL)
    assert not results_of(tmp_path / "killed.db", 1)[0]
    resumed = subprocess.run(**arguments("killed.db", "--resume"), stdout=subprocess.DEVNULL)
    assert resumed.returncode == 1
    assert results_of(tmp_path / "killed.db", 1) == (True, whole)
