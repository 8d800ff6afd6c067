"""What policies that learn are taught: proofs as they are found, kept ones, those of a file.

Only steps of proofs that the verifier accepted, or that Lean took in a file, are taught.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...data.proof_graph import proof_graph
from ...data.records import Attempt, Expansion, ProofState, StopReason, Theorem
from ...data.traced import TracedFile
from ...lean_env.opened_file import OpenedFile
from ..agent.recorder import AttemptObserver, ObserverList
from ..policy.base import LearningPolicy, Policy, ProofSteps, learners

if TYPE_CHECKING:
    from ...data.store.store import Store

KEPT = 300
"""So many proofs of the database are taught, the latest."""

LONGEST = 400
"""Characters of the longest tactic of a file that is taught; a longer one is a proof of its own."""


class Lessons(AttemptObserver):
    """Teaches policies each proof of a run as soon as it has passed."""

    def __init__(self, pupils: Sequence[LearningPolicy]) -> None:
        self._pupils = pupils
        self._tried: dict[Theorem, list[Expansion]] = {}

    def start_attempt(self, theorem: Theorem) -> None:
        """Begin to listen."""
        self._tried[theorem] = []

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Keep what was tried."""
        self._tried[theorem].extend(expansions)

    def proof_found(self, attempt: Attempt) -> None:
        """Teach it."""
        tried = self._tried.get(attempt.theorem, [])
        self._tried[attempt.theorem] = []
        teach(self._pupils, attempt.theorem, tried)

    def finish_attempt(self, attempt: Attempt) -> None:
        """Teach it if it is a proof, and was not taught when it was found."""
        tried = self._tried.pop(attempt.theorem, [])
        if attempt.is_proved:
            teach(self._pupils, attempt.theorem, tried)


def observing(policy: Policy, observer: AttemptObserver) -> AttemptObserver:
    """An observer of a run by a policy: it, and what teaches those of the policy that learn."""
    pupils = learners(policy)
    return ObserverList([observer, Lessons(pupils)]) if pupils else observer


def teach(
    pupils: Sequence[LearningPolicy], theorem: Theorem, expansions: Sequence[Expansion]
) -> None:
    """Teach the proof that is among what was tried, if there is one."""
    steps = proof_steps(theorem.state, expansions) if expansions else []
    for pupil in pupils if steps else ():
        pupil.learn(theorem.state.key, steps)


def proof_steps(root: ProofState, expansions: Sequence[Expansion]) -> list[tuple[ProofState, str]]:
    """The steps of the smallest proof of a state among expansions, the root's first."""
    graph = proof_graph(root, expansions)
    nodes = graph.nodes
    marked = [node for node in graph if nodes[node]["in_proof"] and nodes[node]["kind"] == "tactic"]
    return [(nodes[key]["state"], nodes[key, number]["tactic"]) for key, number in marked]


def teach_kept(pupils: Sequence[LearningPolicy], store: Store) -> None:
    """Teach the proofs of a database, the oldest of the latest first."""
    proved = [
        each.id
        for each in store.attempts(limit=20 * KEPT)
        if each.stop is StopReason.PROVED and each.is_accepted
    ]
    for stored in store.load_attempts(proved[:KEPT]):
        teach(pupils, stored.theorem, stored.expansions)


def teach_file(pupils: Sequence[LearningPolicy], file: TracedFile) -> None:
    """Teach the proofs that a file has already."""
    for name, steps in _steps_of(file):
        for pupil in pupils:
            pupil.learn(name, steps)


def has_proofs(file: OpenedFile) -> bool:
    """Whether a file with holes has a theorem above them that has none."""
    above = file.theorems[-1].context if file.theorems else ()
    open_ = {theorem.declaration for theorem in file.theorems}
    return any(each.kind == "theorem" and each.name not in open_ for each in above)


def _steps_of(file: TracedFile) -> Iterator[tuple[str, ProofSteps]]:
    for declaration in file.declarations:
        if declaration.is_proof:
            yield (
                declaration.key,
                [
                    (ProofState(step.before[0].key, (step.before[0].goal,)), step.tactic)
                    for step in declaration.steps
                    if step.before and len(step.tactic) <= LONGEST
                ],
            )
