"""Mends the broken proofs of a file: cuts out what Lean does not take, proves it, puts it back.

After APOLLO (arXiv:2505.05758), by Lean's syntax and elaborated states instead of its text. Each
broken theorem is mended alone, the others stand as `sorry` meanwhile; the statement is the file's
own, never edited, and the whole is judged against it. No model is needed for what search can do.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ...data.errors import UsageError
from ...data.records import Accepted, Attempt, Message, StopReason, Theorem, Verdict
from ...data.turns import Turn
from ...lean_env.pool import LeanPool
from ...lean_env.queries.errors import BrokenCommand, look
from ...lean_env.verification.rewrite import Edit, rewrite
from ..agent.budget import Clock
from ..agent.deferred import rests_on_sorry
from ..agent.recorder import AttemptObserver
from ..config import ProverConfig
from .feedback import errors_told
from .hole_filler import DraftBudget, DraftState, HoleFiller, ProverContext
from .lemma_cache import KnownProof, LemmaCache, unknown
from .sorrifier import Draft, Sorrifier
from .syntax_refiner import closing_end

CHECK_SHARE = 0.15
"""Of the time for a theorem, kept for its final check."""


@dataclass(frozen=True, slots=True)
class RepairConfig:
    """How much to spend on one broken theorem. Raises UsageError for a senseless value."""

    wall_s: float = 60.0
    """Seconds for one theorem, its final check included where it is reached."""
    depth: int = 3
    """Times that the cuts move up, the last time to the whole proof."""

    def __post_init__(self) -> None:
        if not self.wall_s > 0:
            raise UsageError(f"wall_s must be above 0 seconds, not {self.wall_s}")
        if self.depth < 0:
            raise UsageError(f"depth must be at least 0, not {self.depth}")


@dataclass(frozen=True, slots=True)
class BrokenTheorem:
    """A broken theorem. theorem: with the whole proof as its hole, in the file's skeleton.

    start, stop: its value in the file as it was; least: what stands there in the skeleton. line,
    column: of its value. command: what Lean found in it, as it stands in the skeleton; None where
    that may be another thing.
    """

    theorem: Theorem
    start: int
    stop: int
    value: str
    least: str
    line: int
    column: int
    command: BrokenCommand | None
    errors: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """What came of one broken theorem. value: its new text, None when it is not mended.

    attempt: judged against the statement. compilations: times that Lean elaborated a text of it.
    """

    patient: BrokenTheorem
    attempt: Attempt
    value: str | None = None
    rounds: int = 0
    compilations: int = 0
    false: tuple[Theorem, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file looked into. others: errors that stand in no proof. skeleton: the file with a
    `sorry` for each broken proof.
    """

    path: str
    source: str = field(repr=False)
    skeleton: str = field(repr=False)
    patients: tuple[BrokenTheorem, ...]
    others: tuple[Message, ...]


async def diagnose(pool: LeanPool, path: str, source: str) -> BrokenFile:
    """Find the broken theorems of a file. Raises UsageError when Lean cannot open it."""
    broken = [command for command in await look(pool, source) if command.faults]
    spans: list[tuple[BrokenCommand, int, int, str]] = []
    others: list[Message] = []
    covered = 0
    for command in broken:
        if command.start < covered:
            continue
        value = command.value
        if value is None or any(f.message.start < value.start for f in command.faults):
            others += [fault.message for fault in command.faults]
            continue
        stop = _value_stop(source, value.start, command.stop)
        covered = stop
        spans.append((command, value.start, stop, value.text))
    skeleton = rewrite(source, [Edit(start, stop, least) for _, start, stop, least in spans])
    opened = await pool.open(path, skeleton)
    patients: list[BrokenTheorem] = []
    shift, is_torn = 0, False
    raw = source.encode()
    for command, start, stop, least in spans:
        place = start + shift + len(least) - len("sorry")
        theorem = next((t for t in opened.theorems if t.start == place), None)
        messages = tuple(fault.message for fault in command.faults)
        if theorem is None or not theorem.is_prop:
            others += messages
        else:
            seen = None if is_torn or stop != command.stop else command.shifted(shift)
            line, column = _line_and_column(raw[:start].decode())
            text = raw[start:stop].decode()
            told = line, column, seen, messages
            patients.append(BrokenTheorem(theorem, start, stop, text, least, *told))
        shift += len(least.encode()) - (stop - start)
        is_torn |= any(fault.is_parser for fault in command.faults)
    return BrokenFile(path, source, skeleton, tuple(patients), tuple(others))


def _line_and_column(before: str) -> tuple[int, int]:
    """Line from 1 and column from 0 behind a text."""
    return before.count("\n") + 1, len(before.rpartition("\n")[2])


