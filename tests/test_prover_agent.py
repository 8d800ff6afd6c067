"""The agent on a toy world: verdicts, budgets, order, deferral, interruption, records."""

import asyncio

import pytest
from lakatos.data.errors import ToolchainError, UsageError, WorkerDied
from lakatos.data.records import Accepted, Refusal, RefusalKind, Refused, StopReason
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig

from .toy import NON_THEOREMS, THEOREMS
from .toy_prover import BROKEN, NAMES, SORRY, Judge, Log, ToyPolicy, ToyPool, prove


def test_proves_the_provable_and_no_other():
    pool = ToyPool()
    attempts = prove(NAMES, pool=pool)
    assert [n for n, a in attempts.items() if a.is_proved] == list(THEOREMS)
    assert {attempts[n].stop for n in NON_THEOREMS} == {StopReason.DEAD_END}
    assert sorted(pool.forgotten) == sorted(NAMES)
    assert attempts["identity"].proof == "by 'intro\\nassumption'"


@pytest.mark.parametrize("in_flight", [1, 3])
def test_timing_changes_nothing(in_flight):
    runs, logs = [], []
    for seed in range(5):
        log = Log()
        runs.append(prove(NAMES, pool=ToyPool(seed), log=log, in_flight=in_flight, batch=2))
        logs.append([log.of(name) for name in NAMES])
    assert all(run == runs[0] for run in runs)
    assert all(log == logs[0] for log in logs)


def test_no_theorem_waits_in_its_round_for_a_slow_one():
    over = asyncio.Event()

    class SlowFor(ToyPolicy):
        async def propose(self, queries):
            if queries[0].theorem.name == "identity":
                await over.wait()
            return await super().propose(queries)

    class Notice(Log):
        def finish_attempt(self, attempt):
            super().finish_attempt(attempt)
            if attempt.theorem.name == "distrib":
                over.set()

    pool, config = ToyPool(), ProverConfig(concurrency=2, first_round=1, growth=2, wall_s=1e9)
    prover = Prover(pool, Judge(), SlowFor(), config, Notice())
    work = prover.prove([pool.theorem("identity"), pool.theorem("distrib")])
    attempts = asyncio.run(asyncio.wait_for(work, 60))
    assert all(attempt.is_proved for attempt in attempts)
    assert attempts[1].expansions > 1


def test_an_expansion_budget_is_kept_and_its_last_proof_counts():
    full = prove(["distrib"], in_flight=1)["distrib"]
    exact = prove(["distrib"], in_flight=1, expansions=full.expansions)["distrib"]
    short = prove(["distrib"], in_flight=1, expansions=full.expansions - 1)["distrib"]
    assert exact == full
    assert exact.is_proved
    assert short.stop is StopReason.EXPANSIONS
    assert short.expansions == full.expansions - 1
    assert short.proof is None


def test_a_wall_budget_ends_the_search():
    ticks = iter(range(1000))
    attempt = prove(["distrib"], wall_s=10, clock=lambda: float(next(ticks)))["distrib"]
    assert attempt.stop is StopReason.WALL_TIME
    assert attempt.wall_s > 10


def test_a_recorder_hears_start_then_expansions_then_finish():
    log = Log()
    attempts = prove(["and_comm", "lem"], log=log)
    for name, attempt in attempts.items():
        first, *middle, last = log.of(name)
        assert first == ("start", name)
        assert last == ("finish", name, attempt.stop)
        told = [e for _, _, expansions in middle for e in expansions]
        assert len(told) == attempt.expansions > 0
        assert sum(len(e.steps) for e in told) == attempt.steps


def test_data_is_no_theorem():
    pool = ToyPool()
    prover = Prover(pool, Judge(), ToyPolicy())
    attempts = asyncio.run(prover.prove([pool.theorem("identity", is_prop=False)]))
    assert attempts[0].stop is StopReason.NOT_A_PROPOSITION
    assert not pool.applied


def test_a_refused_proof_is_kept_as_evidence():
    attempt = prove(["identity"], judge=Judge(identity=lambda source: BROKEN))["identity"]
    assert attempt.stop is StopReason.REFUSED
    assert attempt.verdict == BROKEN
    assert "intro" in attempt.proof
    assert attempt.detail == "line 1"


def leans_on(other):
    """Refused for a sorry as long as the file holds no proof of `other`."""
    return lambda source: SORRY if f"{other} := sorry" in source else Accepted()


def test_a_proof_on_another_sorry_is_judged_again_with_that_one_proved():
    log = Log()
    attempts = prove(["curry", "identity"], judge=Judge(curry=leans_on("identity")), log=log)
    assert attempts["curry"].is_proved
    assert attempts["curry"].proof.startswith("by 'intro")
    assert log.calls[-1] == ("finish", "curry", StopReason.PROVED)


