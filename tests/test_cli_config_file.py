"""Defaults from files: which file holds, what wins, what is wrong, and what a stored run keeps."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.store.store import Store
from lakatos.prover.commands.app import VERBS
from lakatos.prover.commands.config_file import DefaultsFile, defaults_of, find_files
from lakatos.prover.commands.option_groups import FileOption, file_options
from lakatos.prover.commands.verbs import eval as eval_verb
from lakatos.prover.commands.verbs import extract, prove, repair, show

ROOT = Path(__file__).parents[1]
OPTIONS = {
    "prove": file_options(prove.run),
    "repair": file_options(repair.run),
    "eval": file_options(eval_verb.run),
    "extract": file_options(extract.run),
    "show": file_options(show.run),
}
ONE = "theorem one (p q : Prop) : p ∧ q → q ∧ p := by sorry\n"
ROWS = [{"name": "t1", "formal_statement": "theorem t1 (n : Nat) : n + 0 = n := by"}]


def defaults(verb, *tables):
    files = [DefaultsFile(Path(f"/f{n}/lakatos.toml"), t) for n, t in enumerate(tables, 1)]
    return defaults_of(verb, files, OPTIONS)


def test_keys_are_the_long_flags_with_their_types():
    assert OPTIONS["prove"]["time"] == FileOption("seconds", float)
    assert OPTIONS["prove"]["json"] == FileOption("as_json", bool)
    assert OPTIONS["eval"]["pass-at"] == FileOption("pass_at", int)
    assert OPTIONS["eval"]["data"] == FileOption("data", Path)
    assert OPTIONS["eval"]["model-option"] == FileOption("model_option", str, is_list=True)
    assert OPTIONS["extract"]["exclude"] == FileOption("exclude", Path, is_list=True)
    assert "files" not in OPTIONS["prove"]


def test_a_table_wins_over_the_top_and_the_first_file_over_the_second():
    found = defaults("eval", {"time": 9, "eval": {"time": 5}}, {"time": 7, "seed": 3})
    assert found.values == {"seconds": 5.0, "seed": 3}
    assert list(found.lines()) == ["/f1/lakatos.toml: time = 5", "/f2/lakatos.toml: seed = 3"]
    assert defaults("prove", {"eval": {"time": 5}}, {"time": 7}).values == {"seconds": 7.0}
    assert defaults("show", {"time": 5}).values == {}


def test_paths_are_relative_to_the_file_and_lists_may_be_one_text():
    found = defaults("eval", {"data": "set", "db": "x.db", "name": "a*"}).values
    assert found == {"data": "/f1/set", "db": "/f1/x.db", "name": ["a*"]}
    assert defaults("eval", {"db": "postgresql://h/d"}).values == {"db": "postgresql://h/d"}
    assert defaults("extract", {"exclude": ["a", "/b"]}).values == {"exclude": ["/f1/a", "/b"]}


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"tmie": 3}, "no option tmie; did you mean time?"),
        ({"lean_time": 3}, "no option lean_time; did you mean lean-time, check-time, time?"),
        ({"eval": {"tmie": 3}}, "no option eval.tmie; did you mean time?"),
        ({"evel": {"time": 3}}, "no verb evel; did you mean eval?"),
        ({"show": {"time": 3}}, "no option show.time"),
        ({"time": "long"}, "time must be a number, not 'long'"),
        ({"time": True}, "time must be a number, not True"),
        ({"seed": 1.5}, "seed must be a whole number, not 1.5"),
        ({"json": "yes"}, "json must be true or false, not 'yes'"),
        ({"eval": {"name": [3]}}, "eval.name must be a text in quotes, or a list of them"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(table, line):
    with pytest.raises(UsageError, match=re.escape(f"/f1/lakatos.toml: {line}")):
        defaults("prove", table)


def test_files_are_found_up_to_the_root_of_the_repository(tmp_path):
    inner, outer = tmp_path / "repo" / "lake" / "src", tmp_path / "repo"
    inner.mkdir(parents=True)
    (tmp_path / "lakatos.toml").write_text("time = 1")
    assert find_files(inner, None) == []
    (outer / "lake" / "lakefile.toml").touch()
    (outer / "pyproject.toml").write_text("[tool.lakatos]\ntime = 2\n")
    assert find_files(inner, None) == []
    (outer / ".git").mkdir()
    assert [each.values for each in find_files(inner, None)] == [{"time": 2}]
    (outer / "lake" / "lakatos.toml").write_text("time = 3")
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "config.toml").write_text("time = 4")
    assert [each.values["time"] for each in find_files(inner, tmp_path / "user")] == [3, 4]


def test_a_file_that_is_no_toml_is_one_line_but_help_comes(run, tmp_path):
    (tmp_path / "lakatos.toml").write_text("time = ")
    code, out, error = run("prove", "x.lean")
    assert (code, out, len(error)) == (2, "", 1)
    assert error[0].startswith(f"lakatos: {tmp_path / 'lakatos.toml'}: cannot be read (")
    assert run("prove", "--help")[0] == run("help", "prove")[0] == run("--version")[0] == 0


def test_a_value_out_of_range_names_the_file(run, tmp_path):
    (tmp_path / "lakatos.toml").write_text("workers = 0")
    code, _, error = run("prove", "x.lean")
    assert code == 2
    assert error[0].startswith(f"lakatos: {tmp_path / 'lakatos.toml'}: Invalid value for '--work")
    code, _, error = run("prove", "x.lean", "--workers", "-1")
    assert error[0].startswith("lakatos: Invalid value for '--workers'")


def test_the_environment_wins_over_files(run, tmp_path, monkeypatch):
    (tmp_path / "lakatos.toml").write_text('db = "no/such/x.db"')
    assert run("show")[0] == 0
    monkeypatch.delenv("LAKATOS_DB")
    code, _, error = run("show")
    assert code == 3
    assert "no/such" in error[0]


def test_the_user_s_file_holds_where_the_project_has_none(run, tmp_path):
    (tmp_path / ".config" / "lakatos").mkdir(parents=True)
    (tmp_path / ".config" / "lakatos" / "config.toml").write_text('search = "dfs"')
    assert "no search 'dfs'" in run("prove", "x.lean")[2][0]
    (tmp_path / "lakatos.toml").write_text('search = "bfs"')
    assert "no search 'bfs'" in run("prove", "x.lean")[2][0]
    assert "no search 'ids'" in run("prove", "x.lean", "--search", "ids")[2][0]


def test_a_policy_on_the_command_line_leaves_out_what_belongs_to_another(run, tmp_path):
    (tmp_path / "lakatos.toml").write_text(
        'policy = "openai:m@http://localhost:1"\nsamples = 3\nsearch = "best-first"\nalpha = 0.3\n'
        "attempts = 2\n"
    )
    code, _, error = run("prove", "x.lean", "--policy", "hammer")
    assert (code, error) == (2, ["lakatos: x.lean: no such file"])
    assert "--attempts is for whole proofs" in run("prove", "x.lean")[2][0]
    code, _, error = run("prove", "x.lean", "--policy", "hammer", "--samples", "3")
    assert "--samples is for language models" in error[0]


def stored(tmp_path):
    with Store.open(str(tmp_path / "attempts.db"), read_only=True) as store:
        return [store.load_evaluation(row.run_id) for row in store.evaluations()]


@pytest.mark.lean
def test_a_stored_run_goes_on_with_its_own_options(run, tmp_path):
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    file = tmp_path / "lakatos.toml"
    file.write_text('time = 50\nworkers = 1\n[eval]\ndata = "set.jsonl"\n')
    assert run("eval", "toy")[0] == 0
    (first,) = stored(tmp_path)
    assert first.config["prover"]["wall_s"] == 50
    assert first.command.startswith("eval toy  # ")
    assert first.command.endswith("time = 50, workers = 1, data = 'set.jsonl'")
    file.write_text('time = 70\nminimise = "off"\nworkers = 1\n[eval]\ndata = "gone.jsonl"\n')
    code, _, error = run("eval", "--run", first.run_id)
    assert (code, any("goes on" in line for line in error)) == (0, True)
    (again,) = stored(tmp_path)
    assert again.config["prover"]["wall_s"] == 50
    code, _, error = run("eval", "--run", first.run_id, "--time", "70")
    assert code == 2
    assert "--time 50, now 70" in error[0]


@pytest.mark.lean
def test_doctor_and_show_name_the_file(run, tmp_path):
    (tmp_path / "lakatos.toml").write_text('seed = 7\npolicy = "hammer"\n[eval]\ntime = 5\n')
    _, out, _ = run("doctor")
    assert f"defaults: {tmp_path / 'lakatos.toml'} sets seed, policy, eval.time" in out
    (tmp_path / "f.lean").write_text(ONE)
    assert run("prove", "f.lean", "--workers", "1")[0] == 0
    whole = json.loads(run("show", "1", "--json")[1])
    assert whole["command"].endswith(f"# {tmp_path / 'lakatos.toml'}: seed = 7, policy = 'hammer'")


def test_the_example_in_the_documentation_is_right():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    assert set(defaults("eval", table).values) == {
        "policy", "seconds", "workers", "db", "data", "pass_at", "model_option",
    }  # fmt: skip
    assert defaults("repair", table).values["seconds"] == 60
    assert {"eval", "repair"} <= set(VERBS)
