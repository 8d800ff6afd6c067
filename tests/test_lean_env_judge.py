"""Constants that no honest worker would send: the real judge takes none of them."""

import asyncio
import json
import random
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from lakatos.data.errors import WorkerDied
from lakatos.data.records import Accepted, Refused
from lakatos.lean_env.protocol import Result
from lakatos.lean_env.verification.judge import CheckLimits, CheckTime, Judge
from lakatos.lean_env.verification.judge_pool import JudgePool
from lakatos.lean_env.worker import LeanWorker

FALSE = "theorem t : 2 + 2 = 5 := by sorry\n"
SQUARE = """def Square (n : Nat) : Prop := ∃ m, m * m = n

theorem t : Square 15 := by sorry
"""
TRIVIAL = """def Square (_n : Nat) : Prop := True

theorem t : Square 15 := True.intro
"""


@pytest.fixture(scope="module")
def toolchain(own_toolchain):
    """What is forged is made of a fresh worker's rows."""
    return own_toolchain


@dataclass
class Forger:
    """The judge, and the rows that an honest worker exports for a source."""

    runner: asyncio.Runner
    worker: LeanWorker
    judge: Judge

    def rows(self, source):
        answer = self.runner.run(self.worker.request("export", wall_s=60, name="t", source=source))
        return answer.value["constants"]

    def verdict(self, original, rows):
        exported = {"constants": rows, "imports": ["Init"]}
        judged = self.runner.run(
            self.judge.judge(original, exported, ["t"], ["propext"], CheckTime(60.0))
        )
        return judged["t"] if isinstance(judged, dict) else Refused((judged,))


@pytest.fixture(scope="module")
def forger(toolchain):
    limits = CheckLimits()

    async def start():
        return await LeanWorker.start(toolchain.worker_command(memory_mb=2048))

    with asyncio.Runner() as runner:
        worker, judge = runner.run(start()), Judge(toolchain, limits, LeanWorker.start)
        yield Forger(runner, worker, judge)
        runner.run(worker.close())
        runner.run(judge.close())


class Opener:
    """A worker that opens files of no holes, each with the imports that it names."""

    def __init__(self):
        self.opened = []
        self.is_closed = False

    async def request(self, op, *, wall_s, **fields):
        assert not self.is_closed
        if op == "open":
            self.opened.append(fields["source"])
        imports = [fields.get("source", "")]
        empty = {"commands": [], "holes": [], "messages": [], "parsed": []}
        return Result(1, {"file": len(self.opened), "imports": imports, **empty})

    async def close(self):
        self.is_closed = True


class NoLean:
    def worker_command(self, *, memory_mb):
        return SimpleNamespace(modules=None)


def test_a_worker_holds_only_so_many_sets_of_imports():
    """Lean never unloads them: sets of problems with imports of their own filled its heap."""
    started = []

    async def start(command):
        started.append(Opener())
        return started[-1]

    async def run():
        judge = Judge(NoLean(), CheckLimits(), start)
        for name in [*"abcdefghijklmnopqrstuvwxyz", "z"]:
            assert (await judge.open(name, CheckTime(60.0))).source == name
        await judge.close()

    asyncio.run(run())
    assert [len(worker.opened) for worker in started] == [8, 8, 8, 2]
    assert all(worker.is_closed for worker in started)


def test_a_check_is_tried_again_where_lean_died_once():
    """A worker that somebody kills says nothing of the proof; one that ends two of them does."""
    deaths = []

    class Mortal(Opener):
        async def request(self, op, *, wall_s, **fields):
            if op == "judge" and deaths:
                raise WorkerDied(deaths.pop())
            answer = await super().request(op, wall_s=wall_s, **fields)
            verdict = {"results": [{"name": "t", "reasons": [], "axioms": []}]}
            return replace(answer, value=answer.value | verdict)

    async def start(command):
        return Mortal()

    async def judged(died):
        deaths[:] = died
        judge = Judge(NoLean(), CheckLimits(), start)
        said = await judge.judge("", {"constants": [], "imports": []}, ["t"], [], CheckTime(60.0))
        await judge.close()
        return said

    assert asyncio.run(judged(["killed"])) == {"t": Accepted()}
    refused = asyncio.run(judged(["killed", "killed again"]))
    assert refused.text == "Lean ended during the check (judge): killed"


@pytest.mark.lean
def test_honest_rows_are_accepted(forger):
    proof = forger.rows("theorem t : 2 + 2 = 4 := rfl\n")
    assert forger.verdict("theorem t : 2 + 2 = 4 := by sorry\n", proof) == Accepted()


