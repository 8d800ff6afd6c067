"""One command over Lean files: prove their sorries, or mend their proofs.

It tells a job what happens, prints nothing itself, and keeps every attempt in the store.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...data import source
from ...data.errors import ModelUnavailable
from ...data.records import StopReason, Theorem
from ...lean_env.pool import LeanPool
from ...lean_env.worker_command import Toolchain
from ..agent.recorder import AttemptObserver, ObserverList
from ..concurrency import together
from ..models.server_watch import ServerMonitor, Servers
from ..repair.repairer import Repair, RepairConfig
from ..session import Run, RunConfig, check_axioms, select, start_run
from . import repair as mending
from . import tables as terminal
from .console import FileJob, note
from .repair import FileRepair, FileRepairState, choose, shown
from .resume import begin, earlier

if TYPE_CHECKING:
    from ...data.store.store import Store


@dataclass(frozen=True, slots=True)
class FileCommand:
    """What is asked, and with what. command: in the user's words; key, cache: of start_run."""

    job: FileJob
    command: str
    config: RunConfig
    toolchain: Toolchain
    store: Store
    key: str | None = None
    cache: Path | None = None
    monitor: ServerMonitor = field(default_factory=lambda: ServerMonitor(note))

    async def prove(self, resume: bool) -> None:
        """Prove the files' theorems. resume: take up earlier searches."""
        job = self.job
        progress = terminal.ProofProgress(job.report)
        async with self._run(progress) as (run, run_id):
            pool = run.pool
            openings = [job.opened(each, pool.open(each.path, each.text)) for each in job.files]
            opened = [file for file in await together(openings) if file]
            theorems = select(opened, job.names) if opened else []
            for file in opened:
                job.tell_errors(file.path, file.messages)
                job.tell_unfilled(file.path, file.source, file.unfilled)
                if not (file.theorems or file.unfilled or file.unread):
                    has_error = any(m.severity == "error" for m in file.messages)
                    hint = f"; its errors: lakatos repair {file.path}" if has_error else ""
                    job.tell(f"{file.path}: nothing to prove, it has no sorry{hint}")
            progress.theorems = len(theorems)
            past = earlier(self.store, run_id, self.config, self.toolchain, resume)
            with job.display(progress, lambda: busy(pool) + self._traffic(" · ")):
                job.attempts = await run.prove(opened, theorems, job.interrupt, *past)
            job.summarize()
            if traffic := self._traffic():
                job.tell(traffic)
            if job.write or job.out:
                async for delivery in run.files(job.files, job.attempts):
                    job.deliver(*delivery)
            if run.prover.fault:
                raise run.prover.fault
            failed = [a.detail for a in job.attempts if a.stop is StopReason.MODEL_FAILED]
            if failed and len(failed) == len(job.attempts):
                raise ModelUnavailable(failed[0])

    def _traffic(self, before: str = "") -> str:
        usage = self.monitor.usage
        return f"{before}model servers: {usage.text}" if usage.requests else ""

    async def repair(self, how: RepairConfig) -> None:
        """Mend the files' proofs."""
        job, store = self.job, self.store

        def known(theorem: Theorem) -> str | None:
            return found.proof if (found := store.proved(theorem)) else None

        def hear(ward: FileRepairState, repair: Repair) -> None:
            job.attempts.append(shown(repair))
            job.report(job.attempts[-1], mending.to_json(repair))
            if job.write and repair.attempt.is_proved:
                ward.written = source.replace_source(ward.written, ward.content)

        async with self._run() as (run, _):
            ill = FileRepair(run, how, self.config.prover, known)
            wards = [w for file in job.files if (w := await job.opened(file, ill.admit(file)))]
            for ward in wards:
                job.tell_errors(ward.file.path, ward.diagnosis.others)
                if not ward.is_broken:
                    path = ward.file.path
                    has_sorry = re.search(r"\bsorry\b", ward.file.text)
                    hint = f"; its sorries: lakatos prove {path}" if has_sorry else ""
                    job.tell(f"{path}: nothing to repair, Lean finds no error in it{hint}")
            choose(wards, job.names)
            await ill.mend(wards, hear, job.interrupt)
        job.summarize()
        for ward in wards if job.out else ():
            job.deliver(ward.file, ward.content, len(ward.mended))

    @asynccontextmanager
    async def _run(self, watcher: AttemptObserver | None = None) -> AsyncIterator[tuple[Run, int]]:
        """A run set up, and its number in the store, where its outcome is kept."""
        await check_axioms(self.toolchain, self.config, [file.text for file in self.job.files])
        run_id = begin(self.store, self.command, self.config, self.toolchain)
        keeper = self.store.recorder(run_id)
        recorder: AttemptObserver = ObserverList([keeper, watcher]) if watcher else keeper
        outcome = "broken off"
        try:
            async with start_run(
                self.toolchain,
                self.config,
                recorder,
                keeper=keeper,
                servers=Servers(self.key, self.monitor),
                cache=self.cache,
            ) as run:
                if run.pool.shortage:
                    self.job.tell(run.pool.shortage)
                yield run, run_id
            outcome = "finished"
        finally:
            self.store.finish_run(run_id, "interrupted" if self.job.interrupted else outcome)


def busy(pool: LeanPool) -> str:
    """What the workers do, in words."""
    died = f", {pool.restarts} restarted" if pool.restarts else ""
    return f"{pool.busy} of {pool.workers} busy{died}"
