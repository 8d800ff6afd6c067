"""Lean's library posed as problems: by a toy worker that fails, and by real Lean."""

import asyncio

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.evaluation import Problem
from lakatos.data.problems.accessible import ACCESSIBLE
from lakatos.data.problems.library import LibrarySet, PosedModule, header
from lakatos.data.records import Accepted
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.queries.library import FULL_MB, PAGE, LibraryReader, Module
from lakatos.lean_env.verification.verifier import STANDARD_AXIOMS, Verifier

from .toy_library import Server, Toolchain


def pose(server, *modules):
    async def run():
        library = LibraryReader(Toolchain(), start=server.start)
        try:
            return [[row["name"] for row in await library.pose(m)] for m in modules]
        finally:
            await library.close()

    return asyncio.run(run())


def names(module, count):
    return [f"{module}.t{n}" for n in range(count)]


def test_a_module_is_posed_in_pages():
    server = Server()
    (found,) = pose(server, Module("B", ("A",), PAGE + 7))
    assert found == names("B", PAGE + 7)
    assert server.pages == [("B", 0, PAGE), ("B", PAGE, 7)]


@pytest.mark.parametrize("kind", ["deadly", "slow"])
def test_what_ends_a_worker_costs_one_theorem(kind):
    server = Server(**{kind: ["B.t3"]})
    (found,) = pose(server, Module("B", ("A",), 8))
    assert found == ["B.t0", "B.t1", "B.t2", "", *names("B", 8)[4:]]
    assert all(worker.is_closed for worker in server.started)


def test_a_full_worker_gets_no_further_module():
    server = Server(grows_mb=FULL_MB + 1)
    found = pose(server, Module("A", (), 1), Module("B", ("A",), 1))
    assert found == [["A.t0"], ["B.t0"]]
    assert [len(worker.pages) for worker in server.started] == [1, 1]


def test_imports_that_cannot_be_had_are_told():
    with pytest.raises(UsageError, match="B: no such module"):
        pose(Server(broken=["B"]), Module("B", ("A",), 3))


@pytest.fixture(scope="module")
def bool_rows(toolchain):
    """What real Lean says of the first theorems of a module."""

    async def run():
        library = LibraryReader(toolchain)
        try:
            modules = {m.name: m for m in await library.modules()}
            module = modules["Init.Data.Bool"]
            return modules, module, await library.pose(Module(module.name, module.imports, 40))
        finally:
            await library.close()

    return asyncio.run(run())


@pytest.mark.lean
def test_the_library_is_listed(bool_rows):
    modules, *_ = bool_rows
    assert sum(m.theorems for m in modules.values()) > 40_000
    assert all(m.theorems > 0 for m in modules.values())
    assert {"Init.Core", "Std.Data.HashMap.Lemmas"} < modules.keys()


@pytest.mark.lean
def test_each_theorem_is_posed_or_there_is_a_reason(bool_rows):
    _, _, rows = bool_rows
    assert len(rows) == 40
    assert all("statement" in row or row["why"] == "own" for row in rows)
    statements = {row["name"]: row for row in rows if "statement" in row}
    assert len(statements) > 30
    for name, row in statements.items():
        assert row["statement"].startswith(f"theorem {name}")
        assert len(row["key"]) == len(row["alike"]) == 32


@pytest.mark.lean
def test_a_problem_opens_where_its_theorem_is_not_yet(toolchain, bool_rows):
    """The text is read in an environment of the imports; the theorem itself is not there."""
    _, module, rows = bool_rows
    row = next(row for row in rows if row.get("closed") is None and "statement" in row)
    source = f"{header(module.imports)}\n{row['statement']}\n"

    async def run():
        async with LeanPool(toolchain, workers=1) as pool:
            opened = await pool.open("a.lean", source)
            (theorem,) = opened.theorems
            itself = f"exact _root_.{row['name']} .."
            steps = await pool.apply(theorem.state, [itself, "rfl", "simp"])
            return opened, theorem, steps

    opened, theorem, steps = asyncio.run(run())
    assert [m.text for m in opened.messages if m.severity == "error"] == []
    assert theorem.imports == module.imports
    assert "nknown" in steps[0].outcome.message
    assert all(not hasattr(step.outcome, "states") for step in steps)


@pytest.mark.lean
def test_premises_are_there_and_what_stands_below_is_not(toolchain, bool_rows):
    """A proof may rest on what its header states; the theorem and what follows are unknown."""
    _, module, rows = bool_rows
    posed = PosedModule(module.name, module.imports, rows)
    made = {r["name"]: r for r in LibrarySet([posed], "Lean", premises=ACCESSIBLE).rows()}
    row = made["Bool.not_or"]
    below = [r["name"] for r in made.values() if row["name"] in r["premises"]]
    assert len(row["premises"]) > 3
    assert len(below) > 2
    hidden = [row["name"], *below]
    problem = Problem("t", "core", "", row["header"], row["formal_statement"] + "\n")
    assert problem.premises == tuple(row["premises"])

    async def run():
        axioms = (*STANDARD_AXIOMS, *problem.premises)
        async with (
            LeanPool(toolchain, workers=1) as pool,
            Verifier(pool, toolchain, allow_axioms=axioms) as verifier,
        ):
            opened = await pool.open("a.lean", problem.lean)
            (theorem,) = opened.theorems
            uses = [f"have h := @_root_.{name}\nsorry" for name in (*row["premises"], *hidden)]
            steps = await pool.apply(theorem.state, uses, allow_sorry=True)
            used = f"have h := @{row['premises'][0]}\ncases x <;> cases y <;> rfl"
            return opened, steps, await verifier.verify(theorem, used)

    opened, steps, verified = asyncio.run(run())
    assert [m.text for m in opened.messages if m.severity == "error"] == []
    known = [hasattr(step.outcome, "states") for step in steps]
    assert known == [True] * len(row["premises"]) + [False] * len(hidden)
    assert isinstance(verified.verdict, Accepted), verified.verdict
