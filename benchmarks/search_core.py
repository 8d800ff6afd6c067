"""Search alone, no Lean and no model: expansions per second, growth with size, bytes a node.

    python benchmarks/search_core.py [--nodes 100000 1000000] [--algorithms mcts ...] [--json FILE]

Each expansion has eight tactics with one child each; one child in sixteen is a state seen
before. Only `ask` and `tell` are timed, in processor seconds, each time in a fresh process; the
best of the repetitions counts. Bytes include the states. Baseline: `bare heap`, a dictionary of
keys and one heap, the least that any best-first search over merged states does.
`ns/insert` tells how fast the machine was meanwhile: one insertion into a small dictionary,
the median of twenty times.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from heapq import heappop, heappush
from math import log, sqrt
from pathlib import Path
from statistics import median

import record  # type: ignore[import-not-found]
from lakatos.data.records import Advanced, Expansion, Origin, ProofState, ProofTree, Status, Step
from lakatos.search.driver import RECIPES, Search

CHILDREN = 8
BATCH = 32
WANTED_RATE = {"best-first": 20_000, "mcts": 5_000, "htps": 5_000, "alphaproof": 5_000}
WANTED_NODES = 100_000
WANTED_GROWTH = ("best-first", "mcts")
WANTED_BYTES = 2_048
COLLECTOR = (5_000, 20, 1_000)
"""Thresholds of Python's cyclic collector. Almost nothing that a search makes is garbage before
its end, so walking all of it again and again, as the default (700, 10, 10) does, is for nothing.
"""
PRIORS = tuple(p / 36 for p in range(CHILDREN, 0, -1))


class BareHeap:
    """The baseline: no edges, no statuses, no proofs."""

    status = Status.OPEN

    def __init__(self, root: ProofState) -> None:
        self._seen = {root.key: (0.0, 0)}
        self._heap: list[tuple[float, int, ProofState]] = [(0.0, 0, root)]

    def ask(self, n: int) -> list[ProofState]:
        return [heappop(self._heap)[2] for _ in range(min(n, len(self._heap)))]

    def tell(self, expansions: Sequence[Expansion]) -> None:
        for expansion in expansions:
            log_prior, depth = self._seen[expansion.state.key]
            for step in expansion.steps:
                assert isinstance(step.outcome, Advanced)
                for state in step.outcome.states:
                    if state.key not in self._seen:
                        reach = log_prior + log(step.prior), depth + 1
                        self._seen[state.key] = reach
                        heappush(self._heap, (-reach[0] / sqrt(reach[1]), len(self._seen), state))

    def proof(self) -> ProofTree:
        raise LookupError("the baseline keeps none")


ALGORITHMS: dict[str, Callable[[ProofState], Search]] = {
    "bare heap": BareHeap,
    "best-first": RECIPES["best-first"],
    "perspectives": RECIPES["perspectives"],
    "mcts": RECIPES["mcts"],
    "htps": RECIPES["htps"],
    "alphaproof": RECIPES["alphaproof"],
}


def expander() -> Callable[[ProofState], Expansion]:
    """Give an endless world: fresh states numbered in turn, one in sixteen an earlier one."""
    draw = random.Random(0)
    made = 1

    def expand(state: ProofState) -> Expansion:
        nonlocal made
        steps = []
        for i, prior in enumerate(PRIORS):
            number = draw.randrange(made) if draw.random() < 1 / 16 else made
            made = max(made, number + 1)
            tactic = f"tactic {i}"
            child = ProofState(f"{number:032x}", (), Origin(state, tactic, 0), 0, "bench")
            steps.append(Step(tactic, prior, Advanced((child,))))
        return Expansion(state, tuple(steps), draw.random())

    return expand


@dataclass(frozen=True)
class Row:
    """One search grown to so many nodes; rates in expansions a second."""

    algorithm: str
    nodes: int
    rate: float
    last_tenth_rate: float
    bytes_per_node: float
    ns_per_insert: float


def measure(name: str, nodes: int) -> Row:
    """Grow one search in this process, which must be a fresh one for the bytes to be right."""
    expand = expander()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    search = ALGORITHMS[name](ProofState(f"{0:032x}"))
    told, spent_s, last_told, last_s, paces = 0, 0.0, 0, 0.0, list[float]()
    goal = nodes // CHILDREN * 16 // 15
    while told < goal:
        if told >= goal * len(paces) / 20:
            paces.append(ns_per_insert())
        started_s = time.process_time()
        states = search.ask(BATCH)
        asked_s = time.process_time()
        expansions = [expand(s) for s in states]
        resumed_s = time.process_time()
        search.tell(expansions)
        cost_s = asked_s - started_s + time.process_time() - resumed_s
        told, spent_s = told + len(states), spent_s + cost_s
        if told > goal * 0.9:
            last_told, last_s = last_told + len(states), last_s + cost_s
    size = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) * 1024
    return Row(name, nodes, told / spent_s, last_told / last_s, size / nodes, median(paces))


def ns_per_insert() -> float:
    """Time a small fixed loop: the machine's pace now."""
    count, table = 20_000, dict[int, int]()
    started_s = time.process_time()
    for i in range(count):
        table[i] = i
    return (time.process_time() - started_s) / count * 1e9


