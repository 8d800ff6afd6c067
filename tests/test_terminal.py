"""What a person sees: each verb in a terminal shows what it prints into a pipe, whole, once."""

import json
import pickle
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from lakatos.lean_env.cache import locked

from .screen import CTRL_C, Terminal, environment, python

FOLDER = "a_folder_whose_name_is_so_long_that_results_are_broken_at_80_columns"
THREE = """theorem first (p q : Prop) : p ∧ q → q ∧ p := by
  sorry

theorem second (a b : Nat) : a + b = b + a := by sorry

theorem wrong (n : Nat) : n < n := by sorry
"""
BROKEN = "theorem broken (a b : Nat) : a + b = b + a := by\n  exact nonsense\n"
DONE = "theorem done (p : Prop) : p → p := fun h => h\n\ntheorem open_ : 1 = 1 := by sorry\n"
HARD = "theorem hard (n : Nat) (h : 2 < n) : ∃ p q : Nat, n * n + 7 = p * q + 12 * n := by sorry\n"
ROWS = [
    {"name": "set_1", "formal_statement": "theorem set_1 (n : Nat) : n + 0 = n := by"},
    {"name": "set_2", "formal_statement": "theorem set_2 (p : Prop) : p → p := by"},
    {"name": "set_3", "formal_statement": "theorem set_3 : 1 = 2 := by"},
]
SMALL = "--expansions", 1, "--workers", 1
EVAL = "eval", "set", "--data", "set.jsonl", *SMALL
COMMANDS = [
    ["prove", f"{FOLDER}/three.lean", *SMALL],
    EVAL,
    ["repair", "broken.lean", "--workers", 1],
    ["verify", "done.lean"],
    ["doctor"],
    ["extract", "done.lean", "--stats", "--workers", 1],
    ["show"],
    ["show", 1],
    ["report"],
    ["report", 2],
    ["compare", 2, 2],
]
READING = COMMANDS[COMMANDS.index(["show", 1]) :]
_TIMES = re.compile(r"\d+\.\d+|\d+ min \d+|\d\d:\d\d(:\d\d)?")


def made(folder):
    """The folder, with the files that the commands are about."""
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "three.lean").write_text(THREE, encoding="utf-8")
    (folder / "broken.lean").write_text(BROKEN)
    (folder / "done.lean").write_text(DONE)
    (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder


def piped(commands, folder, **environ):
    variables = environment(LAKATOS_DB="attempts.db", **environ)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "check": True}
    return subprocess.run(python(commands), cwd=folder, env=variables, **options).stdout


def parts(lines):
    """Of each command: its lines, without blanks at the end."""
    found = "\n".join(line.rstrip() for line in lines).split("$ ")
    return [part.rstrip("\n").split("\n")[1:] for part in found[1:]]


def words(lines):
    """The words in order, with every time the same."""
    return _TIMES.sub("T", " ".join(" ".join(lines).split()))


def results(lines):
    """The words from one sign to the next, sorted: theorems are told of as they end."""
    return sorted(each.strip() for each in re.split("(?=[✓✗○])", words(lines)))


KINDS = "pipe", "80", "140"


@pytest.fixture(scope="module")
def seen(shared_folder, toolchain):
    """What all commands say: into a pipe, in a terminal of 80 columns, of 140 without colours."""
    place = shared_folder / "terminal"
    said = place / "said"
    with locked(place):
        if not said.is_file():
            said.write_bytes(pickle.dumps(see_all(place)))
    return pickle.loads(said.read_bytes())


def see_all(place):
    """By kind: its folder, the lines, and the bytes of the terminal."""

    def see(kind):
        folder = made(place / kind)
        if kind == "pipe":
            return folder, piped(COMMANDS, folder).decode().split("\n"), b""
        colour = {} if kind == "80" else {"NO_COLOR": "1"}
        variables = {"LAKATOS_DB": "attempts.db", **colour}
        terminal = Terminal(COMMANDS, folder, (int(kind), 40), **variables)
        return folder, terminal.wait(), terminal.raw

    with ThreadPoolExecutor() as threads:
        return dict(zip(KINDS, threads.map(see, KINDS), strict=True))


@pytest.mark.lean
@pytest.mark.parametrize("columns", ["80", "140"])
def test_a_terminal_shows_what_a_pipe_gets(seen, columns):
    for command, printed, shown in zip(
        COMMANDS, parts(seen["pipe"][1]), parts(seen[columns][1]), strict=True
    ):
        if command == ["show"]:  # tells less in a narrow window, but whole names
            names = {"first", "second", "wrong", "set_1", "set_2", "set_3", "broken"}
            assert names <= set(" ".join(shown).split())
            continue
        assert results(shown) == results(printed), command


@pytest.mark.lean
def test_colours_are_left_out_where_none_are_wanted(seen):
    colour = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")
    assert colour.search(seen["80"][2])
    assert not colour.search(seen["140"][2])


@pytest.mark.lean
def test_a_dumb_terminal_gets_no_escapes(seen):
    terminal = Terminal(READING, seen["80"][0], LAKATOS_DB="attempts.db", TERM="dumb")
    shown = terminal.wait()
    assert b"\x1b" not in terminal.raw
    assert words(shown) == words(seen["80"][1][seen["80"][1].index("$ show 1") :])


@pytest.mark.lean
@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_an_encoding_without_our_signs_gets_plain_ones(seen, environ):
    folder, unicode_lines, _ = seen["pipe"]
    plain_lines = piped(READING, folder, **environ).decode("latin-1").split("\n")
    assert not any("bug" in line for line in plain_lines)
    assert any(line.startswith("ok ") for line in plain_lines)
    assert [line for line in plain_lines if line[:1] in "$="] == [
        line for line in unicode_lines[unicode_lines.index("$ show 1") :] if line[:1] in "$="
    ]


@pytest.mark.lean
def test_ctrl_c_in_a_window_of_another_size_keeps_the_proofs_on_the_screen(tmp_path):
    (tmp_path / "hard.lean").write_text(THREE + HARD, encoding="utf-8")
    command = ["prove", "hard.lean", "--time", 600, "--workers", 1]
    terminal = Terminal([command], tmp_path, LAKATOS_DB="attempts.db")
    terminal.read_until("hard.lean:4:50 second  proved")
    terminal.resize(60, 40)
    terminal.press(CTRL_C)
    shown = terminal.wait()
    assert shown[-1] == "= 130"
    for line in ("✓ hard.lean:2:3 first  proved", "✓ hard.lean:4:50 second  proved"):
        assert sum(each.startswith(line) for each in shown) == 1
    assert sum("interrupted: checking" in line for line in shown) == 1
