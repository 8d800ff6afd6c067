"""An attempt for people: numbers, a text tree, and one self-contained page with the graph.

Knows nothing of terminals or colours; the page's look and life are in the folder page/.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..outcomes import ADVANCED
from ..proof_graph import Graph, Node, children, proof_graph, states
from ..records import Accepted, Advanced, Refused, Rejected, Status
from .words import stop_word

if TYPE_CHECKING:
    from ..store.attempts import StoredAttempt

_SIGN = {Status.PROVED: "✓", Status.FAILED: "✗", Status.OPEN: "○"}
_RANK = {Status.PROVED: 1, Status.OPEN: 2, Status.FAILED: 3}


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a search did. rejected: by kind. merged: states reached that were known before."""

    expansions: int
    steps: int
    advanced: int
    rejected: dict[str, int]
    timed_out: int
    lean_s: float
    states: int
    merged: int
    proved: int
    failed: int
    open: int
    proof_steps: int

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each number, for a table."""
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.rejected.items()))
        rows = [
            ("expansions", f"{self.expansions}"),
            ("tactics tried", f"{self.steps}"),
            ("accepted by Lean", f"{self.advanced}"),
            ("rejected", f"{sum(self.rejected.values())}" + (f" ({kinds})" if kinds else "")),
            ("timed out", f"{self.timed_out}"),
            ("time in Lean", f"{self.lean_s:.2f} s"),
            ("states", f"{self.states}"),
            ("states met again", f"{self.merged}"),
            ("proved, open, failed", f"{self.proved}, {self.open}, {self.failed}"),
        ]
        return [*rows, ("steps of the proof", f"{self.proof_steps}")] if self.proof_steps else rows


def statistics(attempt: StoredAttempt, graph: Graph | None = None) -> Statistics:
    """Count an attempt's steps and states. graph: its proof graph, if at hand."""
    graph = graph or graph_of(attempt)
    keys = states(graph)
    steps = [step for expansion in attempt.expansions for step in expansion.steps]
    left = [s.outcome.states for s in steps if isinstance(s.outcome, Advanced)]
    rejected = Counter(s.outcome.kind.value for s in steps if isinstance(s.outcome, Rejected))
    status = Counter(graph.nodes[key]["status"] for key in keys)
    return Statistics(
        expansions=len(attempt.expansions),
        steps=len(steps),
        advanced=len(left),
        rejected=dict(rejected),
        timed_out=len(steps) - len(left) - rejected.total(),
        lean_s=sum(step.elapsed_ms for step in steps) / 1000,
        states=len(keys),
        merged=sum(map(len, left)) - (len(keys) - 1),
        proved=status[Status.PROVED],
        failed=status[Status.FAILED],
        open=status[Status.OPEN],
        proof_steps=sum(d["in_proof"] for _, d in graph.nodes(data=True) if d["kind"] == "tactic"),
    )


def graph_of(attempt: StoredAttempt) -> Graph:
    """The proof graph of a stored attempt."""
    return proof_graph(attempt.theorem.state, attempt.expansions)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a tree. style: `proof`, `proved`, `open`, `failed`, `rejected` or `note`."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class _Item:
    """A node to print, or a note if None. lead: before its line; rest: before those below.

    state: the one the node's tactic was tried at, whose hypotheses need no repeating.
    """

    node: Node | None
    state: Node | None
    note: str
    lead: str
    rest: str
    depth: int


def tree(
    attempt: StoredAttempt,
    graph: Graph | None = None,
    *,
    depth: int = 12,
    rejected: bool = False,
    width: int = 110,
) -> Iterator[Line]:
    """Tactics and the states they leave, the proof first, to `depth` tactics below the root.

    A tactic that leaves one state shares its line. A state met again is shown without what is
    below. rejected: also the tactics Lean refused; else their number. width: of a line.
    """
    graph = graph or graph_of(attempt)
    shown: set[Node] = set()
    stack = [_Item(graph.graph["root"], None, "", "", "", 0)]
    while stack:
        item = stack.pop()
        text, style, below = item.note, "note", list[_Item]()
        if item.node is not None:
            text, style = _described(graph, item), _style(graph.nodes[item.node])
            state = _opens(graph, item.node)
            if state in shown:
                text += "  (shown above)"
            elif item.depth >= depth and list(graph.successors(state or item.node)):
                text += "  …"
            else:
                shown |= {state} if state is not None else set()
                below = _below(graph, item, state or item.node, rejected)
        line = item.lead + text
        yield Line(line if len(line) <= width else line[: width - 1] + "…", style)
        stack.extend(reversed(below))


