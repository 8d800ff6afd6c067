"""One run: pool, verifier, policy and prover, set up together for a command over many theorems.

Knows how the parts fit; prints nothing and reads no flags.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ..data.errors import SoundnessAlarm, UsageError
from ..data.records import Attempt, RefusalKind, Refused, StopReason, Theorem
from ..data.source import SourceFile
from ..lean_env.pool import LeanPool, OpenedFile
from ..lean_env.verification.verifier import STANDARD_AXIOMS, Verifier
from ..lean_env.worker_command import Toolchain
from .agent.confirm import InPlace
from .agent.prover import Prover
from .agent.recorder import AttemptObserver, NoObserver
from .agent.rejections import RejectionLookup, no_memory
from .agent.tactic_task import TacticTask
from .agent.task import ProverContext, ReplaySource, no_replay
from .config import DraftConfig, ModelConfig, ProverConfig, SearchConfig
from .lean_parts import LeanConfig, LeanParts, open_lean
from .learning.lessons import observing
from .models.server_watch import Servers
from .policy.base import Policy, SeededPolicy
from .policy_setup import suited
from .repair.draft_generator import DraftGenerator
from .repair.draft_task import DraftMethod
from .roles import Roles, check_options, open_roles, roles
from .theorem_names import broken_theorems

T = TypeVar("T")
ProverMaker = Callable[[AttemptObserver, ProverConfig], Prover]
"""A prover for one attempt, with draws of its own by the seed of the configuration."""

SORRY = re.compile(r"\bsorry\b")
BROKEN = "not tried: Lean finds an error in it, before the sorry"


@dataclass(frozen=True, slots=True)
class RunConfig(LeanConfig):
    """What a run is made of, its Lean included."""

    prover: ProverConfig = field(default_factory=ProverConfig)
    """Budgets of one theorem."""
    policy: str = "hammer"
    """The policy, in the words of `--policy`; see policy_spec.py."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """How its language models are asked."""
    drafts: DraftConfig = field(default_factory=DraftConfig)
    """How drafts are asked for, where the policy or the mode is for them."""

    @property
    def roles(self) -> Roles:
        """Who writes drafts and who searches. Raises UsageError."""
        search = self.prover.search
        name = search.name if search.samples else None
        return roles(self.policy, self.model, self.drafts.mode, name)


def searched(config: RunConfig, name: str | None, **numbers: Any) -> RunConfig:
    """The configuration with a search: the one named, or what suits who searches.

    numbers: the other fields of `SearchConfig`. Raises UsageError.
    """
    drafts = config.drafts
    found = roles(config.policy, config.model, drafts.mode, name)
    check_options(config.policy, config.model, drafts, found.mode)
    if config.prover.refute and found.writer:
        raise UsageError(f"refute searches by tactics, not in mode {found.mode}")
    kind, in_flight = suited(found.searcher, config.model)
    search = SearchConfig(name=name or kind, **numbers)
    prover = replace(config.prover, in_flight=in_flight, search=search)
    return replace(config, prover=prover, drafts=replace(drafts, mode=found.mode))


@dataclass(frozen=True, slots=True)
class Run:
    """The parts of a run under way."""

    pool: LeanPool
    verifier: Verifier
    prover: Prover
    policy: Policy
    recorder: AttemptObserver
    keeper: AttemptObserver
    make: ProverMaker

    async def prove(
        self,
        opened: Sequence[OpenedFile],
        theorems: Sequence[Theorem],
        on_interrupt: Callable[[], None] | None = None,
        recall: ReplaySource = no_replay,
        memory: RejectionLookup = no_memory,
    ) -> list[Attempt]:
        """Try each theorem of opened files, in order.

        Args:
            opened: the files, elaborated.
            theorems: those of them to be proved.
            on_interrupt: called at the first SIGINT, which stops all searches, and what they
                found is still checked; a second one cancels. None: no signal is taken.
            recall: expansions of earlier searches, to be taken up.
            memory: what Lean rejected in earlier searches.

        A theorem in which Lean found an error before its hole ends as FAULT, untried.
        """
        broken = {t: Attempt(t, StopReason.FAULT, detail=BROKEN) for t in broken_theorems(opened)}
        for theorem in theorems:
            if theorem in broken:
                self.recorder.start_attempt(theorem)
                self.recorder.finish_attempt(broken[theorem])
        tried = [theorem for theorem in theorems if theorem not in broken]
        work = self.prover.prove(tried, recall, memory)
        attempts = iter(await self.interruptible(work, on_interrupt, self.prover.stop))
        return [broken[t] if t in broken else next(attempts) for t in theorems]

    @asynccontextmanager
    async def judge_opening(self, sources: Sequence[str]) -> AsyncIterator[None]:
        """Meanwhile, the judge opens the first file that proofs will come for."""
        first = next((source for source in sources if SORRY.search(source)), None)
        ahead = asyncio.create_task(self.verifier.open_ahead(first)) if first else None
        try:
            yield
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)  # checks tell of its faults

    async def interruptible(
        self, work: Awaitable[T], on_interrupt: Callable[[], None] | None, stop: Callable[[], None]
    ) -> T:
        """As the function of that name."""
        return await interruptible(work, on_interrupt, stop)

    async def files(
        self, files: Sequence[SourceFile], attempts: Sequence[Attempt]
    ) -> AsyncIterator[tuple[SourceFile, bytes, int]]:
        """Each file with its proofs in place, and how many; as `filled`."""
        for file in files:
            proved = [a for a in attempts if a.is_proved and a.theorem.path == file.path]
            yield file, await self.filled(file, proved), len(proved)

    async def filled(self, file: SourceFile, proved: Sequence[Attempt]) -> bytes:
        """The bytes of a file with the proofs in place, checked once more as a whole.

        A declaration that still has a `sorry`, or rests on one, is not held against the file.
        Raises SoundnessAlarm when the proofs do not stand together.
        """
        content = file.filled(proved)
        names = {a.theorem.declaration or a.theorem.name for a in proved}
        submission = replace(file, raw=content).text
        if self.verifier.has_accepted(file.text, submission):
            return content
        for name, verdict in await self.verifier.compare(file.text, submission) if proved else ():
            if name in names and isinstance(verdict, Refused):
                reasons = [r for r in verdict.reasons if r.kind is not RefusalKind.SORRY]
                if reasons:
                    why = f"{name}: {reasons[0].kind.value}: {reasons[0].text}"
                    raise SoundnessAlarm(f"{file.path}: the proofs do not fit together: {why}")
        return content


async def interruptible(
    work: Awaitable[T], on_interrupt: Callable[[], None] | None, stop: Callable[[], None]
) -> T:
    """Do the work; at the first SIGINT `stop` is called, a second one cancels.

    on_interrupt: is called before; None: signals are left to the caller, who may be in any thread.
    """
    if on_interrupt is None:
        return await work
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    presses = itertools.count()

    def pressed() -> None:
        if next(presses):
            task.cancel()
        else:
            on_interrupt()
            stop()

    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        return await work
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def searching(
    pool: LeanPool,
    verifier: Verifier,
    policy: Policy,
    samples: int,
    drafts: Callable[[AttemptObserver, int], DraftMethod] | None = None,
) -> ProverMaker:
    """What makes the prover of one attempt, with draws of its own.

    Args:
        pool, verifier, policy: what it proves with.
        samples: completions that the policy draws at once.
        drafts: makes the way of proving by drafts, of an observer and a seed; None: by tactics.
    """

    def make(observer: AttemptObserver, config: ProverConfig) -> Prover:
        seeded = SeededPolicy(policy, config.seed, samples)
        context = ProverContext(pool, verifier, seeded, observing(policy, observer), config)
        return Prover.of(context, drafts(observer, config.seed) if drafts else TacticTask)

    return make


@asynccontextmanager
async def start_run(
    toolchain: Toolchain,
    config: RunConfig,
    recorder: AttemptObserver | None = None,
    *,
    keeper: AttemptObserver | None = None,
    servers: Servers | None = None,
    cache: Path | None = None,
) -> AsyncIterator[Run]:
    """Set up the parts, and end their processes afterwards.

    Args:
        toolchain: the Lean that runs.
        config: what the run is made of.
        recorder: observes the attempts at theorems.
        keeper: records sub-attempts (holes) and model conversations.
        servers: how model servers are reached.
        cache: directory of the premise cache; default: the user cache.

    Raises UsageError when there is no such policy, ModelUnavailable when it has no model.
    """
    async with (
        open_lean(toolchain, config, cache) as lean,
        run_on(lean, config, recorder, keeper=keeper, servers=servers) as run,
    ):
        yield run


@asynccontextmanager
async def run_on(
    lean: LeanParts,
    config: RunConfig,
    recorder: AttemptObserver | None = None,
    *,
    keeper: AttemptObserver | None = None,
    servers: Servers | None = None,
) -> AsyncIterator[Run]:
    """Set up who proves, on a Lean that is there; the rest as `start_run`."""
    recorders = recorder or NoObserver(), keeper or NoObserver()
    async with open_roles(
        config.roles,
        config.model,
        seed=config.prover.seed,
        servers=servers,
        source=lean.premises,
        lean=lean.version,
    ) as proposing:
        yield run_of(lean, config, proposing, recorders)


def run_of(
    lean: LeanParts,
    config: RunConfig,
    proposing: tuple[DraftGenerator | None, Policy],
    recorders: tuple[AttemptObserver, AttemptObserver] | None = None,
) -> Run:
    """A run of parts that are there.

    Args:
        lean: the Lean.
        config: what may be spent, and how.
        proposing: who writes drafts, if anybody does, and who searches.
        recorders: recorder and keeper, as for `start_run`.
    """
    generator, policy = proposing
    recorder, keeper = recorders or (NoObserver(), NoObserver())
    in_place = InPlace(lean.verifier)
    observer = observing(policy, recorder)
    context = ProverContext(
        lean.pool, in_place, policy, observer, config.prover, together=lean.verifier
    )
    prover, drafts = Prover.of(context), None
    if generator:
        prover = Prover.of(context, DraftMethod(generator, keeper, config.drafts))
        drafts = _drafts(generator, config.drafts)
    make = searching(lean.pool, lean.verifier, policy, config.model.samples, drafts)
    return Run(lean.pool, lean.verifier, prover, policy, recorder, keeper, make)


def _drafts(
    generator: DraftGenerator, config: DraftConfig
) -> Callable[[AttemptObserver, int], DraftMethod]:
    def make(observer: AttemptObserver, seed: int) -> DraftMethod:
        return DraftMethod(generator.with_seed(seed), observer, config)

    return make


async def check_axioms(toolchain: Toolchain, config: RunConfig, sources: Sequence[str]) -> None:
    """Raise UsageError for an allowed axiom that no source declares, nor what they import."""
    if not config.allow_axioms:
        return
    axioms = (*STANDARD_AXIOMS, *config.allow_axioms)
    async with (
        LeanPool(toolchain, workers=1) as pool,
        Verifier(pool, toolchain, allow_axioms=axioms) as verifier,
    ):
        if lines := await verifier.unknown_axioms(sources):
            raise UsageError("; ".join(lines))
