"""What proposes tactics: the protocol every policy keeps, and one that reads from a table.

A policy knows theorems and states as records; it sees no Lean process and no search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..data.records import ProofState, Theorem


@dataclass(frozen=True, slots=True)
class Proposal:
    """One tactic to try. prior: in (0, 1], relative to the other proposals of its state."""

    tactic: str
    prior: float


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a policy: what to try at `state` of `theorem`?"""

    theorem: Theorem
    state: ProofState


class Policy(Protocol):
    """Anything that proposes tactics for a batch of states."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    async def propose(self, queries: Sequence[Query]) -> list[list[Proposal]]:
        """Answer each query, in order; an empty list means nothing to try."""
        ...


class ScriptedPolicy:
    """Proposes fixed tactics by the state's key, and `default` where the table has none."""

    name = "scripted"

    def __init__(
        self, table: Mapping[str, Sequence[Proposal]], default: Sequence[Proposal] = ()
    ) -> None:
        self._table = table
        self._default = default

    async def propose(self, queries: Sequence[Query]) -> list[list[Proposal]]:
        """Answer each query from the table."""
        return [list(self._table.get(q.state.key, self._default)) for q in queries]