def _value_stop(source: str, start: int, stop: int) -> int:
    """Where a value stops: a `begin` block of Lean 3 at its `end`, a command for Lean 4."""
    text = source.encode()[start:].decode()
    length = closing_end(text)
    return stop if length is None else max(stop, start + len(text[:length].encode()))


class Repairer:
    """Mends broken theorems, one after the other."""

    def __init__(
        self,
        tools: ProverContext,
        keeper: AttemptObserver,
        config: RepairConfig,
        prover: ProverConfig,
        known: KnownProof = unknown,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._tools = tools
        self._keeper = keeper
        self._config = config
        self._prover_config = prover
        self._known = known
        self._clock = clock
        self._stopped = False
        self._filler = HoleFiller(tools, LemmaCache(known))

    def stop(self) -> None:
        """End the theorem at work and those after it."""
        self._stopped = True
        self._filler.stop()

    async def repair(self, diagnosis: BrokenFile, patient: BrokenTheorem) -> Repair:
        """Mend one broken theorem, within the budget. Records all of it."""
        self._tools.recorder.start_attempt(patient.theorem)
        work = _Work(self._tools, diagnosis, patient)
        began = self._clock()
        stop = StopReason.INTERRUPTED
        verdict: Verdict | None = None
        search_s = self._config.wall_s * (1 - CHECK_SHARE)
        try:
            draft = None if self._stopped else await self._within(work, began, search_s)
            if self._clock() - began >= search_s:
                stop = StopReason.WALL_TIME
            elif not self._stopped:
                stop = StopReason.DEAD_END
            if draft is not None:
                verdict = await work.judge(draft)
                is_mended = isinstance(verdict, Accepted)
                stop = StopReason.PROVED if is_mended else StopReason.REFUSED
                work.value = draft.value if is_mended or rests_on_sorry(verdict) else None
        finally:
            wall_s = self._clock() - began
            spent = work.filling.expansions, work.filling.steps, wall_s
            attempt = Attempt(patient.theorem, stop, work.value, verdict, *spent)
            if attempt.is_proved and work.value is not None:
                self._keeper.turns(patient.theorem, trajectory(patient, work.value))
            self._tools.recorder.finish_attempt(attempt)
        filling = work.filling
        counts = filling.rounds, filling.compilations, tuple(filling.false)
        return Repair(patient, attempt, work.value, *counts)

    async def _within(self, work: _Work, began: float, search_s: float) -> Draft | None:
        """The draft without a hole, if one is reached in time."""
        try:
            async with asyncio.timeout(search_s):
                return await self._mend(work, lambda: search_s - (self._clock() - began))
        except TimeoutError:
            return None

    async def _mend(self, work: _Work, left_s: Clock) -> Draft | None:
        """The draft without a hole, if one is reached."""
        patient = work.patient
        if known := self._known(patient.theorem):
            return work.draft(known)
        work.filling.checks += 1
        means = DraftBudget(self._prover_config, left_s, self._config.depth, to_top=True)
        return await self._filler.fill(work.filling, means, patient.command)


def trajectory(patient: BrokenTheorem, value: str) -> list[Turn]:
    """A repair as a conversation to train on: the broken proof with Lean's errors, the mended."""
    errors = errors_told(patient.value, patient.errors, patient.line - 1)
    broken = f"```lean4\n{patient.value}\n```\n\n{errors}"
    return [
        Turn(0, "user", broken, is_feedback=True),
        Turn(0, "assistant", f"```lean4\n{value}\n```", is_right=True),
    ]


class _Work:
    """One theorem under repair."""

    def __init__(self, tools: ProverContext, diagnosis: BrokenFile, patient: BrokenTheorem) -> None:
        self._tools = tools
        self._diagnosis = diagnosis
        self.patient = patient
        self.filling = DraftState(Sorrifier(tools.pool, diagnosis.path), self.draft(patient.value))
        self.value: str | None = None

    def draft(self, value: str) -> Draft:
        """The skeleton with a value in the theorem's place."""
        theorem, raw = self.patient.theorem, self._diagnosis.skeleton.encode()
        start = theorem.stop - len(self.patient.least.encode())
        before, after = raw[:start].decode(), raw[theorem.stop :].decode()
        return Draft(before, value, after, theorem.command_start, self.patient.least)

    async def judge(self, draft: Draft) -> Verdict | None:
        """Does the draft prove the theorem of the skeleton, and nothing weaker?"""
        self.filling.checks += 1
        theorem = self.patient.theorem
        skeleton = self._diagnosis.skeleton
        judged = await self._tools.verifier.compare(skeleton, draft.source, name=theorem.path)
        names = {theorem.declaration, theorem.name}
        return next((verdict for name, verdict in judged if name in names), None)
