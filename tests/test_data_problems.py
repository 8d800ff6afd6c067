"""Problem sets in the shapes their users have, and what is chosen of them."""

import json

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.problems.reader import (
    BARE_HEADER,
    CORE_HEADER,
    DEFAULT_HEADER,
    read_problems,
    source_of,
    with_header,
)
from lakatos.data.problems.selection import Selection

HEADER = "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 0\n\nopen Real Nat\n\n"
STATEMENT = "theorem amc12_2001_p2 (n : ℕ) : n = n := by\n"
DONE = "theorem amc12_2001_p2 (n : ℕ) : n = n := by sorry\n"

DEEPSEEK = {
    "name": "amc12_2001_p2",
    "split": "valid",
    "informal_prefix": "/-- Equal. -/",
    "formal_statement": STATEMENT,
    "goal": "n : ℕ\n⊢ n = n",
    "header": HEADER,
}
GOEDEL_2 = {
    "name": "amc12_2001_p2",
    "split": "test",
    "informal_prefix": "/-- Equal. -/",
    "formal_statement": HEADER + DONE,
    "lean4_code": HEADER + DONE,
    "problem_id": "amc12_2001_p2",
}
LLMSTEP = {
    "full_name": "amc12_2001_p2",
    "statement": STATEMENT,
    "url": "https://example.org",
    "commit": "0",
    "file_path": "MiniF2F/Valid.lean",
    "split": "valid",
}
MINICTX = {
    "srcContext": HEADER + "def two := 2\n\ntheorem open_above : two = 2 := by sorry\n",
    "theoremStatement": "lemma amc12_2001_p2 (n : ℕ) : n = n ",
    "theoremName": "Ns.amc12_2001_p2",
    "split": "validation",
}
PROOFNET = {
    "id": "Rudin|exercise_1_1a",
    "nl_statement": "Equal.",
    "lean4_src_header": HEADER,
    "lean4_formalization": "theorem exercise_1_1a (n : ℕ) : n = n :=",
}
FVAPPS = {
    "apps_id": 17,
    "apps_question": "Add one.",
    "spec": "def solve (n : Nat) : Nat := sorry\n\n"
    "theorem above (n : Nat) : n ≤ solve n := by sorry\n\n"
    "theorem both (n : Nat) : n = n ∧ n = n := by\n  constructor\n  · sorry\n  · sorry\n",
    "units": "",
    "sorries": 4,
}
VERINA = {
    "id": "verina_basic_3",
    "description": "Equal.",
    "lean_code": "import Mathlib\n\ndef f (n : Nat) := n\n\n"
    "theorem f_spec (n : Nat) : f n = n := by\n  sorry\n",
    "tests": [],
}


def rows(tmp_path, *told):
    place = tmp_path / "set.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in told)
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def only(tmp_path, row):
    problems = read_problems("set", rows(tmp_path, row)).problems
    assert len(problems) == 1
    return problems[0]


def test_a_row_of_deepseek_or_goedel(tmp_path):
    problem = only(tmp_path, DEEPSEEK)
    assert problem.lean == HEADER + STATEMENT.rstrip() + " sorry\n"
    assert (problem.name, problem.source, problem.split) == ("amc12_2001_p2", "amc", "valid")
    assert problem.informal == "/-- Equal. -/"
    assert problem.path == "set.jsonl:1"
    assert problem.is_core is None
    assert only(tmp_path, DEEPSEEK | {"core": True}).is_core is True


def test_a_row_whose_statement_has_its_header(tmp_path):
    problem = only(tmp_path, GOEDEL_2)
    assert problem.header == HEADER
    assert problem.statement == DONE
    assert problem.split == "test"
    kimina = {"name": "x_1", "formal_statement": HEADER + DONE}
    assert only(tmp_path, kimina).statement == DONE


def test_a_row_that_leaves_its_header_to_a_project(tmp_path):
    problem = only(tmp_path, LLMSTEP)
    assert problem.lean == DEFAULT_HEADER + "\n" + STATEMENT.rstrip() + " sorry\n"
    assert problem.name == "amc12_2001_p2"


def test_a_row_of_minictx_keeps_its_context(tmp_path):
    problem = only(tmp_path, MINICTX)
    assert problem.name == "Ns.amc12_2001_p2"
    assert problem.split == "valid"
    assert problem.statement == "lemma amc12_2001_p2 (n : ℕ) : n = n := by sorry\n"
    assert problem.header == MINICTX["srcContext"] + "\n"


def test_a_row_of_proofnet(tmp_path):
    problem = only(tmp_path, PROOFNET)
    assert problem.name == "Rudin|exercise_1_1a"
    assert problem.statement.endswith("n = n := by sorry\n")
    assert problem.informal == "Equal."


