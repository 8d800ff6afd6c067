"""What the pages show is what happens: their programs and their commands are run."""

import re
import shlex
import subprocess
import sys
import textwrap
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
    ((command, shown),) = shown_by(PROOFS)
    code, out, error = run(*shlex.split(command), "--minimise", "off")
    assert (code, "5 of 5 proved" in out) == (0, True), (out, error)
    printed = {without_numbers(line) for line in out.splitlines()}
    told = {without_numbers(line) for line in shown.splitlines() if line.startswith("✓ ")}
    assert len(told) == 5
    assert told <= printed, (out, error)
    # how far a proof is shortened depends on the machine: that those shown hold is checked instead
    proofs = re.findall(r"^✓ \S+ (\w+) .*\n((?:    .*\n)+)", shown, re.MULTILINE)
    assert {name for name, _ in proofs} == set(re.findall(r"^theorem (\w+)", source, re.MULTILINE))
    for name, proof in proofs:
        block = textwrap.indent(textwrap.dedent(proof), "  ")
        stated = rf"(theorem {name}\b(?:(?!:= by sorry).)*:= by) sorry\n"
        found = re.search(stated, source, re.DOTALL)
        source = f"{source[: found.end(1)]}\n{block}{source[found.end() :]}"
    (tmp_path / "Shown.lean").write_text(source, encoding="utf-8")
    assert "sorry" not in source
    assert run("verify", "Shown.lean")[0] == 0
    programs = ", ".join(re.findall(r"^def (\w+)", source, re.MULTILINE))
    posed = (tmp_path / "Proofs.lean").read_text(encoding="utf-8")
    alone = ["rfl", "decide", "omega", "exact?", "contradiction"]
    alone += [
        f"{each}{known}"
        for each in ("simp", "simp_all", "grind")
        for known in ("", f" [{programs}]")
    ]
    with lakatos.Session(toolchain=toolchain, workers=1) as lean:
        theorems = lean.read(posed).theorems
        assert len(theorems) == 5
        for theorem in theorems:
            tried = theorem.state.apply_all(alone)
            assert [each.closes for each in tried] == [False] * len(alone), theorem.name
