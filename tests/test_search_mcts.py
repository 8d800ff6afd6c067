"""Tree search: its formulas by hand, descents over AND edges, backups, flights, cycles."""

from math import log, sqrt

import pytest
from lakatos.data.records import Advanced, Expansion, ProofState, Status, Step
from lakatos.search.backup import estimate, minimum, product
from lakatos.search.graph import ProofGraph
from lakatos.search.mcts import MCTS, TreeRecipe, Widening
from lakatos.search.selection import alphaproof, every_child, hardest_child, puct, regularised


def told(key, *steps, value=0.5):
    """An expansion; each step is (prior, one-letter keys of its children)."""
    made = [
        Step(f"{key}{i}", prior, Advanced(tuple(map(ProofState, children))))
        for i, (prior, children) in enumerate(steps)
    ]
    return Expansion(ProofState(key), tuple(made), value)


def started(*steps, **recipe):
    search = MCTS(ProofState("a"), TreeRecipe(**recipe))
    assert asked(search) == "a"
    search.tell([told("a", *steps)])
    return search


def asked(search, n=1):
    search.check_invariants()
    states = search.ask(n)
    search.check_invariants()
    return "".join(s.key for s in states)


def edges(*statistics):
    """A node with one edge for each (prior, visits, value_sum, in_flight)."""
    graph = ProofGraph(ProofState("a"))
    keys = "bcdefgh"
    graph.add(told("a", *((s[0], keys[i]) for i, s in enumerate(statistics))))
    for edge, (_, visits, value_sum, in_flight) in zip(graph.root.edges, statistics, strict=True):
        edge.value_sum = value_sum
        edge.visits = visits + in_flight
        graph.root.visits += visits
        graph.root.in_flight += in_flight
        graph.root.value_sum += edge.value_sum
    return graph.root, graph.root.edges


def test_visits_are_the_descents_through_each_tactic():
    search = started((0.9, "b"), (0.1, "c"))
    assert search.graph.visits() == {}
    assert asked(search) == "b"
    search.tell([told("b", (0.5, "d"), (0.5, "e"), value=0.9)])
    assert asked(search, 2) == "de"
    assert search.graph.visits() == {("a", "a0"): 3, ("b", "b0"): 1, ("b", "b1"): 1}


def test_puct_by_hand():
    scores = puct(c=2.0)(*edges((0.6, 3, 1.5, 1), (0.3, 0, 0.0, 0)))
    assert scores == pytest.approx([1.5 / 4 + 2 * 0.6 * 2 / 5, 0.5 + 2 * 0.3 * 2])


def test_regularised_policy_solves_its_equation():
    node, all_edges = edges((0.6, 3, 2.7, 0), (0.3, 1, 0.2, 0), (0.1, 0, 0.0, 0))
    pi = regularised(c=1.0)(node, all_edges)
    m = sqrt(4) / (4 + 3)
    assert sum(pi) == pytest.approx(1, abs=1e-3)
    alphas = [q + m * p / x for q, p, x in zip((0.9, 0.2, 0.5), (0.6, 0.3, 0.1), pi, strict=True)]
    assert alphas == pytest.approx([alphas[0]] * 3)
    assert pi[0] > 0.8


@pytest.mark.parametrize("last", [0.0, 0.4, 0.9 + 1e-9, 1.0, 50.0])
def test_regularised_policy_is_the_same_from_whatever_alpha_it_starts(last):
    statistics = (0.6, 3, 2.7, 0), (0.3, 1, 0.2, 1), (1e-320, 2, 1.9, 0), (0.1, 0, 0.0, 0)
    expected = regularised()(*edges(*statistics))
    node, all_edges = edges(*statistics)
    node.alpha = last
    assert regularised()(node, all_edges) == pytest.approx(expected, rel=4e-3)
    assert sum(expected) == pytest.approx(1, abs=1e-3)


def test_regularised_policy_before_any_visit_and_with_tiny_priors():
    assert regularised()(*edges((0.6, 0, 0.0, 0), (0.3, 0, 0.0, 0))) == [0.5, 0.5]
    pi = regularised()(*edges((1.0, 9, 0.0, 0), (1e-320, 9, 9.0, 0)))
    assert all(0 <= p <= 1.01 for p in pi)


def test_alphaproof_by_hand():
    node, all_edges = edges((0.5, 3, 2.4, 0), (0.25, 0, 0.0, 0))
    first, second = alphaproof(base=10, init=0.1, discount=0.9, flatten=1)(node, all_edges)
    scale = (log(14 / 10) + 0.1) * sqrt(3)
    assert first == pytest.approx(0.8 + scale * (2 / 3) / 4)
    assert second == pytest.approx(0.9 * 0.8 + scale * (1 / 3))


