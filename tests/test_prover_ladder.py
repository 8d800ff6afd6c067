"""Tactics under rising limits: cheap ones first, none lost, and nothing by timing."""

import asyncio
from dataclasses import replace
from functools import partial
from zlib import crc32

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import (
    Advanced,
    Expansion,
    ProofState,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
    TimedOut,
)
from lakatos.prover.agent.budget import Budget
from lakatos.prover.agent.counterexample import SEARCH as VALUES
from lakatos.prover.agent.expander import CUT_OFF, Expander, SearchMemory
from lakatos.prover.agent.ladder import Ladder, Postponed, is_postponed, wall_s
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.rejections import Rejections
from lakatos.prover.config import HEARTBEATS, ProverConfig, SearchConfig, rising_limits
from lakatos.prover.policy.base import Proposal
from lakatos.prover.policy.scripted import ScriptedPolicy

from .toy import NON_THEOREMS, THEOREMS
from .toy_prover import NAMES, Judge, Log, ToyPolicy, ToyPool

A = ProofState("a")
THEOREM = Theorem("t", "", "t.lean", 0, 0, 1, 0, "tactic", A)
SEARCHES = ["best-first", "perspectives", "mcts", "htps", "alphaproof"]
OVER = Rejected("maximum number of heartbeats", Rejection.HEARTBEATS)


def cost(tactic):
    """What a tactic costs, in thousands of heartbeats: from 1 to 32,768."""
    return 2 ** (crc32(tactic.encode()) % 16)


class CostlyPool(ToyPool):
    """Tactics that cost heartbeats. sent: each at a state, with its limit."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.sent = []

    async def apply(self, state, tactics, **limits):
        heartbeats = limits.get("heartbeats")
        if heartbeats is None or tactics == [
            VALUES
        ]:  # a proof that is shortened; before the search
            return await super().apply(state, tactics)
        root = state.recipe[0].parent if state.recipe else state
        self.sent += [((root.key, state.key), tactic, heartbeats) for tactic in tactics]
        steps = await super().apply(state, tactics)
        return [s if cost(s.tactic) <= heartbeats else replace(s, outcome=OVER) for s in steps]


def prove(search="htps", pool=None, recall=None, **changes):
    pool, log = pool or CostlyPool(), Log()
    config = ProverConfig(search=SearchConfig(search), **changes)
    prover = Prover(pool, Judge(), ToyPolicy(), config, log, clock=lambda: 0.0)
    theorems = [pool.theorem(name) for name in NAMES]
    work = prover.prove(theorems, recall) if recall else prover.prove(theorems)
    return dict(zip(NAMES, asyncio.run(work), strict=True)), pool, log


def told(log, name):
    return [e for call in log.of(name) if call[0] == "expansions" for e in call[2]]


def recalled(log, theorem):
    return told(log, theorem.name)


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_proves_what_only_costly_tactics_prove_and_ends(search):
    attempts, pool, log = prove(search)
    assert [n for n, a in attempts.items() if a.is_proved] == list(THEOREMS)
    assert {attempts[n].stop for n in NON_THEOREMS} == {StopReason.DEAD_END}
    assert {limit for _, _, limit in pool.sent} > {500, 2_000}
    assert len(set(pool.sent)) == len(pool.sent), "nothing is tried twice with one limit"
    first = {}
    for key, tactic, limit in pool.sent:
        assert first.setdefault((key, tactic), limit) == 500
    assert any(is_postponed(s) for name in NAMES for e in told(log, name) for s in e.steps)


@pytest.mark.parametrize("search", SEARCHES)
def test_timing_changes_nothing(search):
    runs = [prove(search, CostlyPool(seed), in_flight=3) for seed in range(4)]
    assert all(run[0] == runs[0][0] for run in runs)
    for name in NAMES:
        assert all(run[2].of(name) == runs[0][2].of(name) for run in runs)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_search_that_goes_on_ends_as_if_it_had_not_stopped(search):
    whole, _, _ = prove(search)
    for most in (1, 3, 6):
        _, _, before = prove(search, expansions=most)
        pool = CostlyPool()
        again, _, _ = prove(search, pool, recall=partial(recalled, before))
        assert again == whole
        assert not {(k, t) for k, t, limit in pool.sent if limit == 500} & {
            ((pool.toys[name].root.key, e.state.key), s.tactic)
            for name in NAMES
            for e in told(before, name)
            for s in e.steps
        }


def test_one_limit_is_no_ladder():
    attempts, pool, log = prove(heartbeats=(10,))
    assert {limit for _, _, limit in pool.sent} == {10}
    assert attempts["lem"].stop is StopReason.DEAD_END
    kinds = {
        s.outcome.kind
        for name in NAMES
        for e in told(log, name)
        for s in e.steps
        if isinstance(s.outcome, Rejected)
    }
    assert Rejection.HEARTBEATS in kinds
    assert Rejection.POSTPONED not in kinds


class SlowPool(CostlyPool):
    """Stops to answer after some calls, when the time is over."""

    def __init__(self, calls):
        super().__init__()
        self.calls, self.now = calls, 0.0
        self.is_stuck = asyncio.Event()

    async def apply(self, state, tactics, **limits):
        self.calls -= tactics != [VALUES]
        if self.calls < 0:
            self.now = 99.0
            self.is_stuck.set()
            await asyncio.get_running_loop().create_future()
        return await super().apply(state, tactics, **limits)


class Wide(ToyPolicy):
    """Many tactics that fail, then the toy's."""

    def answer(self, state):
        answer = super().answer(state)
        wrong = tuple(Proposal(f"apply nothing{i}", 2.0) for i in range(12))
        return replace(answer, proposals=(*wrong, *answer.proposals))


