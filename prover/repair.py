"""Mends the broken proofs of a file: cuts out what Lean does not take, proves it, puts it back.

After APOLLO (arXiv:2505.05758), by Lean's syntax and elaborated states instead of its text. Each
broken theorem is mended alone, the others stand as `sorry` meanwhile; the statement is the file's
own, never edited, and the whole is judged against it. No model is needed for what search can do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..data.errors import UsageError
from ..data.records import Accepted, Attempt, Message, StopReason, Theorem, Verdict
from ..lean_env.broken import BrokenCommand, look
from ..lean_env.pool import LeanPool
from ..lean_env.rewrite import Edit, rewrite
from ..lean_env.verifier import Verifier
from .agent import Prover, Recorder
from .budget import Clock
from .config import ProverConfig
from .cutting import Cutter, Draft
from .deferral import rests_on_sorry
from .expander import Expander, together
from .hammer import Hammer
from .policy import Policy
from .refute import is_false
from .salvage import Salvage
from .spelling import closing_end

Known = Callable[[Theorem], str | None]
"""The text that an earlier run proved a `sorry` by, if any."""

FALSE_WALL_S = 3.0
"""Most seconds spent on showing one hole false."""

BRIEF = 3
"""Expansions for a hole before it is asked whether it is false."""


def unknown(theorem: Theorem) -> str | None:
    """Know nothing."""
    return None


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
class Patient:
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

    patient: Patient
    attempt: Attempt
    value: str | None = None
    rounds: int = 0
    compilations: int = 0
    false: tuple[Theorem, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A file looked into. others: errors that stand in no proof. skeleton: the file with a
    `sorry` for each broken proof.
    """

    path: str
    source: str = field(repr=False)
    skeleton: str = field(repr=False)
    patients: tuple[Patient, ...]
    others: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a repair works with."""

    pool: LeanPool
    verifier: Verifier
    policy: Policy
    recorder: Recorder
    known: Known = unknown


async def diagnose(pool: LeanPool, path: str, source: str) -> Diagnosis:
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
    patients: list[Patient] = []
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
            patients.append(Patient(theorem, start, stop, text, least, *told))
        shift += len(least.encode()) - (stop - start)
        is_torn |= any(fault.is_parser for fault in command.faults)
    return Diagnosis(path, source, skeleton, tuple(patients), tuple(others))


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
        tools: Tools,
        config: RepairConfig,
        prover: ProverConfig,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._tools = tools
        self._config = config
        self._prover_config = prover
        self._clock = clock
        self._stopped = False
        self._prover: Prover | None = None

    def stop(self) -> None:
        """End the theorem at work and those after it."""
        self._stopped = True
        if self._prover:
            self._prover.stop()

    async def repair(self, diagnosis: Diagnosis, patient: Patient) -> Repair:
        """Mend one broken theorem, within the budget. Records all of it."""
        self._tools.recorder.start_attempt(patient.theorem)
        work = _Work(self._tools, diagnosis, patient)
        began = self._clock()
        stop = StopReason.INTERRUPTED
        verdict: Verdict | None = None
        try:
            draft = None if self._stopped else await self._within(work, began)
            if self._clock() - began >= self._config.wall_s:
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
            spent = work.expansions, work.steps, wall_s
            attempt = Attempt(patient.theorem, stop, work.value, verdict, *spent)
            self._tools.recorder.finish_attempt(attempt)
        compilations = work.cutter.findings.compilations + work.compilations
        return Repair(patient, attempt, work.value, work.rounds, compilations, tuple(work.false))

    async def _within(self, work: _Work, began: float) -> Draft | None:
        """The draft without a hole, if one is reached in time."""
        try:
            async with asyncio.timeout(self._config.wall_s):
                return await self._mend(work, began)
        except TimeoutError:
            return None

    async def _mend(self, work: _Work, began: float) -> Draft | None:
        """The draft without a hole, if one is reached."""
        if known := self._tools.known(work.patient.theorem):
            return work.draft(known)
        work.compilations += 1
        broken = work.draft(work.patient.value)
        draft, holes = await work.cutter.cut_down(broken, work.patient.command)
        for level in range(self._config.depth + 1):
            work.rounds += 1
            if not holes:
                return draft
            left_s = self._config.wall_s - (self._clock() - began)
            if left_s <= 0 or self._stopped:
                return None
            is_last = level == self._config.depth or draft.value == draft.least
            attempts = await self._prove(work, holes, left_s if is_last else left_s * 0.35, is_last)
            proved = [a for a in attempts if a.is_proved]
            done = [Edit(a.theorem.start, a.theorem.stop, a.proof or "") for a in proved]
            if len(proved) == len(holes):
                return draft.edited(done)
            if is_last or self._stopped:
                return None
            to_top = level + 1 == self._config.depth
            draft, holes = await self._moved_up(work, draft, attempts, to_top)
        return None

    async def _prove(
        self, work: _Work, holes: Sequence[Theorem], wall_s: float, is_last: bool
    ) -> list[Attempt]:
        """Search for all holes: briefly for each; then longer for those not seen to be false."""
        brief = None if is_last else replace(self._prover_config, expansions=BRIEF)
        attempts = await self._search(work, holes, brief, wall_s)
        if is_last or self._stopped:
            return attempts
        failed = [a.theorem for a in attempts if not a.is_proved and a.theorem.is_prop]
        judged = await together([self._is_false(hole) for hole in failed])
        work.false += [hole for hole, is_false in zip(failed, judged, strict=True) if is_false]
        hard = [hole for hole, is_false in zip(failed, judged, strict=True) if not is_false]
        if len(hard) < len(failed) or not hard:
            return attempts
        again = await self._search(work, hard, None, wall_s)
        return [a for a in attempts if a.theorem not in hard] + again

    async def _search(
        self,
        work: _Work,
        holes: Sequence[Theorem],
        config: ProverConfig | None,
        wall_s: float,
    ) -> list[Attempt]:
        """One search for each hole; what an earlier run proved it by goes first."""
        tools = self._tools
        share = min(1.0, tools.pool.workers / len(holes))
        config = replace(config or self._prover_config, wall_s=max(0.5, wall_s * share))
        hints = [as_tactic(hole, text) for hole in holes if (text := tools.known(hole))]
        remains = replace(work.cutter.findings.remains, hints=tuple(hints))
        policy = Salvage(tools.policy, remains)
        self._prover = Prover(tools.pool, tools.verifier, policy, config, tools.recorder)
        attempts = await self._prover.prove(holes)
        work.count(attempts)
        return attempts

    async def _moved_up(
        self, work: _Work, draft: Draft, attempts: Sequence[Attempt], to_top: bool
    ) -> tuple[Draft, list[Theorem]]:
        """The proved holes filled, and wider cuts around the others."""
        failed = [a.theorem for a in attempts if not a.is_proved]
        places = {hole.start: hole in work.false for hole in failed}
        if to_top:
            work.cutter.findings.removed.append(draft.value)
            return await work.cutter.cut_down(draft.emptied)
        wider = await work.cutter.widened(draft, places)
        done = [
            Edit(a.theorem.start, a.theorem.stop, a.proof or "")
            for a in attempts
            if a.is_proved
            and not any(e.start <= a.theorem.start and a.theorem.stop <= e.stop for e in wider)
        ]
        return await work.cutter.cut_down(draft.edited([*wider, *done]))

    async def _is_false(self, hole: Theorem) -> bool:
        """Whether a short search shows that the hole cannot be filled."""
        pool = self._tools.pool
        try:
            async with asyncio.timeout(FALSE_WALL_S):
                return await is_false(hole.state, Expander(hole, Hammer(), pool), pool)
        except TimeoutError:
            return False


class _Work:
    """One theorem under repair: its drafts, and what they cost."""

    def __init__(self, tools: Tools, diagnosis: Diagnosis, patient: Patient) -> None:
        self._tools = tools
        self._diagnosis = diagnosis
        self.patient = patient
        self.cutter = Cutter(tools.pool, diagnosis.path)
        self.value: str | None = None
        self.false: list[Theorem] = []
        self.rounds = self.compilations = self.expansions = self.steps = 0

    def draft(self, value: str) -> Draft:
        """The skeleton with a value in the theorem's place."""
        theorem, raw = self.patient.theorem, self._diagnosis.skeleton.encode()
        start = theorem.stop - len(self.patient.least.encode())
        before, after = raw[:start].decode(), raw[theorem.stop :].decode()
        return Draft(before, value, after, theorem.command_start, self.patient.least)

    async def judge(self, draft: Draft) -> Verdict | None:
        """Does the draft prove the theorem of the skeleton, and nothing weaker?"""
        self.compilations += 1
        theorem = self.patient.theorem
        skeleton = self._diagnosis.skeleton
        judged = await self._tools.verifier.compare(skeleton, draft.source, name=theorem.path)
        names = {theorem.declaration, theorem.name}
        return next((verdict for name, verdict in judged if name in names), None)

    def count(self, attempts: Sequence[Attempt]) -> None:
        """Add what the searches spent."""
        self.expansions += sum(attempt.expansions for attempt in attempts)
        self.steps += sum(attempt.steps for attempt in attempts)
        self.compilations += sum(attempt.proof is not None for attempt in attempts)


def as_tactic(hole: Theorem, text: str) -> str:
    """What replaces a `sorry`, as a tactic."""
    return text if hole.mode == "tactic" else f"exact {text}"
