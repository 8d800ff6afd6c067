"""RMaxTS over whole-proof samples: sample on from the state where news is likeliest.

Intrinsic reward 1 for a sample that adds a node, discounted UCB with running samples counted as
fruitless (DeepSeek-Prover-V1.5, arXiv:2408.08152; prover/algorithms/rmax_tree_search.py). Other
than there, a node is one independent state, and equal states are one node.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, sqrt

from ..data.records import Advanced, Expansion, ProofState, ProofTree, Status
from .extraction import smallest_proof
from .graph import OPEN, Node, ProofGraph


@dataclass(slots=True)
class Arm:
    """Discounted reward and number of visits of one choice, and its running samples."""

    reward: float = 0.0
    visits: float = 0.0
    running: int = 0

    def finish(self, reward: float, gamma: float) -> None:
        """End one running sample: W = gamma W + reward, N = gamma N + 1."""
        self.reward = self.reward * gamma + reward
        self.visits = self.visits * gamma + 1
        self.running -= 1

    def expected(self, gamma: float) -> tuple[float, float]:
        """Give (value, visits) as if each of the J running samples ended without reward.

        W' = gamma^J W, N' = gamma^J N + (1 - gamma^J) / (1 - gamma), value = W' / max(N', 0.01).
        """
        fade = gamma**self.running
        ended = (1 - fade) / (1 - gamma) if gamma < 1 else self.running
        visits = fade * self.visits + ended
        return fade * self.reward / max(visits, 1e-2), visits


@dataclass(slots=True)
class Bandit:
    """A node's own arm, `sample here`, and that of its whole subtree."""

    own: Arm = field(default_factory=Arm)
    subtree: Arm = field(default_factory=Arm)


@dataclass(slots=True)
class Sample:
    """A whole-proof sample being told. path: root to where it started; goals: keys still open."""

    path: list[Node]
    nodes_before: int
    goals: list[str]


class RMax:
    """Asks where to sample whole proofs; the same state may be asked again, even in one call.

    A sample from an asked state is told as consecutive expansions of one step each: the asked
    state first, then each time a state that the sample still has to prove. It is over when a
    step did not run, an expansion has no step, nothing is left to prove, or another begins.
    tree: False for plain whole-proof sampling, always from the root. No node ever FAILED, for
    another sample may always do better.
    """

    def __init__(self, root: ProofState, *, gamma: float = 0.99, tree: bool = True) -> None:
        self.graph = ProofGraph(root, can_fail=False)
        self._gamma = gamma
        self._tree = tree
        self._bandits: dict[Node, Bandit] = {}
        self._running: dict[str, deque[list[Node]]] = {}

    @property
    def status(self) -> Status:
        """Of the root."""
        return self.graph.root.status

    def ask(self, n: int) -> list[ProofState]:
        """Give n states to sample from, each sample in flight from now on; none once proved."""
        asked: list[ProofState] = []
        while len(asked) < n and self.status is OPEN:
            path = self._select()
            node = path[-1]
            self._bandit(node).own.running += 1
            for passed in path:
                self._bandit(passed).subtree.running += 1
            self._running.setdefault(node.state.key, deque()).append(path)
            asked.append(node.state)
        return asked

    def tell(self, expansions: Sequence[Expansion]) -> None:
        """Add whole samples, one or many, in the order of asking."""
        sample: Sample | None = None
        for expansion in expansions:
            key = expansion.state.key
            if sample is not None and key not in sample.goals:
                self._finish(sample)
                sample = None
            if sample is None:
                waiting = self._running.get(key)
                path = waiting.popleft() if waiting else []
                sample = Sample(path, len(self.graph.nodes), [key])
            self.graph.add(expansion)
            ran = [s.outcome for s in expansion.steps if isinstance(s.outcome, Advanced)]
            sample.goals.remove(key)
            sample.goals += [state.key for outcome in ran for state in outcome.states]
            if not ran or not sample.goals:
                self._finish(sample)
                sample = None
        if sample is not None:
            self._finish(sample)

    def proof(self) -> ProofTree:
        """Give the smallest proof that all samples make together; only when PROVED."""
        return smallest_proof(self.graph.root)

    def check_invariants(self) -> None:
        """Check the graph and the count of running samples; AssertionError on a fault. Slow."""
        self.graph.check_invariants()
        running = {k: len(paths) for k, paths in self._running.items()}
        for node, bandit in self._bandits.items():
            assert bandit.own.running == running.get(node.state.key, 0)
            assert bandit.subtree.running == sum(
                node in path for paths in self._running.values() for path in paths
            )

    def _bandit(self, node: Node) -> Bandit:
        return self._bandits.setdefault(node, Bandit())

    def _finish(self, sample: Sample) -> None:
        if not sample.path:
            return
        reward = 1.0 if len(self.graph.nodes) > sample.nodes_before else 0.0
        self._bandit(sample.path[-1]).own.finish(reward, self._gamma)
        for node in sample.path:
            self._bandit(node).subtree.finish(reward, self._gamma)

    def _select(self) -> list[Node]:
        """Give the path from the root to where to sample, by value + sqrt(2 ln N / N').

        N is the sum over `sample here` and the children, at least 2; ties: the first, and
        `sample here` before any child.
        """
        path, seen = [self.graph.root], {self.graph.root}
        while self._tree:
            node = path[-1]
            children = [
                child
                for child in dict.fromkeys(c for e in node.edges or () for c in e.children)
                if child.status is OPEN and child not in seen
            ]
            if not children:
                break
            arms = [self._bandit(node).own, *(self._bandit(c).subtree for c in children)]
            expected = [arm.expected(self._gamma) for arm in arms]
            total = log(max(sum(visits for _, visits in expected), 2))
            scores = [value + sqrt(2 * total / max(n, 1e-2)) for value, n in expected]
            best = scores.index(max(scores))
            if not best:
                break
            path.append(children[best - 1])
            seen.add(children[best - 1])
        return path
