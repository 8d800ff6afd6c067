"""Choosing a toolchain, with programs made for the test; then the stand-in native one."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import ToolchainError, UsageError
from lakatos.lean_env.toolchains import native
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.toolchains.sources import ROOT, worker_sources
from lakatos.lean_env.worker import LeanWorker

STANDIN = Path(__file__).parent / "native_standin"
SYSTEM = os.pathsep.join(["/usr/bin", "/bin"])
BANNER = "Lean (version 4.28.0, x86_64-unknown-linux-gnu, commit abc, Release)"
REPLAY = Path(__file__).parent / "replay_worker.py"
SELF_TEST = Path(__file__).parent / "golden" / "self_test.jsonl"
LEAN = f"""case "$1" in
  --version) echo "{BANNER}" ;;
  --print-prefix) echo /opt/lean ;;
  -D*) echo "$PWD $LEAN_PATH $6" >> "$LOG"; : > "$5" ;;
  -M) exec {sys.executable} {REPLAY} {SELF_TEST} ;;
esac"""
LAKE_ENV = '[ "$1" = env ] || { echo "error: unknown command $1"; exit 1; }; '
LAKE_ENV += 'echo "LEAN_PATH=$PWD/build"; echo "LEAN_SYSROOT=/lake/lean"'


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


class Machine:
    """A folder that is the whole PATH, a cache, and a Lake project."""

    def __init__(self, folder):
        self.bin, self.cache, self.project = (folder / name for name in ("bin", "cache", "proj"))
        self.log = folder / "log"
        for each in (self.bin, self.project):
            each.mkdir()
        (self.project / "lakefile.toml").write_text('name = "p"\n')
        self.file = self.project / "sub" / "A.lean"
        self.file.parent.mkdir()
        self.file.write_text("")

    def install(self, name, body):
        program = self.bin / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    def find(self, choice="native", **given):
        path = os.pathsep.join([str(self.bin), SYSTEM])
        environ = {"PATH": path, "LOG": str(self.log)}
        return find_toolchain(choice, cache=self.cache, environ=environ, **given)


def test_a_lake_projects_lean_is_compiled_for_once(machine):
    machine.install("lean", LEAN)
    machine.install("lake", f"{LAKE_ENV}; echo called >> $LOG")
    found = machine.find(file=machine.file)
    assert (found.name, found.lean) == ("native", "4.28.0")
    asked, *compiled = machine.log.read_text().splitlines()
    assert asked == "called"
    modules = [source.path for source in worker_sources() if source.module != "Worker"]
    assert [Path(line.split()[-1]) for line in compiled] == modules
    machine.find(file=machine.file)
    assert machine.log.read_text().splitlines() == [asked, *compiled, "called"]


def test_the_command_has_the_projects_environment_and_ours(machine):
    machine.install("lean", LEAN)
    machine.install("lake", LAKE_ENV)
    found = machine.find(project=machine.project)
    command = found.worker_command(memory_mb=1500)
    assert command.argv[1:3] == ("-M", "1500")
    assert command.argv[-2:] == ("--run", str(ROOT / "Worker.lean"))
    ours, theirs = command.env["LEAN_PATH"].split(os.pathsep)
    assert Path(theirs) == machine.project / "build"
    assert (Path(ours) / "LeanEnv" / "Protocol.olean").is_file()
    assert command.env["LEAN_ABORT_ON_PANIC"] == "1"
    assert command.env["LEAN_SYSROOT"] == "/lake/lean"
    assert command.cwd == machine.project


def test_a_bare_lean_serves_a_file_outside_projects(machine, tmp_path):
    machine.install("lean", LEAN)
    found = machine.find(file=tmp_path / "B.lean")
    assert found.worker_command(memory_mb=9).env["LEAN_SYSROOT"] == "/opt/lean"


def test_auto_is_native_where_the_projects_lean_is_installed(machine):
    machine.install("lean", LEAN)
    machine.install("lake", LAKE_ENV)
    assert machine.find("auto", file=machine.file).name == "native"


@pytest.mark.parametrize(
    ("pinned", "installed"),
    [
        ("leanprover/lean4:v4.28.0", True),
        ("v4.28.0", True),
        ("4.28.0", True),
        ("leanprover/lean4:v4.27.0", False),
        ("mine/lean4:v4.28.0", False),
    ],
)
def test_elan_is_asked_before_it_would_download(machine, pinned, installed):
    machine.install("lean", "echo downloading > $LOG")
    machine.install("lake", "echo downloading > $LOG")
    machine.install("elan", "echo 'stable'; echo 'leanprover/lean4:v4.28.0 (default)'")
    (machine.project / "lean-toolchain").write_text(pinned + "\n")
    environ = {"PATH": os.pathsep.join([str(machine.bin), SYSTEM]), "LOG": str(machine.log)}
    assert native.is_installed(machine.project, environ) is installed
    assert not machine.log.exists()


@pytest.mark.parametrize("missing", ["lean", "lake"])
def test_a_project_without_an_installed_lean_is_not_native(machine, missing):
    for program in {"lean", "lake"} - {missing}:
        machine.install(program, "exit 0")
    assert not native.is_installed(machine.project, {"PATH": str(machine.bin)})


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({"lean": LEAN}, "no `lake` on PATH"),
        ({"lake": "echo 'error: bad manifest' >&2; exit 1"}, "fails .*bad manifest"),
        ({"lake": LAKE_ENV}, "no `lean` on PATH"),
        ({"lake": LAKE_ENV, "lean": "echo 'error: no toolchain' >&2; exit 1"}, "no toolchain"),
        ({"lake": LAKE_ENV, "lean": "echo hello"}, "--version fails"),
        (
            {
                "lake": LAKE_ENV,
                "lean": f'[ "$1" = --version ] && echo "{BANNER}" && exit 0\n'
                "echo 'Protocol.lean:3:1: error: unknown constant'; exit 1",
            },
            "worker does not compile with Lean 4.28.0 .*unknown constant.*report this line",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_a_cure(machine, programs, said):
    for program, body in programs.items():
        machine.install(program, body)
    with pytest.raises(ToolchainError, match=said) as caught:
        machine.find(project=machine.project)
    assert "--lean embedded" in str(caught.value)
    assert "\n" not in str(caught.value)
    kept = machine.cache.iterdir() if machine.cache.exists() else []
    assert [path.name for path in kept if path.is_dir()] == []


def test_wrong_choices_are_the_users(machine, tmp_path):
    with pytest.raises(UsageError, match="choose one of auto, embedded, native"):
        machine.find("nativ")
    with pytest.raises(UsageError, match="is not a folder"):
        machine.find(project=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no lakefile"):
        machine.find(project=machine.bin)


def test_sources_come_after_what_they_import(tmp_path):
    (tmp_path / "LeanEnv").mkdir()
    (tmp_path / "Worker.lean").write_text(
        "import LeanEnv.B\nimport LeanEnv.A\n-- import LeanEnv.C\n"
    )
    (tmp_path / "LeanEnv" / "A.lean").write_text("import Lean\n")
    (tmp_path / "LeanEnv" / "B.lean").write_text("import Lean\nimport LeanEnv.A\n\ndef b := 1\n")
    sources = worker_sources(tmp_path)
    assert [source.module for source in sources] == ["LeanEnv.A", "LeanEnv.B", "Worker"]
    assert sources[1].body.splitlines() == ["", "", "", "def b := 1"]
    (tmp_path / "LeanEnv" / "A.lean").write_text("import LeanEnv.B\n")
    with pytest.raises(ToolchainError, match="imports itself"):
        worker_sources(tmp_path)
    (tmp_path / "LeanEnv" / "B.lean").unlink()
    with pytest.raises(ToolchainError, match=r"B\.lean is missing"):
        worker_sources(tmp_path)


# ------------------------------------------------------------------------------- with real Lean


@pytest.mark.lean
def test_without_a_lake_project_auto_is_embedded(own_toolchain, tmp_path):
    place = own_toolchain.dist.parent
    found = find_toolchain("auto", file=tmp_path / "A.lean", cache=place, environ={"PATH": SYSTEM})
    assert found == own_toolchain


@pytest.mark.lean
def test_the_native_program_answers_as_the_embedded_one(native_toolchain, own_toolchain):
    """Worker.lean's own `main`, importing the modules that `lean -o` made of the others."""
    source = "theorem t (a b : Nat) : a + b = b + a := by sorry\n#eval IO.println 1\n"
    requests = [
        {"v": 1, "id": 1, "op": "ping"},
        {"v": 1, "id": 2, "op": "open", "name": "t.lean", "source": source},
        {"v": 1, "id": 3, "op": "apply", "state": 1, "tactic": "omega", "heartbeats": 40000},
        {"v": 1, "id": 4, "op": "open", "name": "m.lean", "source": "import Nowhere\n"},
    ]
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    command = native_toolchain.worker_command(memory_mb=2048)
    argv = [*command.argv, "--batch"]
    done = subprocess.run(argv, env=dict(command.env), input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ready, *replies = map(json.loads, done.stdout.splitlines())
    assert ready["ready"]["toolchain"] == "native"
    assert [reply["id"] for reply in replies] == [1, 2, 3, 4]
    assert replies[2]["result"] == {"states": []}
    assert replies[3]["error"]["kind"] == "import_failed"

    async def embedded_holes():
        worker = await LeanWorker.start(own_toolchain.worker_command(memory_mb=2048))
        opened = await worker.request("open", wall_s=60.0, name="t.lean", source=source)
        await worker.close()
        return opened.value["holes"]

    assert replies[1]["result"]["holes"] == asyncio.run(embedded_holes())


@pytest.mark.lean
def test_the_standin_refuses_what_lean_refuses(toolchain, tmp_path):
    (tmp_path / "A.lean").write_text("import Lean\n\ndef a : Nat := true\n")
    lean = STANDIN / "lean"
    environ = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), SYSTEM])}
    argv = [lean, "-R", tmp_path, "-o", tmp_path / "A.olean", tmp_path / "A.lean"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "A.lean:3:15: error" in done.stderr
    assert shutil.which("lean", path=str(STANDIN)) == str(lean)
