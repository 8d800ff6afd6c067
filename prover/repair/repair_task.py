"""Repairs the broken proofs of a file: cuts out what Lean rejects, proves it, puts it back.

After APOLLO (arXiv:2505.05758), by Lean's syntax and elaborated states instead of its text. Each
broken theorem is repaired alone, the others stand as `sorry` meanwhile; the statement is the file's
own, never edited, and the result is checked against it. No model is needed for what search can do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from ...data.errors import UsageError
from ...data.records import Accepted, Attempt, Message, StopReason, Theorem, Verdict
from ...data.turns import Turn
from ...lean_env.queries.errors import BrokenCommand, Cut, ProofFault, look
from ...lean_env.verification.rewrite import Edit, rewrite
from ..agent.budget import Budget
from ..agent.deferred import rests_on_sorry
from ..agent.prover import Prover
from ..agent.recorder import AttemptObserver, ObserverList
from ..agent.task import Pool, ProverContext, TheoremTask
from ..config import ProverConfig
from .feedback import errors_text
from .hole_filler import BudgetObserver, DraftBudget, DraftState, HoleFiller
from .lemma_cache import KnownProof, LemmaCache, unknown
from .sorrifier import Draft, Sorrifier
from .syntax_refiner import closing_end

RECURSION = "fail to show termination"
CHECK_SHARE = 0.15
"""Share of the time for a theorem that is reserved for its final check."""


@dataclass(frozen=True, slots=True)
class RepairConfig:
    """How much to spend on one broken theorem. Raises UsageError for a senseless value."""

    wall_s: float = 60.0
    """Seconds for one theorem, its final check included where it is reached."""
    depth: int = 3
    """How often the region around an error may be widened, the last time to the whole proof."""

    def __post_init__(self) -> None:
        if not self.wall_s > 0:
            raise UsageError(f"wall_s must be above 0 seconds, not {self.wall_s}")
        if self.depth < 0:
            raise UsageError(f"depth must be at least 0, not {self.depth}")


@dataclass(frozen=True, slots=True)
class BrokenTheorem:
    """A theorem whose proof is broken.

    theorem: with the whole proof as its hole, in the file's skeleton. start, stop: bytes of its
    value in the file as it was. value: the text there. least: what stands there in the skeleton.
    line, column: of its value. command: what Lean found in it, as it stands in the skeleton; None
    where that may be something else. errors: Lean's messages.
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
    """What came of one broken theorem.

    attempt: checked against the statement. value: the new text of the proof, None when there is
    none. rounds: of searches. compilations: how often Lean elaborated a text of it. false: holes
    that were seen to be false.
    """

    broken: BrokenTheorem
    attempt: Attempt
    value: str | None = None
    rounds: int = 0
    compilations: int = 0
    false: tuple[Theorem, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """What is wrong with a file.

    skeleton: the file with a `sorry` for each broken proof. theorems: the broken ones. errors:
    those that stand in no proof.
    """

    path: str
    source: str = field(repr=False)
    skeleton: str = field(repr=False)
    theorems: tuple[BrokenTheorem, ...]
    errors: tuple[Message, ...]


async def diagnose(pool: Pool, path: str, source: str) -> BrokenFile:
    """Find the broken theorems of a file. Raises UsageError when Lean cannot open it."""
    broken = [command for command in await look(pool, source) if command.faults]
    spans: list[tuple[BrokenCommand, int, int, str]] = []
    errors: list[Message] = []
    covered = 0
    for command in broken:
        if command.start < covered:
            continue
        value = command.value
        if value is None or any(_is_of_statement(f, value) for f in command.faults):
            errors += [fault.message for fault in command.faults]
            continue
        stop = _value_stop(source, value.start, command.stop)
        covered = stop
        spans.append((command, value.start, stop, value.text))
    skeleton = rewrite(source, [Edit(start, stop, least) for _, start, stop, least in spans])
    opened = await pool.open(path, skeleton)
    theorems: list[BrokenTheorem] = []
    shift, is_torn = 0, False
    raw = source.encode()
    for command, start, stop, least in spans:
        hole = start + shift + len(least) - len("sorry")
        theorem = next((t for t in opened.theorems if t.start == hole), None)
        messages = tuple(fault.message for fault in command.faults)
        if theorem is None or not theorem.is_prop:
            errors += messages
        else:
            seen = None if is_torn or stop != command.stop else command.shifted(shift)
            line, column = _line_and_column(raw[:start].decode())
            text = raw[start:stop].decode()
            theorems.append(
                BrokenTheorem(theorem, start, stop, text, least, line, column, seen, messages)
            )
        shift += len(least.encode()) - (stop - start)
        is_torn |= any(fault.is_parser for fault in command.faults)
    return BrokenFile(path, source, skeleton, tuple(theorems), tuple(errors))


def _is_of_statement(fault: ProofFault, value: Cut) -> bool:
    """Whether an error is not one of the proof. Lean reports recursion at the theorem's name."""
    message = fault.message
    return message.start < value.start and not message.text.startswith(RECURSION)


def _line_and_column(before: str) -> tuple[int, int]:
    """Line from 1 and column from 0 behind a text."""
    return before.count("\n") + 1, len(before.rpartition("\n")[2])


def _value_stop(source: str, start: int, stop: int) -> int:
    """Where a value stops: a `begin` block of Lean 3 at its `end`, a command for Lean 4."""
    text = source.encode()[start:].decode()
    length = closing_end(text)
    return stop if length is None else max(stop, start + len(text[:length].encode()))


class RepairTask(TheoremTask):
    """One theorem under repair. value: its new proof, once there is one."""

    def __init__(
        self, context: ProverContext, repairer: Repairer, file: BrokenFile, broken: BrokenTheorem
    ) -> None:
        super().__init__(broken.theorem, context)
        self._repairer = repairer
        self._file = file
        self._broken = broken
        self._budget = Budget(context.config, context.clock)
        sorrifier = Sorrifier(context.pool, file.path)
        self._state = DraftState(sorrifier, self._draft(broken.value))
        self.value: str | None = None

    async def advance(self, limit: int) -> Attempt:
        """Repair it, in one go: the draft, then its check."""
        search_s = self._repairer.config.wall_s * (1 - CHECK_SHARE)
        with self._budget.running():
            if (draft := await self._filled(search_s)) is not None:
                return await self._judge(draft)
            if self._budget.spent_s >= search_s:
                return self.end(StopReason.WALL_TIME)
            is_stopped = self.context.switch.is_set
            return self.end(StopReason.INTERRUPTED if is_stopped else StopReason.DEAD_END)

    def end(self, stop: StopReason, detail: str = "", verdict: Verdict | None = None) -> Attempt:
        """The attempt, with what it has spent."""
        spent = self._budget.expansions, self._budget.steps, self._budget.spent_s
        return Attempt(self.theorem, stop, self.value, verdict, *spent, detail)

    def finish(self) -> None:
        """Record its end, and what is to be learned from it."""
        if self.attempt and self.attempt.is_proved and self.value is not None:
            turns = trajectory(self._broken, self.value)
            self._repairer.observer.turns(self.theorem, turns)
        super().finish()

    @property
    def repair(self) -> Repair:
        """What came of it. It must be over."""
        assert self.attempt
        state = self._state
        counts = state.rounds, state.compilations, tuple(state.false)
        return Repair(self._broken, self.attempt, self.value, *counts)

    async def _filled(self, search_s: float) -> Draft | None:
        """The draft without a hole, if one is reached in so many seconds."""
        repairer, context = self._repairer, self.context
        if known := repairer.known(self.theorem):
            return self._draft(known)
        self._state.checks += 1
        recorder = ObserverList([BudgetObserver(self._budget), context.recorder])
        filler = HoleFiller(replace(context, recorder=recorder), repairer.lemmas)
        budget = DraftBudget(
            context.config,
            lambda: search_s - self._budget.spent_s,
            repairer.config.depth,
            to_top=True,
        )
        try:
            async with asyncio.timeout(search_s):
                return await filler.fill(self._state, budget, self._broken.command)
        except TimeoutError:
            return None

    def _draft(self, value: str) -> Draft:
        """The skeleton with a value in the theorem's place."""
        broken, raw = self._broken, self._file.skeleton.encode()
        start = self.theorem.stop - len(broken.least.encode())
        before, after = raw[:start].decode(), raw[self.theorem.stop :].decode()
        return Draft(before, value, after, self.theorem.command_start, broken.least)

    async def _judge(self, draft: Draft) -> Attempt:
        """The verifier's word: does it prove the theorem of the skeleton, and nothing weaker?"""
        self._state.checks += 1
        verdicts = await self.context.verifier.compare(
            self._file.skeleton, draft.source, name=self.theorem.path
        )
        names = {self.theorem.declaration, self.theorem.name}
        verdict = next((verdict for name, verdict in verdicts if name in names), None)
        is_accepted = isinstance(verdict, Accepted)
        if is_accepted or rests_on_sorry(verdict):
            self.value = draft.value
        stop = StopReason.PROVED if is_accepted else StopReason.REFUSED
        return self.end(stop, verdict=verdict)


class Repairer:
    """Repairs broken theorems, one after the other.

    Args:
        context: what holes are searched with, and who observes.
        observer: records what is to be learned from repairs.
        config: how much to spend on one theorem.
        prover: how its holes are searched.
        known: the proofs that earlier runs found.
    """

    def __init__(
        self,
        context: ProverContext,
        observer: AttemptObserver,
        config: RepairConfig,
        prover: ProverConfig,
        known: KnownProof = unknown,
    ) -> None:
        self._context = replace(context, config=prover)
        self.observer = observer
        self.config = config
        self.known = known
        self.lemmas = LemmaCache(known)

    def stop(self) -> None:
        """End the theorem at work and those after it."""
        self._context.switch.set()

    async def repair(self, file: BrokenFile, broken: BrokenTheorem) -> Repair:
        """Repair one broken theorem. Records all of it. Raises as `Prover.prove`, and its fault."""
        tasks: list[RepairTask] = []

        def begin(theorem: Theorem, context: ProverContext) -> RepairTask:
            tasks.append(RepairTask(context, self, file, broken))
            return tasks[-1]

        prover = Prover.of(self._context, begin)
        await prover.prove([broken.theorem])
        if prover.fault:
            raise prover.fault
        return tasks[0].repair


def trajectory(broken: BrokenTheorem, value: str) -> list[Turn]:
    """A repair as a conversation to train on: the broken proof with Lean's errors, the repaired."""
    errors = errors_text(broken.value, broken.errors, broken.line - 1)
    question = f"```lean4\n{broken.value}\n```\n\n{errors}"
    return [
        Turn(0, "user", question, is_feedback=True),
        Turn(0, "assistant", f"```lean4\n{value}\n```", is_right=True),
    ]
