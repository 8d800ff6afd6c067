"""Theorems of the library as rows: marks, splits, what is fair, what is left out."""

import json
from dataclasses import replace

import pytest
from lakatos.data.dataset.dataset import Excluded
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
