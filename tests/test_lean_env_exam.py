"""The exam: every attack in tests/exam is refused for its reason, every honest proof accepted.

A folder is one trick: original.lean, then proof.txt (for a hole) or submission.lean (a whole
file), and expect.json: row of the list of known exploits (0: honest), trick, theorem, accepted,
kinds (one of them must be among the reasons), wall_s (where time is the point).
"""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from lakatos.data.records import Accepted, Refused
from lakatos.lean_env.judge import CheckLimits
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verifier import Verifier

EXAM = Path(__file__).parent / "exam"
CASES = sorted(folder.name for folder in EXAM.iterdir())
ROWS = range(1, 14)


def expected(case):
    return json.loads((EXAM / case / "expect.json").read_text(encoding="utf-8"))


def text(case, name):
    return (EXAM / case / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def pool(runner, toolchain):
    async def make():
        return LeanPool(toolchain, workers=1)

    pool = runner.run(make())
    yield pool
    runner.run(pool.close())


@pytest.fixture(scope="module")
def verifiers(runner, toolchain, pool):
    """One verifier for each wall limit."""
    made = {}

    def verifier(wall_s):
        if wall_s not in made:
            made[wall_s] = Verifier(pool, toolchain, limits=CheckLimits(wall_s=wall_s))
        return made[wall_s]

    yield verifier
    for each in made.values():
        runner.run(each.close())


async def verdict_of(case, theorem, pool, verifier):
    original = text(case, "original.lean")
    if (EXAM / case / "submission.lean").exists():
        verdicts = dict(await verifier.compare(original, text(case, "submission.lean")))
        return verdicts[theorem]
    opened = await pool.open(f"{case}.lean", original)
    hole = next(hole for hole in opened.theorems if hole.name == theorem)
    verified = await verifier.verify(hole, text(case, "proof.txt"))
    if isinstance(verified.verdict, Refused):
        assert verified.source == original
    else:
        start, after = hole.start, len(original.encode()) - hole.stop
        raw = verified.source.encode()
        assert raw[:start] == original.encode()[:start]
        assert raw[len(raw) - after :] == original.encode()[hole.stop :]
    return verified.verdict


@pytest.mark.lean
@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_expected_one(case, runner, pool, verifiers):
    wanted = expected(case)
    verifier = verifiers(wanted.get("wall_s", 120.0))
    verdict = runner.run(verdict_of(case, wanted["theorem"], pool, verifier))
    if wanted["accepted"]:
        assert isinstance(verdict, Accepted), verdict
    else:
        assert isinstance(verdict, Refused), "the attack was accepted"
        assert {reason.kind.value for reason in verdict.reasons} & set(wanted["kinds"]), verdict
        assert all(reason.text for reason in verdict.reasons)


def test_the_exam_covers_every_row():
    rows = Counter(expected(case)["row"] for case in CASES)
    assert set(rows) == {0, *ROWS}
    assert all(rows[row] >= 3 for row in ROWS)
    assert rows[0] >= 20
    assert sum(rows[row] for row in ROWS) >= 40


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_whole(case):
    wanted = expected(case)
    names = {path.name for path in (EXAM / case).iterdir()}
    assert names - {"original.lean", "expect.json"} in ({"proof.txt"}, {"submission.lean"})
    assert wanted["accepted"] == (wanted["row"] == 0) == (not wanted["kinds"])
    assert wanted["trick"]
