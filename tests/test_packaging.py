"""What is installed: one import package with all its files, light to import."""

import fnmatch
import subprocess
import sys
import tomllib
from pathlib import Path

import lakatos
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = ("data", "search", "lean_env", "prover")


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def requirements(*extras):
    """What pyproject.toml asks for, the package's own extras followed; stubs have no versions."""
    project = PROJECT["project"]
    lists = [project["optional-dependencies"][e] for e in extras] or [project["dependencies"]]
    for requirement in map(Requirement, (line for each in lists for line in each)):
        if requirement.name == "lakatos":
            yield from requirements(*sorted(requirement.extras))
        elif not requirement.name.startswith("types-"):
            yield requirement


def test_every_dependency_is_a_range_that_the_tested_version_is_in():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    for requirement in (*requirements(), *requirements("dev")):
        operators = {each.operator for each in requirement.specifier}
        assert operators == {">=", "<"}, f"{requirement}: not a range"
        assert tested[requirement.name] in requirement.specifier, requirement


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *ROOMS],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [name for name in listed if (ROOT / name).is_file()]


def test_every_folder_with_modules_is_a_package():
    folders = {name.rpartition("/")[0] for name in tracked() if name.endswith(".py")}
    expected = {"lakatos", *(f"lakatos.{folder.replace('/', '.')}" for folder in folders)}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(expected)
    for folder in folders:
        assert (ROOT / folder / "__init__.py").is_file(), folder


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_of_a_room_is_installed(room):
    data = PROJECT["tool"]["setuptools"]["package-data"]
    patterns = [
        f"{package.removeprefix('lakatos.').replace('.', '/')}/{pattern}"
        for package, listed in data.items()
        for pattern in listed
    ]
    for name in tracked():
        if name.startswith(f"{room}/") and not name.endswith(".py"):
            matches = [p for p in patterns if fnmatch.fnmatchcase(name, p)]
            assert matches, f"{name} is not in package-data"


def test_import_is_light():
    loaded = python("import sys, lakatos; print(*sys.modules)")
    heavy = {"torch", "transformers", "ray", "openai", "sqlalchemy", "asyncio", "rich", "typer"}
    assert not heavy & set(loaded)


@pytest.mark.slow
def test_proving_loads_no_model():
    loaded = python("import sys, lakatos.cli, lakatos.prover.commands.prove; print(*sys.modules)")
    assert "lakatos.prover.session" in loaded
    assert not {"torch", "transformers", "ray", "openai"} & set(loaded)


def test_public_names_exist():
    assert sorted(lakatos.__all__) == list(lakatos.__all__)
    for name in lakatos.__all__:
        assert getattr(lakatos, name) is not None
    assert set(lakatos.__all__) <= set(dir(lakatos))


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'Prooover'"):
        _ = lakatos.Prooover


def test_console_script_and_extras():
    assert PROJECT["project"]["scripts"] == {"lakatos": "lakatos.cli:main"}
    assert {"llm", "peft", "dojo", "ray", "dev"} <= PROJECT["project"][
        "optional-dependencies"
    ].keys()


@pytest.mark.slow
def test_the_console_script_ends_with_mains_code():
    code = "import sys; from lakatos.cli import main; sys.exit(main(['prove', 'missing.lean']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["lakatos: missing.lean: no such file"]


def test_lean_developers_find_the_same_lean():
    toolchain = (ROOT / "lean-toolchain").read_text().strip()
    assert toolchain == "leanprover/lean4:v4.28.0"
    lakefile = (ROOT / "lakefile.lean").read_text()
    assert "lean_exe worker" in lakefile
    assert lakefile.count("\n") < 40
    assert (ROOT / "lean_env" / "Worker.lean").is_file()


@pytest.mark.lean
def test_prove_is_one_call(tmp_path, toolchain):
    file = tmp_path / "f.lean"
    file.write_text("theorem a : True := by sorry\ntheorem b (n : Nat) : n < n + 1 := by sorry\n")
    (attempt,) = lakatos.prove(file, theorems=["b"], lean=toolchain.name)
    assert attempt.is_proved
    assert attempt.theorem.name == "b"
    assert isinstance(attempt.verdict, lakatos.Accepted)
    with pytest.raises(lakatos.UsageError, match="no theorem c"):
        lakatos.prove(file, theorems=["c"], lean=toolchain.name)
