"""Standard streams, disks and databases as a user meets them: read, written, full, read-only."""

import io
import os
import stat
import subprocess
import sys

import pytest

from .screen import environment, python

lean = pytest.mark.lean
ONE = "theorem one (a b : Nat) : a + b = b + a := by sorry\n"
MANY = "".join(ONE.replace("one", f"t{n}") for n in range(12))
HARD = "theorem hard (n : Nat) (h : 2 < n) : ∃ p q : Nat, n * n + 7 = p * q + 12 * n := by sorry\n"
needs_full_device = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110


@lean
def test_from_standard_input_to_standard_output(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ONE.encode())))
    code, out, error = run("prove", "-", "--out", "-")
    assert code == 0
    assert out.startswith("theorem one")
    assert "sorry" not in out
    assert any("proved" in line for line in error)


@lean
def test_a_reader_that_goes_away_stops_the_run(tmp_path):
    (tmp_path / "f.lean").write_text(MANY + HARD, encoding="utf-8")
    main = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
    options = ["--time", "600", "--workers", "1", "--db", "attempts.db"]
    with subprocess.Popen(
        [sys.executable, "-c", main, "prove", "f.lean", *options],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert "t0  proved" in command.stdout.readline().decode()
        command.stdout.close()
        errors = command.stderr.read().decode()
    assert command.returncode == 141
    assert "nobody reads the output any more" in errors
    assert len(errors.splitlines()) == 1
    listed = subprocess.run(
        python([["show", "--db", "attempts.db"]]), cwd=tmp_path, capture_output=True, text=True
    ).stdout
    assert "proved" in listed
    assert "interrupted" in listed


@pytest.mark.parametrize(
    ("words", "redirected", "code"),
    [
        ("--version", ">&-", 0),
        ("--version", ">&- 2>&-", 0),
        ("prove no.lean", "2>&-", 2),
        pytest.param("prove no.lean", "2>/dev/full", 2, marks=needs_full_device),
        pytest.param("--version", ">/dev/full 2>&1", 3, marks=needs_full_device),
    ],
)
def test_streams_that_take_nothing_leave_the_exit_code(tmp_path, words, redirected, code):
    main = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
    command = ["bash", "-c", f'"$@" {redirected}', "bash", sys.executable, "-c", main]
    done = subprocess.run(
        [*command, *words.split()],
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED=""),
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("job", ["", "trap '' INT; "], ids=["foreground", "background"])
def test_a_reader_that_has_gone_is_exit_141(tmp_path, job, unbuffered):
    main = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
    shell = ["bash", "-c", job + 'exec 3> >(true); wait $!; exec "$@" >&3', "bash"]
    command = [*shell, sys.executable, "-c", main, "show"]
    variables = environment(LAKATOS_DB="attempts.db", PYTHONUNBUFFERED=unbuffered)
    done = subprocess.run(command, cwd=tmp_path, env=variables, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


TOO_LONG = "a" * 300
"""A name that the system refuses to follow, as it does one in a folder that nobody may enter."""


@pytest.mark.parametrize(
    "words",
    [
        "prove {}",
        "prove f.lean --out {}/x",
        "prove f.lean --db {}",
        "verify {}",
        "show --db {}",
        "eval set --data {}",
        "learn set --data {} --out l",
        "extract {} --out d",
        "train priors --data {} --out p",
        "train priors --out {}",
        "prove f.lean --policy hf:{}",
    ],
)
def test_a_path_that_cannot_be_followed_is_one_line(run, tmp_path, words):
    (tmp_path / "f.lean").write_text(ONE)
    code, out, error = run(*words.format(TOO_LONG).split())
    assert (code, out, len(error)) == (2, "", 1), error
    assert TOO_LONG in error[0]
    assert "(File name too long)" in error[0]


def test_doctor_goes_on_behind_a_path_that_cannot_be_followed(run):
    code, out, error = run("doctor", "--db", TOO_LONG)
    assert (code, error) == (3, [])
    assert f"database: {TOO_LONG}: cannot be reached (File name too long)" in out
    assert "machine: " in out


@pytest.mark.parametrize("verb", ["prove f.lean", "repair f.lean", "eval set --data f.lean"])
def test_a_database_that_is_none_is_told_before_lean_is_set_up(tmp_path, verb):
    (tmp_path / "f.lean").write_text(ONE)
    done = subprocess.run(
        python([[*verb.split(), "--db", "."]]),
        cwd=tmp_path,
        env=environment(LAKATOS_CACHE="/dev/null/x"),
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "= 3"
    assert done.stderr == "lakatos: database . cannot be opened: it is a folder\n"


@pytest.fixture
def stored(run, tmp_path):
    """An empty database, and the file that it is."""
    place = tmp_path / "attempts.db"
    run("prove", "nothing.lean")
    assert not place.exists()
    from lakatos.data.store.store import Store

    Store.open(str(place)).close()
    return place


def contents(folder):
    return {place.name: place.read_bytes() for place in folder.iterdir()}


@pytest.mark.parametrize("arguments", [["show"], ["report"], ["extract", "store", "--stats"]])
def test_reading_leaves_a_database_as_it_is(run, stored, arguments):
    before = contents(stored.parent)
    assert run(*arguments)[0] == 0
    assert contents(stored.parent) == before


@pytest.mark.parametrize("arguments", [["show"], ["report"]])
def test_what_is_not_there_is_not_made(run, tmp_path, arguments):
    assert run(*arguments)[0] == 0
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (".", "database . cannot be opened: it is a folder"),
        ("no/such/x.db", "there is no folder no/such"),
    ],
)
@pytest.mark.parametrize("verb", [["show"], ["prove", "f.lean"]])
def test_why_a_database_cannot_be_opened_is_printed(run, tmp_path, verb, place, line):
    (tmp_path / "f.lean").write_text(ONE)
    code, _, error = run(*verb, "--db", place)
    assert code == 3
    assert len(error) == 1
    assert line in error[0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--out", "no/such/f.lean"], "no/such/f.lean: cannot be written (there is no folder"),
        (["--out", "."], ".: is a folder, not a file"),
    ],
)
def test_where_proofs_go_is_looked_at_before_the_search(run, tmp_path, arguments, line):
    (tmp_path / "f.lean").write_text(HARD)
    code, out, error = run("prove", "f.lean", "--time", 600, *arguments)
    assert (code, out) == (2, "")
    assert error[0].startswith(f"lakatos: {line}")


def test_a_read_only_file_is_not_searched_for(run, tmp_path):
    (tmp_path / "f.lean").write_text(HARD)
    (tmp_path / "f.lean").chmod(0o444)
    code, _, error = run("prove", "f.lean", "--time", 600, "--write")
    place = tmp_path / "f.lean"
    assert (code, error) == (2, [f"lakatos: {place}: cannot be written (it is read-only)"])


@needs_full_device
@lean
def test_a_full_disk_is_the_same_exit_code_everywhere(run, tmp_path):
    (tmp_path / "f.lean").write_text(ONE)
    for arguments in (
        ["prove", "f.lean", "--out"],
        ["show", "1", "--html"],
        ["show", "1", "--dot"],
    ):
        code, _, error = run(*arguments, "/dev/full")
        assert code == 3, arguments
        assert "/dev/full: cannot be written (No space left on device)" in error[-1]
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # noqa: PTH116
    for unbuffered in ("", "1"):  # text that stays in the buffer is written when Python ends
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            main = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
            command = [sys.executable, "-c", main, "show", "--db", "attempts.db"]
            variables = environment(PYTHONUNBUFFERED=unbuffered)
            done = subprocess.run(
                command, cwd=tmp_path, env=variables, stdout=full, stderr=subprocess.PIPE
            )
        assert done.returncode == 3
        assert done.stderr.decode().splitlines() == [
            "lakatos: the output cannot be written (No space left on device)"
        ]
