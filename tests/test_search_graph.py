"""The proof graph by itself: statuses, merging, cycles, what is reached, the smallest proof."""

import pytest
from lakatos.data.records import (
    Advanced,
    Expansion,
    Goal,
    Hypothesis,
    ProofState,
    Rejected,
    Status,
    Step,
    TimedOut,
)
from lakatos.search.extraction import smallest_proof
from lakatos.search.graph import ProofGraph
from lakatos.search.reach import FromRoot, ToLeaves


def told(key, *children, value=0.5, prior=0.5):
    """An expansion; each child list is a string of one-letter keys, None a rejected tactic."""
    steps = [
        Step(
            f"{key}{i}",
            prior,
            Rejected("no") if c is None else Advanced(tuple(ProofState(k) for k in c)),
        )
        for i, c in enumerate(children)
    ]
    return Expansion(ProofState(key), tuple(steps), value)


def grown(*expansions, **options):
    graph = ProofGraph(ProofState("a"), **options)
    for expansion in expansions:
        graph.add(expansion)
        graph.check_invariants()
    return graph


def statuses(graph):
    return "".join(f"{k}{n.status.value[0]}" for k, n in graph.nodes.items())


def test_a_tactic_that_leaves_nothing_proves():
    graph = grown(told("a", None, ""))
    assert graph.root.status is Status.PROVED
    assert graph.root.proof.tactic == "a1"


def test_proved_needs_every_child_and_goes_up_through_two_levels():
    graph = grown(told("a", "bc"), told("b", ""), told("c", "d"))
    assert statuses(graph) == "aobpcodo"
    change = graph.add(told("d", ""))
    assert [n.state.key for n in change.resolved] == ["d", "c", "a"]
    graph.check_invariants()


def test_failed_needs_every_edge_dead():
    graph = grown(told("a", "bc", "d"), told("b", None, None))
    assert statuses(graph) == "aobfcodo"
    change = graph.add(told("d"))
    assert statuses(graph) == "afbfcodf"
    assert [e.tactic for e in change.dead] == ["a1"]


def test_a_timeout_is_no_edge():
    graph = ProofGraph(ProofState("a"))
    graph.add(Expansion(ProofState("a"), (Step("t", 1.0, TimedOut(5.0)),), 0.5))
    assert graph.root.status is Status.FAILED


def test_a_cycle_neither_proves_nor_fails():
    graph = grown(told("a", "b"), told("b", "a"))
    assert statuses(graph) == "aobo"


def test_a_step_back_to_its_own_state_is_dead():
    assert statuses(grown(told("a", "a", "ab"))) == "afbo"


def test_the_same_child_twice_counts_twice():
    graph = grown(told("a", "bb"))
    assert graph.root.edges[0].unproved == 2
    graph.add(told("b", ""))
    graph.check_invariants()
    assert graph.root.status is Status.PROVED


def test_both_resolutions_are_final():
    graph = grown(told("a", "b"), told("b"), told("b", ""), told("a", ""))
    assert statuses(graph) == "afbf"
    graph = grown(told("a", ""), told("a", None, "b"))
    assert statuses(graph) == "apbo"


def test_expanding_again_adds_edges_and_can_prove():
    graph = grown(told("a", "b"), told("a", "c", "b", ""))
    assert [[c.state.key for c in e.children] for e in graph.root.edges] == [["b"], ["c"], []]
    assert graph.root.status is Status.PROVED


def test_a_node_asked_again_does_not_fail_before_the_answer():
    graph = grown(told("a", "b"))
    graph.root.pending = True
    graph.add(told("b"))
    graph.check_invariants()
    assert graph.root.status is Status.OPEN
    graph.add(told("a"))
    graph.check_invariants()
    assert graph.root.status is Status.FAILED


def test_without_failure_more_may_always_come():
    graph = grown(told("a", "b", None), told("b", None), told("b", ""), can_fail=False)
    assert graph.root.status is Status.PROVED


@pytest.mark.parametrize(("sums", "prior"), [(False, 0.5), (True, 0.75)])
def test_equal_children_are_one_edge_with_the_shorter_tactic(sums, prior):
    steps = [("long name", 0.5, "bc"), ("short", 0.25, "cb")]
    expansion = Expansion(
        ProofState("a"),
        tuple(Step(t, p, Advanced(tuple(map(ProofState, c)))) for t, p, c in steps),
        0.5,
    )
    graph = grown(expansion, sum_priors=sums)
    (edge,) = graph.root.edges
    assert (edge.tactic, edge.prior, edge.unproved) == ("short", prior, 2)
    assert [c.state.key for c in edge.children] == ["c", "b"]
    again = graph.add(Expansion(ProofState("a"), (Step("t", 0.9, expansion.steps[0].outcome),), 0))
    assert again.edges == [edge]
    assert edge.prior == (1.0 if sums else 0.9)


