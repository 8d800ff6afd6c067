"""What is accessible: never the theorem itself, nothing after it, nothing Lean made for itself."""

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager

import pytest
from lakatos.data.errors import ProtocolError, UsageError
from lakatos.data.records import Premise
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.queries.premises import Premises, Symbols

from .test_lean_env_pool import new_pool

SOURCE = """namespace Below
private theorem hidden (n : Nat) : n + 0 = n := rfl

inductive Tree where
  | leaf : Tree
  | node : Tree → Tree → Tree

notation "twice " n => n + n

def size : Tree → Nat
  | .leaf => 1
  | .node a b => size a + size b

theorem here (t : Tree) : size t = size t := by
  sorry

instance : Inhabited Tree := ⟨.leaf⟩

theorem later (t : Tree) (h : size t = 3) : 0 < size t := by
  have inner : True := by sorry
  sorry

mutual
theorem left (n : Nat) : n = n := by sorry
theorem right (n : Nat) : n = n := by sorry
end

theorem last : True := by sorry
end Below
"""
NODE = ["Below.Tree", "Below.Tree.leaf", "Below.Tree.node", "Below.hidden", "Below.size"]
AFTER_LATER = sorted([*NODE, "Below.here", "Below.later"])


class Counting:
    """A pool's answers, and what was asked."""

    def __init__(self, pool):
        self.pool = pool
        self.asked = []

    async def ask_file(self, theorem, op, **fields):
        self.asked.append((op, fields))
        return await self.pool.ask_file(theorem, op, **fields)

    async def ask_state(self, state, op):
        return await self.pool.ask_state(state, op)


@asynccontextmanager
async def opened(toolchain, source=SOURCE):
    async with LeanPool(toolchain, workers=1) as pool:
        file = await pool.open("Below.lean", source)
        yield pool, {theorem.name: theorem for theorem in file.theorems}


@pytest.mark.lean
def test_own_premises_are_those_above(toolchain):
    async def run():
        async with opened(toolchain) as (pool, theorems):
            premises = Premises(pool)
            return {name: await premises.own(theorem) for name, theorem in theorems.items()}

    found = asyncio.run(run())
    names = {theorem: sorted(p.name for p in own) for theorem, own in found.items()}
    assert names == {
        "Below.here": NODE,
        "Below.later": sorted([*NODE, "Below.here"]),
        "Below.later#2": sorted([*NODE, "Below.here"]),
        "Below.left": AFTER_LATER,
        "Below.right": AFTER_LATER,
        "Below.last": sorted([*AFTER_LATER, "Below.left", "Below.right"]),
    }
    kinds = {p.name: (p.kind, p.module) for p in found["Below.last"]}
    assert kinds["Below.here"] == ("theorem", "")
    assert kinds["Below.size"] == ("definition", "")
    assert kinds["Below.Tree.node"] == ("constructor", "")
    here = next(p for p in found["Below.last"] if p.name == "Below.here")
    assert set(here.conclusion) == {"Eq", "Nat", "Below.size"}
    assert here.others == ("Below.Tree",)


@pytest.mark.lean
def test_a_theorem_whose_statement_needs_its_own_command_is_not_its_premise(toolchain):
    """The hole is posed after its command, for the type speaks of what the command made."""
    source = (
        "structure Pair where\n  a : Nat\n  b : Nat\n  same : a = a := by rfl\n"
        "mutual\ninductive A where | mk : B → A\ninductive B where | nil : B\nend\n"
        "theorem outer : True := by\n  let rec go (n : Nat) : go n = go n := by sorry\n  trivial\n"
        "def f (n : Nat) : { m : Nat // m = n } := ⟨g n, by sorry⟩\n"
        "where g (n : Nat) : Nat := n\n"
        "theorem after : True := trivial\n"
    )

    async def run():
        async with opened(toolchain, source) as (pool, theorems):
            premises = Premises(pool)
            return {name: await premises.own(theorem) for name, theorem in theorems.items()}

    for name, own in asyncio.run(run()).items():
        names = {premise.name for premise in own}
        assert {"Pair", "Pair.mk", "A.mk", "B.nil"} <= names, name
        assert not names & {"f", "f.g", "outer.go", "after", name}, name