def tree_text(attempt: StoredAttempt, graph: Graph | None = None, **options: Any) -> str:
    """The lines of `tree`, with its options, as one text."""
    return "\n".join(line.text for line in tree(attempt, graph, **options))


def _opens(graph: Graph, node: Node) -> str | None:
    """The state whose tactics stand below the node's line: itself, or a tactic's only child."""
    if graph.nodes[node]["kind"] == "state":
        return str(node)
    children = [child for _, child in graph.out_edges(node)]
    return children[0] if len(children) == 1 else None


def _below(graph: Graph, item: _Item, node: Node, rejected: bool) -> list[_Item]:
    """What stands below a line: the children of `node`, and a note on those left out."""
    nodes = list(graph.successors(node))
    if graph.nodes[node]["kind"] == "state":
        taken = [n for n in nodes if rejected or graph.nodes[n]["outcome"] == ADVANCED]
        refused, nodes = len(nodes) - len(taken), sorted(taken, key=lambda n: _rank(graph, n))
    else:
        refused = 0
    entries: list[tuple[Node | None, str]] = [(n, "") for n in nodes]
    if refused:
        entries.append((None, f"· {refused} rejected"))
    bars = [("├─ ", "│  ")] * (len(entries) - 1) + [("└─ ", "   ")]
    state = node if graph.nodes[node]["kind"] == "state" else item.state
    return [
        _Item(entry, state, note, item.rest + bar, item.rest + fill, item.depth + 1)
        for (entry, note), (bar, fill) in zip(entries, bars, strict=False)
    ]


def _rank(graph: Graph, tactic: Node) -> tuple[int, float]:
    data = graph.nodes[tactic]
    dead = 0 if data["outcome"] == ADVANCED else 3
    return (0 if data["in_proof"] else _RANK[data["status"]] + dead, -data["prior"])


def _style(data: dict[str, Any]) -> str:
    if data["in_proof"]:
        return "proof"
    is_refused = data["kind"] == "tactic" and data["outcome"] != ADVANCED
    return "rejected" if is_refused else str(data["status"].value)


def _described(graph: Graph, item: _Item) -> str:
    """One line for a node, with the goals a tactic leaves."""
    data = graph.nodes[item.node]
    sign = _SIGN[data["status"]]
    if data["kind"] == "state":
        return f"{sign} {_short(graph, item.node, item.state)}"
    tactic = " ".join(data["tactic"].split())
    if data["outcome"] != ADVANCED:
        return f"{sign} {tactic}  [{data['outcome']}] {' '.join(data['message'].split())}"
    children = [child for _, child in graph.out_edges(item.node)]
    if len(children) == 1:
        return f"{sign} {tactic}  → {_short(graph, children[0], item.state)}"
    return f"{sign} {tactic}" + (f"  → {len(children)} states" if children else "")


def _short(graph: Graph, key: Node | None, parent: Node | None) -> str:
    """A state in a line: each goal's hypotheses that `parent` has not, and its target."""
    above = () if parent is None else graph.nodes[parent]["state"].goals
    known = {hypothesis for goal in above for hypothesis in goal.hypotheses}
    texts = []
    for goal in graph.nodes[key]["state"].goals:
        new = [f"{h.name} : {h.type}" for h in goal.hypotheses if h not in known]
        texts.append(" ".join(f"{', '.join(new)} ⊢ {goal.target}".split()))
    return "  |  ".join(texts) or "no goals"


