"""Best-first search: order, ties, queues in turn, and which states it still asks for."""

from math import log

import pytest
from lakatos.data.records import Advanced, Expansion, Goal, ProofState, Rejected, Status, Step
from lakatos.search.best_first import (
    BestFirst,
    by_fewest_goals,
    by_log_prior,
    by_shortest_state,
    by_value,
)

from .toy import NON_THEOREMS, THEOREMS, Toy


def told(key, *steps, value=0.5):
    """An expansion; each step is (prior, one-letter keys of its children)."""
    made = [
        Step(f"{key}{i}", prior, Advanced(tuple(map(ProofState, children))))
        for i, (prior, children) in enumerate(steps)
    ]
    return Expansion(ProofState(key), tuple(made), value)


def asked(search, n=1):
    search.check_invariants()
    return "".join(s.key for s in search.ask(n))


def started(*steps, **options):
    search = BestFirst(ProofState("a"), **options)
    assert asked(search) == "a"
    search.tell([told("a", *steps)])
    return search


def run(toy, batch, budget=2000):
    search = BestFirst(toy.root)
    while search.status is Status.OPEN and budget > 0:
        states = search.ask(batch)
        if not states:
            break
        budget -= len(states)
        search.tell([toy.expand(s) for s in states])
        search.check_invariants()
    return search


@pytest.mark.parametrize("batch", [1, 4, 16])
@pytest.mark.parametrize("name", THEOREMS)
def test_proves_the_toy_theorems(name, batch):
    toy = Toy(THEOREMS[name])
    search = run(toy, batch)
    assert search.status is Status.PROVED
    toy.replay(search.proof())


@pytest.mark.parametrize("name", NON_THEOREMS)
def test_does_not_prove_what_is_not_provable(name):
    search = run(Toy(NON_THEOREMS[name]), 4)
    assert search.status is not Status.PROVED
    assert search.ask(1) == []


def test_equal_runs_make_equal_graphs():
    first, second = (run(Toy(THEOREMS["distrib"]), 4) for _ in range(2))
    assert [*first.graph.nodes] == [*second.graph.nodes]
    assert first.proof() == second.proof()


@pytest.mark.parametrize(("alpha", "order"), [(0.0, "bc"), (1.0, "cb")])
def test_alpha_weighs_length_against_prior(alpha, order):
    search = started((0.1, "b"), (0.4, "x"), alpha=alpha)
    assert asked(search) == "x"
    search.tell([told("x", (0.1, "c"))])  # log prior: b -2.30 at depth 1, c -3.22 at depth 2
    assert asked(search) + asked(search) == order


def test_ties_go_to_the_smaller_depth_then_to_the_first_queued():
    search = started((1.0, "b"), (1.0, "c"), (1.0, "d"))
    assert asked(search) == "b"
    search.tell([told("b", (1.0, "e"))])
    assert [asked(search) for _ in range(4)] == ["c", "d", "e", ""]


def test_a_state_reached_again_by_a_better_path_is_queued_again():
    search = started((0.1, "b"), (0.2, "c"), (0.9, "d"), alpha=0.0)
    assert asked(search) == "d"
    search.tell([told("d", (0.9, "b"))])
    assert search.graph.nodes["b"].log_prior == pytest.approx(2 * log(0.9))
    assert [asked(search) for _ in range(3)] == ["b", "c", ""]


def test_a_state_reached_again_by_a_worse_path_keeps_its_score():
    search = started((0.5, "b"), (0.9, "d"), alpha=0.0)
    assert asked(search) == "d"
    search.tell([told("d", (0.1, "b"))])
    assert search.graph.nodes["b"].log_prior == pytest.approx(log(0.5))


def test_states_of_no_more_use_are_not_asked():
    search = started((0.9, "bc"), (0.5, "d"))
    assert asked(search) == "b"
    search.tell([told("b")])
    assert asked(search, 9) == "d"


def test_a_state_dropped_and_reached_again_is_asked():
    search = started((0.9, "bc"), (0.5, "d"), (0.01, "e"))
    assert asked(search) == "b"
    search.tell([told("b")])
    assert asked(search) == "d"  # c, out of reach and before it, went from the queue
    search.tell([told("d", (0.5, "c"))])
    assert asked(search, 9) == "ce"


def test_answers_may_come_in_any_order_and_for_states_never_asked():
    search = started((0.5, "b"), (0.4, "c"))
    assert asked(search, 2) == "bc"
    search.tell([told("c", (0.5, "d")), told("q", (0.5, "r")), told("b", (0.5, "q"))])
    assert asked(search, 9) == "dr"


def test_nothing_to_ask_while_all_is_in_flight_or_the_root_is_resolved():
    search = started((0.5, "b"))
    assert asked(search) == "b"
    assert asked(search) == ""
    search.tell([told("b", (1.0, ""), (0.5, "c"))])
    assert search.status is Status.PROVED
    assert asked(search) == ""
    search.tell([told("c")])
    assert [search.proof().tactic, search.proof().children[0].tactic] == ["a0", "b0"]


def test_a_prior_that_underflowed_is_still_searched():
    assert asked(started((0.0, "b")), 9) == "b"


def seen(key, goals, text):
    return ProofState(key, tuple(Goal(text) for _ in range(goals)))


def test_orders_and_turns_of_which_the_root_takes_the_first():
    states = [seen("b", 3, "p"), seen("c", 1, "a longer target"), seen("d", 2, "qqqqqq")]
    steps = tuple(
        Step(s.key, prior, Advanced((s,))) for s, prior in zip(states, (0.2, 0.3, 0.5), strict=True)
    )

    def order(*orders):
        search = BestFirst(ProofState("a"), orders=orders)
        search.tell(
            [Expansion(s, (*steps, Step("no", 0.9, Rejected(""))), 0.5) for s in search.ask(1)]
        )
        return "".join(asked(search) for _ in range(4))

    assert order(by_log_prior(0.5)) == "dcb"
    assert order(by_fewest_goals) == "cdb"
    assert order(by_shortest_state) == "bcd"
    assert order(by_shortest_state, by_fewest_goals, by_log_prior(0.5)) == "cdb"
    assert order(by_fewest_goals, by_shortest_state, by_log_prior(0.5)) == "bdc"


def test_the_critic_orders_by_the_value_of_the_state_above():
    search = started((0.9, "b"), (0.1, "c"), orders=(by_value,))
    assert asked(search, 2) == "bc"
    search.tell([told("b", (0.9, "d"), value=0.1), told("c", (0.1, "e"), value=0.8)])
    assert asked(search, 2) == "ed"
