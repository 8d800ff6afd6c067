"""Search alone, no Lean and no model: expansions per second, growth with size, bytes a node.

Each expansion has eight tactics with one child each; one child in sixteen is a state seen
before. Only `ask` and `tell` are timed, in processor seconds. Baseline: `bare heap`, a
dictionary of keys and one heap, the least that any best-first search over merged states does.
Run: python benchmarks/search_core.py [--nodes 100000 1000000] [--algorithms best-first ...]
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from math import log, sqrt

from lakatos.data.records import Advanced, Expansion, Origin, ProofState, ProofTree, Status, Step
from lakatos.search.driver import RECIPES, Search

CHILDREN = 8
BATCH = 32
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


def expander(nodes: int) -> Callable[[ProofState], Expansion]:
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


def measure(name: str, nodes: int) -> Iterator[str]:
    """Grow one search to so many nodes; rates over all and over the last tenth."""
    expand = expander(nodes)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    search = ALGORITHMS[name](ProofState(f"{0:032x}"))
    told, spent_s, last_told, last_s = 0, 0.0, 0, 0.0
    goal = nodes // CHILDREN * 16 // 15
    while told < goal:
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
    yield f"{name:<14}{nodes:>10,}{told / spent_s:>12,.0f}{last_told / last_s:>12,.0f}"
    yield f"{size / nodes:>12,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS), choices=ALGORITHMS)
    parser.add_argument("--one", action="store_true", help="measure here, without a fresh process")
    options = parser.parse_args()
    if options.one:
        print(*measure(options.algorithms[0], options.nodes[0]), sep="")
        return
    print(f"{'':<14}{'nodes':>10}{'exp/s':>12}{'last tenth':>12}{'bytes/node':>12}")
    for name in options.algorithms:
        for nodes in options.nodes:
            command = [
                sys.executable,
                __file__,
                "--one",
                "--algorithms",
                name,
                "--nodes",
                str(nodes),
            ]
            print(
                subprocess.run(command, check=True, text=True, capture_output=True).stdout, end=""
            )


if __name__ == "__main__":
    main()
