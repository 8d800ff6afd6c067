"""The stored graph: statuses equal a brute-force fixpoint, the proof is the smallest."""

from __future__ import annotations

import re
from itertools import product

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakatos.data.proof_graph import proof_graph, states, to_dot
from lakatos.data.records import (
    Advanced,
    Expansion,
    Goal,
    ProofState,
    Rejected,
    Rejection,
    Status,
    Step,
    TimedOut,
)

World = list[tuple[int, list[list[int] | None]]]  # state, for each tactic its states or failure


def state(number: int) -> ProofState:
    return ProofState(str(number), (Goal(f"goal {number}"),))


def expansion(number: int, tactics: list[list[int] | None]) -> Expansion:
    steps = [
        Step(f"t{n}", 0.5, Rejected("no") if to is None else Advanced(tuple(map(state, to))))
        for n, to in enumerate(tactics)
    ]
    return Expansion(state(number), tuple(steps), 0.5)


def world(given_world: World) -> nx.MultiDiGraph:
    return proof_graph(state(0), [expansion(n, tactics) for n, tactics in given_world])


numbers = st.integers(0, 5)
worlds = st.lists(
    st.tuples(numbers, st.lists(st.none() | st.lists(numbers, max_size=3), max_size=4)), max_size=8
)


def brute_force(given_world: World) -> tuple[set[int], set[int]]:
    """Proved and failed states, by applying the definition until nothing changes."""
    tried: dict[int, list[list[int] | None]] = {}
    for number, tactics in given_world:
        tried.setdefault(number, []).extend(tactics)
    proved: set[int] = set()
    failed: set[int] = set()
    for _ in range(20):
        proved |= {
            n for n, ts in tried.items() if any(t is not None and proved.issuperset(t) for t in ts)
        }
    for _ in range(20):
        failed |= {
            n
            for n, ts in tried.items()
            if n not in proved and all(t is None or n in t or failed.intersection(t) for t in ts)
        }
    return proved, failed


@given(worlds)
def test_statuses_equal_a_brute_force_fixpoint(given_world: World) -> None:
    graph = world(given_world)
    proved, failed = brute_force(given_world)
    for key in states(graph):
        expected = Status.OPEN
        if int(key) in proved:
            expected = Status.PROVED
        elif int(key) in failed:
            expected = Status.FAILED
        assert graph.nodes[key]["status"] is expected
        assert graph.nodes[key]["visits"] == [n for n, _ in given_world].count(int(key))


@given(worlds)
def test_the_marked_proof_is_a_proof_and_none_is_smaller(given_world: World) -> None:
    graph = world(given_world)
    marked = {node for node, is_in in graph.nodes(data="in_proof") if is_in}
    if graph.nodes["0"]["status"] is not Status.PROVED:
        assert marked == set()
        return
    assert nx.is_directed_acyclic_graph(graph.subgraph(marked))
    choice = {}
    for key in marked & set(states(graph)):
        (tactic,) = set(graph.successors(key)) & marked
        assert set(graph.successors(tactic)) <= marked
        choice[key] = tactic
    assert steps_of("0", choice, graph) == smallest(given_world)


def steps_of(key: str, choice: dict[str, tuple[str, int]], graph: nx.MultiDiGraph) -> int:
    return 1 + sum(steps_of(child, choice, graph) for _, child in graph.out_edges(choice[key]))


def smallest(given_world: World) -> float:
    """Steps of the smallest proof of state 0, by Bellman's equation iterated."""
    cost: dict[int, float] = {}
    for _, (number, tactics) in product(range(20), given_world):
        for to in tactics:
            if to is not None and all(n in cost for n in to):
                cost[number] = min(cost.get(number, 1e9), 1 + sum(cost[n] for n in to))
    return cost[0]


def test_outcomes_and_numbers_of_a_small_graph() -> None:
    steps = (
        Step("a", 0.5, Advanced((state(1), state(1))), 2.0),
        Step("b", 0.25, Rejected("why", Rejection.PARSE), 1.0),
        Step("c", 0.125, TimedOut(5.0)),
    )
    told = [
        Expansion(state(0), steps, 0.75),
        Expansion(state(1), (Step("d", 1.0, steps[1].outcome),), 0.0),
    ]
    graph = proof_graph(state(0), told)
    assert [graph.nodes["0", n]["outcome"] for n in range(3)] == ["advanced", "parse", "timed_out"]
    assert graph.nodes["0", 1]["message"] == "why"
    assert graph.number_of_edges(("0", 0), "1") == 2
    assert {graph.nodes[key]["status"] for key in states(graph)} == {Status.FAILED}
    assert graph.nodes["0"]["value"] == 0.75
    assert graph.nodes["0"]["pretty"] == "⊢ goal 0"


def test_shorter_text_wins_between_proofs_of_equal_steps() -> None:
    steps = (Step("exact long", 0.9, Advanced(())), Step("rfl", 0.1, Advanced(())))
    graph = proof_graph(state(0), [Expansion(state(0), steps, 0.5)])
    assert [graph.nodes["0", n]["in_proof"] for n in range(2)] == [False, True]


def test_a_graph_without_expansions_is_its_open_root() -> None:
    graph = proof_graph(state(7), [])
    assert dict(graph.nodes(data="status")) == {"7": Status.OPEN}


@pytest.mark.parametrize("rejected", [False, True])
def test_dot_names_every_node_and_escapes(rejected: bool) -> None:
    odd = ProofState("0", (Goal('"quoted" \\ back\nnext'),))
    steps = (Step('exact "a\\n"', 0.5, Advanced(())), Step("bad", 0.5, Rejected("no")))
    text = to_dot(proof_graph(odd, [Expansion(odd, steps, 0.0)]), rejected=rejected)
    assert r'label="⊢ \"quoted\" \\ back\lnext\l"' in text
    assert r'label="exact \"a\\n\"\l"' in text
    assert ("bad" in text) == rejected
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert '"' not in unquoted
    assert unquoted.count("->") == 1 + rejected
