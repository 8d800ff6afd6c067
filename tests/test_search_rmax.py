"""RMaxTS: its bandit by hand, how samples are told apart, rewards, where it samples on."""

from math import log, sqrt

import pytest
from lakatos.data.records import Advanced, Expansion, ProofState, Rejected, Status, Step
from lakatos.search.driver import whole_proof
from lakatos.search.rmax import Arm, RMax


def ran(key, children, tactic="t"):
    outcome = Advanced(tuple(map(ProofState, children)))
    return Expansion(ProofState(key), (Step(tactic, 1.0, outcome),), 0.5)


def failed(key):
    return Expansion(ProofState(key), (Step("bad", 1.0, Rejected("no")),), 0.5)


def asked(search, n=1):
    search.check_invariants()
    return "".join(s.key for s in search.ask(n))


def test_an_arm_by_hand():
    arm = Arm(reward=2.0, visits=3.0, running=2)
    visits = 0.9**2 * 3 + (1 - 0.9**2) / 0.1
    assert arm.expected(0.9) == pytest.approx((0.9**2 * 2 / visits, visits))
    arm.finish(1.0, 0.9)
    assert (arm.reward, arm.visits, arm.running) == pytest.approx((2.8, 3.7, 1))
    assert Arm().expected(0.99) == (0.0, 0.0)
    assert Arm(1.0, 2.0, 3).expected(1.0) == (0.2, 5.0)


def test_reward_is_one_only_for_a_new_node():
    search = RMax(ProofState("a"), gamma=0.5)
    assert asked(search, 3) == "aaa"
    search.tell([ran("a", "b"), failed("b")])
    search.tell([ran("a", "b"), failed("b")])
    search.tell([failed("a")])
    bandit = search._bandits[search.graph.root]
    assert (bandit.own.reward, bandit.own.visits, bandit.own.running) == (0.25, 1.75, 0)
    assert bandit.subtree == bandit.own
    search.check_invariants()


def test_samples_of_one_call_are_told_apart():
    search = RMax(ProofState("a"))
    assert asked(search, 3) == "aaa"
    stopped = Expansion(ProofState("c"), (), 0.5)
    search.tell([ran("a", "bc"), ran("b", ""), stopped, ran("a", "c"), failed("c"), ran("a", "d")])
    assert search._bandits[search.graph.root].own.running == 0
    assert search._bandits[search.graph.root].own.reward == pytest.approx(0.99**2 + 1)
    search.check_invariants()


def test_failed_tactics_never_fail_a_state():
    search = RMax(ProofState("a"))
    assert asked(search) == "a"
    search.tell([failed("a")])
    assert search.status is Status.OPEN
    assert asked(search) == "a"


def test_selection_by_hand():
    search = RMax(ProofState("a"), gamma=0.99)
    assert asked(search) == "a"
    search.tell([ran("a", "b"), failed("b")])
    # self: value 1 visits 1; b: never visited, so its bound is by far the higher
    assert asked(search) == "b"
    search.tell([failed("b")])
    own = 1 + sqrt(2 * log(2) / 1)
    child = 0 + sqrt(2 * log(2) / 1)
    assert own > child
    assert asked(search) == "a"


def test_running_samples_spread():
    search = RMax(ProofState("a"))
    assert asked(search) == "a"
    search.tell([ran("a", "bc"), failed("b")])
    assert sorted(asked(search, 3)) == ["a", "b", "c"]


def test_parts_of_different_samples_make_one_proof():
    search = RMax(ProofState("a"))
    assert asked(search, 2) == "aa"
    search.tell([ran("a", "bc"), failed("b")])
    search.tell([ran("a", "bc"), ran("b", ""), failed("c")])
    state = asked(search, 8)
    assert "c" in state
    search.tell([ran("c", "")])
    assert search.status is Status.PROVED
    assert [t.state.key for t in search.proof().children] == ["b", "c"]
    assert asked(search) == ""


def test_without_the_tree_every_sample_is_from_the_root():
    search = whole_proof(ProofState("a"))
    assert asked(search, 2) == "aa"
    search.tell([ran("a", "b"), failed("b"), ran("a", "c"), failed("c")])
    assert asked(search, 4) == "aaaa"


def test_a_sample_of_several_tactics_a_check_is_one_step():
    search = whole_proof(ProofState("a"))
    assert asked(search) == "a"
    search.tell([ran("a", "", tactic="intro h\nexact h")])
    assert search.proof().tactic == "intro h\nexact h"