@pytest.mark.lean
def test_a_definition_cannot_be_told_one_way_to_the_kernel_and_another_to_the_judge(forger):
    trivial, original = forger.rows(TRIVIAL), forger.rows(SQUARE)
    shift = {kind: sum(row[0] in tags for row in trivial) for kind, tags in TAGS.items()}
    moved = [renumbered(row, shift) for row in original if row[0] < 20 or row[0] == 21]
    assert [r.kind.value for r in forger.verdict(SQUARE, trivial).reasons] == ["context_changed"]
    verdict = forger.verdict(SQUARE, trivial + moved)
    assert "Square is declared twice" in verdict.reasons[0].text


TAGS = {"name": range(2), "level": range(2, 7), "expression": range(7, 20)}
FIELDS = {  # what the numbers of a row refer to, by its tag
    0: ("name", None),
    1: ("name", None),
    3: ("level",),
    4: ("level", "level"),
    5: ("level", "level"),
    6: ("name",),
    8: ("level",),
    9: ("name", "level"),
    10: ("expression", "expression"),
    11: ("name", "expression", "expression", None),
    12: ("name", "expression", "expression", None),
    13: ("name", "expression", "expression", "expression"),
    14: ("name", None, "expression"),
    21: ("name", "name", "expression", "expression", None, None),
    22: ("name", "name", "expression", "expression"),
}


def renumbered(row, shift):
    """A row that stands behind others: its references moved. Name 0 is the anonymous one."""
    moved = [row[0]]
    fields = FIELDS.get(row[0], (None,) * (len(row) - 1))
    for value, kind in zip(row[1:], fields, strict=True):
        offset = shift.get(kind, 0)
        if isinstance(value, list):
            moved.append([number + offset for number in value])
        elif kind is None or (kind == "name" and value == 0):
            moved.append(value)
        else:
            moved.append(value + offset)
    return moved


@pytest.mark.lean
@pytest.mark.parametrize(
    "rows",
    [
        None,
        "rows",
        {"0": []},
        [[]],
        [["0", 1]],
        [[99, 1]],
        [[0, 7, "t"]],
        [[0, 0, "t"], [22, 1, [], 0, 0]],
        [[0, 0, "t"], [2], [8, 0], [20, 1, [], 0, False]],
        [[0, 0, "t"], [0, 0, "False"], [9, 2, []], [20, 1, [], 0, False]],
        [[0, 0, "t"], [7, 5], [22, 1, [], 0, 0]],
        [[15, "-1"]],
        [[15, "9" * 5000]],
        [[0, 0, "t"], [7, 2**20], [22, 1, [], 0, 0]],
        [[0, 0, "t"], [7, 2**63], [22, 1, [], 0, 0]],
        [[0, 0, "_nested"], [0, 1, "t"]],
        [[0, 0, "_kernel_fresh"]],
    ],
)
def test_nonsense_is_refused(rows, forger):
    assert isinstance(forger.verdict(FALSE, rows), Refused)


@pytest.mark.lean
def test_no_mutation_of_a_proof_proves_something_false(forger):
    """From the rows of a true theorem, one to three random changes in each of 150 forgeries."""
    source = "theorem s (n : Nat) : n + 0 = n := rfl\n\ntheorem t : 2 + 2 = 4 := s 4\n"
    original = source.replace("2 + 2 = 4 := s 4", "2 + 2 = 5 := by sorry")
    rows = forger.rows(source)
    assert forger.verdict(source, rows) == Accepted()
    chance = random.Random(7)
    for _ in range(150):
        forged = json.loads(json.dumps(rows))
        for _ in range(chance.randint(1, 3)):
            row = chance.choice(forged)
            row[chance.randrange(len(row))] = chance.choice([0, 1, 2, 3, 5, 8, 22, "4", "5", []])
        assert isinstance(forger.verdict(original, forged), Refused), forged


class Taken:
    """A judge that knows which files it has open."""

    def __init__(self):
        self.files, self.is_closed = set(), False

    def has_open(self, source):
        return source in self.files

    async def close(self):
        self.is_closed = True


def test_judges_work_side_by_side_as_far_as_there_is_room():
    async def go():
        made, room = [], [True]

        def make():
            made.append(Taken())
            return made[-1]

        judges = JudgePool(make, 3, lambda: room[0])
        async with judges.one("a") as first:
            made[0].files.add("a")
            async with judges.one("b") as second:
                made[1].files.add("b")
                room[0] = False
                waiting = asyncio.create_task(hold(judges, "c"))
                await asyncio.sleep(0)
                assert not waiting.done()
            assert await waiting is second
        assert len(made) == 2
        async with judges.one("a") as again:
            assert again is first
        async with judges.one("b") as again:
            assert again is second
        await judges.close()
        assert all(judge.is_closed for judge in made)

    async def hold(judges, source):
        async with judges.one(source) as judge:
            return judge

    asyncio.run(go())
