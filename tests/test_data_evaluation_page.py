"""The page of a run: all problems, all graphs, nothing from elsewhere, safe with any text."""

import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from lakatos.data.report import evaluation_page
from lakatos.data.report.evaluation_page import LIMITS, RunLimits
from lakatos.data.store.store import Store

from .made_up_runs import keep, result

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 {{data}} {{script}} <img src=x>"


class Page(HTMLParser):
    """Tags in order, and what stands in the scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, text):
        if self.scripts:
            self.scripts[-1] += text


def opened(page):
    """The page's data, and its graphs unpacked, by attempt."""
    data, packed = json.loads(Page(page).scripts[0])
    return data, {int(id): json.loads(zlib.decompress(base64.b64decode(g)))
                  for id, g in packed.items()}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "l.db")) as each:
        yield each


def page_of(store, results, limits=LIMITS, **how):
    run = store.load_evaluation(keep(store, results, **how))
    return evaluation_page.html_page(run, store.load_attempts, limits)


def test_the_page_holds_every_problem_and_every_graph(store):
    words = ["+-", "--", "n", "u", "-+"]
    results = [result(f"p{i}", w, source="imo") for i, w in enumerate(words)]
    data, graphs = opened(page_of(store, results, k=2))
    assert [p[0] for p in data["problems"]] == ["p0", "p1", "p2", "p3", "p4"]
    assert sum(data["classes"]) == len(words)
    attempts = [a for p in data["problems"] for a in p[8]]
    assert sorted(graphs) == sorted(a[0] for a in attempts) == [1, 2, 3, 4, 5, 6]
    assert data["curves"]["time since the run began, s"]
    assert [s[0] for s in data["sheets"]][:3] == ["Run", "Solved", "What came of the problems"]
    assert data["problems"][0][8][0][7] == "by\n  norm_num"
    assert graphs[1]["theorem"] == "p0"
    assert {t["text"] for t in graphs[1]["tactics"] if t["proof"]} == {"constructor", "norm_num"}
    assert not any(t["proof"] for t in graphs[2]["tactics"])


def test_the_page_needs_nothing_else(store):
    page = page_of(store, [result("p", "+")])
    assert "default-src 'none'" in page
    for tag, attributes in Page(page).tags:
        assert tag not in ("link", "img", "object", "embed", "base")
        assert "src" not in attributes
        assert not re.match("https?:|//", attributes.get("href", ""))
    assert page.count("{{title}}") >= 1  # of the graphs' template
    assert "{{script}}" not in page


def test_hostile_text_stays_text(store):
    hostile = result("p", "+-", proof=HOSTILE, detail=HOSTILE)
    problem = replace(hostile.problem, name=HOSTILE, source=HOSTILE, informal=HOSTILE)
    page = page_of(store, [replace(hostile, problem=problem)], k=2)
    plain = page_of(store, [result("p", "+-")], k=2)
    tags = [[tag for tag, _ in Page(text).tags] for text in (page, plain)]
    assert tags[0] == tags[1]
    data, _ = opened(page)
    assert data["problems"][0][0] == HOSTILE
    assert data["problems"][0][8][0][7] == HOSTILE


def test_a_run_without_attempts_has_a_page(store):
    data, graphs = opened(page_of(store, [result("p", "n"), result("q", "u")]))
    assert graphs == {}
    assert data["curves"] == {"time since the run began, s": []}
    data, _ = opened(page_of(store, []))
    assert data["problems"] == []


def test_graphs_end_where_the_page_is_full(store):
    results = [result("a", "-"), result("b", "+"), result("c", "-"), result("d", "+")]
    run = store.load_evaluation(keep(store, results))
    packed = dict(evaluation_page.packed_graphs(run, store.load_attempts))
    assert list(packed) == [2, 4, 1, 3]
    room = sum(len(packed[id]) for id in (2, 4))
    limits = RunLimits(graphs_bytes=room)
    assert list(dict(evaluation_page.packed_graphs(run, store.load_attempts, limits))) == [2, 4]


def test_of_a_large_graph_the_proof_and_the_first_steps_are_kept(store):
    page = page_of(store, [result("p", "+")], limits=RunLimits(steps=7), dead=50)
    graph = opened(page)[1][1]
    assert ["shown", "5 of 53 expansions; all: lakatos show 1 --html"] in graph["facts"]
    assert ["tactics tried", 55] in graph["statistics"]
    told = [t["text"] for t in graph["tactics"]]
    assert sorted(told) == sorted(
        ["exfalso", "constructor", "linarith", "omega", "omega", "norm_num", "norm_num"]
    )
    assert {t["text"] for t in graph["tactics"] if t["proof"]} == {"constructor", "norm_num"}


def test_an_unfinished_search_is_shown_as_far_as_read(store):
    page = page_of(store, [result("p", "-")], limits=RunLimits(expansions=2), dead=9)
    graph = opened(page)[1][1]
    assert ["shown", "2 of 11 expansions; all: lakatos show 1 --html"] in graph["facts"]
    assert ["tactics tried", 13] in graph["statistics"]
    assert len(graph["tactics"]) == 4