@pytest.mark.lean
def test_a_library_is_read_once_and_kept(toolchain, tmp_path):
    async def run():
        async with opened(toolchain) as (pool, theorems):
            theorem = theorems["Below.here"]
            first, second, third = (Counting(pool) for _ in range(3))
            read = await Premises(first, tmp_path).library(theorem)
            kept = await Premises(second, tmp_path).library(theorem)
            (file,) = tmp_path.iterdir()
            file.write_text(file.read_text(encoding="utf-8")[:1000], encoding="utf-8")
            premises = Premises(third, tmp_path)
            again = [await premises.library(theorem) for _ in range(2)]
            texts = await premises.texts(theorem, [p for p in read if p.name in CHOSEN])
            return (read, kept, *again), (first, second, third), texts

    libraries, pools, texts = asyncio.run(run())
    read = libraries[0]
    assert all(each == read for each in libraries)
    pages = [sum(op == "premises" for op, _ in pool.asked) for pool in pools]
    assert pages[1] == 1, "only its key is asked for"
    assert pages[0] == pages[2] > 5, "a broken file is read anew, and then remembered"
    names = [p.name for p in read]
    assert len(names) == len(set(names)) > 20_000
    assert not any(part in name for name in names for part in ("_private", ".match_", "._"))
    assert not {n.rpartition(".")[2] for n in names} & {"injEq", "sizeOf_spec", "casesOn", "rec"}
    assert not any(name.startswith(("Lean.Omega.", "Lean.Grind.")) for name in names)
    assert not any(s.startswith("_private") for p in read for s in (*p.conclusion, *p.others))
    chosen = {p.name: p for p in read if p.name in CHOSEN}
    assert chosen["Nat.add_comm"].module == "Init.Data.Nat.Basic"
    assert {p.kind for p in read} == KINDS
    assert dict(zip(chosen, texts, strict=True)) == CHOSEN


CHOSEN = {
    "Nat.add_comm": "(n m : Nat) : n + m = m + n",
    "Or.inl": "{a b : Prop} (h : a) : a ∨ b",
    "And": "(a b : Prop) : Prop",
    "List.length": "{α : Type u_1} : List α → Nat",
}
KINDS = {"theorem", "definition", "inductive", "constructor", "axiom", "opaque"}


@pytest.mark.lean
def test_own_premises_have_texts_and_states_their_constants(toolchain):
    async def run():
        async with opened(toolchain) as (pool, theorems):
            premises = Premises(pool)
            theorem = theorems["Below.later#2"]
            own = [p for p in await premises.own(theorem) if p.name != "Below.Tree"]
            texts = dict(
                zip([p.name for p in own], await premises.texts(theorem, own), strict=True)
            )
            (step,) = await pool.apply(theorem.state, ["rw [show 0 = 3 - 3 from rfl]"])
            later = step.outcome.states[0]
            return texts, [await premises.symbols(s) for s in (theorem.state, later)]

    texts, (root, later) = asyncio.run(run())
    assert texts["Below.here"] == "(t : Below.Tree) : Below.size t = Below.size t"
    assert texts["Below.hidden"] == "(n : Nat) : n + 0 = n"
    assert {"LT.lt", "Below.size", "Nat"} <= set(root.targets)
    assert {"Eq", "Below.Tree"} <= set(root.hypotheses)
    assert not set(root.targets) & set(root.hypotheses)
    assert "HSub.hSub" in later.targets


