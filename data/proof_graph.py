"""An attempt as an AND/OR graph for networkx: states (OR) and tactics (AND), with statuses.

Computed from the stored expansions alone, so it also judges what the search claimed: PROVED
and FAILED are least fixpoints. FAILED: expanded, and every tactic tried is dead
(rejected, a state it leaves FAILED, or it leads straight back). The proof marked is the
smallest, by steps, then by length of text (Knuth 1977).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .outcomes import ADVANCED, TIMED_OUT
from .records import Advanced, Expansion, ProofState, Rejected, Status, Step

if TYPE_CHECKING:
    import networkx as nx

Graph: TypeAlias = "nx.MultiDiGraph[Any]"
Node = str | tuple[str, int]  # a state's key; a tactic: the key of its state, and its number

_SHAPE = {"state": "box", "tactic": "plaintext"}
_COLOUR = {Status.PROVED: "#1a7f37", Status.FAILED: "#b42318", Status.OPEN: "#57606a"}


def proof_graph(root: ProofState, expansions: Sequence[Expansion]) -> Graph:
    """The graph of everything tried, in the order it was.

    State nodes: their key; attributes kind="state", state, pretty, status, visits (times
    expanded), value (latest, or None), in_proof. Tactic nodes: (key, number); kind="tactic",
    tactic, prior, status, outcome (`advanced`, `timed_out` or a Rejection), message,
    elapsed_ms, in_proof. Edges state -> tactic -> state, keyed by the child's index.
    The graph's own attribute `root` is the root's key.
    """
    import networkx as nx  # half a second, and few verbs draw a graph

    graph: Graph = nx.MultiDiGraph(root=root.key)
    _add_state(graph, root)
    tried: dict[str, int] = defaultdict(int)
    for expansion in expansions:
        key = expansion.state.key
        _add_state(graph, expansion.state)
        graph.nodes[key]["visits"] += 1
        graph.nodes[key]["value"] = expansion.value
        for step in expansion.steps:
            _add_step(graph, key, tried[key], step)
            tried[key] += 1
    _set_statuses(graph)
    for node in _smallest_proof(graph):
        graph.nodes[node]["in_proof"] = True
    return graph


def states(graph: Graph) -> list[str]:
    """The state nodes, in the order they were reached."""
    return [node for node in graph if graph.nodes[node]["kind"] == "state"]


def to_dot(graph: Graph, *, rejected: bool = False) -> str:
    """The graph in Graphviz's language; failed steps without states only when `rejected`."""
    lines = ["digraph proof {", "  rankdir=LR;", '  node [fontname="monospace", fontsize=10];']
    names: dict[Node, str] = {}
    for node, data in graph.nodes(data=True):
        if data["kind"] == "tactic" and data["outcome"] != ADVANCED and not rejected:
            continue
        names[node] = f"n{len(names)}"
        text = data["pretty"] if data["kind"] == "state" else data["tactic"]
        width = 3 if data["in_proof"] else 1
        lines.append(
            f"  {names[node]} [label={_quoted(text)}, shape={_SHAPE[data['kind']]}, "
            f'color="{_COLOUR[data["status"]]}", penwidth={width}];'
        )
    for source, target in graph.edges():
        if source in names and target in names:
            bold = graph.nodes[source]["in_proof"] and graph.nodes[target]["in_proof"]
            style = " [penwidth=3]" if bold else ""
            lines.append(f"  {names[source]} -> {names[target]}{style};")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """A string of Graphviz's; every line ends left-justified."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
    return '"' + "".join(f"{line}\\l" for line in escaped.splitlines()) + '"'


def _add_state(graph: Graph, state: ProofState) -> None:
    if state.key not in graph:
        graph.add_node(
            state.key,
            kind="state",
            state=state,
            pretty=state.pretty,
            status=Status.OPEN,
            visits=0,
            value=None,
            in_proof=False,
        )


def _add_step(graph: Graph, key: str, number: int, step: Step) -> None:
    outcome, message = ADVANCED, ""
    children: tuple[ProofState, ...] = ()
    if isinstance(step.outcome, Advanced):
        children = step.outcome.states
    elif isinstance(step.outcome, Rejected):
        outcome, message = step.outcome.kind.value, step.outcome.message
    else:
        outcome, message = TIMED_OUT, f"no answer within {step.outcome.wall_s:g} s"
    graph.add_node(
        (key, number),
        kind="tactic",
        tactic=step.tactic,
        prior=step.prior,
        status=Status.OPEN,
        outcome=outcome,
        message=message,
        elapsed_ms=step.elapsed_ms,
        in_proof=False,
    )
    graph.add_edge(key, (key, number), key=0)
    for index, child in enumerate(children):
        _add_state(graph, child)
        graph.add_edge((key, number), child.key, key=index)


def children(graph: Graph) -> dict[Node, list[Node]]:
    """What each node leads to, once for each edge."""
    return {
        node: [child for child, edges in near.items() for _ in edges]
        for node, near in graph.adjacency()
    }


def _parents(below: Mapping[Node, Sequence[Node]]) -> dict[Node, list[Node]]:
    above: dict[Node, list[Node]] = {node: [] for node in below}
    for node, those in below.items():
        for child in those:
            above[child].append(node)
    return above


def _set_statuses(graph: Graph) -> None:
    """Least fixpoints by worklist: each node waits for so many of its successors."""
    below = children(graph)
    above = _parents(below)
    proved, dead = [], []
    waiting: dict[Status, dict[Node, int]] = {Status.PROVED: {}, Status.FAILED: {}}
    for node, data in graph.nodes(data=True):
        count, is_tactic = len(below[node]), data["kind"] == "tactic"
        waiting[Status.PROVED][node] = count if is_tactic else 1
        waiting[Status.FAILED][node] = 1 if is_tactic else count
        if (is_tactic and data["outcome"] != ADVANCED) or (is_tactic and node[0] in below[node]):
            dead.append(node)
        elif is_tactic and not count:
            proved.append(node)
        elif not is_tactic and not count and data["visits"]:
            dead.append(node)
    for status, start in ((Status.PROVED, proved), (Status.FAILED, dead)):
        _spread(graph, start, status, waiting[status], above)


def _spread(
    graph: Graph,
    work: list[Node],
    status: Status,
    waiting: dict[Node, int],
    above: Mapping[Node, Sequence[Node]],
) -> None:
    """Carry a status up; a node takes it from so many successors as it waits for."""
    nodes = graph.nodes
    while work:
        node = work.pop()
        if nodes[node]["status"] is not Status.OPEN:
            continue
        nodes[node]["status"] = status
        for parent in above[node]:
            waiting[parent] -= 1
            if waiting[parent] <= 0:
                work.append(parent)


def _smallest_proof(graph: Graph) -> list[Node]:
    """Nodes of the smallest proof of the root, none if it is not proved."""
    root = graph.graph["root"]
    if graph.nodes[root]["status"] is not Status.PROVED:
        return []
    best, _ = _best_tactics(graph)
    found: dict[Node, None] = {}
    work = [root]
    while work:
        key = work.pop()
        if key not in found:
            found[key] = None
            found[best[key]] = None
            work.extend(graph.successors(best[key]))
    return list(found)


def steps_to_go(graph: Graph) -> dict[str, int]:
    """The steps of the smallest proof of each proved state, by its key."""
    best, cost = _best_tactics(graph)
    return {key: cost[key][0] for key in best}


def _best_tactics(graph: Graph) -> tuple[dict[Any, Node], dict[Node, tuple[int, int]]]:
    """Each proved state's first tactic in its smallest proof, and what that costs: steps, then
    letters; a shared state counts each time.
    """
    cost: dict[Node, tuple[int, int]] = {}
    best: dict[Any, Node] = {}
    below = children(graph)
    above = _parents(below)
    tactics = [node for node, data in graph.nodes(data=True) if data["kind"] == "tactic"]
    waiting: dict[Any, int] = {node: len(below[node]) for node in tactics}
    order = {node: number for number, node in enumerate(graph)}
    heap: list[tuple[tuple[int, int], int, Node]] = []

    def offer(tactic: Node) -> None:
        prices = [cost[child] for child in below[tactic]]
        steps = 1 + sum(price[0] for price in prices)
        length = len(graph.nodes[tactic]["tactic"]) + sum(price[1] for price in prices)
        heapq.heappush(heap, ((steps, length), order[tactic], tactic))

    for node in waiting:
        if graph.nodes[node]["outcome"] == ADVANCED and waiting[node] == 0:
            offer(node)
    while heap:
        price, _, tactic = heapq.heappop(heap)
        (key,) = above[tactic]
        if key in best:
            continue
        best[key], cost[key] = tactic, price
        for parent in above[key]:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                offer(parent)
    return best, cost
