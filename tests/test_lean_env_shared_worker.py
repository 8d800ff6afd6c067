"""One process with two Leans: what the one does, the other does not see."""

import asyncio

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Accepted, ProofState, Refused, Theorem, TimedOut
from lakatos.lean_env.verification.judge import CheckLimits
from lakatos.lean_env.verification.shared_worker import SharedWorker
from lakatos.lean_env.verification.verifier import Verifier

ORIGINAL = "theorem t (a b : Nat) : a + b = b + a := by sorry\n"
GOOD = ORIGINAL.replace("sorry", "omega")
SLOW = """theorem s : ∀ x < 100, ∀ y < 60, x + y < 160 := by
  set_option maxRecDepth 9999 in decide
"""


def run(work, own_toolchain):
    async def running():
        async with SharedWorker(own_toolchain, 2048) as shared:
            judge = await shared.start_judge(own_toolchain.worker_command(memory_mb=2048))
            return await work(shared, judge)

    return asyncio.run(running())


@pytest.mark.lean
def test_the_two_have_nothing_in_common_but_the_process(own_toolchain):
    async def work(shared, judge):
        await shared.request("open", wall_s=60, name="s.lean", source=GOOD)
        stats = [await each.request("stats", wall_s=60) for each in (shared, judge)]
        theorem = Theorem("t", GOOD, "s.lean", 0, 0, 1, 0, "tactic", ProofState("k"))
        with pytest.raises(UsageError):
            await shared.request_at(theorem, "ping", wall_s=60)
        return [stat.value["files"] for stat in stats]

    assert run(work, own_toolchain) == [1, 0]


@pytest.mark.lean
def test_a_request_that_takes_too_long_is_cancelled_in_the_lean_it_is_for(own_toolchain):
    async def work(shared, judge):
        late = await judge.request("open", wall_s=0.1, name="s.lean", source=SLOW)
        stats = [await each.request("stats", wall_s=60) for each in (shared, judge)]
        return late, [stat.value["files"] for stat in stats]

    assert run(work, own_toolchain) == (TimedOut(0.1), [0, 0])


@pytest.mark.lean
def test_verdicts_are_those_of_two_processes(own_toolchain):
    async def checked():
        async with (
            SharedWorker(own_toolchain, 2048) as shared,
            Verifier(
                shared, own_toolchain, limits=CheckLimits(60), start=shared.start_judge
            ) as verifier,
        ):
            good = await verifier.compare(ORIGINAL, GOOD)
            bad = await verifier.compare(ORIGINAL, ORIGINAL.replace("b + a", "b + b"))
            return good, bad

    [(_, good)], [(_, bad)] = asyncio.run(checked())
    assert good == Accepted()
    assert isinstance(bad, Refused)