def html_page(attempt: StoredAttempt) -> str:
    """One HTML page with the interactive proof graph; it needs no network and no other file."""
    return graph_page(f"{attempt.theorem.name} · lakatos", json_for_html(page_data(attempt)))


def graph_page(title: str, data: str) -> str:
    """The page of a proof graph. data: `page_data`, as JSON for HTML."""
    return filled("graph.html", "graph_*.js", title=title, data=data)


def filled(page: str, scripts: str, *, title: str, data: str) -> str:
    """A page of the folder `page/` with its scripts, a pattern of names, and its data."""
    folder = files(__package__) / "page"
    names = sorted(f.name for f in folder.iterdir() if fnmatch(f.name, scripts))
    parts = {
        "title": html.escape(title.encode("utf-8", "replace").decode()),
        "data": data,
        "script": "\n".join((folder / name).read_text(encoding="utf-8") for name in names),
    }
    head, rest = ((folder / name).read_text(encoding="utf-8") for name in ("head.html", page))
    whole = rest.replace("{{head}}", head)
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], whole)


def json_for_html(value: Any) -> str:
    """ASCII JSON that no HTML parser can end or enter: `<`, `>` and `&` are escaped."""
    text = json.dumps(value, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def attempt_facts(attempt: StoredAttempt) -> list[tuple[str, str]]:
    """What an attempt was made of, and what came of it, for a reader."""
    summary, config = attempt.summary, attempt.config
    search = config.get("prover", {}).get("search")
    facts = [
        ("theorem", attempt.theorem.name),
        ("file", f"{summary.path}:{summary.line}"),
        ("result", stop_word(summary.stop, summary.has_proof)),
        ("attempt", f"{summary.id} of run {summary.run_id}"),
        ("command", f"lakatos {attempt.command}"),
        ("policy", str(config.get("policy", "unknown"))),
        ("search", str(search.get("name", "unknown")) if isinstance(search, dict) else "unknown"),
        ("begun", f"{summary.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("wall time", f"{summary.wall_s:.2f} s"),
        ("Lean", attempt.toolchain),
        ("seed", str(attempt.seed)),
    ]
    return [(name, value) for name, value in facts if value != "unknown"]


def page_data(attempt: StoredAttempt) -> dict[str, Any]:
    """What the page's script reads, as JSON values; states and messages are named by index."""
    graph = graph_of(attempt)
    keys = states(graph)
    index = {key: number for number, key in enumerate(keys)}
    below = children(graph)
    messages: dict[str, int] = {}
    summary, verdict = attempt.summary, attempt.verdict
    words = "not checked by the verifier"
    if isinstance(verdict, Accepted):
        words = "verified; axioms: " + (", ".join(verdict.axioms) or "none")
    elif isinstance(verdict, Refused):
        words = "refused: " + "; ".join(reason.text for reason in verdict.reasons)
    return {
        "theorem": attempt.theorem.name,
        "where": f"{summary.path}:{summary.line}",
        "outcome": stop_word(summary.stop, summary.has_proof),
        "proof": attempt.proof,
        "verdict": words,
        "detail": attempt.detail,
        "facts": [list(pair) for pair in attempt_facts(attempt)],
        "statistics": statistics(attempt, graph).rows,
        "states": [_state_data(graph.nodes[key]) for key in keys],
        "tactics": [
            {
                "from": index[node[0]],
                "text": data["tactic"],
                "prior": data["prior"],
                "outcome": data["outcome"],
                "message": messages.setdefault(data["message"], len(messages)),
                "ms": data["elapsed_ms"],
                "status": data["status"].value,
                "proof": data["in_proof"],
                "children": [index[str(child)] for child in below[node]],
            }
            for node, data in graph.nodes(data=True)
            if data["kind"] == "tactic"
        ],
        "messages": list(messages),
    }


def _state_data(data: dict[str, Any]) -> dict[str, Any]:
    from ..store.schema import goals_wire

    return {
        "status": data["status"].value,
        "visits": data["visits"],
        "value": data["value"],
        "proof": data["in_proof"],
        "size": data["state"].size,
        "goals": goals_wire(data["state"].goals),
    }
