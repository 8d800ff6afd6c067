"""Help imports nothing heavy, and a Ctrl-C while a command starts shows no traceback."""

import subprocess
import sys

import pytest
from lakatos.prover.commands.app import VerbCommand
from lakatos.prover.commands.streams import Interrupted

HEAVY = {"sqlalchemy", "networkx", "torch", "psutil", "asyncio", "rich", "pydantic", "filelock"}
MAIN = "import sys; from lakatos.cli import main; code = main(sys.argv[1:]); "
INTERRUPTED = """
import sys
from importlib.abc import MetaPathFinder
class CtrlC(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
from lakatos.cli import main
sys.exit(main(["show"]))
"""


@pytest.mark.parametrize(
    "words",
    [[], ["--version"], ["--help"], ["prove", "--help"], ["eval", "--help"], ["report", "-h"]],
)
def test_help_imports_nothing_heavy(words):
    code = MAIN + "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not HEAVY & set(done.stderr.split())


def test_texts_and_defaults_need_no_conversion(tmp_path):
    code = MAIN + "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    command = [sys.executable, "-c", code, "show", "--db", "none.db", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert "sqlalchemy" in done.stderr.split()
    assert "pydantic" not in done.stderr.split()


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("commands.serve", {"mcp", "pydantic", "fastapi", "uvicorn", "sqlalchemy", "rich"}),
        ("serving.mcp_app serving.mcp_tools serving.mcp_proving", {"fastapi", "sqlalchemy"}),
    ],
)
def test_a_server_imports_before_its_lean_starts_and_before_it_answers_what_it_needs(
    modules, heavy
):
    names = [f"lakatos.prover.{name}" for name in modules.split()]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not (heavy | {"networkx", "lakatos.prover.session"}) & loaded


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("typer", ""),
        ("lakatos.prover.commands.app", ""),
        ("lakatos.data.store", "lakatos: interrupted; what was proved is kept (lakatos show)\n"),
    ],
)
def test_ctrl_c_while_modules_are_imported_shows_no_traceback(module, line):
    command = [sys.executable, "-c", INTERRUPTED, module]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", line)


def test_the_console_script_imports_only_what_python_has_loaded_until_main_catches():
    code = "import os, sys; before = set(sys.modules); import lakatos.cli; "
    code += "print(*sorted(set(sys.modules) - before - {'__future__'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["lakatos", "lakatos.cli"]


def test_ctrl_c_in_a_verb_is_told():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        VerbCommand("verb", callback=interrupted).main([], standalone_mode=False)
