"""Every search in the agent: determinism, budgets, rounds, refusals that do not end it."""

import asyncio

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Accepted, Refusal, RefusalKind, Refused, StopReason
from lakatos.prover.agent.budget import Budget, rounds
from lakatos.prover.config import SAMPLING, ProverConfig, SearchConfig
from lakatos.search.driver import RECIPES

from .toy import NON_THEOREMS, THEOREMS
from .toy_prover import NAMES, Judge, Log, ToyPool, prove

KERNEL = Refused((Refusal(RefusalKind.KERNEL, "ill-typed"),))


DESCENDING = {"mcts", "htps", "alphaproof"}


def searching(name, **numbers):
    """Budgets small enough for samples of non-theorems, and more than one batch in flight."""
    return {
        "search": SearchConfig(name, **numbers),
        "expansions": 400,
        "in_flight": 3,
        "batch": 2,
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_search_proves_the_provable_and_no_other(name):
    attempts = prove(NAMES, **searching(name))
    proved = {n for n, a in attempts.items() if a.is_proved}
    assert proved <= set(THEOREMS)
    assert "identity" in proved
    if name not in SAMPLING:  # few samples are proofs
        assert proved == set(THEOREMS)
    assert {attempts[n].stop for n in NON_THEOREMS} <= {"dead_end", "expansions"}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.slow
def test_no_delay_changes_a_search(name):
    runs, logs = [], []
    for seed in range(3):
        log = Log()
        runs.append(prove(NAMES, pool=ToyPool(seed), log=log, **searching(name)))
        logs.append([log.of(name) for name in NAMES])
    assert all(run == runs[0] for run in runs)
    assert all(log == logs[0] for log in logs)
    visits = [{n: run[n].visits for n in NAMES} for run in runs]
    assert all(each == visits[0] for each in visits)
    assert any(visits[0].values()) == (name in DESCENDING)


def test_the_seed_changes_what_is_sampled():
    told = []
    for seed in (0, 0, 1):
        log = Log()
        prove(["distrib"], log=log, seed=seed, **searching("whole-proof"))
        told.append(log.of("distrib"))
    assert told[0] == told[1] != told[2]


def test_a_sample_ends_at_its_longest():
    log = Log()
    prove(["loop"], log=log, **searching("whole-proof", sample_steps=2) | {"batch": 1})
    samples = [c[2] for c in log.of("loop") if c[0] == "expansions"]
    assert max(sum(len(e.steps) for e in sample) for sample in samples) == 2


def test_an_unknown_search_names_the_choices():
    with pytest.raises(UsageError, match="best-first, perspectives, mcts, htps, alphaproof, rmax"):
        SearchConfig("dfs")


@pytest.mark.parametrize(
    ("name", "numbers", "says"),
    [
        ("mcts", {"alpha": 0.5}, "search mcts has no alpha"),
        ("best-first", {"alpha": 2}, "alpha must lie in"),
        ("best-first", {"exploration": 1}, "has no exploration"),
        ("htps", {"exploration": -1}, "exploration must be above 0"),
        ("rmax", {"sample_steps": 0}, "sample_steps must be at least 1"),
    ],
)
def test_a_number_a_search_does_not_have_is_refused(name, numbers, says):
    with pytest.raises(UsageError, match=says):
        SearchConfig(name, **numbers)


def test_a_number_changes_the_search():
    logs = []
    for exploration in (0.0, 50.0):
        log = Log()
        prove(["distrib"], log=log, **searching("mcts", exploration=exploration))
        logs.append([e.state for c in log.of("distrib") if c[0] == "expansions" for e in c[2]])
    assert logs[0] != logs[1]


def test_steps_and_lean_time_are_budgets():
    attempt = prove(["distrib"], steps=20, in_flight=1)["distrib"]
    assert attempt.stop is StopReason.STEPS
    assert 20 <= attempt.steps < 40
    budget = Budget(ProverConfig(lean_s=1.0), lambda: 0.0)
    assert budget.exhausted is None
    budget.lean_s = 1.0
    assert budget.exhausted is StopReason.LEAN_TIME


def test_rounds_grow_to_the_budget():
    assert rounds(ProverConfig(expansions=100, first_round=8)) == [8, 32, 100]
    assert rounds(ProverConfig(expansions=5, first_round=8)) == [5]


def test_all_theorems_get_a_short_search_before_any_gets_a_long_one():
    log = Log()
    prove(["peirce", "lem", "identity"], log=log, concurrency=1, first_round=2, in_flight=1)
    begun = [call[1] for call in log.calls if call[0] == "start"]
    assert begun == ["peirce", "lem", "identity"]
    told = [call[1] for call in log.calls if call[0] == "expansions"]
    assert told.index("identity") < len(told) - told[::-1].index("peirce") - 1


def refusing(proofs, verdict):
    """Refuses the first proofs that it sees, whatever they are."""
    seen = []

    def judge(source):
        if source not in seen:
            seen.append(source)
        return verdict if seen.index(source) < proofs else Accepted()

    return judge, seen


@pytest.mark.parametrize("name", RECIPES)
def test_after_a_refused_proof_another_is_found(name):
    broken = Refused((Refusal(RefusalKind.DOES_NOT_COMPILE, "line 1"),))
    judge, seen = refusing(1, broken)
    log = Log()
    theorem = "identity" if name in SAMPLING else "two_ways"
    attempt = prove([theorem], judge=Judge(**{theorem: judge}), log=log, **searching(name))[theorem]
    assert seen
    assert len(set(seen)) == len(seen)
    if theorem == "two_ways":  # the other has one proof
        assert attempt.is_proved
        assert len(seen) == 2
    else:
        assert attempt.stop is StopReason.REFUSED
        assert attempt.verdict == broken
    told = [e for c in log.of(theorem) if c[0] == "expansions" for e in c[2]]
    assert len(told) == attempt.expansions


def test_a_refusal_that_should_never_happen_ends_the_attempt():
    judge, seen = refusing(1, KERNEL)
    attempt = prove(["or_comm"], judge=Judge(or_comm=judge))["or_comm"]
    assert attempt.stop is StopReason.REFUSED
    assert attempt.verdict == KERNEL
    assert len(seen) == 1


def test_refusals_are_counted():
    judge, seen = refusing(99, Refused((Refusal(RefusalKind.AXIOM, "choice"),)))
    attempt = prove(["not_not_lem"], judge=Judge(not_not_lem=judge), retries=1)["not_not_lem"]
    assert attempt.stop is StopReason.REFUSED
    assert len(seen) <= 2


def test_no_search_is_left_when_one_is_cancelled():
    pool = ToyPool()
    pool.blocked = "curry"

    async def cancel():
        from lakatos.prover.agent.prover import Prover

        from .toy_prover import ToyPolicy

        log = Log()
        prover = Prover(pool, Judge(), ToyPolicy(), ProverConfig(concurrency=2), log)
        task = asyncio.create_task(prover.prove([pool.theorem(n) for n in ("curry", "identity")]))
        await log.identity_finished.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(cancel()) == []
