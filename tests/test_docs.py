"""README and docs say what is: every verb, every file, commands and flags that exist."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from lakatos.prover.commands.app import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
VERBS = vars(typer.main.get_command(app))["commands"]
ROOMS = ("data", "search", "lean_env", "prover")


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def file_tree():
    """Paths of the file tree: indentation of two columns a level, a word, its line."""
    block = re.search(r"## Files\n+```text\n(.*?)```", ARCHITECTURE, re.DOTALL).group(1)
    paths, stack = [], []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names, _, said = line.strip().partition("  ")
        assert said.strip(), f"nothing is said of {names}"
        stack = [*stack[:depth], names]
        paths.append("".join(stack))
    return paths


def test_the_file_tree_is_true():
    expected = set()
    for name in tracked():
        top, _, rest = name.partition("/")
        if not rest:
            expected.add(name)
            continue
        expected.add(f"{top}/")
        if top not in ROOMS:
            continue
        folders = [each for each in name.split("/")[:-1] if each != "warm"]
        expected |= {"/".join(folders[:n]) + "/" for n in range(1, len(folders) + 1)}
        if not name.endswith("__init__.py") and folders[-1] not in ("embedded", "page"):
            expected.add(name)
    told = file_tree()
    assert sorted(told) == sorted(set(told)), "a path stands twice"
    assert set(told) == expected


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_is_told_and_has_help(verb):
    assert f"lakatos {verb}" in README
    assert VERBS[verb].help, verb
    for parameter in VERBS[verb].params:
        assert getattr(parameter, "help", None), f"{verb}: {parameter.name} has no help"


def quoted_commands():
    pages = sorted((ROOT / "docs").glob("*.md"))
    texts = "\n".join([README, *(page.read_text(encoding="utf-8") for page in pages)])
    blocks = re.findall(r"```(?:console|bash)\n(.*?)```", texts, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    found = [part for line in lines for part in re.findall(r"\blakatos [^&|<>]*", line)]
    return found + re.findall(r"`(lakatos [^`]*)`", texts)


def test_quoted_commands_exist():
    commands = quoted_commands()
    assert len(commands) > len(VERBS)
    for command in commands:
        words = command.split()[1:]
        if words[0].startswith("--"):
            continue
        assert words[0] in VERBS, command
        flags = {opt for p in VERBS[words[0]].params for opt in p.opts} | {"--help"}
        for word in words[1:]:
            if word.startswith("--"):
                assert word in flags, command


def test_the_snippets_for_agents_name_the_command():
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    objects = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    objects += [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert [list(each) for each in objects] == [["mcpServers"], ["servers"], ["mcp_servers"]]
    for each in objects:
        server = next(iter(each.values()))["lakatos"]
        assert (server["command"], server["args"]) == ("lakatos", ["serve", "--mcp"])


def test_the_first_two_commands_prove_and_test():
    commands = [line for line in README.splitlines() if line.startswith("pip install")]
    assert commands[0] == "pip install -e . && lakatos prove examples/*.lean"
    install, test = commands[1].split(" && ")
    assert install == 'pip install -e ".[dev]" -c constraints.txt'
    assert test == "pytest --require-lean -n 2 --dist worksteal"
    assert len(commands) == 2


def test_the_examples_are_as_many_as_told():
    files = list((ROOT / "examples").glob("*.lean"))
    holes = sum(len(re.findall(r"(?<!`)\bsorry\b", f.read_text(encoding="utf-8"))) for f in files)
    assert len(files) == 6
    assert f"the {holes} holes of six files" in README


def test_the_quoted_verdicts_are_of_the_quoted_file():
    source = (ROOT / "examples" / "logic.lean").read_text(encoding="utf-8")
    theorems = re.findall(r"^theorem (\w+)", source, re.MULTILINE)
    assert re.findall(r"^✓ (\w+)  accepted", README, re.MULTILINE) == theorems
    for name in re.findall(r"^✓ examples/logic\.lean:\d+:\d+ (\w+)  proved", README, re.MULTILINE):
        assert name in theorems


def test_exit_codes_are_told():
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert told == {0, 1, 2, 3, 4, 130, 141}
