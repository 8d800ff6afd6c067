"""The expander: order, priors, and when it stops trying."""

import asyncio

import pytest
from lakatos.data.records import Advanced, ProofState, Rejected, Step, Theorem
from lakatos.prover.agent.expander import CHUNK, Expander
from lakatos.prover.concurrency import run_all
from lakatos.prover.policy.base import Proposal, distribution
from lakatos.prover.policy.scripted import ScriptedPolicy

A, B = ProofState("a"), ProofState("b")
THEOREM = Theorem("t", "", "t.lean", 0, 0, 1, 0, "tactic", A)


class Pool:
    """Answers `done` with no states, `go` with one, and rejects the rest."""

    def __init__(self):
        self.asked = []

    async def apply(self, state, tactics, **limits):
        self.asked.append((state.key, list(tactics)))
        for _ in range(3 if state is A else 1):
            await asyncio.sleep(0)
        outcomes = {"done": Advanced(()), "go": Advanced((B,))}
        return [Step(t, 1.0, outcomes.get(t, Rejected("no")), 2.0) for t in tactics]


def expand(table, states, default=()):
    pool = Pool()
    expander = Expander(THEOREM, ScriptedPolicy(table, default), pool)
    return asyncio.run(expander(states)), pool


def test_distribution_merges_duplicates_and_sums_to_one():
    found = distribution(
        [Proposal("x", 0.1), Proposal("y ", 0.2), Proposal(" ", 1), Proposal("x", 0.2)]
    )
    assert [p.tactic for p in found] == ["x", "y"]
    assert [p.prior for p in found] == pytest.approx([0.6, 0.4])
    assert distribution([]) == []


def test_equal_priors_keep_the_order_of_proposing():
    names = ["c", "a", "b"]
    assert [p.tactic for p in distribution([Proposal(n, 0.5) for n in names])] == names


def test_expansions_come_in_the_order_of_states():
    table = {"a": [Proposal("go", 1.0)], "b": [Proposal("stop", 0.5), Proposal("go", 0.5)]}
    expansions, _ = expand(table, [A, B])
    assert [e.state for e in expansions] == [A, B]
    assert expansions[1].steps == (
        Step("stop", 0.5, Rejected("no")),
        Step("go", 0.5, Advanced((B,))),
    )
    assert expansions[1].steps[0].elapsed_ms == 2.0


def test_nothing_is_tried_after_a_proof():
    many = [Proposal(f"t{i}", 1 - i / 100) for i in range(CHUNK - 1)]
    table = {"a": [*many, Proposal("done", 0.2), *(Proposal(f"u{i}", 0.1) for i in range(20))]}
    (expansion,), pool = expand(table, [A])
    assert [s.tactic for s in expansion.steps][-1] == "done"
    assert len(expansion.steps) == CHUNK
    assert len(pool.asked) == 1


def test_a_state_without_proposals_has_no_steps():
    (expansion,), pool = expand({}, [A])
    assert expansion.steps == ()
    assert pool.asked == []


def test_together_raises_the_first_error_itself_and_cancels_the_rest():
    ended = []

    async def forever():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    async def fails():
        await asyncio.sleep(0)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(run_all([forever(), fails()]))
    assert ended == ["cancelled"]
