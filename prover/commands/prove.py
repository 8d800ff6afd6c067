"""One command over Lean files: prove their sorries, or repair their proofs.

Every attempt is stored; a `FileJob` prints what happens.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data import source
from ...data.errors import ModelUnavailable
from ...data.records import StopReason, Theorem
from ...lean_env.opened_file import OpenedFile
from ...lean_env.pool import LeanPool
from ...lean_env.queries.trace import Traces
from ...lean_env.worker_command import Toolchain
from .. import file_repair as file_repairs
from ..agent.recorder import AttemptObserver, ObserverList
from ..concurrency import run_all
from ..file_repair import FileRepair, FileRepairState, choose, shown
from ..learning.lessons import has_proofs, teach_file, teach_kept
from ..models.server_watch import ServerMonitor, Servers
from ..policy.base import learners
from ..repair.repair_task import Repair, RepairConfig
from ..session import Run, RunConfig, check_axioms, start_run
from ..theorem_names import select
from . import tables as terminal
from .console import FileJob, note
from .event_loop import run_async
from .options import FileVerbOptions
from .resources import Environment, read_lean_file
from .resume import begin, earlier

if TYPE_CHECKING:
    from ...data.store.store import Store


@dataclass(frozen=True, slots=True)
class FileCommand:
    """A command and what it runs with.

    job: the files, and where their proofs go. command: as the user typed it. key: API key of model
    servers. cache: the folder where Lean is set up.
    """

    job: FileJob
    command: str
    config: RunConfig
    toolchain: Toolchain
    store: Store
    key: str | None = None
    cache: Path | None = None
    monitor: ServerMonitor = field(default_factory=lambda: ServerMonitor(note))

    async def prove(self, resume: bool) -> None:
        """Prove the theorems of the files. resume: continue earlier searches."""
        job = self.job
        progress = terminal.ProofProgress(job.report)
        async with (
            self._run(progress) as (run, run_id),
            run.judge_opening([each.text for each in job.files]),
        ):
            pool = run.pool
            openings = [job.open_file(each, pool.open(each.path, each.text)) for each in job.files]
            opened = [file for file in await run_all(openings) if file]
            theorems = select(opened, job.names) if opened else []
            for file in opened:
                job.print_errors(file.path, file.messages)
                job.print_unfilled(file.path, file.source, file.unfilled)
                if not (file.theorems or file.unfilled or file.unread):
                    has_error = any(m.severity == "error" for m in file.messages)
                    hint = f"; its errors: lakatos repair {file.path}" if has_error else ""
                    job.print_line(f"{file.path}: nothing to prove, it has no sorry{hint}")
            progress.theorems = len(theorems)
            await self._teach(run, opened)
            replay, rejections = earlier(self.store, run_id, self.config, self.toolchain, resume)
            with job.display(progress, lambda: busy(pool) + self._server_usage(" · ")):
                job.attempts = await run.prove(
                    opened, theorems, job.interrupt, recall=replay, memory=rejections
                )
            job.print_summary()
            if usage := self._server_usage():
                job.print_line(usage)
            if job.write or job.out:
                async for source_file, content, proofs in run.files(job.files, job.attempts):
                    job.write_proofs(source_file, content, proofs)
            if run.prover.fault:
                raise run.prover.fault
            failed = [a.detail for a in job.attempts if a.stop is StopReason.MODEL_FAILED]
            if failed and len(failed) == len(job.attempts):
                raise ModelUnavailable(failed[0])

    async def _teach(self, run: Run, opened: Sequence[OpenedFile]) -> None:
        """Teach the policies that learn what is known: proofs of the database and of the files."""
        pupils = learners(run.policy)
        if pupils:
            await asyncio.to_thread(teach_kept, pupils, self.store)
        for file in opened if pupils else ():
            if has_proofs(file):
                traced, _ = await Traces(run.pool, "").trace(file.path, file.source)
                teach_file(pupils, traced)

    def _server_usage(self, before: str = "") -> str:
        usage = self.monitor.usage
        return f"{before}model servers: {usage.text}" if usage.requests else ""

    async def repair(self, config: RepairConfig) -> None:
        """Repair the broken proofs of the files."""
        job, store = self.job, self.store

        def known_proof(theorem: Theorem) -> str | None:
            attempt = store.proved(theorem)
            return attempt.proof if attempt else None

        def record(state: FileRepairState, repair: Repair) -> None:
            job.attempts.append(shown(repair))
            job.report(job.attempts[-1], file_repairs.to_json(repair))
            if job.write and repair.attempt.is_proved:
                state.written = source.replace_source(state.written, state.content)

        async with self._run() as (run, _):
            file_repair = FileRepair(run, config, self.config.prover, known_proof)
            states = [
                s
                for file in job.files
                if (s := await job.open_file(file, file_repair.inspect(file)))
            ]
            for state in states:
                job.print_errors(state.file.path, state.diagnosis.errors)
                if not state.is_broken:
                    path = state.file.path
                    has_sorry = re.search(r"\bsorry\b", state.file.text)
                    hint = f"; its sorries: lakatos prove {path}" if has_sorry else ""
                    job.print_line(f"{path}: nothing to repair, Lean finds no error in it{hint}")
            choose(states, job.names)
            await file_repair.repair(states, record, job.interrupt)
        job.print_summary()
        for state in states if job.out else ():
            job.write_proofs(state.file, state.content, len(state.accepted))

    @asynccontextmanager
    async def _run(self, watcher: AttemptObserver | None = None) -> AsyncIterator[tuple[Run, int]]:
        """Set up a run and record it; the run and its number. watcher: sees its attempts too."""
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
                    self.job.print_line(run.pool.shortage)
                yield run, run_id
            outcome = "finished"
        finally:
            self.store.finish_run(run_id, "interrupted" if self.job.interrupted else outcome)


def run_on_files(
    environment: Environment,
    options: FileVerbOptions,
    config: RunConfig,
    work: Callable[[FileCommand], Coroutine[Any, Any, None]],
) -> int:
    """Read the files, do the work on them, and record it; the exit code.

    Raises UsageError, StoreError, ToolchainError, WorkerDied, ModelUnavailable.
    """
    target = options.input
    names = source.lean_files(target.files)
    source.check_targets(names, target.write, target.out)
    files = [read_lean_file(name) for name in names]
    job = FileJob(
        files=files,
        names=target.theorem or [],
        write=target.write,
        out=target.out,
        as_json=target.as_json,
    )
    with environment.open_store(options.runtime.db) as store:
        toolchain = environment.find_toolchain(options.lean, files[0].path)  # may take a minute
        command = FileCommand(
            job=job,
            command=environment.command,
            config=config,
            toolchain=toolchain,
            store=store,
            key=environment.api_key,
            cache=environment.cache,
        )
        run_async(work(command))
    return job.exit_code


def busy(pool: LeanPool) -> str:
    """How many workers are busy, in words."""
    died = f", {pool.restarts} restarted" if pool.restarts else ""
    return f"{pool.busy} of {pool.workers} busy{died}"
