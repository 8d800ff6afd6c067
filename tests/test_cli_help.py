"""Help as a user meets it: groups, defaults, examples that work, exit codes, two widths."""

import re
import shlex
import tomllib
from pathlib import Path

import pexpect
import pytest
import typer
from lakatos.cli import main
from lakatos.data.dataset import files as dataset_files
from lakatos.data.dataset import leandojo_read
from lakatos.data.report.export import FORMATS
from lakatos.prover.commands import completion
from lakatos.prover.commands.app import GROUPS, VERBS, app
from lakatos.prover.commands.help_page import PANELS
from lakatos.prover.config import MODES
from lakatos.search.driver import RECIPES

from .screen import Terminal, environment

ROOT = Path(__file__).parents[1]
COMMANDS = vars(typer.main.get_command(app))["commands"]
EXAMPLES = [example for verb in VERBS for _, example in COMMANDS[verb].page.examples]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """What each verb's help looks like in a terminal, by columns and verb."""
    found = {}
    for columns in (80, 140):
        commands = [[], *([verb, "--help"] for verb in VERBS)]
        terminal = Terminal(commands, tmp_path_factory.mktemp("help"), (columns, 40))
        parts = "\n".join(terminal.wait()).split("\n= 0")
        found[columns] = dict(zip(["", *VERBS], parts, strict=False))
    return found


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_the_terminal(pages, verb):
    for columns, widest in ((80, 79), (140, 99)):
        lines = pages[columns][verb].split("\n")
        assert max(len(line) for line in lines) <= widest
        assert len(lines) > 10
    narrow, wide = ("".join(pages[columns][verb].split()) for columns in (80, 140))
    assert narrow == wide


def test_the_verbs_are_listed_in_groups(pages):
    for title, verbs in GROUPS.items():
        section = pages[80][""].split(f"\n{title}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.split("\n")] == list(verbs)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_says_what_it_does_in_a_group(verb):
    for each in COMMANDS[verb].params:
        if each.param_type_name == "option":
            assert each.rich_help_panel in PANELS, each.name
            assert each.is_flag or each.metavar, each.name
        assert each.help.rstrip(")").endswith((".", "]")) or "Example: " in each.help, each.help
        assert each.help[0].isupper() or ": " in each.help, each.help


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_examples_and_exit_codes(pages, verb):
    examples, codes = pages[80][verb].split("\nExamples:\n")[1].split("\nExit codes:\n")
    commands = [line.strip() for line in examples.split("\n") if line.startswith("  lakatos")]
    assert commands == [example for _, example in COMMANDS[verb].page.examples]
    assert 2 <= len(commands) <= 4
    numbers = [int(number) for number in re.findall(r"^  (\d+) ", codes, re.MULTILINE)]
    assert numbers == sorted(numbers)
    assert {0, 2, 3, 130, 141} <= set(numbers)


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_are_of_verbs_and_options_that_exist(command):
    program, verb, *words = shlex.split(command)
    assert program == "lakatos"
    options = {name for each in COMMANDS[verb].params for name in each.opts}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize(
    "command", [e for e in EXAMPLES if e.split()[1] == "help" or e in ("lakatos report",)]
)
def test_examples_without_lean_run(run, command):
    assert run(*shlex.split(command)[1:])[0] == 0


def test_the_default_stands_before_the_example(pages):
    words = " ".join(pages[80]["prove"].split())
    assert "its final check included. Default: 60." in words
    assert "with a counterexample. Default: 0. Example: --refute 0.3" in words


def test_what_is_completed_is_what_there_is():
    assert set(completion.SEARCHES) == set(RECIPES)
    assert completion.MODES == MODES
    assert set(completion.EXPORTS) == set(FORMATS)
    assert set(completion.FORMATS) == {*dataset_files.FORMATS, *leandojo_read.FORMATS}
    prompts = ROOT / "prover" / "policy" / "prompts.toml"
    assert set(completion.PROMPTS) == set(tomllib.loads(prompts.read_text(encoding="utf-8")))


def test_a_shell_completes_verbs_options_and_values(tmp_path):
    shell = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"],
        cwd=tmp_path, env=environment(), encoding="utf-8", timeout=120, dimensions=(40, 120),
    )  # fmt: skip
    shell.sendline("PS1='> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'")
    shell.sendline('eval "$(lakatos --show-completion)"; echo re""ady')
    shell.expect("ready")
    for typed, completed in (
        ("lakatos pro\t", "lakatos prove "),
        ("--ref\t", "--refute "),
        ("0.3 --search alp\t", "alphaproof "),
    ):
        shell.send(typed)
        assert shell.expect_exact([completed, pexpect.TIMEOUT]) == 0, typed.strip()
    shell.close(force=True)


def test_a_wrong_option_points_to_the_help_of_its_verb(capsys):
    for words, page in ((["prove", "--nonsense"], "lakatos prove"), (["nonsense"], "lakatos")):
        assert main(words) == 2
        assert capsys.readouterr().err.rstrip().endswith(f"({page} --help)")
