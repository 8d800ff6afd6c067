"""Source files: what Lean sees, and what is written back."""

import stat

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.files import write_whole
from lakatos.data.records import Attempt, ProofState, StopReason, Theorem
from lakatos.data.source import SourceFile, read_source, replace_source


def attempt(file, number, proof):
    """An attempt at the hole of that number, as Lean would place it."""
    seen = file.text.encode()
    start = -1
    for _ in range(number + 1):
        start = seen.index(b"sorry", start + 1)
    theorem = Theorem(
        f"t{number}", file.text, file.path, start, start + 5, 1, 0, "tactic", ProofState("k")
    )
    return Attempt(theorem, StopReason.PROVED, proof)


@pytest.mark.parametrize(
    ("raw", "proofs", "expected"),
    [
        (b"a sorry b", ["omega"], b"a omega b"),
        (b"a sorry b sorry", ["omega", "simp"], b"a omega b simp"),
        (b"sorry\nsorry\n", ["x", "y"], b"x\ny\n"),
        (b"\xef\xbb\xbf-- \xe2\x88\x80\r\nsorry\r\nend", ["x\n  y"],
         b"\xef\xbb\xbf-- \xe2\x88\x80\r\nx\r\n  y\r\nend"),
        (b"one\r\ntwo\nsorry\nthree", ["x\ny"], b"one\r\ntwo\nx\ny\nthree"),
        ("∀ sorry ✝".encode(), ["exact ⟨a, b⟩"], "∀ exact ⟨a, b⟩ ✝".encode()),
        (b"\r\n\r\n sorry\r\n\r\nsorry", ["a", "b\nc"], b"\r\n\r\n a\r\n\r\nb\r\nc"),
    ],
)  # fmt: skip
def test_only_the_holes_change(raw, proofs, expected):
    file = SourceFile("f.lean", raw)
    attempts = [attempt(file, i, proof) for i, proof in enumerate(proofs)]
    assert file.filled(attempts) == expected
    assert file.filled(attempts[::-1]) == expected
    assert file.filled([]) == raw


def test_lean_sees_no_mark_and_no_carriage_return():
    assert SourceFile("f", b"\xef\xbb\xbfa\r\nb\nc\r\n").text == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"ab\xff", "not UTF-8 at byte 2"), (b"a\0b", "NUL byte")]
)
def test_what_is_no_text_is_refused(raw, reason):
    with pytest.raises(UsageError, match=reason):
        _ = SourceFile("f.lean", raw).text


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.lean: no such file"):
        read_source(str(tmp_path / "nothing.lean"))
    with pytest.raises(UsageError, match="is a directory"):
        read_source(str(tmp_path))


def test_writing_keeps_the_mode_and_the_link(tmp_path):
    real = tmp_path / "real.lean"
    real.write_bytes(b"sorry")
    real.chmod(0o640)
    link = tmp_path / "link.lean"
    link.symlink_to(real)
    replace_source(read_source(str(link)), b"omega")
    assert real.read_bytes() == b"omega"
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.lean", "real.lean"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    place = tmp_path / "f.lean"
    place.write_bytes(b"sorry")
    read = read_source(str(place))
    place.write_bytes(b"sorry -- edited")
    with pytest.raises(UsageError, match="changed on disk meanwhile"):
        replace_source(read, b"omega")
    assert place.read_bytes() == b"sorry -- edited"


def test_a_file_that_vanished_is_not_made_again(tmp_path):
    place = tmp_path / "f.lean"
    place.write_bytes(b"sorry")
    read = read_source(str(place))
    place.unlink()
    with pytest.raises(UsageError, match="no such file"):
        replace_source(read, b"omega")
    assert not place.exists()


def test_an_impossible_place_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        write_whole(tmp_path / "no" / "such" / "f.lean", b"x")
