"""One theorem at work: what the loop of prover.py asks of every way of proving, and gives it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ...data.records import Attempt, Expansion, StopReason, Theorem
from ...lean_env.opened_file import OpenedFile
from ...lean_env.verification.judge import Asks
from ..config import ProverConfig
from ..policy.base import Policy
from .budget import Clock
from .confirm import TogetherChecker
from .deferred import PendingProof, ProofChecker
from .expander import TacticRunner
from .recorder import AttemptObserver, NoObserver
from .rejections import RejectionLookup, no_memory

T = TypeVar("T")
ReplaySource = Callable[[Theorem], Iterable[Expansion]]
"""Expansions of an earlier attempt at a theorem, in the order in which its search got them."""


def no_replay(theorem: Theorem) -> Iterable[Expansion]:
    """Replay nothing."""
    return ()


class Pool(TacticRunner, Asks, Protocol):
    """The part of a pool of Lean workers that proving needs."""

    @property
    def workers(self) -> int:
        """How many Lean workers there are."""
        ...

    async def open(
        self, path: str, source: str, proposed: tuple[int, int] | None = None
    ) -> OpenedFile:
        """Elaborate a whole file; each hole becomes a theorem."""
        ...

    async def forget(self, theorem: Theorem) -> None:
        """Release every state held for the theorem."""
        ...


class StopSwitch:
    """Ends the work on theorems early: cancels what is interruptible, and lets none begin.

    Proofs found by then are still checked. Provers that work on parts of a theorem share a switch.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._running: set[asyncio.Task[Any]] = set()

    def set(self) -> None:
        """Stop."""
        self.is_set = True
        for task in self._running:
            task.cancel()

    async def interruptible(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that may be cut off. Raises CancelledError when the switch is set."""
        if self.is_set:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await work()
        finally:
            self._running.discard(task)


@dataclass(frozen=True, slots=True)
class ProverContext:
    """What theorems are proved with.

    Args:
        pool: the Lean workers.
        verifier: checks every proof found.
        policy: proposes tactics.
        recorder: observes every attempt.
        config: what may be spent on a theorem, and how.
        clock: seconds from any fixed origin.
        switch: ends the work early.
        replay: expansions of earlier attempts, to be taken up.
        memory: what Lean rejected in earlier attempts.
        together: where `verifier` checks proofs in their places, what checks their files once, with
            all proofs in them, before anything counts as proved; None: every check is of the file.
    """

    pool: Pool
    verifier: ProofChecker
    policy: Policy
    recorder: AttemptObserver = field(default_factory=NoObserver)
    config: ProverConfig = field(default_factory=ProverConfig)
    clock: Clock = time.monotonic
    switch: StopSwitch = field(default_factory=StopSwitch)
    replay: ReplaySource = no_replay
    memory: RejectionLookup = no_memory
    together: TogetherChecker | None = None


class TheoremTask(ABC):
    """The work on one theorem, from its first call to its attempt; made when that begins.

    attempt: what came of it; None until it is over. pending: a proof that rests on another
    `sorry` of the file, or passed only in its place, to be checked again when the other theorems
    are over.
    """

    def __init__(self, theorem: Theorem, context: ProverContext) -> None:
        self.theorem = theorem
        self.context = context
        self.attempt: Attempt | None = None
        self.pending: PendingProof | None = None
        context.recorder.start_attempt(theorem)

    @abstractmethod
    async def advance(self, limit: int) -> Attempt | None:
        """Work until it is decided, or until `limit` expansions were made: None then.

        Raises CancelledError when stopped, WorkerDied, ModelUnavailable, UsageError.
        """

    @abstractmethod
    def end(self, stop: StopReason, detail: str = "") -> Attempt:
        """What it comes to when it ends now; a proof that was accepted before stays."""

    async def release(self) -> None:
        """Free what workers hold for it."""
        await self.context.pool.forget(self.theorem)

    def finish(self) -> None:
        """Record its end. There must be an attempt."""
        assert self.attempt
        self.pending = None
        self.context.recorder.finish_attempt(self.attempt)


ProofMethod = Callable[[Theorem, ProverContext], TheoremTask]
"""A way of proving: begins the work on a theorem."""


def untried(theorem: Theorem) -> StopReason | None:
    """Why a theorem is not tried at all; None where it is."""
    if not theorem.is_stated:
        return StopReason.OPEN_STATEMENT
    return None if theorem.is_prop else StopReason.NOT_A_PROPOSITION