def test_a_row_with_several_sorries_has_a_problem_for_each_of_a_theorem(tmp_path):
    above, first, second = read_problems("set", rows(tmp_path, FVAPPS)).problems
    assert [above.name, first.name, second.name] == ["17/above", "17/both", "17/both#2"]
    assert (first.hole, second.hole) == (0, 1)
    assert "def solve (n : Nat) : Nat := sorry" in above.header
    assert "theorem above" not in first.header
    assert first.lean == second.lean


def test_a_row_of_verina(tmp_path):
    problem = only(tmp_path, VERINA)
    assert (problem.name, problem.source) == ("verina_basic_3", "verina_basic")
    assert "def f (n : Nat) := n" in problem.header


def test_json_that_is_one_list(tmp_path):
    place = tmp_path / "set.json"
    place.write_text(json.dumps([DEEPSEEK, GOEDEL_2]))
    problems = read_problems("set", place).problems
    assert [p.name for p in problems] == ["amc12_2001_p2", "amc12_2001_p2~2"]
    assert problems[1].path == "set.json:2"


def test_what_is_malformed_is_named_and_counted(tmp_path):
    place = rows(
        tmp_path,
        DEEPSEEK,
        "{broken",
        '["a list"]',
        {"name": "no_statement", "goal": "x"},
        "",
        {"name": "proved", "formal_statement": "theorem proved : True := trivial"},
    )
    found = read_problems("set", place)
    assert len(found.problems) == 5
    assert [line.split(": ")[0] for line in found.flaws] == [f"set.jsonl:{n}" for n in (2, 3, 4, 6)]
    assert "no JSON" in found.flaws[0]
    assert "no object" in found.flaws[1]
    assert "no statement in it (it has: name, goal)" in found.flaws[2]
    assert "no theorem with a sorry" in found.flaws[3]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "MiniF2F"
    for split in ("Valid", "Test"):
        (made / split).mkdir(parents=True)
        (made / split / "imo_1964_p1.lean").write_text(f"import Mathlib\n\n{DONE}")
    (made / "Valid" / "examples.lean").write_text("example : 1 = 1 := by sorry\n" * 2)
    (made / "Valid" / "done.lean").write_text("theorem done : True := trivial\n")
    (made / "Valid" / "data.lean").write_text("def solve : Nat := sorry\n")
    (made / "Valid" / "garbage.lean").write_bytes(b"theorem \xff\xfe := by sorry")
    (made / ".lake" / "packages").mkdir(parents=True)
    (made / ".lake" / "packages" / "x.lean").write_text(DONE)
    (made / "lakefile.lean").write_text(DONE)
    return made


def test_a_folder_of_files(folder):
    found = read_problems("minif2f", folder)
    names = [(p.name, p.split) for p in found.problems if not p.flaw]
    assert names == [
        ("amc12_2001_p2", "test"),
        ("examples/1", "valid"),
        ("examples/2", "valid"),
        ("amc12_2001_p2~2", "valid"),
    ]
    assert found.flaws == ["Valid/garbage.lean: not UTF-8 at byte 8"]
    assert found.notes == (
        "Valid/data.lean: no theorem with a sorry",
        "Valid/data.lean: sorries outside theorems, not counted: 1",
        "Valid/done.lean: no theorem with a sorry",
    )


def test_one_file_with_all_theorems(tmp_path):
    place = tmp_path / "Valid.lean"
    place.write_text(
        "import Mathlib\n"
        + "".join(f"theorem t{n} : {n} = {n} := by\n  sorry\n\n" for n in range(256))
    )
    problems = read_problems("minif2f", place).problems
    assert len(problems) == 256
    assert {p.header for p in problems} == {"import Mathlib\n"}
    assert problems[255].statement == "theorem t255 : 255 = 255 := by\n  sorry\n"
    assert {p.split for p in problems} == {"valid"}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("missing.jsonl", None, "no such file or folder"),
        ("set.csv", "a,b", "neither a folder, nor .lean, .jsonl or .json"),
        ("set.jsonl", "name,statement\n1,2\n", "no JSON"),
        ("set.jsonl", "", "no theorem with a sorry"),
        ("set.json", "[{]", "no JSON"),
        ("set.lean", "theorem t : True := trivial", "no theorem with a sorry"),
    ],
)
def test_what_is_no_problem_set_is_one_line(tmp_path, name, text, line):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=line) as caught:
        read_problems("set", tmp_path / name)
    assert "\n" not in str(caught.value)


def test_sources_are_told_by_names():
    told = {
        "amc12a_2008_p15": "amc",
        "aimeII_2001_p3": "aime",
        "imo_1964_p1_1": "imo",
        "imosl_2007_algebra_p6": "imo",
        "mathd_numbertheory_101": "mathd_numbertheory",
        "algebra_xmysqpymzsqpzmxsqeqxyz": "algebra",
        "induction_divisibility_3div2tooddnp1": "induction",
        "putnam_1962_a5": "putnam",
        "verina_advanced_12": "verina_advanced",
        "human_eval_17": "human_eval",
        "swap_and": "other",
        "amcable": "amc",
    }
    assert {name: source_of(name) for name in told} == told