def test_twenty_thousand_deep_without_recursion():
    depth = 20_000
    graph = ProofGraph(ProofState("0"))
    reach = FromRoot(graph.root)
    for i in range(depth):
        step = Step("t", 1.0, Advanced((ProofState(str(i + 1)),)))
        reach.update(graph.add(Expansion(ProofState(str(i)), (step,), 0.5)))
    graph.add(Expansion(ProofState(str(depth)), (Step("done", 1.0, Advanced(())),), 0.5))
    assert graph.root.status is Status.PROVED
    tree, steps = smallest_proof(graph.root), 1
    while tree.children:
        (tree,) = tree.children
        steps += 1
    assert (steps, tree.tactic) == (depth + 1, "done")


def follow(kind, *expansions, pending=""):
    graph = ProofGraph(ProofState("a"))
    reach = kind(graph.root)
    for expansion in expansions:
        reach.update(graph.add(expansion))
        graph.check_invariants()
        reach.check_invariants(graph.nodes.values())
    for key in pending:
        node = graph.nodes[key]
        node.pending = True
        reach.lose((node,))
        reach.check_invariants(graph.nodes.values())
    return "".join(k for k, n in graph.nodes.items() if n.witness is not None)


def test_states_below_a_dead_edge_or_a_proved_node_are_out_of_reach():
    assert follow(FromRoot, told("a", "bc", "d")) == "abcd"
    assert follow(FromRoot, told("a", "bc", "d"), told("b")) == "ad"
    assert follow(FromRoot, told("a", "bx", "d"), told("b", "e"), told("b", "")) == "axd"


def test_another_way_keeps_a_state_in_reach():
    two_ways = told("a", "bc", "d"), told("c", "e"), told("d", "c")
    assert follow(FromRoot, *two_ways, told("b")) == "acde"


def test_a_cycle_does_not_hold_itself_in_reach():
    ring = told("a", "bx", "d"), told("b", "c"), told("c", "b", "e")
    assert follow(FromRoot, *ring, told("x")) == "ad"


def test_a_state_told_before_it_is_reached():
    assert follow(FromRoot, told("b", "c"), told("a", "b")) == "abc"


def test_only_nodes_above_an_unasked_leaf_can_be_followed():
    assert follow(ToLeaves, told("a", "b", "c"), told("b", "d"), pending="d") == "ac"
    assert follow(ToLeaves, told("a", "b"), told("b", "c", "a"), pending="c") == ""


def named(key, *names):
    return ProofState(key, (Goal("p", tuple(Hypothesis(n, "p") for n in names)),))


def test_a_proof_says_which_names_a_tactic_was_written_for():
    graph = ProofGraph(named("a"))
    first, second, third = named("c", "h"), named("c", "k"), named("c", "h")
    for outcome, state in [
        ((named("b"), first, second, third), named("a")),
        ((), named("b")),
        ((), first),
    ]:
        graph.add(Expansion(state, (Step(f"at {state.key}", 1.0, Advanced(outcome)),), 0.5))
    tree = smallest_proof(graph.root)
    assert tree.named is None
    assert [c.state for c in tree.children] == [named("b"), first, second, third]
    assert [c.named for c in tree.children[1:]] == [None, first, None]
    assert tree.children[2].state is second
    assert tree.children[2].named is first


def test_the_fewest_steps_as_a_tree_win_then_the_shortest_text():
    graph = grown(
        told("a", "bb", "c"), told("b", "d"), told("d", ""), told("c", "e"), told("e", "d")
    )
    tree = smallest_proof(graph.root)
    assert tree.tactic == "a1"  # 4 steps; through b twice it is 5, though 3 nodes are new
    shorter = Expansion(ProofState("d"), (Step("x", 1.0, Advanced((ProofState("f"),))),), 0.5)
    graph.add(shorter)
    graph.add(told("f", ""))
    assert smallest_proof(graph.root) == tree


def test_a_doubling_proof_of_a_hundred_levels_is_still_measured():
    graph = ProofGraph(ProofState("0"))
    for i in range(100):
        child = ProofState(str(i + 1))
        graph.add(Expansion(ProofState(str(i)), (Step("t", 1.0, Advanced((child, child))),), 0.5))
    graph.add(Expansion(ProofState("100"), (Step("t", 1.0, Advanced(())),), 0.5))
    tree = smallest_proof(graph.root)
    assert tree.children[0].children is tree.children[1].children
