"""Theorems of the library as rows: marks, splits, what is fair, what is left out."""

import json
from dataclasses import replace

import pytest
from lakatos.data.dataset.dataset import Excluded
from lakatos.data.evaluation import Problem
from lakatos.data.problems.accessible import ACCESSIBLE, premises_above
from lakatos.data.problems.library import LibrarySet, PosedModule, header, is_fair, write
from lakatos.data.problems.reader import read_problems

from .toy_library import posed


def library(seed=0):
    near = [posed("A.x", alike="one"), posed("A.y", alike="one"), {"name": "A.z", "why": "own"}]
    many = [posed(f"B.t{n}", constants=("Nat", f"c{n // 2}")) for n in range(100)]
    marked = [posed("B.old", marks=["deprecated"]), posed("B.easy", closed="simp")]
    modules = [PosedModule("A", ("Init",), near), PosedModule("B", ("Init", "A"), many + marked)]
    return LibrarySet(modules, "Lean 1 (toy)", seed, [("C", "broken")])


def test_duplicates_and_what_is_closed_at_once_are_marked():
    rows = {row["name"]: row for row in library().rows()}
    assert rows["A.y"]["duplicate_of"] == "A.x"
    assert rows["A.x"]["duplicate_of"] is None
    assert rows["B.easy"]["closed_by"] == "simp"
    unfair = [name for name, row in rows.items() if not is_fair(row)]
    assert unfair == ["A.y", "B.old", "B.easy"]


def test_the_header_imports_what_the_module_imports_and_nothing_else():
    assert header(("Init.Core", "Std.X")) == "prelude\nimport Init.Core\nimport Std.X\n"


def test_alike_theorems_are_in_one_part():
    for seed in range(30):
        rows = {row["name"]: row for row in library(seed).rows()}
        for field in ("split", "split_novel_premises"):
            assert rows["A.x"][field] == rows["A.y"][field] != ""


def test_what_is_held_out_speaks_of_what_no_problem_of_train_does():
    rows = library().rows()
    train = {c for row in rows if row["split_novel_premises"] == "train" for c in row["constants"]}
    held_out = [row for row in rows if row["split_novel_premises"] != "train"]
    assert len(held_out) >= 8
    assert all(set(row["constants"]) - train for row in held_out)


def test_splits_hang_on_the_seed():
    def held_out(seed):
        return [row["name"] for row in library(seed).rows() if row["split"] == "test"]

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)


def test_what_is_written_is_a_problem_set(tmp_path):
    figures = write(library(), tmp_path)
    problems = read_problems("core", tmp_path / "jsonl" / "fair.jsonl").problems
    assert len(problems) == figures["fair"] == 101
    assert problems[0].name == "A.x"
    assert problems[0].header.startswith("prelude\nimport Init\n")
    assert problems[0].statement == "theorem A.x : True := by sorry\n"
    assert problems[0].is_core is True
    assert not any(problem.flaw for problem in problems)
    assert {problem.split for problem in problems} == {"train", "valid", "test"}


def test_parquet_has_all_that_json_has(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write(library(), tmp_path, ["parquet"])
    assert parquet.read_table(tmp_path / "parquet" / "problems.parquet").to_pylist() == (
        library().rows()
    )


def test_a_problem_that_is_excluded_is_left_out():
    without = replace(library(), excluded=Excluded("x", frozenset(["key of A.y", "key of B.t0"])))
    assert len(without.rows()) == len(library().rows()) - 2
    left_out = {row["name"]: row["why"] for row in without.left_out()}
    assert left_out == {"A.y": "excluded", "A.z": "own", "B.t0": "excluded"}


def test_what_is_left_out_is_told(tmp_path):
    figures = write(library(), tmp_path)
    left_out = json.loads((tmp_path / "jsonl" / "left_out.jsonl").read_text())
    assert (left_out["name"], left_out["why"]) == ("A.z", "own")
    assert (figures["theorems"], figures["posed"], figures["left_out"]) == (105, 104, {"own": 1})
    card = (tmp_path / "README.md").read_text()
    assert "`C`: broken" in card
    assert "1 own" in card


def above(*theorems):
    return {name: [p["name"] for p in found] for name, found in premises_above(theorems).items()}


def test_what_has_an_earlier_entry_of_one_attribute_stands_above():
    simp, grind = ("simp", 4), ("grind", 2)
    found = above(
        posed("a", order=[("simp", 0)]),
        posed("t", order=[simp, grind, ("simp", 9)]),
        posed("below", order=[("simp", 5)]),
        posed("by_grind", order=[("grind", 1)]),
        posed("untagged"),
    )
    assert found["t"] == ["a", "by_grind"]
    assert found["below"] == ["a", "t"]
    assert found["a"] == found["by_grind"] == []
    assert "untagged" not in found


def test_two_orders_and_the_same_statement_are_not_believed():
    contrary = posed("contrary", order=[("simp", 0), ("grind", 7)])
    same = posed("same", alike="alike of t", order=[("simp", 1)])
    theorem = posed("t", order=[("simp", 3), ("grind", 6)])
    assert above(contrary, same, theorem)["t"] == []


def accessible():
    theorems = [posed("A.p", order=[("simp", 0)]), posed("A.«q r»", order=[("simp", 1)])]
    theorems += [posed("A.t", order=[("simp", 2)]), posed("A.u")]
    return LibrarySet([PosedModule("A", ("Init",), theorems)], "Lean 1 (toy)")


def test_a_header_has_the_theorems_above_in_the_mode_accessible_only(tmp_path):
    strict = {row["name"]: row for row in accessible().rows()}
    wanted = replace(accessible(), premises=ACCESSIBLE)
    rows = {row["name"]: row for row in wanted.rows()}
    assert strict["A.t"]["header"] == header(("Init",)) == rows["A.u"]["header"]
    assert strict["A.t"]["premises"] == rows["A.t"]["premises"] == ["A.p", "A.«q r»"]
    assert rows["A.t"]["header"].endswith(
        "-- premises: theorems of A that stand above, as axioms\n"
        "@[simp] protected axiom A.p : True\n@[simp] protected axiom A.«q r» : True\n"
    )
    figures = write(wanted, tmp_path)
    counted = {"mode": "accessible", "problems": 2, "median": 2, "most": 2}
    assert figures["premises"] == counted
    assert "theorems above are known of 2 fair problems" in (tmp_path / "README.md").read_text()
    read = {p.name: p for p in read_problems("core", tmp_path / "jsonl" / "fair.jsonl").problems}
    assert read["A.t"].premises == ("A.p", "A.«q r»")
    assert read["A.u"].premises == ()


def test_axioms_above_the_mark_are_no_premises():
    mark = "-- premises: theorems of A that stand above, as axioms\n"
    text = "axiom bad : False\n" + mark + "@[simp, grind =] protected axiom A.p.{u} : True\n"
    problem = Problem("t", "other", "", text, "theorem t : True := by sorry\n")
    assert problem.premises == ("A.p",)
    assert replace(problem, header=text.replace(mark, "")).premises == ()