def test_the_hardest_child_is_the_one_of_least_value():
    graph = ProofGraph(ProofState("a"))
    graph.add(told("a", (1.0, "bcd")))
    edge = graph.root.edges[0]
    for child, value in zip(edge.children, (0.6, 0.2, 0.9), strict=True):
        child.value = value
    assert [n.state.key for n in hardest_child()(edge, edge.children)] == ["c"]
    assert every_child(edge, edge.children) == list(edge.children)


def test_conjunctions():
    assert product([0.5, 0.4]) == pytest.approx(0.2)
    assert minimum([0.5, 0.4]) == 0.4
    assert product([]) == minimum([]) == 1.0


@pytest.mark.parametrize(("conjoin", "value"), [(product, 0.12), (minimum, 0.3)])
def test_one_descent_follows_all_children_and_is_backed_up_once_with_their_and(conjoin, value):
    search = started((0.9, "bc"), (0.1, "d"), conjoin=conjoin, discount=0.5)
    root = search.graph.root
    assert asked(search, 2) == "bc"
    assert (root.edges[0].visits, root.in_flight) == (1, 1)
    search.tell([told("c", (1.0, "x"), value=0.3)])
    assert (root.in_flight, root.visits) == (1, 1)
    search.tell([told("b", (1.0, "y"), value=0.4)])
    edge = root.edges[0]
    assert (edge.visits, root.in_flight) == (1, 0)
    assert edge.value_sum == pytest.approx(value)
    assert root.value_sum == pytest.approx(0.5 + 0.5 * value)


def test_a_child_that_is_not_followed_counts_by_its_estimate():
    search = started((1.0, "bc"))
    search.graph.nodes["c"].value = 0.25
    assert asked(search, 1) == "b"
    search.tell([told("b", (1.0, "x"), value=0.8)])
    assert search.graph.root.edges[0].value_sum == pytest.approx(0.2)
    assert asked(search, 1) == "c"  # the less visited one


def test_resolved_children_count_as_one_and_zero():
    search = started((0.9, "bc"), (0.1, "d"))
    assert asked(search, 2) == "bc"
    search.tell([told("b", (1.0, "")), told("c", (1.0, "x"), value=0.3)])
    assert search.graph.root.edges[0].value_sum == pytest.approx(0.3)
    assert asked(search, 1) == "x"
    search.tell([told("x")])
    assert search.graph.root.edges[0].value_sum == pytest.approx(0.3)
    assert [estimate(search.graph.nodes[k]) for k in "bxc"] == [1.0, 0.0, 0.0]


def test_flights_send_later_descents_elsewhere():
    search = started((0.4, "b"), (0.35, "c"), (0.25, "d"))
    assert asked(search) + asked(search) + asked(search) == "bcd"
    assert asked(search) == ""


def test_value_draws_the_search_back():
    search = started((0.5, "b"), (0.5, "c"), select=puct(c=0.1))
    assert asked(search, 2) == "bc"
    search.tell([told("b", (1.0, "x"), value=0.1), told("c", (1.0, "y"), value=0.9)])
    assert asked(search) == "y"
    search.tell([told("y", (0.5, "z"), (0.5, "w"), value=0.9)])
    assert asked(search, 2) in ("zw", "wz")


def test_a_cycle_of_high_prior_does_not_trap_the_search():
    search = started((0.999, "b"), (0.001, "c"))
    assert asked(search) == "b"
    search.tell([told("b", (0.9, "a"))])
    assert asked(search) == "c"
    search.tell([told("c", (1.0, ""))])
    assert search.status is Status.PROVED
    assert search.proof().tactic == "a1"


def test_a_descent_that_only_meets_its_own_states_still_finds_the_leaf():
    search = started((0.99, "b"), (0.01, "c"), select=puct(c=10.0))
    assert asked(search) == "b"
    search.tell([told("b", (1.0, "d"))])
    assert asked(search) == "d"
    search.tell([told("d", (1.0, "a"))])  # b and d lead on only through a itself
    assert asked(search) == "c"
    search.tell([told("c", (1.0, "e"))])
    assert asked(search) == "e"


def test_widening_asks_again_by_the_rule_and_keeps_the_subtree():
    search = started((1.0, "b"), widening=Widening(c=1.0, alpha=0.5))
    assert asked(search) == "a"  # told once, visited once: 1 <= 1 * 1 ** 0.5
    search.tell([told("a", (0.5, "c"))])
    assert [e.tactic for e in search.graph.root.edges] == ["a0", "a0"]
    assert search.graph.root.expansions == 2
    assert asked(search) == "b"


def test_equal_runs_make_equal_statistics():
    def run():
        search = started((0.5, "bc"), (0.3, "cd"), (0.2, "be"))
        for value in (0.2, 0.7, 0.4):
            states = search.ask(2)
            search.tell([told(s.key, (0.5, s.key + "'"), value=value) for s in states])
        return [
            (n.state.key, n.visits, n.value_sum, [e.visits for e in n.edges or ()])
            for n in search.graph.nodes.values()
        ]

    assert run() == run()
