"""What the tools of the MCP server that search do, on a Lean that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...data.errors import UsageError
from ...data.records import Attempt, Refused, StopReason
from ...data.report.words import result_word
from ...data.source import SourceFile
from ..agent.recorder import ObserverList
from ..file_repair import FileRepair, FileRepairState, choose, shown
from ..repair.repair_task import Repair, RepairConfig
from ..session import Run, RunConfig, run_on
from ..theorem_names import select
from .lean_start import ServedLean
from .mcp_calls import AnyContext, ProgressReport, client_of
from .mcp_results import (
    ProveAnswer,
    RepairAnswer,
    RepairedProof,
    TriedTheorem,
    lean_messages,
    short,
)

if TYPE_CHECKING:
    from .mcp_proving import AttemptRecords

Numbers = Callable[[], dict[tuple[str, int], int]]
"""The number of each attempt of a run, by its theorem's name and line."""


@dataclass(frozen=True)
class Searches:
    """The searches of one call. records: where they are recorded; None: nowhere."""

    lean: ServedLean
    context: AnyContext
    config: RunConfig
    records: AttemptRecords | None

    async def prove(self, file: SourceFile, theorems: Sequence[str]) -> ProveAnswer:
        """Try the theorems of a text that are named; none: all of them."""
        lean = self.lean
        async with (
            lean.place(client_of(self.context)),
            lean.checker.opened(file.text, file.path) as opened,
        ):
            chosen = select([opened], theorems)
            if not chosen:
                raise UsageError("nothing to prove: it has no sorry")
            progress = ProgressReport(self.context, len(chosen))
            recording = self._recorded(progress)
            async with progress.sending(), recording as (run, numbers):
                attempts = await run.prove([opened], chosen)
                if run.prover.fault:
                    raise run.prover.fault
            found = numbers()
        tried = [_tried_theorem(each, found) for each in attempts]
        return ProveAnswer(theorems=tried, next=_after(tried))

    async def repair(self, file: SourceFile, theorems: Sequence[str]) -> RepairAnswer:
        """Repair the broken theorems of a text that are named; none: all of them."""
        lean, prover = self.lean, self.config.prover
        found: list[Repair] = []
        async with (
            lean.place(client_of(self.context)),
            lean.checker.opened(file.text, file.path) as opened,
        ):
            progress = ProgressReport(self.context, 0)
            async with progress.sending(), self._recorded(progress) as recorded:
                run, numbers = recorded
                repairing = RepairConfig(wall_s=prover.wall_s)
                work = FileRepair(run, repairing, prover)
                state = await work.inspect(replace(file, path=opened.path))
                choose([state], theorems)
                progress.theorems = len(state.theorems)
                async with progress.sending():
                    await work.repair([state], lambda _, repair: found.append(repair))
            return _repair_answer(state, found, numbers())

    @asynccontextmanager
    async def _recorded(self, progress: ProgressReport) -> AsyncIterator[tuple[Run, Numbers]]:
        """A run whose attempts are recorded; the run, and what knows their numbers."""
        records = self.records
        if records is None:
            async with run_on(self.lean.parts, self.config, progress) as run:
                yield run, dict
            return
        store, run_id = records.store(), records.begin(self.config)
        keeper = store.recorder(run_id)

        def numbers() -> dict[tuple[str, int], int]:
            listed = store.attempts(run_id, None)
            return {(each.theorem, each.line): each.id for each in listed}

        outcome = "broken off"
        try:
            recorder = ObserverList([keeper, progress])
            async with run_on(self.lean.parts, self.config, recorder, keeper=keeper) as run:
                yield run, numbers
            outcome = "finished"
        finally:
            store.finish_run(run_id, outcome)


def _tried_theorem(attempt: Attempt, numbers: dict[tuple[str, int], int]) -> TriedTheorem:
    theorem, verdict = attempt.theorem, attempt.verdict
    detail = attempt.detail
    if isinstance(verdict, Refused):
        detail = f"{verdict.reasons[0].kind.value}: {verdict.reasons[0].text}"
    is_disproved = attempt.stop is StopReason.DISPROVED
    return TriedTheorem(
        theorem=theorem.name,
        line=theorem.line,
        column=theorem.column,
        proved=attempt.is_proved,
        disproved=is_disproved,
        stop=result_word(attempt),
        proof=attempt.proof if attempt.is_proved or is_disproved else None,
        detail=short(detail),
        wall_s=round(attempt.wall_s, 3),
        attempt=numbers.get((theorem.name, theorem.line)),
    )


def _after(tried: Sequence[TriedTheorem]) -> list[str]:
    following = []
    if any(each.proved for each in tried):
        following.append("put each proof in the place of its sorry, then verify against the file")
    if any(each.disproved for each in tried):
        following.append("change the statements that are false")
    if not all(each.proved or each.disproved for each in tried):
        following += [
            "holes and try_tactics: go on by hand",
            "prove with a longer time_s, or refute",
            "show_attempt: what was tried",
        ]
    return following


def _repair_answer(
    state: FileRepairState, found: Sequence[Repair], numbers: dict[tuple[str, int], int]
) -> RepairAnswer:
    repairs = []
    for repair in found:
        attempt, place = shown(repair), repair.attempt.theorem
        repairs.append(
            RepairedProof(
                theorem=attempt.theorem.name,
                line=attempt.theorem.line,
                column=attempt.theorem.column,
                repaired=attempt.is_proved,
                value=repair.value if attempt.is_proved else None,
                errors=[short(message.text) for message in repair.broken.errors],
                detail=short(attempt.detail or ("" if attempt.is_proved else result_word(attempt))),
                attempt=numbers.get((place.name, place.line)),
            )
        )
    following = ["prove, or holes and try_tactics, for what is left"]
    if not state.is_broken:
        following = ["nothing is broken: Lean finds no error"]
    elif repairs and all(each.repaired for each in repairs) and not state.diagnosis.errors:
        following = ["write the text, then check it"]
    return RepairAnswer(
        repairs=repairs,
        text=state.content.decode() if state.accepted else None,
        errors=lean_messages(state.diagnosis.errors),
        next=following,
    )
