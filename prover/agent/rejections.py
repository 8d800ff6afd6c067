"""Tactics that Lean rejected before, so that they are not sent to it again.

A tactic names hypotheses, and the key of a state ignores names: so a rejection is stored under the
key and the text of the goals. Only rejections that do not depend on time or memory are stored.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from ...data.outcomes import PASSING
from ...data.records import ProofState, Rejected, Rejection, Step, Theorem
from ...lean_env.pool import Limits
from ...lean_env.toolchains.sources import worker_sources
from ...lean_env.worker_command import Toolchain
from ..config import HEARTBEATS

if TYPE_CHECKING:
    from ...data.store.store import Store

StoredRejections = Callable[[ProofState], Mapping[str, Rejected]]
"""The tactics rejected at a state in earlier runs, each with what Lean said."""

RejectionLookup = Callable[[Theorem], StoredRejections]
"""What a store has of a theorem's rejected tactics."""

_MAY_REACH_ON = re.compile(r"[|\n;]|\b(by|fun|do|match|if|let|calc|from|show|have)\b|=>|·")
"""What may hold a later `<;>` within it."""


def beginnings(tactic: str) -> list[str]:
    """What a tactic `A <;> B <;> C` runs first: `A` and `A <;> B`; none where that is in doubt."""
    parts = tactic.split(" <;> ")
    ends = itertools.accumulate(parts[:-1], lambda start, part: f"{start} <;> {part}")
    return [] if _MAY_REACH_ON.search(" ".join(parts[:-1])) else list(ends)


FORM = 2
"""Grows when older rows may no longer be trusted: those of 1 have searches that found something."""

CORE = {"Init", "Std", "Lean"}
"""Libraries that change only with Lean's version."""


def unknown(state: ProofState) -> Mapping[str, Rejected]:
    """Remember nothing."""
    return {}


def no_memory(theorem: Theorem) -> StoredRejections:
    """Remember nothing."""
    return unknown


def worker_name(toolchain: Toolchain, heartbeats: int = HEARTBEATS[-1]) -> str:
    """A name for all that decides what Lean rejects: its version, our worker's code, the limits.

    heartbeats: the largest limit of a tactic.
    """
    texts = [source.text for source in worker_sources()]
    inputs = repr([FORM, toolchain.name, toolchain.lean, Limits(heartbeats), texts])
    return blake2b(inputs.encode(), digest_size=8).hexdigest()


class Remembered:
    """What a store remembers of theorems tried by one worker, see `worker_name`.

    Nothing of a file that imports more than Lean itself has: a library may have changed since.
    """

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker

    def __call__(self, theorem: Theorem) -> StoredRejections:
        """The tactics rejected at states of the theorem."""
        if {name.partition(".")[0] for name in theorem.imports} <= CORE:
            return self._store.rejected(theorem, self._worker)
        return unknown


class Rejections:
    """What was rejected at the states of one theorem, in this search and in earlier ones."""

    def __init__(self, stored: StoredRejections = unknown) -> None:
        self._stored = stored
        self._known: dict[tuple[str, str], dict[str, Rejected]] = {}
        self._postponed: dict[tuple[str, str, int], dict[str, Rejected]] = {}

    def of(self, state: ProofState, tactic: str, rung: int) -> Rejected | None:
        """What is known of a tactic at a state, under the limit of that number; None: nothing.

        `A <;> B` is rejected, or runs out of a limit, where A does.
        """
        known = self._find(state)
        postponed = self._postponed.get((state.key, state.pretty, rung), {})
        if tactic in known:
            return known[tactic]
        for start in beginnings(tactic):
            found = known.get(start) or postponed.get(start)
            if found and found.kind is not Rejection.PARSE:
                return found
        return None

    async def load(self, state: ProofState) -> None:
        """Read what is stored of a state, beside the event loop."""
        place = state.key, state.pretty
        if place not in self._known and self._stored is not unknown:
            stored = await asyncio.to_thread(self._stored, state)
            self._known.setdefault(place, _lasting(stored))

    def add(self, state: ProofState, steps: Iterable[Step], rung: int = 0) -> None:
        """Keep what was rejected for good, and what ran out of the limit of that number."""
        known = self._find(state)
        for step in steps:
            outcome = step.outcome
            if not isinstance(outcome, Rejected):
                continue
            if outcome.kind is Rejection.POSTPONED:
                place = state.key, state.pretty, rung
                self._postponed.setdefault(place, {})[step.tactic] = outcome
            elif outcome.kind not in PASSING:
                known[step.tactic] = outcome

    def _find(self, state: ProofState) -> dict[str, Rejected]:
        key = state.key, state.pretty
        if key not in self._known:
            self._known[key] = _lasting(self._stored(state))
        return self._known[key]


def _lasting(stored: Mapping[str, Rejected]) -> dict[str, Rejected]:
    return {t: rejection for t, rejection in stored.items() if rejection.kind not in PASSING}
