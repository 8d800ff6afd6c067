"""The tools of the MCP server that search: prove, refute, repair, and what the database has of it.

The docstrings are what agents read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ...data.errors import UsageError
from ...data.records import Attempt, Refused, StopReason
from ...data.report.attempt import attempt_facts, graph_of, statistics, tree
from ...data.report.words import result_word, stop_word
from ...data.source import SourceFile
from ..agent.recorder import ObserverList
from ..file_repair import FileRepair, FileRepairState, choose, shown
from ..repair.repair_task import Repair, RepairConfig
from ..session import Run, RunConfig, run_on
from ..theorem_names import select
from .lean_start import LeanStart, ServedLean
from .mcp_calls import (
    AnyContext,
    PathArgument,
    ProgressReport,
    TextArgument,
    client_of,
    read_lean,
)
from .mcp_results import (
    AttemptAnswer,
    AttemptsAnswer,
    ProveAnswer,
    RepairAnswer,
    RepairedProof,
    StoredTry,
    TriedTheorem,
    lean_messages,
    short,
)

if TYPE_CHECKING:
    from ...data.store.store import Store

REFUTE_SHARE = 0.9
"""Of the time for a theorem, what its negation gets when it is to be refuted."""

TREE_LINES = 60
"""Of an attempt's tree that are shown."""

Numbers = Callable[[], dict[tuple[str, int], int]]
"""The number of each attempt of a run, by its theorem's name and line."""

TheoremNames = Annotated[
    list[str], Field(description="Names of some of its theorems; none: all.", max_length=1_000)
]
TimeLimit = Annotated[float, Field(gt=0, description="Seconds for each theorem.")]


@dataclass(frozen=True)
class AttemptRecords:
    """Where searches are recorded. begin: writes that a run begins; its number."""

    store: Store
    begin: Callable[[RunConfig], int]


class ProvingTools:
    """The tools.

    Args:
        start: the Lean.
        config: how it proves; its time for a theorem is the most that a client may ask for.
        records: where searches are recorded; None: nowhere.
    """

    def __init__(
        self, start: LeanStart, config: RunConfig, records: AttemptRecords | None = None
    ) -> None:
        self._start = start
        self._config = config
        self._records = records

    async def prove(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> ProveAnswer:
        """Search proofs of the holes (`sorry`) of a Lean file or text; each is judged.

        The file is not changed: put each `proof` in the place of its `sorry`.
        """
        config = self._within(time_s)
        return await self._searched(context, read_lean(path, text), theorems, config)

    async def refute(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> ProveAnswer:
        """Look for disproofs of theorems with holes: counterexamples and proofs of the negation."""
        config = self._within(time_s)
        config = replace(config, prover=replace(config.prover, refute=REFUTE_SHARE))
        return await self._searched(context, read_lean(path, text), theorems, config)

    async def repair(
        self,
        context: AnyContext,
        path: PathArgument = None,
        text: TextArgument = None,
        theorems: TheoremNames = [],  # noqa: B006 (pydantic copies it)
        time_s: TimeLimit = 60,
    ) -> RepairAnswer:
        """Repair broken proofs: the steps that work stay, the others are searched anew.

        Statements are never changed, nor is the file: the answer has the repaired text.
        """
        lean, file = await self._start.lean(), read_lean(path, text)
        config = self._within(time_s)
        found: list[Repair] = []
        async with (
            lean.place(client_of(context)),
            lean.checker.opened(file.text, file.path) as opened,
        ):
            progress = ProgressReport(context, 0)
            async with progress.sending(), self._recorded(lean, config, progress) as recorded:
                run, numbers = recorded
                repairing = RepairConfig(wall_s=config.prover.wall_s)
                work = FileRepair(run, repairing, config.prover)
                state = await work.inspect(replace(file, path=opened.path))
                choose([state], theorems)
                progress.theorems = len(state.theorems)
                async with progress.sending():
                    await work.repair([state], lambda _, repair: found.append(repair))
            return _repair_answer(state, found, numbers())

    async def list_attempts(
        self,
        theorem: Annotated[
            str | None, Field(description="a name, or a pattern such as `Nat.*`")
        ] = None,
        only_failed: bool = False,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> AttemptsAnswer:
        """List stored attempts at theorems, newest first, those of earlier runs included."""
        found = self._store().attempts(None, limit, theorem=theorem, only_failed=only_failed)
        return AttemptsAnswer(
            attempts=[
                StoredTry(
                    attempt=each.id,
                    theorem=each.theorem,
                    place=f"{each.path}:{each.line}",
                    result=stop_word(each.stop, each.has_proof),
                    started=f"{each.started_at:%Y-%m-%d %H:%M:%S} UTC",
                    wall_s=round(each.wall_s, 3),
                )
                for each in found
            ],
            next=["show_attempt: what was tried"] if found else [],
        )

    async def show_attempt(
        self, attempt: Annotated[int, Field(ge=1, description="its number")]
    ) -> AttemptAnswer:
        """Show one stored attempt: its numbers, its proof, and the tree of what was tried."""
        stored = self._store().load_attempt(attempt)
        graph = graph_of(stored)
        lines = [line.text for line in tree(stored, graph)]
        tried = lines[:TREE_LINES]
        if len(lines) > len(tried):
            tried.append(f"… ({len(lines) - len(tried):,} more lines)")
        return AttemptAnswer(
            attempt=attempt,
            facts=dict([*attempt_facts(stored), *statistics(stored, graph).rows]),
            proof=stored.proof,
            tried=tried,
        )

    def _store(self) -> Store:
        if self._records is None:
            raise UsageError("this server keeps no database")
        return self._records.store

    def _within(self, time_s: float) -> RunConfig:
        prover = self._config.prover
        return replace(self._config, prover=replace(prover, wall_s=min(time_s, prover.wall_s)))

    async def _searched(
        self, context: AnyContext, file: SourceFile, theorems: Sequence[str], config: RunConfig
    ) -> ProveAnswer:
        lean = await self._start.lean()
        async with (
            lean.place(client_of(context)),
            lean.checker.opened(file.text, file.path) as opened,
        ):
            chosen = select([opened], theorems)
            if not chosen:
                raise UsageError("nothing to prove: it has no sorry")
            progress = ProgressReport(context, len(chosen))
            recording = self._recorded(lean, config, progress)
            async with progress.sending(), recording as (run, numbers):
                attempts = await run.prove([opened], chosen)
                if run.prover.fault:
                    raise run.prover.fault
            found = numbers()
        tried = [_tried_theorem(each, found) for each in attempts]
        return ProveAnswer(theorems=tried, next=_after(tried))

    @asynccontextmanager
    async def _recorded(
        self, lean: ServedLean, config: RunConfig, progress: ProgressReport
    ) -> AsyncIterator[tuple[Run, Numbers]]:
        """A run whose attempts are recorded; the run, and what knows their numbers."""
        records = self._records
        if records is None:
            async with run_on(lean.parts, config, progress) as run:
                yield run, dict
            return
        store, run_id = records.store, records.begin(config)
        keeper = store.recorder(run_id)

        def numbers() -> dict[tuple[str, int], int]:
            listed = store.attempts(run_id, None)
            return {(each.theorem, each.line): each.id for each in listed}

        outcome = "broken off"
        try:
            recorder = ObserverList([keeper, progress])
            async with run_on(lean.parts, config, recorder, keeper=keeper) as run:
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
