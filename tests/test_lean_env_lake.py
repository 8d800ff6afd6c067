"""What `lake setup-file` says, as three versions of lake say it, and what is done with it."""

import asyncio
import os
from pathlib import Path

import pytest
from lakatos.data.errors import ToolchainError, UsageError
from lakatos.lean_env.toolchains.lake import LakeSetup, NativeModules, setup_of
from lakatos.lean_env.toolchains.native import NativeToolchain
from lakatos.lean_env.toolchains.project import Project
from lakatos.lean_env.worker_command import MATHLIB_MB, WORKER_MB

from .test_lean_env_project import write

STANDIN = Path(__file__).parent / "native_standin"
OPTIONS = {"autoImplicit": False, "maxHeartbeats": 100000, "weak.linter.all": True}
LAKEFILE = 'name = "p"\n[[lean_lib]]\nname = "P"\n'


def environ(lean, project):
    path = os.pathsep.join([str(STANDIN), "/usr/bin", "/bin"])
    return {"PATH": path, "STANDIN_LEAN": lean, "LEAN_PATH": str(built(project))}


def built(project):
    return project / ".lake" / "build" / "lib" / "lean"


@pytest.fixture
def project(tmp_path):
    files = {
        "lakefile.toml": LAKEFILE,
        "Main.lean": "import P\n",
        "P.lean": "",
        "artifacts/P.olean": "",
    }
    return write(tmp_path / "p", files)


@pytest.mark.parametrize(
    ("lean", "options", "modules"),
    [
        ("4.2.0", {}, []),
        ("4.22.0", OPTIONS, []),
        ("4.28.0", OPTIONS, ["P"]),
        ("4.36.0", OPTIONS, ["P"]),
    ],
)
def test_each_lake_says_what_it_knows(project, lean, options, modules):
    setup = setup_of(project / "Main.lean", project, environ(lean, project))
    assert setup.options == options
    assert list(setup.artifacts) == modules
    assert setup.arguments == (("--load-dynlib=libP.so",) if modules else ())


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ({"Main.lean": "import P\n"}, ToolchainError, "P is not built: run `lake build` first"),
        ({"Main.lean": "import Nowhere\n"}, UsageError, "no package of the project has Nowhere"),
        (
            {"lakefile.toml": "broken\n"},
            ToolchainError,
            r"fails in .*lakefile.toml:1:7: expected '='",
        ),
    ],
)
def test_what_lake_refuses_is_one_line(project, files, error, said):
    (project / "artifacts" / "P.olean").unlink()
    write(project, files)
    with pytest.raises(error, match=said) as caught:
        setup_of(project / "Main.lean", project, environ("4.28.0", project))
    assert "\n" not in str(caught.value)


def test_a_machine_without_lake_has_nothing_to_say(project):
    assert setup_of(project / "Main.lean", project, {"PATH": ""}) == LakeSetup()


def test_workers_get_what_lake_says(project):
    bare = NativeToolchain("4.28.0", Path("lean"), environ("4.28.0", project), Path("m"), project)
    there = bare.in_project(project / "Main.lean")
    command = there.worker_command(memory_mb=9)
    assert command.argv[:2] == ("lean", "--load-dynlib=libP.so")
    assert command.options == OPTIONS
    assert command.need_mb == WORKER_MB
    _, artifacts, _ = command.env["LEAN_PATH"].split(os.pathsep)
    assert (Path(artifacts) / "P.olean").resolve() == project / "artifacts" / "P.olean"
    del there, command
    assert not Path(artifacts).exists()
    (project / ".lake" / "packages" / "mathlib").mkdir(parents=True)
    assert bare.in_project(None).worker_command(memory_mb=9).need_mb == MATHLIB_MB


def test_a_module_that_is_not_built_is_named(project):
    write(project, {"P.lean": "import P.A\n", "P/A.lean": "import Mathlib.Logic\nimport Std\n"})
    modules = NativeModules(Project(project), [built(project)], LakeSetup())

    def said():
        return asyncio.run(modules.provide("import P\nimport Elsewhere\n"))

    assert said() == "the module Mathlib.Logic is not built: run `lake exe cache get` first"
    write(built(project), {"Mathlib/Logic.olean": "", "P/A.olean": ""})
    assert said() == "the module P is not built: run `lake build` first"
    write(built(project), {"P.olean": ""})
    assert said() == ""
    assert modules.foreign("import P.A\n", ["P", "P.A", "Std"]) == ["P"]
