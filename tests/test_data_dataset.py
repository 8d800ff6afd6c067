"""The formats: what each holds, that others can read them, that they are whole or absent."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lakatos.data.dataset import files as dataset_files
from lakatos.data.dataset import leandojo_write as leandojo
from lakatos.data.dataset.dataset import Excluded, count, whole_row
from lakatos.data.dataset.tables import check_formats
from lakatos.data.errors import UsageError

from .toy_trace import dataset, traced


def many(number):
    """Files whose theorems have statements of their own."""
    files = []
    for n in range(number):
        file = traced(f"M/A{n}.lean")
        own = [replace(each, key=f"{each.key} {n}") for each in file.declarations]
        files.append(replace(file, declarations=tuple(own)))
    return files


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_theorem_as_json_says_all(tmp_path):
    dataset_files.write(dataset(), tmp_path, ["jsonl"])
    both, term = lines(tmp_path / "jsonl" / "theorems.jsonl")
    assert (both["full_name"], both["start"], both["end"]) == ("Foo.both", [1, 1], [6, 11])
    assert (both["mode"], term["mode"], term["used_constants"]) == ("tactic", "term", ["rfl"])
    step = both["traced_tactics"][2]
    assert (step["tactic"], step["parent"], step["children"]) == (
        "first\n| exact bar hp", 1, [3],
    )  # fmt: skip
    assert step["premises"][0]["start"] == [5, 13]
    assert step["goals_before"][0]["hypotheses"][2] == {"name": "hp", "type": "p", "value": None}
    assert both["proof_tree"][0] == {"goal": 0, "step": 0, "children": [1, 2]}
    names = [row["full_name"] for row in lines(tmp_path / "jsonl" / "declarations.jsonl")]
    assert names == ["Foo.both", "term", "open_"]


KEYS = {"url", "commit", "file_path", "full_name", "theorem_statement", "start", "end"}


def test_leandojos_layout_has_its_keys(tmp_path):
    leandojo.write(dataset(many(40)), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))
    for strategy in ("random", "novel_premises"):
        parts = {
            name: json.loads((tmp_path / strategy / f"{name}.json").read_text())
            for name in ("train", "val", "test")
        }
        assert sum(map(len, parts.values())) == 80
        for theorem in parts["train"]:
            assert theorem.keys() == KEYS | {"traced_tactics"}
            for tactic in theorem["traced_tactics"]:
                assert tactic.keys() == {
                    "tactic", "annotated_tactic", "state_before", "state_after",
                }  # fmt: skip
                text, premises = tactic["annotated_tactic"]
                assert text.count("<a>") == len(premises)
                for premise in premises:
                    assert premise.keys() == {"full_name", "def_path", "def_pos", "def_end_pos"}
    assert len(parts["val"]) == 0, "every premise is cited by all: none is novel"
    corpus = lines(tmp_path / "corpus.jsonl")
    assert corpus[0].keys() == {"path", "imports", "premises"}
    assert corpus[0]["premises"][0].keys() == {"full_name", "code", "start", "end", "kind"}
    assert corpus[0]["premises"][0]["code"].endswith("p ∧ q")
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert metadata["from_repo"] == {"url": "https://example.org/toys", "commit": "a" * 40}
    assert {"dataset_name", "creation_time", "leandojo_version"} <= metadata.keys()
    assert (tmp_path / "licenses" / "LICENSE").read_text() == "MIT"


def test_leandojos_tactics_have_a_state_and_no_bullets(tmp_path):
    file = traced()
    both = file.declarations[0]
    done = replace(both.steps[-1], tactic="done", before=())
    bulleted = replace(both.steps[-1], tactic="cases h\n· exact hq")
    steps = (*both.steps, done, bulleted)
    files = [replace(file, declarations=(replace(both, steps=steps), *file.declarations[1:]))]
    leandojo.write(dataset(files), tmp_path)
    (theorem, _) = json.loads((tmp_path / "random" / "train.json").read_text(encoding="utf-8"))
    tactics = theorem["traced_tactics"]
    assert [each["tactic"].split()[0] for each in tactics] == [
        "constructor", "first", "exact", "exact",
    ]  # fmt: skip
    assert all("⊢" in each["state_before"] for each in tactics)


def test_imported_files_come_first_in_the_corpus(tmp_path):
    files = [replace(traced("B.lean"), imports=("Init", "M.A")), traced("M/A.lean")]
    leandojo.write(dataset(files), tmp_path)
    corpus = lines(tmp_path / "corpus.jsonl")
    assert [row["path"] for row in corpus] == ["M/A.lean", "B.lean"]
    assert corpus[1]["imports"] == ["M/A.lean"]


def test_files_that_import_each_other_are_told_of():
    with pytest.raises(UsageError, match="imports itself"):
        leandojo.in_order({"A": ["B"], "B": ["A"]})
    assert leandojo.in_order({"A": ["B", "C"], "B": ["C"], "C": []}) == ["C", "B", "A"]


@pytest.mark.slow
def test_parquet_holds_what_json_holds(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    one = dataset(many(3))
    dataset_files.write(one, tmp_path, ["parquet"])
    tactics = parquet.read_table(tmp_path / "parquet" / "tactics.parquet").to_pylist()
    assert len(tactics) == 15
    whole = [whole_row(one.origin, file, each) for file, each in one.proofs()]
    assert tactics[0]["goals_after"] == whole[0]["traced_tactics"][0]["goals_after"]
    theorems = parquet.read_table(tmp_path / "parquet" / "theorems.parquet").to_pylist()
    assert [row["proof"] for row in theorems] == [row["proof"] for row in whole]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_the_datasets_library_reads_its_folder(tmp_path):
    datasets = pytest.importorskip("datasets")
    dataset_files.write(dataset(many(40)), tmp_path, ["datasets"])
    folder, cache = str(tmp_path / "datasets"), str(tmp_path / "cache")
    read = datasets.load_dataset(folder, "tactics", cache_dir=cache)
    assert {name: len(part) for name, part in read.items()}.keys() == {
        "train", "validation", "test",
    }  # fmt: skip
    assert read["train"][0]["state_before"].endswith("⊢ p ∧ q")
    theorems = datasets.load_dataset(folder, cache_dir=cache)
    assert sum(len(part) for part in theorems.values()) == 80
    assert len(theorems["test"]) == 4


def test_what_speaks_of_a_problem_is_left_out():
    by_statement = dataset(excluded=Excluded("x", frozenset(["key of term"])))
    by_state = dataset(excluded=Excluded("x", states=frozenset(["1" * 32])))
    assert [each.name for _, each in by_statement.proofs()] == ["Foo.both"]
    assert [each.name for _, each in by_state.proofs()] == ["term"]
    assert count(by_state).excluded == 1


def test_the_card_says_what_there_is(tmp_path):
    failed = [("B.lean", "line 3: unknown identifier")]
    figures = dataset_files.write(dataset(failures=failed), tmp_path, ["jsonl"])
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "- source: https://example.org/toys at " + "a" * 40 in text
    assert "- licences: LICENSE" in text
    assert "| proofs | 2: 1 by tactics, 1 by terms |" in text
    assert "`B.lean`: line 3: unknown identifier" in text
    assert figures.hash in text
    assert count(dataset([traced("C.lean")])).hash != figures.hash


def test_unknown_formats_are_refused_before_any_work():
    with pytest.raises(UsageError, match="jsonl, parquet, leandojo, datasets"):
        check_formats(["jsonl", "csv"], dataset_files.FORMATS)


def test_a_format_that_breaks_off_leaves_the_old_folder(tmp_path):
    dataset_files.write(dataset(), tmp_path, ["jsonl"])
    before = (tmp_path / "jsonl" / "theorems.jsonl").read_text(encoding="utf-8")
    readings = iter([[traced()], [traced("B.lean"), None]])
    broken = replace(dataset(), read=lambda: iter(next(readings)))
    with pytest.raises(AttributeError):
        dataset_files.write(broken, tmp_path, ["jsonl"])
    assert (tmp_path / "jsonl" / "theorems.jsonl").read_text(encoding="utf-8") == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["README.md", "jsonl"]
