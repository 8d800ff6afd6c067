"""Repair in the common loop, without Lean: what breaks off ends one theorem, or all of them."""

import asyncio

import pytest
from lakatos.data.errors import UsageError, WorkerDied
from lakatos.data.records import StopReason
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.agent.task import ProverContext
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.repair.repair_task import BrokenFile, BrokenTheorem, RepairConfig, Repairer

from .toy_prover import SOURCE, Judge, Log, ToyPool


class DeadPool(ToyPool):
    """Every request to Lean ends in this error."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    async def request(self, op, *, wall_s, **fields):
        raise self.error


def broken(pool, name):
    theorem = pool.theorem(name)
    return BrokenTheorem(theorem, theorem.start, theorem.stop, "simp", "sorry", 1, 0, None, ())


def repairer(pool, log):
    context = ProverContext(pool, Judge(), Hammer(), log)
    return Repairer(context, NoObserver(), RepairConfig(), ProverConfig())


def test_a_dying_worker_ends_one_repair_only():
    pool, log = DeadPool(WorkerDied("out of memory")), Log()
    work = repairer(pool, log)

    async def run():
        one, two = broken(pool, "identity"), broken(pool, "curry")
        file = BrokenFile("toy", SOURCE, SOURCE, (one, two), ())
        return [await work.repair(file, each) for each in (one, two)]

    for repair in asyncio.run(run()):
        assert (repair.attempt.stop, repair.value) == (StopReason.FAULT, None)
        assert repair.attempt.detail == "out of memory"
    assert [call[0] for call in log.calls] == ["start", "finish"] * 2
    assert pool.forgotten == ["identity", "curry"]


def test_an_error_for_good_is_recorded_and_raised():
    pool, log = DeadPool(UsageError("no such file")), Log()
    work = repairer(pool, log)
    one = broken(pool, "identity")
    file = BrokenFile("toy", SOURCE, SOURCE, (one,), ())
    with pytest.raises(UsageError, match="no such file"):
        asyncio.run(work.repair(file, one))
    assert log.calls[-1] == ("finish", "identity", StopReason.FAULT)


def test_stopped_it_repairs_nothing_more():
    pool, log = DeadPool(WorkerDied("never asked")), Log()
    work = repairer(pool, log)
    one = broken(pool, "identity")
    work.stop()
    repair = asyncio.run(work.repair(BrokenFile("toy", SOURCE, SOURCE, (one,), ()), one))
    assert repair.attempt.stop is StopReason.INTERRUPTED
