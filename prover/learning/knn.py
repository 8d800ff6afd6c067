"""`knn`: a policy that remembers which tactics proved goals like this one.

It needs no model: its neighbours are the proofs of the files at hand, those kept in the database,
and each proof of the run as soon as it is found (online k-NN: Blaauwbroek et al., Tactician, CICM
2020; Gauthier et al., TacticToe, JAR 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...data.records import Theorem
from ..policy.base import PolicyOutput, ProofSteps, Proposal, Query
from .memory import StoredStep, TacticMemory
from .renaming import renamed

NEIGHBOURS = 64
"""Steps of proofs looked at for one state."""


class NearestNeighbours:
    """Proposes the tactics of the likest goals, in their names; the prior is the likeness."""

    name = "knn"

    def __init__(self, known: Sequence[StoredStep] = ()) -> None:
        """known: steps of proofs that it has from the start."""
        self._memory = TacticMemory()
        for each in known:
            self._memory.add(*each)

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query from what is known by now."""
        return [self._answer(query) for query in queries]

    def learn(self, theorem: str, steps: ProofSteps) -> None:
        """Remember the steps of a proof."""
        for state, tactic in steps:
            if state.goals:
                self._memory.add(state.goals[0], tactic, theorem)

    def _answer(self, query: Query) -> PolicyOutput:
        if not query.state.goals:
            return PolicyOutput()
        goal = query.state.goals[0]
        best: dict[str, float] = {}
        for likeness, each in self._memory.nearest(goal, NEIGHBOURS, name_of(query.theorem)):
            tactic = renamed(each.tactic, each.goal, goal)
            if tactic is not None:
                best.setdefault(tactic, likeness)
        return PolicyOutput(tuple(Proposal(tactic, prior) for tactic, prior in best.items()))


def name_of(theorem: Theorem) -> str:
    """What a theorem's own steps are known by: its statement, wherever it stands."""
    return theorem.state.key