def test_a_worker_that_dies_is_asked_again():
    async def run():
        async with new_pool() as pool:
            file = await pool.open("a.toy", "import Init\ndef two\ntheorem a : 3 4\n")
            theorem = file.theorems[1]
            os.kill((await pool.request("stats", wall_s=60.0)).value["pid"], signal.SIGKILL)
            own = await Premises(pool).own(theorem)
            (step,) = await pool.apply(theorem.state, ["dec"])
            os.kill((await pool.request("stats", wall_s=60.0)).value["pid"], signal.SIGKILL)
            return own, await Premises(pool).symbols(step.outcome.states[0])

    own, symbols = asyncio.run(run())
    assert own == (Premise("two", "def", "", ("toy",)),)
    assert symbols == Symbols((3,))


def test_a_theorem_of_another_pool_is_refused():
    async def run():
        async with new_pool() as pool, new_pool() as other:
            theorem = (await pool.open("a.toy", "theorem a : 3\n")).theorems[0]
            await Premises(other).own(theorem)

    with pytest.raises(UsageError, match="a: of a file that this pool has not opened"):
        asyncio.run(run())


class Telling:
    """Answers every request with one value."""

    def __init__(self, value):
        self.value = value

    async def ask_file(self, theorem, op, **fields):
        return self.value

    async def ask_state(self, state, op):
        return self.value


def test_rows_of_another_shape_are_a_protocol_error(tmp_path):
    async def theorem():
        async with new_pool() as pool:
            return (await pool.open("a.toy", "theorem a : 3\n")).theorems[0]

    posed = asyncio.run(theorem())
    for wire in ({}, {"symbols": [], "rows": [["a", "theorem", "", [1], []]]}):
        with pytest.raises(ProtocolError, match="no known shape"):
            asyncio.run(Premises(Telling(wire)).own(posed))
    assert asyncio.run(Premises(Telling(None)).symbols(posed.state)) == Symbols()


def test_a_disk_that_takes_nothing_costs_only_time(tmp_path):
    async def run():
        async with new_pool() as pool:
            theorem = (await pool.open("a.toy", "theorem a : 3\n")).theorems[0]
        rows = [["p", "theorem", "M", [0], []]]
        wire = {"key": "k", "next": None, "symbols": ["Eq"], "rows": rows}
        blocked = tmp_path / "file"
        blocked.write_text(json.dumps({}), encoding="utf-8")
        return await Premises(Telling(wire), blocked / "folder").library(theorem)

    assert asyncio.run(run()) == (Premise("p", "theorem", "M", ("Eq",)),)


class Printing:
    """A library of three constants, printed on demand."""

    def __init__(self):
        self.printed = []

    async def ask_file(self, theorem, op, **fields):
        if op == "signatures":
            self.printed += fields["names"]
            return {"texts": [f"{name} (n :\n  Nat) : {name}" for name in fields["names"]]}
        rows = [[name, "theorem", "M", [], []] for name in ("p", "q", "r")]
        return {"key": "k", "next": None, "symbols": [], "rows": rows}


def test_the_texts_of_a_library_are_printed_once_and_kept(tmp_path):
    async def theorem():
        async with new_pool() as pool:
            return (await pool.open("a.toy", "theorem a : 3\n")).theorems[0]

    posed = asyncio.run(theorem())
    pools = [Printing() for _ in range(3)]

    told = []

    async def texts(pool, folder=tmp_path):
        premises = Premises(pool, folder, told.append)
        return [await premises.library_texts(posed) for _ in range(2)]

    expected = [f"(n : Nat) : {name}" for name in ("p", "q", "r")]
    assert asyncio.run(texts(pools[0])) == [expected, expected]
    assert asyncio.run(texts(pools[1])) == [expected, expected]
    assert [pool.printed for pool in pools[:2]] == [["p", "q", "r"], []]
    next(tmp_path.glob("texts-*")).write_text('["broken"', encoding="utf-8")
    assert asyncio.run(texts(pools[2])) == [expected, expected]
    assert pools[2].printed == ["p", "q", "r"]
    assert ["is damaged, and is made anew" in line for line in told] == [True]
    assert asyncio.run(texts(Printing(), None)) == [expected, expected]