def test_a_proof_on_an_unproved_sorry_stays_refused():
    attempts = prove(["curry", "lem"], judge=Judge(curry=leans_on("lem")))
    assert attempts["curry"].stop is StopReason.REFUSED
    assert attempts["curry"].verdict == SORRY


def test_a_chain_falls_with_its_first_link():
    judge = Judge(curry=leans_on("and_comm"), and_comm=leans_on("lem"))
    attempts = prove(["curry", "and_comm", "lem", "identity"], judge=judge)
    assert [n for n, a in attempts.items() if a.is_proved] == ["identity"]


def test_holes_that_need_each_other_are_accepted_together():
    judge = Judge(curry=leans_on("and_comm"), and_comm=leans_on("curry"))
    attempts = prove(["curry", "and_comm"], judge=judge)
    assert all(a.is_proved for a in attempts.values())


def test_a_dying_worker_ends_its_theorem_only():
    pool = ToyPool()
    pool.fault = ("curry", WorkerDied("out of memory"))
    attempts = prove(["identity", "curry", "or_comm"], pool=pool)
    assert [a.stop for a in attempts.values()] == ["proved", "fault", "proved"]
    assert attempts["curry"].detail == "out of memory"


def test_a_broken_environment_is_raised_as_itself():
    pool = ToyPool()
    pool.fault = ("curry", ToolchainError("no Lean"))
    with pytest.raises(ToolchainError, match="no Lean"):
        prove(["identity", "curry"], pool=pool)


async def interrupted(prover, theorems, log, end):
    """Prove until `identity` is finished, then `end(task)`; give the task's result."""
    task = asyncio.create_task(prover.prove(theorems))
    waiting = asyncio.create_task(log.identity_finished.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert waiting.done(), "the run ended before `identity` did"
    end(task)
    return await task


def test_stop_keeps_what_is_done():
    pool, log = ToyPool(), Log()
    pool.blocked = "curry"
    prover = Prover(pool, Judge(), ToyPolicy(), ProverConfig(concurrency=2), log)
    theorems = [pool.theorem(n) for n in ("curry", "identity", "lem")]
    attempts = asyncio.run(interrupted(prover, theorems, log, lambda task: prover.stop()))
    assert [a.stop for a in attempts] == ["interrupted", "proved", "interrupted"]


def test_cancelling_records_running_attempts_and_goes_through():
    pool, log = ToyPool(), Log()
    pool.blocked = "curry"
    prover = Prover(pool, Judge(), ToyPolicy(), ProverConfig(concurrency=2), log)
    theorems = [pool.theorem(n) for n in ("curry", "identity", "lem")]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted(prover, theorems, log, lambda task: task.cancel()))
    assert ("finish", "curry", StopReason.INTERRUPTED) in log.calls
    assert ("finish", "identity", StopReason.PROVED) in log.calls
    assert "curry" in pool.forgotten


def test_cancelling_leaves_no_proof_unrecorded():
    pool, log = ToyPool(), Log()
    pool.blocked = "curry"
    judge = Judge(and_comm=leans_on("curry"))
    prover = Prover(pool, judge, ToyPolicy(), ProverConfig(concurrency=1), log)
    theorems = [pool.theorem(n) for n in ("and_comm", "identity", "curry")]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted(prover, theorems, log, lambda task: task.cancel()))
    assert ("finish", "and_comm", StopReason.REFUSED) in log.calls


def test_a_found_proof_cancels_what_is_in_flight():
    pool = ToyPool()
    assert prove(["not_not_lem"], pool=pool, in_flight=4, first_round=99)["not_not_lem"].is_proved
    assert pool.cancelled["not_not_lem"] > 0


@pytest.mark.parametrize(
    "bad",
    [
        {"expansions": 0},
        {"batch": 0},
        {"wall_s": 0},
        {"steps": 0},
        {"concurrency": 0},
        {"refute": 1.0},
    ],
)
def test_a_senseless_config_is_refused(bad):
    words = {"wall_s": "time"}
    with pytest.raises(UsageError, match=" ".join(words.get(name, name) for name in bad)):
        ProverConfig(**bad)


def test_no_other_proof_is_looked_for_when_a_check_reached_its_limit():
    refused = Refused((Refusal(RefusalKind.LIMIT, "the check took too long"),))
    judge = Judge(identity=lambda source: refused)
    attempt = prove(["identity"], judge=judge)["identity"]
    assert attempt.stop is StopReason.REFUSED
    assert judge.asked == ["identity"]


def test_the_check_counts_in_the_budget_and_is_told_what_is_left():
    ticks = iter(range(1000))
    judge = Judge()
    attempt = prove(["identity"], judge=judge, wall_s=500, clock=lambda: float(next(ticks)))
    assert attempt["identity"].is_proved
    assert 0 < judge.left_s[0] < 500