def in_fresh_process(name: str, nodes: int, collector: Sequence[int]) -> Row:
    command = [sys.executable, __file__, "--one", "--algorithms", name, "--nodes", str(nodes)]
    command += ["--collector", *map(str, collector)]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    return Row(**json.loads(done.stdout))


def wanted(rows: Sequence[Row]) -> list[tuple[str, float, str, float, bool]]:
    """Give each number wanted of the search: name, found, relation, wanted, reached."""
    found: list[tuple[str, float, str, float, bool]] = []
    for row in rows:
        size = f"{row.algorithm}, {row.nodes:,} nodes"
        if row.nodes == WANTED_NODES and row.algorithm in WANTED_RATE:
            least = WANTED_RATE[row.algorithm]
            found.append((f"{size}: expansions/s", row.rate, ">=", least, row.rate >= least))
        if row.algorithm in RECIPES:
            reached = row.bytes_per_node <= WANTED_BYTES
            found.append((f"{size}: bytes/node", row.bytes_per_node, "<=", WANTED_BYTES, reached))
    for name in WANTED_GROWTH:
        sizes = sorted((row for row in rows if row.algorithm == name), key=lambda row: row.nodes)
        if len(sizes) > 1:
            small, large = sizes[0], sizes[-1]
            growth, most = small.rate / large.rate, log(large.nodes) / log(small.nodes)
            what = f"{name}, {small.nodes:,} to {large.nodes:,} nodes: cost grows by the factor"
            found.append((what, growth, "<=", most, growth <= most))
    return found


def machine() -> dict[str, str | int | None]:
    """Name what the figures depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def show(rows: Sequence[Row]) -> None:
    """Print the measurements, and each number wanted beside what was found."""
    titles = ("exp/s", "last tenth", "bytes/node", "ns/insert")
    print(f"{'':<14}{'nodes':>10}", *(f"{title:>12}" for title in titles), sep="")
    for row in rows:
        rates = f"{row.rate:>12,.0f}{row.last_tenth_rate:>12,.0f}"
        rest = f"{row.bytes_per_node:>12,.0f}{row.ns_per_insert:>12.1f}"
        print(f"{row.algorithm:<14}{row.nodes:>10,}{rates}{rest}")
    for what, found, relation, limit, reached in wanted(rows):
        verdict = "reached" if reached else "MISSED"
        print(f"{what:<66}{found:>12,.2f} {relation} {limit:>10,.2f}  {verdict}")


def main() -> None:
    """Measure, print and, if asked, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, nargs="+", default=[WANTED_NODES, 1_000_000])
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS), choices=ALGORITHMS)
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--collector", type=int, nargs=3, default=COLLECTOR, metavar="N")
    parser.add_argument("--one", action="store_true", help="measure here, without a fresh process")
    options = parser.parse_args()
    if options.one:
        gc.set_threshold(*options.collector)
        print(json.dumps(asdict(measure(options.algorithms[0], options.nodes[0]))))
        return
    cases = [(name, n, options.collector) for name in options.algorithms for n in options.nodes]
    rounds = [[in_fresh_process(*case) for case in cases] for _ in range(options.repeat)]
    best = [max(same, key=lambda row: row.rate) for same in zip(*rounds, strict=True)]
    show(best)
    if options.json:
        keys = ("what", "found", "relation", "wanted", "reached")
        results = {
            "command": record.command(),
            "commit": record.commit(),
            "machine": machine(),
            "collector": options.collector,
            "numbers": [dict(zip(keys, number, strict=True)) for number in wanted(best)],
            "best": [asdict(row) for row in best],
            "rounds": [[asdict(row) for row in rows] for rows in rounds],
        }
        record.write(options.json, results)


if __name__ == "__main__":
    main()
