"""What travels between processes: states packed flat, each once, and errors.

A state holds the whole path to it, and paths are deeper than pickle can follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...data import errors
from ...data.errors import LakatosError
from ...data.records import (
    Advanced,
    DraftHole,
    Expansion,
    Goal,
    Origin,
    Outcome,
    ProofState,
    Step,
)

FlatOrigin = tuple[int, str, int, tuple[int, ...], DraftHole | None]
FlatState = tuple[str, tuple[Goal, ...], int, str, FlatOrigin | None]
FlatStep = tuple[str, float, float, Outcome | tuple[int, ...]]
FlatExpansion = tuple[int, float, int, list[FlatStep]]


@dataclass(frozen=True, slots=True)
class PackedExpansions:
    """Expansions with their states by number; a state stands behind the one it came from."""

    states: list[FlatState]
    expansions: list[FlatExpansion]


def pack(expansions: Sequence[Expansion]) -> PackedExpansions:
    """The expansions, flat."""
    states: list[FlatState] = []
    numbers: dict[int, int] = {}

    def number(state: ProofState) -> int:
        path = [state]
        while id(path[-1]) not in numbers and (origin := path[-1].origin):
            path.append(origin.parent)
        for each in reversed(path):
            if id(each) not in numbers:
                numbers[id(each)] = len(states)
                states.append((each.key, each.goals, each.size, each.root, _flat(each)))
        return numbers[id(state)]

    def _flat(state: ProofState) -> FlatOrigin | None:
        if (origin := state.origin) is None:
            return None
        parent = numbers[id(origin.parent)]
        return parent, origin.tactic, origin.index, origin.positions, origin.hole

    def step(each: Step) -> FlatStep:
        outcome: Outcome | tuple[int, ...] = each.outcome
        if isinstance(each.outcome, Advanced):
            outcome = tuple(number(state) for state in each.outcome.states)
        return each.tactic, each.prior, each.elapsed_ms, outcome

    flat = [
        (number(each.state), each.value, each.tokens, [step(s) for s in each.steps])
        for each in expansions
    ]
    return PackedExpansions(states, flat)


def unpack(parcel: PackedExpansions) -> list[Expansion]:
    """The expansions that `pack` packed."""
    states: list[ProofState] = []
    for key, goals, size, root, flat in parcel.states:
        origin = None if flat is None else Origin(states[flat[0]], *flat[1:])
        states.append(ProofState(key, goals, origin, size, root))

    def step(flat: FlatStep) -> Step:
        tactic, prior, elapsed_ms, outcome = flat
        if isinstance(outcome, tuple):
            outcome = Advanced(tuple(states[number] for number in outcome))
        return Step(tactic, prior, outcome, elapsed_ms)

    return [
        Expansion(states[state], tuple(step(s) for s in steps), value, tokens)
        for state, value, tokens, steps in parcel.expansions
    ]


@dataclass(frozen=True, slots=True)
class RemoteError:
    """An error that travels. kind: its class in data/errors.py."""

    kind: str
    text: str

    @classmethod
    def of(cls, error: LakatosError) -> RemoteError:
        """The error, to send."""
        return cls(type(error).__name__, str(error))

    @property
    def error(self) -> LakatosError:
        """The error as it was raised there."""
        kind = vars(errors).get(self.kind, LakatosError)
        error = kind(self.text)
        return error if isinstance(error, LakatosError) else LakatosError(self.text)