def test_a_search_that_is_out_of_time_keeps_what_it_tried():
    pool, log = SlowPool(2), Log()
    config = ProverConfig(wall_s=0.01)
    prover = Prover(pool, Judge(), Wide(), config, log, clock=lambda: pool.now)
    (attempt,) = asyncio.run(prover.prove([pool.theorem("distrib")]))
    (expansion,) = told(log, "distrib")
    *steps, last = expansion.steps
    assert attempt.stop is StopReason.WALL_TIME
    assert len(steps) == 12 == attempt.steps
    assert attempt.expansions == 1
    assert last.outcome == Rejected(CUT_OFF, Rejection.CANCELLED)
    resumed = Prover(CostlyPool(), Judge(), Wide(), ProverConfig(), clock=lambda: 0.0)
    theorem = pool.theorem("distrib")
    (again,) = asyncio.run(resumed.prove([theorem], lambda _: [expansion]))
    fresh = Prover(CostlyPool(), Judge(), Wide(), ProverConfig(), clock=lambda: 0.0)
    assert again == asyncio.run(fresh.prove([theorem]))[0]


def test_an_interrupted_search_keeps_what_it_tried():
    async def run():
        pool, log = SlowPool(1), Log()
        prover = Prover(pool, Judge(), Wide(), ProverConfig(), log, clock=lambda: 0.0)
        work = asyncio.create_task(prover.prove([pool.theorem("distrib")]))
        await pool.is_stuck.wait()
        prover.stop()
        return (await work)[0], told(log, "distrib")

    attempt, (expansion,) = asyncio.run(run())
    assert attempt.stop is StopReason.INTERRUPTED
    assert attempt.steps == 6 == len(expansion.steps) - 1


def test_what_runs_out_of_a_limit_is_postponed_and_not_remembered_as_rejected():
    class Pool:
        async def apply(self, state, tactics, *, heartbeats, timeout_s):
            late = TimedOut(timeout_s)
            return [Step(t, 1.0, late if t == "wait" else OVER) for t in tactics]

    policy = ScriptedPolicy({"a": [Proposal("wait", 0.5), Proposal("burn", 0.5)]}, ())
    memory = SearchMemory(ladder=Ladder((1_000, 50_000)))
    expander = Expander(THEOREM, policy, Pool(), memory)
    (first,) = asyncio.run(expander([A]))
    assert [s.outcome.message for s in first.steps] == ["no answer within 2.5 s", OVER.message]
    assert all(map(is_postponed, first.steps))
    assert memory.rejections.of(A, "wait", 0) is None
    postponed = Postponed(memory.ladder)
    postponed.note([first])
    left = postponed.at(A)
    assert [p.tactic for p in left.advice.proposals] == ["wait"], "one where one costs much"
    (second,) = asyncio.run(expander([A], left=[left]))
    assert second.steps == (Step("wait", 0.5, TimedOut(12.5)),)
    postponed.note([second])
    assert [p.tactic for p in postponed.at(A).advice.proposals] == ["burn"]


def test_what_begins_with_a_rejected_tactic_is_not_sent():
    sent = []

    class Pool:
        async def apply(self, state, tactics, *, heartbeats, timeout_s):
            sent.extend(tactics)
            slow = {"simp_all": OVER, "cases n": Advanced((A,))}
            return [Step(t, 1.0, slow.get(t, Rejected(f"no {t}")), 7.0) for t in tactics]

    texts = ["simp", "simp <;> omega", "simp_all <;> omega", "simp_all", "cases n"]
    texts += ["cases n <;> simp", "cases n <;> simp <;> omega", "first | simp <;> omega"]
    priors = [0.9, 0.8, 0.7, 0.75, 0.6, 0.5, 0.4, 0.3]
    pairs = zip(texts, priors, strict=True)
    policy = ScriptedPolicy({"a": [Proposal(*pair) for pair in pairs]}, ())
    (expansion,) = asyncio.run(Expander(THEOREM, policy, Pool())([A]))
    found = {s.tactic: s.outcome for s in expansion.steps}
    assert sent == ["simp", "simp_all", "cases n", "cases n <;> simp", texts[-1]]
    assert found["simp <;> omega"] == found["simp"] == Rejected("no simp")
    assert found["simp_all <;> omega"].kind is Rejection.POSTPONED
    assert found["cases n <;> simp <;> omega"] == Rejected("no cases n <;> simp")


