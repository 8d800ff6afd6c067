"""The house rules, executed: who may import whom, how long things may be, where words stand."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "search", "lean_env", "prover")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def table(title):
    """The rows of the table below a heading of docs/architecture.md, each a list of its cells."""
    part = ARCHITECTURE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]


def words(cell):
    return {word.strip("` ") for word in cell.split(",")} - {""}


LAW = {row[0]: row for row in table("Rooms")}
MAY_IMPORT = {room: words(row[2]) for room, row in LAW.items()}
LIBRARIES = {room: words(row[3]) for room, row in LAW.items()}
ORDER = {room: [w.strip() for w in row.split(",")] for room, row in table("Inside a room")}
TERMINAL = {"typer", "rich"}
HEAVY = {"torch", "transformers", "ray", "openai", "lean_dojo", "pyarrow", "datasets"}
IMPURE = {"asyncio", "time", "datetime", "os", "pathlib", "subprocess", "threading", "socket"}
TOP_LEVEL = {
    ".ci", ".git", ".gitignore", ".pre-commit-config.yaml",
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
    "README.md", "__init__.py", "benchmarks", "cli.py",
    "constraints.txt", "data", "docs", "examples", "lakefile.lean", "lean-toolchain", "lean_env",
    "noxfile.py", "prover", "py.typed", "pyproject.toml", "search", "tests",
}  # fmt: skip


def tracked():
    """Files of the repository, those not yet added included, ignored ones not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    names = sorted({name for name in listed.decode().split("\0") if name})
    return [name for name in names if (ROOT / name).is_file()]


FILES = tracked()
PYTHON = [n for n in FILES if n.endswith(".py")]
PACKAGE = [n for n in PYTHON if n.split("/")[0] in ROOMS or n in ("__init__.py", "cli.py")]
SOURCES = [n for n in FILES if n.endswith((".py", ".lean", ".js")) and not n.startswith("tests/")]


