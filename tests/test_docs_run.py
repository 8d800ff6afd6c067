"""What the pages show is what happens: their programs and their commands are run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import lakatos
import pytest

ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROOFS = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", API, re.DOTALL)

pytestmark = pytest.mark.lean


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_each_program_of_the_api_page_runs(number, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAMS[number]], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout or "Store" in PROGRAMS[number]


def files():
    """Each file that the page introduces: its name, in backticks, above the block."""
    found = re.findall(
        r"`([A-Za-z]+\.(?:lean|jsonl))`[^\n]*\n\n```\w+\n(.*?)```", TUTORIAL, re.DOTALL
    )
    return dict(found)


def shown_by(page):
    """What a page shows: each command of lakatos, and its output."""
    return re.findall(r"```console\n\$ lakatos (.*?)\n(.*?)```", page, re.DOTALL)


def assert_printed(run, page):
    """What Lean says is printed as the page shows it, but for times and counts."""
    for command, shown in shown_by(page):
        _, out, error = run(*shlex.split(command))
        printed = {without_numbers(line) for line in out.splitlines()}
        for line in shown.splitlines():
            if line.startswith(("✓ ", "✗ ", "    ", "proofs", "tactics", "files")):
                assert without_numbers(line) in printed, (command, out, error)


def without_numbers(line):
    """A line of output less what differs from machine to machine."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)? ?s\b|\d+ expansions?", "", line)).strip()


def test_the_commands_of_the_tutorial_print_what_it_shows(run, tmp_path, monkeypatch):
    assert set(files()) == {"Lists.lean", "Broken.lean", "problems.jsonl"}
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "100")
    assert len(shown_by(TUTORIAL)) == 6
    assert_printed(run, TUTORIAL)


def test_the_five_proofs_are_found_and_no_tactic_alone_finds_them(run, tmp_path, toolchain):
    (source,) = re.findall(r"```lean\n(.*?)```", PROOFS, re.DOTALL)
    (tmp_path / "Proofs.lean").write_text(source, encoding="utf-8")
    assert len(shown_by(PROOFS)) == 1
    assert_printed(run, PROOFS)
    programs = ", ".join(re.findall(r"^def (\w+)", source, re.MULTILINE))
    alone = ["rfl", "decide", "omega", "exact?", "contradiction"]
    alone += [
        f"{each}{known}"
        for each in ("simp", "simp_all", "grind")
        for known in ("", f" [{programs}]")
    ]
    with lakatos.Session(toolchain=toolchain, workers=1) as lean:
        theorems = lean.read(source).theorems
        assert len(theorems) == 5
        for theorem in theorems:
            tried = theorem.state.apply_all(alone)
            assert [each.closes for each in tried] == [False] * len(alone), theorem.name
