"""The command line as a user meets it: exit codes, one clear line, files byte for byte."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
lean = pytest.mark.lean

TWO = """theorem first (p q : Prop) : p ∧ q → q ∧ p := by
  sorry

theorem second (a b : Nat) : a + b = b + a := by sorry
"""
HARD = "theorem hard (n : Nat) (h : 2 < n) : ∃ p q : Nat, n * n + 7 = p * q + 12 * n := by sorry\n"
FALSE = "theorem wrong (n : Nat) : n < n := by\n  sorry\n"


def test_version_and_help(run):
    for flag in ("--version", "-V"):
        assert run(flag) == (0, "lakatos 0.1.0\n", [])
    assert run("help", "prove") == run("prove", "-h") == run("prove", "--help")
    code, out, _ = run()
    assert code == 0
    for verb in ("prove", "show", "verify", "setup", "doctor"):
        assert verb in out
        assert run(verb, "--help")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["prove"], "Missing argument"),
        (["prove", "x.lean"], "x.lean: no such file"),
        (["prove", "."], ".: no .lean file there"),
        (["prove", "*.lean"], "*.lean: no .lean file there"),
        (["prove", "--nonsense", "x.lean"], "No such option: --nonsense"),
        (["prove", "--nonsense", "x.lean"], "(lakatos prove --help)"),
        (["prove", "--prompt", "nosuch", "x.lean"], "no prompt format and no file 'nosuch'"),
        (["prove", "--samples", "4", "x.lean"], "--samples is for language models"),
        (["prove", "--attempts", "4", "x.lean"], "--attempts is for whole proofs and sketches"),
        (["help", "frobnicate"], "No such command"),
        (["show", "3", "--failed"], "list attempts: no number then"),
        (["prove", "--time", "soon", "x.lean"], "--time"),
        (["prove", "--time", "-1", "x.lean"], "time must be above 0 seconds"),
        (["prove", "--expansions", "0", "x.lean"], "expansions must be at least 1"),
        (["prove", "--workers", "0", "x.lean"], "--workers"),
        (["prove", "--search", "dfs", "x.lean"], "there is: best-first, perspectives, mcts"),
        (["prove", "--search", "htps", "--alpha", "1", "x.lean"], "search htps has no alpha"),
        (["prove", "--refute", "1", "x.lean"], "refute must lie in [0, 1)"),
        (["prove", "--write", "--out", "y.lean", "x.lean"], "and no --write"),
        (["prove", "--out", "y.lean", "x.lean", "z.lean"], "--out takes one FILE"),
        (["prove", "x.lean", "--out", "./x.lean"], "--out is x.lean itself"),
        (["prove", "--write", "-"], "standard input cannot be written"),
        (["verify", "x.lean"], "x.lean: no such file"),
        (["show", "99"], "no attempt number 99"),
        (["show", "--html", "x.html"], "need the number of an attempt"),
        (["frobnicate"], "No such command"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_2(run, arguments, line):
    code, out, error = run(*arguments)
    assert (code, out) == (2, "")
    assert len(error) == 1
    assert line in error[0]
    assert error[0].startswith("lakatos: ")


def test_a_file_that_is_no_text_is_named(run, tmp_path):
    (tmp_path / "x.lean").write_bytes(b"theorem \xff")
    code, _, error = run("prove", "x.lean")
    assert code == 2
    assert error == ["lakatos: x.lean: not UTF-8 at byte 8"]


def test_a_damaged_store_is_exit_3(run, tmp_path):
    (tmp_path / "attempts.db").write_bytes(b"no database at all, but long enough for a header")
    code, _, error = run("show")
    assert code == 3
    assert len(error) == 1
    assert "attempts.db" in error[0]


def test_an_empty_store_lists_nothing(run):
    code, out, error = run("show")
    assert (code, error) == (0, [])
    assert "theorem" in out


@lean
def test_prove_prints_the_proofs_and_keeps_the_file(run, tmp_path):
    (tmp_path / "two.lean").write_text(TWO)
    code, out, error = run("prove", "two.lean")
    assert (code, error) == (0, [])
    assert "two.lean:2:3 first  proved" in out
    assert "2 of 2 proved" in out
    assert (tmp_path / "two.lean").read_text() == TWO
    code, out, _ = run("show")
    assert code == 0
    assert out.count("proved") == 2
    code, out, _ = run("show", "1")
    assert code == 0
    assert "first" in out
    assert run("show", "1", "--html", "graph.html", "--dot", "graph.dot")[0] == 0
    assert "<html" in (tmp_path / "graph.html").read_text()
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")
    _, out, _ = run("show", "1", "--dot", "-")
    assert out == (tmp_path / "graph.dot").read_text()


@lean
def test_one_theorem_by_name_and_near_names(run, tmp_path):
    (tmp_path / "two.lean").write_text(TWO)
    code, out, _ = run("prove", "two.lean", "--theorem", "second")
    assert code == 0
    assert "first" not in out
    code, _, error = run("prove", "two.lean", "--theorem", "secnod")
    assert code == 2
    assert error == ["lakatos: no theorem secnod with a sorry; did you mean second?"]


@lean
def test_json_is_one_object_a_theorem_and_nothing_else(run, tmp_path):
    (tmp_path / "two.lean").write_text(TWO + FALSE)
    code, out, error = run("prove", "two.lean", "--json", "--expansions", "2", "--time", "600")
    assert code == 1
    objects = {each["theorem"]: each for each in map(json.loads, out.splitlines())}
    assert {name: each["proved"] for name, each in objects.items()} == {
        "first": True, "second": True, "wrong": False,
    }  # fmt: skip
    assert objects["wrong"]["proof"] is None
    assert any("2 of 3 proved" in line for line in error)


@lean
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_write_changes_the_sorries_only(run, tmp_path, prefix, newline):
    place = tmp_path / "two.lean"
    text = (TWO + "\n-- ∀ the end").replace("\n", newline)
    place.write_bytes(prefix + text.encode())
    place.chmod(0o640)
    assert run("prove", "two.lean", "--write")[0] == 0
    written = place.read_bytes()
    pieces = (prefix + text.encode()).split(b"sorry")
    place_of = 0
    for piece in pieces:
        found = written.index(piece, place_of)
        place_of = found + len(piece)
    assert written.startswith(pieces[0])
    assert written.endswith(pieces[-1])
    assert b"sorry" not in written
    if newline == "\r\n":
        assert written.count(b"\n") == written.count(b"\r\n")
    assert place.stat().st_mode & 0o777 == 0o640
    (tmp_path / "original.lean").write_bytes(prefix + text.encode())
    code, out, _ = run("verify", "two.lean", "--original", "original.lean")
    assert code == 0
    assert out.count("accepted") == 2


@lean
def test_out_writes_another_file_or_standard_output(run, tmp_path):
    (tmp_path / "two.lean").write_text(TWO)
    assert run("prove", "two.lean", "--out", "done.lean")[0] == 0
    assert "sorry" not in (tmp_path / "done.lean").read_text()
    code, out, _ = run("prove", "two.lean", "--out", "-")
    assert code == 0
    assert out.startswith("theorem first")
    assert "sorry" not in out


@lean
def test_errors_of_lean_are_located_and_the_rest_is_tried(run, tmp_path):
    (tmp_path / "f.lean").write_text("theorem bad : 1 = True := by sorry\n" + TWO)
    code, out, error = run("prove", "f.lean")
    assert code == 2
    assert "2 of 3 proved" in out
    assert "not tried: Lean finds an error in it" in out
    assert any(line.startswith("f.lean:1:") and "error:" in line for line in error)


@lean
def test_an_unknown_import_is_one_line(run, tmp_path):
    (tmp_path / "f.lean").write_text("import Nowhere.Found\n" + TWO)
    code, _, error = run("prove", "f.lean")
    assert code == 2
    assert len(error) == 1
    assert "Nowhere.Found" in error[0]


@lean
def test_a_file_without_a_sorry_has_nothing_to_prove(run, tmp_path):
    (tmp_path / "f.lean").write_text("theorem done : True := trivial\n")
    code, out, _ = run("prove", "f.lean")
    assert code == 0
    assert "nothing to prove" in out
    code, out, _ = run("repair", "f.lean")
    assert code == 0
    assert "nothing to repair, Lean finds no error in it\n" in out


@lean
def test_each_verb_names_the_other_where_that_is_what_helps(run, tmp_path):
    (tmp_path / "broken.lean").write_text("theorem broken : 1 = 1 := nonsense\n")
    _, out, _ = run("prove", "broken.lean")
    assert "it has no sorry; its errors: lakatos repair broken.lean" in out
    (tmp_path / "open.lean").write_text(FALSE)
    _, out, _ = run("repair", "open.lean")
    assert "no error in it; its sorries: lakatos prove open.lean" in out


@lean
def test_a_folder_and_a_pattern_stand_for_their_files(run, tmp_path):
    for name in ("ex/a.lean", "ex/b.lean", "ex/.lake/c.lean", "ex/note.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("theorem t : 1 = 1 := by sorry\n")
    for name in ("ex", "ex/*"):
        code, out, _ = run("prove", name, "--json")
        assert code == 0
        files = sorted(json.loads(line)["file"] for line in out.splitlines())
        assert files == ["ex/a.lean", "ex/b.lean"]  # in the order in which they are proved


@lean
def test_attempts_are_found_again(run, tmp_path):
    (tmp_path / "f.lean").write_text(TWO + FALSE)
    run("prove", "f.lean", "--expansions", "1")

    def found(*flags):
        _, out, _ = run("show", "--json", *flags)
        return [json.loads(line)["theorem"] for line in out.splitlines()]

    assert found() == ["wrong", "second", "first"]
    assert found("--theorem", "*s*") == ["second", "first"]
    assert found("--failed") == found("--theorem", "wrong") == ["wrong"]
    assert found("--limit", "1", "--theorem", "*s*") == ["second"]
    assert found("--run", "7") == []
    whole = json.loads(run("show", "1", "--json")[1])
    assert (whole["policy"], whole["search"], whole["proved"]) == ("hammer", "htps", True)
    assert whole["command"].startswith("lakatos ")


@lean
def test_a_false_statement_is_exit_1_and_stays(run, tmp_path):
    (tmp_path / "f.lean").write_text(FALSE)
    code, out, _ = run("prove", "f.lean", "--write", "--expansions", "20")
    assert code == 1
    assert "wrong" in out
    assert (tmp_path / "f.lean").read_text() == FALSE


@lean
def test_verify_refuses_another_statement(run, tmp_path):
    (tmp_path / "original.lean").write_text(FALSE)
    (tmp_path / "f.lean").write_text("theorem wrong (n : Nat) : n ≤ n := by\n  omega\n")
    code, out, _ = run("verify", "f.lean", "--original", "original.lean")
    assert code == 1
    assert "statement_changed" in out


@lean
def test_verify_refuses_an_open_hole(run, tmp_path):
    (tmp_path / "two.lean").write_text(TWO)
    code, out, _ = run("verify", "two.lean")
    assert code == 1
    assert out.count("refused, sorry") == 2


def checker(folder, name, script):
    place = folder / name
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return f"./{name}"


@lean
def test_verify_exports_and_asks_a_kernel(run, tmp_path):
    reader = Path(__file__).with_name("export_reader.py")
    kernel = checker(tmp_path, "checker", f'exec "{sys.executable}" "{reader}" "$1"')
    (tmp_path / "f.lean").write_text("theorem fine : True := trivial\n" + TWO)
    code, out, error = run("verify", "f.lean", "--export", "out", "--kernel", kernel)
    assert code == 1
    assert "fine  accepted, axioms: none; checker accepts it too" in out
    assert out.count("refused, sorry") == 2
    assert error[0].startswith("written: out/fine.ndjson (")
    assert error[1:] == [f"not exported: {name}, it is refused" for name in ("first", "second")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"fine.ndjson", "manifest.json"}
    code, out, error = run("verify", "f.lean", "--export", "out")
    assert (code, out) == (2, "")
    assert error == ["lakatos: out: has files already; --export wants a new or empty folder"]


@lean
@pytest.mark.parametrize("script", ["kill -KILL $$", "exit 0", "exit 5", "exit 2"])
def test_a_kernel_without_an_answer_accepts_nothing(run, tmp_path, script):
    kernel = checker(tmp_path, "checker", script)
    (tmp_path / "f.lean").write_text("theorem fine : True := trivial\n")
    code, out, error = run("verify", "f.lean", "--kernel", kernel)
    assert (code, out) == (3, "")
    assert len(error) == 1
    assert "checker" in error[0]


def test_an_unknown_kernel_is_one_line_before_lean_is_started(run, tmp_path):
    (tmp_path / "f.lean").write_text("theorem fine : True := trivial\n")
    code, out, error = run("verify", "f.lean", "--kernel", "nanado")
    assert (code, out, len(error)) == (2, "", 1)
    assert error[0].endswith("did you mean nanoda?")


def first_proof_then(signal_number, folder):
    """Run a command on an easy and a hopeless theorem; signal it when the easy one is proved."""
    (folder / "f.lean").write_text(TWO + HARD)
    code = "import sys; from lakatos.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["prove", "f.lean", "--json", "--write", "--time", "600"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        attempts = [json.loads(command.stdout.readline()) for _ in range(2)]
        command.send_signal(signal_number)
        command.communicate()
    assert {each["theorem"] for each in attempts if each["proved"]} == {"first", "second"}
    return command.returncode


@lean
def test_an_interrupt_keeps_and_writes_what_is_proved(run, tmp_path):
    assert first_proof_then(signal.SIGINT, tmp_path) == 130
    written = (tmp_path / "f.lean").read_text()
    assert written.count("sorry") == 1
    assert written.endswith(HARD)
    _, out, _ = run("show")
    assert [out.count(word) for word in ("proved", "interrupted")] == [2, 1]


@lean
def test_a_killed_command_leaves_its_record(run, tmp_path):
    assert first_proof_then(signal.SIGKILL, tmp_path) == -signal.SIGKILL
    assert (tmp_path / "f.lean").read_text() == TWO + HARD
    code, out, _ = run("show")
    assert code == 0
    assert out.count("proved") == 2
    assert out.count("no end") == 1
    assert run("show", "1")[0] == 0


@lean
def test_a_killed_command_is_resumed(run, tmp_path):
    first_proof_then(signal.SIGKILL, tmp_path)
    code, out, _ = run("prove", "f.lean", "--json", "--resume", "--time", "5", "--steps", "1")
    assert code == 1
    found = {each["theorem"]: each for each in map(json.loads, out.splitlines())}
    assert [found[name]["proved"] for name in ("first", "second", "hard")] == [True, True, False]
    _, out, _ = run("show")
    assert out.count("proved") == 4


@lean
def test_a_false_theorem_is_refuted(run, tmp_path):
    (tmp_path / "f.lean").write_text(FALSE + TWO)
    code, out, _ = run("prove", "f.lean", "--refute", "0.3")
    assert code == 1
    assert "f.lean:2:3 wrong  false" in out
    assert "wrong is false; the proof of its negation:" in out
    assert "2 of 3 proved" in out
    code, out, _ = run("prove", "f.lean", "--refute", "0.3", "--resume", "--json")
    wrong = json.loads(next(line for line in out.splitlines() if "wrong" in line))
    assert (wrong["stop"], wrong["proved"], wrong["proof"]) == ("disproved", False, None)
    assert wrong["disproof"]


@lean
def test_doctor_finds_a_working_lean(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert "one proved and verified" in out


@lean
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.lean")))
def test_examples_are_proved_and_written(run, tmp_path, name):
    shutil.copy(EXAMPLES / name, tmp_path / name)
    code, out, error = run("prove", name, "--write", "--time", "60")
    assert code == 0, (out, error)
    assert "sorry" not in (tmp_path / name).read_text().split("-/", 1)[1]