def test_a_search_of_the_library_waits_for_a_larger_limit_and_gets_time():
    sent = []

    class Pool:
        async def apply(self, state, tactics, *, heartbeats, timeout_s):
            sent.append((tactics, heartbeats, timeout_s))
            return [Step(t, 1.0, Rejected("no")) for t in tactics]

    policy = ScriptedPolicy({"a": [Proposal("exact?", 0.5), Proposal("simp [xs.head?]", 0.5)]}, ())
    expander, postponed = Expander(THEOREM, policy, Pool()), Postponed(Ladder())
    (first,) = asyncio.run(expander([A]))
    postponed.note([first])
    asyncio.run(expander([A], left=[postponed.at(A)]))
    assert sent == [(["simp [xs.head?]"], 500, 2.25), (["exact?"], 2_000, 30.0)]
    single = Expander(THEOREM, policy, Pool(), SearchMemory(ladder=Ladder((9,))))
    asyncio.run(single([A]))
    assert sent[-1][0] == ["exact?", "simp [xs.head?]"]


def test_what_a_postponed_search_found_takes_its_place():
    class Pool:
        async def apply(self, state, tactics, *, heartbeats, timeout_s):
            return (
                [Step("exact h", 1.0, Advanced(()))]
                if heartbeats > 500
                else [Step(t, 1.0, OVER) for t in tactics]
            )

    policy = ScriptedPolicy({"a": [Proposal("exact?", 1.0)]}, ())
    expander, postponed = Expander(THEOREM, policy, Pool()), Postponed(Ladder())
    (first,) = asyncio.run(expander([A]))
    postponed.note([first])
    (second,) = asyncio.run(expander([A], left=[postponed.at(A)]))
    assert [s.tactic for s in second.steps] == ["exact?", "exact h"]
    assert second.steps[0].outcome.kind is Rejection.REPLACED
    budget = Budget(ProverConfig(), lambda: 0.0)
    budget.spend([second])
    assert budget.steps == 1  # one call of Lean
    remembered = Rejections()
    remembered.add(A, second.steps)
    assert remembered.of(A, "exact?", 0) is None  # it is asked again in another run
    postponed.note([second])
    assert postponed.at(A) is None


def test_what_is_cut_off_is_the_next_tactic_also_behind_what_a_search_found():
    class Pool:
        def __init__(self):
            self.is_stuck = asyncio.Event()

        async def apply(self, state, tactics, *, heartbeats, timeout_s):
            if "t6" in tactics:
                self.is_stuck.set()
                await asyncio.get_running_loop().create_future()
            found = {"library?": "exact no h"}
            return [Step(found.get(t, t), 1.0, Rejected("no")) for t in tactics]

    async def cut_off():
        pool = Pool()
        texts = ["library?", *(f"t{n}" for n in range(1, 9))]
        proposals = [Proposal(text, 1 / n) for n, text in enumerate(texts, 1)]
        policy = ScriptedPolicy({"a": proposals}, ())
        expander = Expander(THEOREM, policy, pool)
        work = asyncio.create_task(expander([A]))
        await asyncio.wait_for(pool.is_stuck.wait(), 60)
        work.cancel()
        return expander.so_far()

    (expansion,) = asyncio.run(cut_off())
    tried = [step.tactic for step in expansion.steps]
    assert tried == ["library?", "exact no h", "t1", "t2", "t3", "t4", "t5", "t6"]
    assert expansion.steps[-1].outcome == Rejected(CUT_OFF, Rejection.CANCELLED)


def test_limits_are_whole_numbers_that_rise():
    assert rising_limits("500,2000") == (500, 2_000)
    assert wall_s(500) == 2.25
    assert wall_s(40_000) == 10.0
    assert wall_s(200_000) == 50.0
    assert tuple(sorted(HEARTBEATS)) == HEARTBEATS
    with pytest.raises(UsageError, match="whole numbers with commas, not 'many'"):
        rising_limits("many")
    for bad in ((), (0,), (5, 5), (9, 2)):
        with pytest.raises(UsageError, match="heartbeats must be at least 1, and rise"):
            ProverConfig(heartbeats=bad)


def test_a_state_without_postponed_tactics_is_not_come_back_to():
    postponed = Postponed(Ladder())
    postponed.note([Expansion(A, (Step("no", 1.0, Rejected("no")),), 0.5)])
    assert postponed.at(A) is None
