"""What the pages show is what happens: their programs and their commands are run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
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


def without_numbers(line):
    """A line of output less what differs from machine to machine."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)? ?s\b|\d+ expansions?", "", line)).strip()


def test_the_commands_of_the_tutorial_print_what_it_shows(run, tmp_path, monkeypatch):
    assert set(files()) == {"Lists.lean", "Broken.lean", "problems.jsonl"}
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "100")
    blocks = re.findall(r"```console\n\$ lakatos (.*?)\n(.*?)```", TUTORIAL, re.DOTALL)
    assert len(blocks) == 6
    for command, shown in blocks:
        _, out, error = run(*shlex.split(command))
        printed = {without_numbers(line) for line in out.splitlines()}
        for line in shown.splitlines():
            if line.startswith(("✓ ", "✗ ", "    ", "proofs", "tactics", "files")):
                assert without_numbers(line) in printed, (command, out, error)