def many(tmp_path):
    told = [
        DEEPSEEK | {"name": f"{'amc' if n % 2 else 'imo'}_{n}", "core": n < 4} for n in range(10)
    ]
    told[9]["split"] = "test"
    return read_problems("set", rows(tmp_path, *told)).problems


def chosen(tmp_path, **told):
    return [p.name for p in Selection(**told)(many(tmp_path))]


def test_problems_are_chosen(tmp_path):
    assert chosen(tmp_path, names=("imo_*", "amc_1")) == [
        "imo_0",
        "amc_1",
        "imo_2",
        "imo_4",
        "imo_6",
        "imo_8",
    ]
    assert chosen(tmp_path, names=("/_[89]$/",)) == ["imo_8", "amc_9"]
    assert chosen(tmp_path, split="test") == ["amc_9"]
    assert chosen(tmp_path, core=True, part="2:") == ["imo_2", "amc_3"]
    assert chosen(tmp_path, part="2") == ["imo_0", "amc_1"]
    shards = [chosen(tmp_path, shard=f"{n}/3") for n in (1, 2, 3)]
    assert [len(shard) for shard in shards] == [4, 3, 3]
    assert len({name for shard in shards for name in shard}) == 10


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"split": "training"}, "no problem of the split training; there is valid, test"),
        ({"names": ("nope*",)}, "no name fits nope\\*"),
        ({"names": ("/(/",)}, "no regular expression"),
        ({"part": "a:b"}, "no slice: a:b"),
        ({"part": "20:"}, "nothing is left of 10 problems: --slice 20:"),
        ({"shard": "0/4"}, "no shard: 0/4"),
        ({"shard": "5/4"}, "no shard: 5/4"),
        ({"shard": "11/11"}, "nothing is left"),
    ],
)
def test_a_senseless_choice_is_one_line(tmp_path, told, line):
    with pytest.raises(UsageError, match=line):
        chosen(tmp_path, **told)


def test_the_core_header_stands_for_what_a_bare_lean_has_not(tmp_path):
    foreign = only(tmp_path, MINICTX | {"srcContext": HEADER + "def two := 2\n"})
    own = only(tmp_path, PROOFNET | {"lean4_src_header": "open Nat\ndef two := 2\n"})
    changed = with_header([foreign, own], CORE_HEADER, only_foreign=True)
    assert changed[0].header == CORE_HEADER + "def two := 2\n\n"
    assert changed[1] == own
    assert with_header([own], "-- x\n")[0].header == "-- x\ndef two := 2\n\n"


@pytest.mark.parametrize(
    "given",
    [
        "lemma t (a : ℕ) : a + 0 = a := by sorry",
        "```lean4\nlemma t (a : ℕ) : a + 0 = a := by sorry\n```",
        "Here it is:\n\n```lean\nlemma t (a : ℕ) : a + 0 = a := by\n```\nas you asked.\n",
    ],
)
def test_a_row_without_a_header_is_read_as_it_is_written(tmp_path, given):
    problem = only(tmp_path, {"name": "t", "statement": given})
    assert " ".join(problem.statement.split()) == "theorem t (a : ℕ) : a + 0 = a := by sorry"
    assert problem.header.strip() == BARE_HEADER.strip()
    (core,) = with_header([problem], CORE_HEADER, only_foreign=True)
    assert core.header == CORE_HEADER


def test_a_header_of_ones_own_is_left_alone(tmp_path):
    row = {"name": "t", "header": "import Mathlib", "statement": "lemma t : 1 = 1 := by sorry"}
    problem = only(tmp_path, row)
    assert (problem.header, problem.statement[:5]) == ("import Mathlib\n\n", "lemma")
    (core,) = with_header([problem], CORE_HEADER, only_foreign=True)
    assert (core.header, core.statement[:7]) == (CORE_HEADER, "theorem")


TASK = """import Mathlib
-- !benchmark @start proof_aux
theorem aid (n : Nat) : n = n := rfl
-- !benchmark @end proof_aux

theorem f_spec (n : Nat) : n = n := by
  -- !benchmark @start proof
  have := aid n
  exact this
  -- !benchmark @end proof
"""


def test_the_reference_proof_of_a_task_is_cut(tmp_path):
    (tmp_path / "task.lean").write_text(TASK)
    for problems in (
        read_problems("set", tmp_path).problems,
        read_problems("set", rows(tmp_path / "..", VERINA | {"lean_code": TASK})).problems,
    ):
        (problem,) = problems
        assert problem.statement == (
            "theorem f_spec (n : Nat) : n = n := by\n  -- !benchmark @start proof\n  sorry\n"
            "  -- !benchmark @end proof\n"
        )
        assert "aid" not in problem.header
        assert "@start proof_aux" in problem.header
    open_one = TASK.replace("  have := aid n\n  exact this\n", "  sorry\n")
    (tmp_path / "task.lean").write_text(open_one)
    (problem,) = read_problems("set", tmp_path).problems
    assert "theorem aid" in problem.header
