"""Which job the first word of `lakatos extract` asks for, and what goes with it."""

import asyncio
import json
from pathlib import Path

import pytest
from lakatos.cli import main
from lakatos.data.errors import UsageError
from lakatos.data.store.store import Store
from lakatos.prover.commands.extract import StoreExtraction, extract_job
from lakatos.prover.commands.verb_options import ExtractOptions
from lakatos.prover.dataset.library_problems import LibraryExtraction
from lakatos.prover.dataset.synthetic import COUNT, SyntheticExtraction
from lakatos.prover.dataset.tracing import FileExtraction


def no_store():
    raise AssertionError("the store is not needed")


def no_lean():
    raise AssertionError("Lean is not needed")


def test_a_word_is_a_job_and_anything_else_is_a_place(tmp_path):
    (tmp_path / "A.lean").write_text("theorem t : True := trivial\n")
    out = Path("out")
    assert isinstance(
        extract_job(ExtractOptions("core", out=out), no_store).extraction, LibraryExtraction
    )
    assert isinstance(
        extract_job(ExtractOptions("store", out=out), no_store).extraction, StoreExtraction
    )
    assert isinstance(
        extract_job(ExtractOptions("synthetic", out=out), no_store).extraction, SyntheticExtraction
    )
    assert isinstance(
        extract_job(ExtractOptions(str(tmp_path), out=out), no_store).extraction, FileExtraction
    )


def test_options_reach_the_extraction():
    core = extract_job(
        ExtractOptions("core", out=Path("o"), module=["Init.*"], seed=4, workers=2), no_store
    )
    assert core.extraction == LibraryExtraction(("Init.*",), 4, 2, Path("o"), ("jsonl",))
    assert (
        extract_job(ExtractOptions("core", stats=True), no_store).extraction == LibraryExtraction()
    )
    wide = extract_job(ExtractOptions("core", stats=True, premises="accessible"), no_store)
    assert wide.extraction == LibraryExtraction(premises="accessible")
    made = extract_job(ExtractOptions("synthetic", stats=True, count=7, seed=5), no_store)
    assert made.extraction == SyntheticExtraction(7, 5, None)
    assert extract_job(
        ExtractOptions("synthetic", stats=True), no_store
    ).extraction == SyntheticExtraction(COUNT, 0, None)


@pytest.mark.parametrize("word", ["core", "store", "synthetic"])
def test_formats_and_problems_reach_every_job(tmp_path, word):
    place = tmp_path / "set.jsonl"
    place.write_text(json.dumps({"name": "a", "formal_statement": "theorem a : 1 = 1 := sorry"}))
    formats = ["parquet", "jsonl", "parquet"]
    options = extract_job(
        ExtractOptions(word, out=Path("o"), format=formats, exclude=[place]), no_store
    ).extraction
    assert options.formats == ("parquet", "jsonl")
    assert [problem.name for each in options.problems for problem in each.problems] == ["a"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (ExtractOptions("core"), "either --out DIR or --stats"),
        (ExtractOptions("store", out=Path("o"), stats=True), "either --out DIR or --stats"),
        (ExtractOptions("core", stats=True, format=["leandojo"]), "among jsonl, parquet, datasets"),
        (ExtractOptions("store", stats=True, exclude=[Path("no")]), "no"),
        (ExtractOptions("store", stats=True, module=["Init"]), "--module is for extract core"),
        (ExtractOptions("core", stats=True, count=3), "--count is for extract synthetic"),
        (ExtractOptions("store", stats=True, premises="strict"), "--premises is for extract core"),
        (ExtractOptions("core", stats=True, premises="all"), "one of strict, accessible, not all"),
    ],
)
def test_options_that_contradict_each_other_are_named(options, why):
    with pytest.raises(UsageError, match=why):
        extract_job(options, no_store)


def test_an_empty_store_is_written_without_lean(tmp_path):
    out, db = tmp_path / "out", tmp_path / "l.db"
    recall = extract_job(ExtractOptions("store", out=out), lambda: Store.open(str(db)))
    assert asyncio.run(recall(no_lean, None)) == 0
    assert (out / "jsonl" / "steps.jsonl").read_text() == ""
    assert "source: 0 attempts" in (out / "README.md").read_text()


@pytest.mark.lean
def test_the_command_poses_a_module_and_keeps_it(tmp_path, capsys):
    words = ["extract", "core", "--module", "Init.Classical", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "modules: 1, 0 more failed" in printed
    assert (tmp_path / "out" / "jsonl" / "problems.jsonl").read_text().count("\n") > 20
    assert main(words) == 0
    assert capsys.readouterr().out == printed