@cache
def tree_of(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def line(node):
    """The line of a node that has one."""
    return getattr(node, "lineno", 0)


def for_each(names):
    """A test of all these files at once: each fault is told, and thousands of tests are spared."""

    def of_all(check):
        def test():
            faults = []
            for name in names:
                try:
                    check(name)
                except AssertionError as fault:
                    faults.append(f"[{name}] {fault}")
            assert not faults, "\n".join(faults)

        test.__name__ = test.__qualname__ = check.__name__
        assert names, f"{check.__name__}: of no file"
        return test

    return of_all


def room_of(name):
    return name.split("/")[0].removesuffix(".py")


def absolute(name, node):
    """The modules an ImportFrom names, from the package's root: `data.records`."""
    package = name.split("/")[:-1]
    base = package[: len(package) - node.level + 1]
    module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
    return [module] if node.module else [f"{module}.{a.name}".strip(".") for a in node.names]


@for_each(PACKAGE)
def test_rooms_import_only_what_the_law_allows(name):
    room = room_of(name)
    for node in ast.walk(tree_of(name)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        for module in absolute(name, node):
            other = module.split(".")[0]
            allowed = MAY_IMPORT[room] | {room}
            permitted = other in allowed or module in allowed
            assert permitted, f"{name}:{node.lineno}: {room} may not import {module}"


@for_each(PACKAGE)
def test_rooms_use_only_their_libraries(name):
    allowed = LIBRARIES[room_of(name)]
    if name.startswith("prover/commands/"):
        allowed = allowed | TERMINAL
    for node in ast.walk(tree_of(name)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        for library in (module.split(".")[0] for module in modules):
            assert library not in (*ROOMS, "lakatos"), f"{name}:{line(node)}: use relative imports"
            known = library in sys.stdlib_module_names or library in allowed
            assert known, f"{name}:{line(node)}: {library} is not for this room"


@for_each([n for n in PACKAGE if n.startswith("search/")])
def test_search_is_pure(name):
    for node in ast.walk(tree_of(name)):
        asynchronous = isinstance(node, ast.AsyncFunctionDef | ast.Await)
        assert not asynchronous, f"{name}:{line(node)}: search has no async"
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {m.split(".")[0] for m in modules} & IMPURE, f"{name}:{line(node)}"


@for_each(PACKAGE)
def test_heavy_imports_stand_inside_what_needs_them(name):
    for node in tree_of(name).body:
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {m.split(".")[0] for m in modules} & HEAVY, f"{name}:{node.lineno}"


def test_the_package_has_no_import_cycle():
    graph = {}
    for name in PACKAGE:
        if name == "__init__.py":
            continue
        module = name.removesuffix(".py").replace("/", ".")
        targets = set()
        for node in tree_of(name).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                targets |= set(absolute(name, node))
        graph[module] = targets
    done = set()
    while ready := {
        m for m, needs in graph.items() if m not in done and not (needs & graph.keys()) - done
    }:
        done |= ready
    assert graph.keys() <= done, f"cycle among {sorted(graph.keys() - done)}"


def test_the_law_names_every_part_of_every_room():
    assert set(LAW) == {*ROOMS, "cli", "__init__"}
    for room in ROOMS:
        inside = {n.split("/")[1].removesuffix(".py") for n in PACKAGE if n.startswith(f"{room}/")}
        assert sorted(ORDER[room]) == sorted(inside - {"__init__"})


@for_each([n for n in PACKAGE if "/" in n])
def test_inside_a_room_imports_run_one_way(name):
    room, part = name.split("/")[0], name.split("/")[1].removesuffix(".py")
    if part == "__init__":
        return
    order = ORDER[room]
    for node in ast.walk(tree_of(name)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        for module in absolute(name, node):
            path = module.split(".")
            if path[0] == room and path[1] != part:
                where = f"{name}:{node.lineno}: {part} may not import {module}"
                assert order.index(path[1]) < order.index(part), where


@for_each(SOURCES)
def test_files_are_short(name):
    lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{name} has {lines} lines"


@for_each([n for n in PYTHON if not n.startswith("tests/")])
def test_functions_are_short_and_take_few_parameters(name):
    for node in ast.walk(tree_of(name)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = node.end_lineno - node.lineno + 1
        assert lines <= 60, f"{name}:{node.lineno}: {node.name} has {lines} lines"
        parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        count = len([p for p in parameters if p.arg not in ("self", "cls")])
        assert count <= 6, f"{name}:{node.lineno}: {node.name} takes {count} parameters"


@for_each(PYTHON)
def test_modules_say_what_they_are(name):
    text = ast.get_docstring(tree_of(name))
    assert text, f"{name} has no docstring"


@for_each([n for n in FILES if n.startswith("lean_env/") and n.endswith(".lean")])
def test_lean_modules_say_what_they_are(name):
    if "/warm/" not in name:
        assert "/-!" in (ROOT / name).read_text(encoding="utf-8"), f"{name} has no /-! -/"


@for_each(PACKAGE)
def test_broad_handlers_environment_and_printing_stand_in_cli_only(name):
    if name == "cli.py":
        return
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            assert caught not in ("Exception", "everything"), f"{name}:{node.lineno}: {caught}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "os.getenv"), f"{name}:{node.lineno}: {called}"
            if called == "asyncio.run":
                # the set-up of Lean tests a worker, in a thread of its own
                commands = "prover/commands/event_loop.py"
                allowed = ("__init__.py", "lean_env/self_test.py", commands)
                assert name in allowed, f"{name}:{node.lineno}: asyncio.run"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.startswith("LAKATOS_"), f"{name}:{node.lineno}: {node.value}"


def test_no_patching_and_no_sleeping_in_tests():
    for name in [n for n in PYTHON if n.startswith("tests/")]:
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
                assert not any("mock" in module for module in modules), f"{name}:{node.lineno}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                slept = called == "time.sleep" or (
                    called == "asyncio.sleep" and ast.unparse(node.args[0]) not in ("0",)
                )
                assert not slept, f"{name}:{node.lineno}: {called}"


HOSTS = re.compile(
    r"(registry\.[n]pmjs|files\.[p]ythonhosted|[p]ypi\.org|[a]rtifactory)"
    r"|(?<![\w.~}])/(root|home|work|tmp)/\w"
)
HOSTS_IN_TESTS = re.compile(HOSTS.pattern.split("|(?<")[0])  # a fake path is no machine's path


@for_each([n for n in FILES if not n.endswith((".png", ".jsonl"))])
def test_nothing_of_one_machine_is_written_down(name):
    pattern = HOSTS_IN_TESTS if name.startswith("tests/") else HOSTS
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
        assert not pattern.search(line), f"{name}:{number}: {line.strip()}"


def test_unfinished_work_is_not_left_in_the_code():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|NotImplemented(Error)?)\b")
    for name in SOURCES:
        found = marks.search((ROOT / name).read_text(encoding="utf-8"))
        assert not found, f"{name}: {found.group()}"


def test_the_top_level_is_fixed():
    assert {name.split("/")[0] for name in FILES} <= TOP_LEVEL


def test_a_public_class_name_stands_once():
    places = {}
    for name in PACKAGE:
        for node in tree_of(name).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)
    assert {each: where for each, where in places.items() if len(where) > 1} == {}


def test_no_room_for_leftovers():
    for name in PACKAGE:
        stem = name.split("/")[-1].removesuffix(".py")
        assert stem not in ("utils", "helpers", "common", "manager", "misc"), name
