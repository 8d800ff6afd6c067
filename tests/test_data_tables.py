"""Rows of tables in each format: what one holds the others hold, whole or not at all."""

import json

import pytest
from lakatos.data.dataset.tables import check_formats, check_writable, new_folder, new_tables
from lakatos.data.errors import UsageError

COLUMNS = {
    "name": "text",
    "split": "text",
    "prior": "real",
    "is_right": "bool",
    "pairs": [["text"]],
}


def row(name, split="train", **fields):
    return {"name": name, "split": split, "prior": 0.5, "is_right": None, "pairs": [], **fields}


ROWS = [row("a", pairs=[["kind", "text"]]), row("b", "valid", is_right=True), row("c", "test")]


def write(out, formats, rows=ROWS):
    with new_tables(out, formats) as tables:
        take = tables.open("things", COLUMNS)
        tables.open("nothing", COLUMNS)
        for each in rows:
            take(each)
        tables.describe("# Things\n")


def test_parquet_holds_what_json_lines_hold(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write(tmp_path, ["jsonl", "parquet"])
    lines = (tmp_path / "jsonl" / "things.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    assert parquet.read_table(tmp_path / "parquet" / "things.parquet").to_pylist() == ROWS
    assert (tmp_path / "jsonl" / "nothing.jsonl").read_text() == ""
    assert parquet.read_table(tmp_path / "parquet" / "nothing.parquet").num_rows == 0
    assert (tmp_path / "README.md").read_text() == "# Things\n"


@pytest.mark.filterwarnings("ignore")
def test_the_datasets_library_finds_the_parts(tmp_path):
    datasets = pytest.importorskip("datasets")
    write(tmp_path, ["datasets"])
    read = datasets.load_dataset(
        str(tmp_path / "datasets"), "things", cache_dir=str(tmp_path / "cache")
    )
    assert {name: part["name"] for name, part in read.items()} == {
        "train": ["a"], "validation": ["b"], "test": ["c"],
    }  # fmt: skip


def test_rows_without_a_part_are_for_training(tmp_path):
    pytest.importorskip("pyarrow")
    with new_tables(tmp_path, ["datasets"]) as tables:
        tables.open("reasons", {"why": "text"})({"why": "own"})
    assert [place.name for place in (tmp_path / "datasets" / "reasons").iterdir()] == [
        "train.parquet"
    ]


def test_what_breaks_off_leaves_the_old_output(tmp_path):
    write(tmp_path, ["jsonl"])
    before = (tmp_path / "jsonl" / "things.jsonl").read_text()
    with pytest.raises(TypeError), new_tables(tmp_path, ["jsonl"]) as tables:
        tables.open("things", COLUMNS)({"name": {1}})
    assert (tmp_path / "jsonl" / "things.jsonl").read_text() == before
    assert sorted(place.name for place in tmp_path.iterdir()) == ["README.md", "jsonl"]


def test_a_place_that_is_a_file_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="out: cannot be written"):
        write(tmp_path / "out", ["jsonl"])
    with pytest.raises(UsageError, match="out: cannot be written"):
        check_writable(tmp_path / "out")
    check_writable(tmp_path / "new" / "one")
    assert list((tmp_path / "new" / "one").iterdir()) == []


def test_formats_are_taken_once_and_unknown_ones_refused():
    assert check_formats(["jsonl", "jsonl"]) == ["jsonl"]
    with pytest.raises(UsageError, match="no format 'csv' here: choose among jsonl"):
        check_formats(["csv"])


def test_two_at_once_do_not_take_each_others_folder(tmp_path):
    place = tmp_path / "set"
    with new_folder(place) as first, new_folder(place) as second:
        (first / "a").write_text("first")
        (second / "a").write_text("second")
    assert (place / "a").read_text() == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["set"]


def test_a_kill_between_the_renamings_loses_nothing(tmp_path):
    place = tmp_path / "set"
    left = tmp_path / ".set.x1.old"
    left.mkdir()
    (left / "a").write_text("old")
    with pytest.raises(KeyError), new_folder(place):
        raise KeyError
    assert (place / "a").read_text() == "old"


def test_a_new_folder_can_be_read_as_its_parent_can(tmp_path):
    tmp_path.chmod(0o755)
    with new_folder(tmp_path / "set"):
        pass
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o755
