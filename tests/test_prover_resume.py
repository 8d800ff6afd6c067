"""Searches taken up from a store: broken off anywhere, they end as if they never had been."""

import asyncio
from dataclasses import asdict

import pytest
from lakatos.data.errors import ToolchainError
from lakatos.data.records import Refusal, RefusalKind, Refused, StopReason
from lakatos.data.store.store import Store
from lakatos.prover.agent.prover import Prover
from lakatos.prover.commands.resume import Resumption
from lakatos.prover.config import ProverConfig, SearchConfig
from lakatos.search.driver import RECIPES

from .toy_prover import Judge, ToyPolicy, ToyPool

NAMES = ["distrib", "lem", "wrong", "identity"]


class Dying:
    """A recorder whose process ends at a given call about expansions; later calls are lost."""

    def __init__(self, recorder, calls):
        self.recorder = recorder
        self.left = calls

    def start_attempt(self, theorem):
        if self.left > 0:
            self.recorder.start_attempt(theorem)

    def expansions(self, theorem, expansions):
        self.left -= 1
        if self.left <= 0:
            raise ToolchainError("killed")
        self.recorder.expansions(theorem, expansions)

    def finish_attempt(self, attempt):
        if self.left > 0:
            self.recorder.finish_attempt(attempt)


def config_of(name, **changes):
    numbers = {"expansions": 60, "in_flight": 3, "batch": 2, "first_round": 3, "refute": 0.3}
    return ProverConfig(search=SearchConfig(name), **numbers | changes)


def run(store, config, *, judge=None, dies_after=None, toolchain="toy 1", resume=True, seed=0):
    """One run over NAMES that takes up what it can; the attempts, the pool, and the run."""
    pool = ToyPool(seed)
    number = store.start_run("test", {"policy": "toy", "prover": asdict(config)}, toolchain, 0)
    recorder = store.recorder(number)
    heard = Dying(recorder, dies_after) if dies_after else recorder
    recall = Resumption(store, number, policy="toy", search=config.search, toolchain=toolchain)
    prover = Prover(pool, judge or Judge(), ToyPolicy(), config, heard, clock=lambda: 0.0)
    theorems = [pool.theorem(n) for n in NAMES]
    work = prover.prove(theorems, recall) if resume else prover.prove(theorems)
    try:
        attempts = asyncio.run(work)
    except ToolchainError:
        attempts = None
    store.flush()
    return attempts, pool, number


def told(store, number):
    """Name to the expansions kept of it in a run."""
    attempts = [store.load_attempt(a.id) for a in store.attempts(number)]
    return {a.theorem.name: a.expansions for a in attempts}


@pytest.mark.parametrize("calls", [2, 9])
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path, name, calls):
    config = config_of(name)
    with Store.open(str(tmp_path / "whole.db")) as store:
        whole, _, number = run(store, config)
        expected = told(store, number)
    with Store.open(str(tmp_path / "killed.db")) as store:
        assert run(store, config, dies_after=calls)[0] is None
    with Store.open(str(tmp_path / "killed.db")) as store:
        resumed, _, number = run(store, config, seed=calls)
        assert resumed == whole
        assert told(store, number) == expected


def test_what_was_proved_is_judged_again_without_lean(tmp_path):
    config = config_of("best-first", minimise="off")
    with Store.open(str(tmp_path / "a.db")) as store:
        first, _, _ = run(store, config)
        again, pool, _ = run(store, config)
        assert again == first
        assert pool.applied == {"distrib": 2, "identity": 2}  # only: are they vacuous?
        assert [a.stop.value for a in again] == ["proved", "dead_end", "disproved", "proved"]


def test_a_bigger_budget_goes_on_where_the_smaller_one_ended(tmp_path):
    small, big = (config_of("best-first", expansions=n, refute=0) for n in (3, 60))
    with Store.open(str(tmp_path / "a.db")) as store:
        first, before, _ = run(store, small)
        assert first[0].stop is StopReason.EXPANSIONS
        second, after, _ = run(store, big)
    with Store.open(str(tmp_path / "b.db")) as store:
        whole, all_, _ = run(store, big)
    assert second == whole
    assert before.applied["distrib"] + after.applied["distrib"] == all_.applied["distrib"]


def test_a_refused_proof_is_refused_again_and_passed_by(tmp_path):
    broken = Refused((Refusal(RefusalKind.DOES_NOT_COMPILE, "line 1"),))
    config = config_of("best-first")
    with Store.open(str(tmp_path / "a.db")) as store:
        judges = [Judge(distrib=lambda source: broken) for _ in range(2)]
        first, _, _ = run(store, config, judge=judges[0])
        again, pool, _ = run(store, config, judge=judges[1])
    assert first[0].stop is StopReason.REFUSED
    assert again == first
    assert judges[0].asked.count("distrib") == judges[1].asked.count("distrib")
    assert pool.applied["distrib"] == 0


@pytest.mark.parametrize("change", ["toolchain", "search"])
def test_another_lean_or_another_kind_of_search_begins_anew(tmp_path, change):
    config = config_of("best-first")
    with Store.open(str(tmp_path / "a.db")) as store:
        _, before, _ = run(store, config)
        if change == "toolchain":
            _, after, _ = run(store, config, toolchain="toy 2")
            assert after.applied == before.applied
        else:
            _, after, _ = run(store, config_of("whole-proof"))
            assert after.applied["identity"] > 0
