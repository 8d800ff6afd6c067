"""The exam: every attack in tests/exam is refused for its reason, every honest proof accepted.

A folder is one trick: original.lean, then proof.txt (for a hole) or submission.lean (a whole
file), and expect.json: row of the list of known exploits (0: honest), trick, theorem, accepted,
kinds (one of them must be among the reasons), wall_s (where time is the point).
environment.jsonl: submissions that attack the judge by what they put into the environment, most of
them with meta code. honest.jsonl: submissions that prove their original, each in its own way. A
line: name, original, submission; theorem, if not `challenge`; axioms to allow; for an attack its
route, the kinds as above, and a part of what must be said.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from lakatos.data.records import Accepted, Refused
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.judge import CheckLimits
from lakatos.lean_env.verification.verifier import STANDARD_AXIOMS, Verifier

EXAM = Path(__file__).parent / "exam"
CASES = sorted(folder.name for folder in EXAM.iterdir() if folder.is_dir())
ROWS = range(1, 14)


@pytest.fixture(scope="module")
def toolchain(own_toolchain):
    """Attacks leave what they did in a worker."""
    return own_toolchain


def expected(case):
    return json.loads((EXAM / case / "expect.json").read_text(encoding="utf-8"))


def text(case, name):
    return (EXAM / case / name).read_text(encoding="utf-8")


def lines(name):
    text = (EXAM / name).read_text(encoding="utf-8")
    return {line["name"]: line for line in map(json.loads, text.splitlines())}


ENVIRONMENT, HONEST = lines("environment.jsonl"), lines("honest.jsonl")


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
    """One verifier for each wall limit and axioms to allow."""
    made = {}

    def verifier(wall_s, *axioms):
        if (wall_s, axioms) not in made:
            allowed, limits = (*STANDARD_AXIOMS, *axioms), CheckLimits(wall_s=wall_s)
            made[wall_s, axioms] = Verifier(pool, toolchain, allow_axioms=allowed, limits=limits)
        return made[wall_s, axioms]

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


async def place_verdicts_of(case, theorem, pool, verifier):
    """On the proof in its place; where that accepts it, on the file with it too."""
    opened = await pool.open(f"{case}.lean", text(case, "original.lean"))
    hole = next(hole for hole in opened.theorems if hole.name == theorem)
    verified = await verifier.verify_in_place(hole, text(case, "proof.txt"))
    if isinstance(verified.verdict, Refused):
        return [verified.verdict]
    raw = verified.source.encode()
    put = raw[hole.start : len(raw) - (len(hole.source.encode()) - hole.stop)].decode()
    return [verified.verdict, *await verifier.verify_together([hole], [put])]


@pytest.mark.lean
@pytest.mark.parametrize("case", [case for case in CASES if (EXAM / case / "proof.txt").exists()])
def test_the_verdict_in_its_place_is_the_same(case, runner, pool, verifiers):
    wanted = expected(case)
    verifier = verifiers(wanted.get("wall_s", 120.0))
    verdicts = runner.run(place_verdicts_of(case, wanted["theorem"], pool, verifier))
    if wanted["accepted"]:
        assert verdicts == [verdicts[0]] * 2
        assert isinstance(verdicts[0], Accepted), verdicts
    else:
        [verdict] = verdicts
        assert isinstance(verdict, Refused), "the attack was accepted"
        assert {reason.kind.value for reason in verdict.reasons} & set(wanted["kinds"]), verdict


def compared(line, runner, verifiers):
    verifier = verifiers(120.0, *line.get("allow", ()))
    return dict(runner.run(verifier.compare(line["original"], line["submission"])))


@pytest.mark.lean
@pytest.mark.parametrize("name", ENVIRONMENT)
def test_what_is_put_into_the_environment_proves_nothing(name, runner, verifiers):
    line = ENVIRONMENT[name]
    verdict = compared(line, runner, verifiers)[line.get("theorem", "challenge")]
    assert isinstance(verdict, Refused), "the attack was accepted"
    assert {reason.kind.value for reason in verdict.reasons} & set(line["kinds"]), verdict
    assert line.get("says", "") in " ".join(reason.text for reason in verdict.reasons), verdict


@pytest.mark.lean
@pytest.mark.parametrize("name", HONEST)
def test_honest_submissions_are_accepted(name, runner, verifiers):
    verdicts = compared(HONEST[name], runner, verifiers)
    assert verdicts
    assert all(isinstance(verdict, Accepted) for verdict in verdicts.values()), verdicts


def test_the_exam_covers_every_row():
    rows = Counter(expected(case)["row"] for case in CASES)
    assert set(rows) == {0, *ROWS}
    assert all(rows[row] >= 3 for row in ROWS)
    assert rows[0] >= 20
    assert sum(rows[row] for row in ROWS) >= 40
    assert len(ENVIRONMENT) >= 40
    assert len({line["route"] for line in ENVIRONMENT.values()}) >= 10
    assert len(HONEST) >= 60


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_whole(case):
    wanted = expected(case)
    names = {path.name for path in (EXAM / case).iterdir()}
    assert names - {"original.lean", "expect.json"} in ({"proof.txt"}, {"submission.lean"})
    assert wanted["accepted"] == (wanted["row"] == 0) == (not wanted["kinds"])
    assert wanted["trick"]
