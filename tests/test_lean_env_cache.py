"""The cache folder: what is long unused goes, what may be in use stays."""

import os

import pytest
from lakatos.data.errors import UsageError
from lakatos.lean_env.cache import DAY_S, KEPT_FOLDERS, keep_answer, kept_answer, remove_old


def folders(tmp_path, used_s):
    for age in range(7):
        (tmp_path / f"worker-{age}").mkdir()
        os.utime(tmp_path / f"worker-{age}", (used_s - age, used_s - age))
    (tmp_path / "lean-1-0").mkdir()


def test_folders_long_unused_are_removed_but_the_last(tmp_path):
    folders(tmp_path, 1000)
    remove_old(tmp_path / "worker-5", "worker-*")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"lean-1-0", "worker-5", "worker-0", "worker-1", "worker-2"}
    assert len(left) == KEPT_FOLDERS + 1


def test_folders_used_lately_are_kept(tmp_path):
    folders(tmp_path, (tmp_path / ".").stat().st_mtime - DAY_S / 2)
    remove_old(tmp_path / "worker-0")
    assert len(list(tmp_path.iterdir())) == 8
    remove_old(tmp_path / "worker-0", unused_s=DAY_S / 4)
    assert len(list(tmp_path.iterdir())) == KEPT_FOLDERS


def test_nothing_is_removed_where_nothing_is(tmp_path):
    remove_old(tmp_path / "none" / "worker-0")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_is_kept_whole_or_not_at_all(tmp_path):
    place = tmp_path / "new" / "a.json.gz"
    keep_answer(place, {"⊢": [1]})
    assert kept_answer(place) == {"⊢": [1]}
    with pytest.raises(TypeError):
        keep_answer(place, {"no": {1}})
    assert kept_answer(place) == {"⊢": [1]}
    assert list(place.parent.iterdir()) == [place]
    with pytest.raises(UsageError, match=r"b\.json\.gz: cannot be written"):
        keep_answer(place / "b.json.gz", {})
