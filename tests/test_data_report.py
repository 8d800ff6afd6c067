"""What people see of an attempt: numbers, the tree, and a page that hostile text cannot break."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    Hypothesis,
    Origin,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
    TimedOut,
)
from lakatos.data.report.attempt import graph_of, html_page, page_data, statistics, tree, tree_text
from lakatos.data.store.store import Store, StoredAttempt

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 {{data}} '\" <img src=x onerror=y>"
P = Hypothesis("p q", "Prop")


def state(key: str, target: str, *new: Hypothesis, parent: ProofState | None = None) -> ProofState:
    origin = None if parent is None else Origin(parent, "x", 0)
    return ProofState(key, (Goal(target, (P, *new)),), origin)


ROOT = state("r", "q ∧ p")
LEFT, RIGHT = state("q", "q", parent=ROOT), state("p", "p", Hypothesis("h", "q"), parent=ROOT)
LOST = state("no", "False", parent=ROOT)
TOLD = [
    Expansion(
        ROOT,
        (
            Step("exfalso", 0.9, Advanced((LOST,)), 1.0),
            Step("constructor", 0.5, Advanced((LEFT, RIGHT)), 2.0),
            Step("omega", 0.4, Rejected("omega\nfailed"), 3.0),
            Step("grind", 0.3, TimedOut(5.0), 5000.0),
        ),
        0.5,
    ),
    Expansion(LOST, (Step("oops", 0.5, Rejected("no", Rejection.PARSE), 1.0),), 0.1),
    Expansion(LEFT, (Step("assumption", 0.5, Advanced(()), 1.0),), 0.9),
    Expansion(RIGHT, (Step("simp", 0.2, Advanced((LEFT,)), 1.0),), 0.9),
]


def stored(
    folder: Path, told: list[Expansion], attempt_name: str = "t", **fields: object
) -> StoredAttempt:
    theorem = Theorem(attempt_name, "source", "t.lean", 3, 8, 1, 3, "tactic", ROOT)
    attempt = Attempt(theorem, StopReason.PROVED, "by simp", Accepted(("propext",)))
    with Store.open(str(folder / "x.db")) as store:
        recorder = store.recorder(store.start_run("prove", {}, "embedded", 0))
        recorder.expansions(theorem, told)
        recorder.finish_attempt(replace(attempt, **fields))
        return store.load_attempt(1)


def test_statistics_count_everything(tmp_path: Path) -> None:
    numbers = statistics(stored(tmp_path, TOLD))
    assert (numbers.expansions, numbers.steps, numbers.advanced, numbers.timed_out) == (4, 7, 4, 1)
    assert numbers.rejected == {"elaboration": 1, "parse": 1}
    assert (numbers.states, numbers.merged) == (4, 1)
    assert (numbers.proved, numbers.open, numbers.failed) == (3, 0, 1)
    assert numbers.proof_steps == 3
    assert numbers.lean_s == pytest.approx(5.009)
    assert ("rejected", "2 (elaboration 1, parse 1)") in numbers.rows


def test_the_tree_shows_the_proof_first_and_only_new_hypotheses(tmp_path: Path) -> None:
    assert tree_text(stored(tmp_path, TOLD)).splitlines() == [
        "✓ p q : Prop ⊢ q ∧ p",
        "├─ ✓ constructor  → 2 states",
        "│  ├─ ✓ ⊢ q",
        "│  │  └─ ✓ assumption",
        "│  └─ ✓ h : q ⊢ p",
        "│     └─ ✓ simp  → ⊢ q  (shown above)",
        "├─ ✗ exfalso  → ⊢ False",
        "│  └─ · 1 rejected",
        "└─ · 2 rejected",
    ]


def test_the_tree_shows_rejections_on_one_line_and_stops_at_its_depth(tmp_path: Path) -> None:
    lines = list(tree(stored(tmp_path, TOLD), rejected=True, depth=1, width=40))
    assert [line.text for line in lines[1:]] == [
        "├─ ✓ constructor  → 2 states  …",
        "├─ ✗ exfalso  → ⊢ False  …",
        "├─ ✗ omega  [elaboration] omega failed",
        "└─ ✗ grind  [timed_out] no answer withi…",
    ]
    assert [line.style for line in lines] == ["proof", "proof", "failed", "rejected", "rejected"]


def test_a_long_chain_needs_no_deep_stack(tmp_path: Path) -> None:
    told, at = [], ROOT
    for n in range(2_000):
        after = state(f"s{n}", f"p {n}", parent=at)
        told.append(Expansion(at, (Step("next", 0.5, Advanced((after,))),), 0.5))
        at = after
    attempt = stored(tmp_path, told)
    assert len(tree_text(attempt, depth=5_000).splitlines()) == 2_001
    assert len(tree_text(attempt, depth=3).splitlines()) == 4


class Page(HTMLParser):
    """Collects the tags, their attributes, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.title = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        if self._inside == "title":
            self.title += data


def hostile(folder: Path) -> StoredAttempt:
    bad = state("bad", HOSTILE, Hypothesis(HOSTILE, HOSTILE, HOSTILE), parent=ROOT)
    steps = (Step(HOSTILE, 0.5, Advanced((bad,))), Step("x", 0.5, Rejected(HOSTILE + "\ud800")))
    refused = Refused((Refusal(RefusalKind.SORRY, HOSTILE),))
    told = [Expansion(ROOT, steps, 0.5)]
    return stored(
        folder, told, HOSTILE, proof=HOSTILE, verdict=refused, detail=HOSTILE, stop=StopReason.FAULT
    )


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    attempt = hostile(tmp_path)
    page = Page(html_page(attempt))
    plain = Page(html_page(replace(attempt, expansions=())))
    assert page.tags == plain.tags
    assert len(page.scripts) == 2
    assert json.loads(page.scripts[0]) == json.loads(json.dumps(page_data(attempt)))
    assert page.title == f"{HOSTILE} · lakatos"


def test_the_page_is_whole_and_needs_no_network(tmp_path: Path) -> None:
    text = html_page(stored(tmp_path, TOLD))
    page = Page(text)
    text.encode("utf-8")
    assert not [tag for tag, attributes in page.tags if {"src", "href"} & attributes.keys()]
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|import\(|\{\{", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'")
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert set(re.findall(r'\$\("([a-z-]+)"\)', page.scripts[1])) <= ids


def test_the_pages_data_names_every_state_and_tactic(tmp_path: Path) -> None:
    attempt = stored(tmp_path, TOLD)
    data = page_data(attempt)
    assert len(data["states"]) == 4
    assert len(data["tactics"]) == 7
    assert [s["status"] for s in data["states"]] == ["proved", "failed", "proved", "proved"]
    constructor = data["tactics"][1]
    assert (constructor["from"], constructor["children"], constructor["proof"]) == (0, [2, 3], True)
    assert data["messages"][data["tactics"][2]["message"]] == "omega\nfailed"
    assert data["verdict"] == "verified; axioms: propext"
    assert graph_of(attempt).graph["root"] == "r"


def test_the_pages_files_are_packaged() -> None:
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"lakatos.data.report" = ["page/*"]' in pyproject
