"""Repairs the broken proofs of several files, one after the other.

It says what each file becomes, and writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..data.errors import SoundnessAlarm
from ..data.records import Accepted, Attempt, Refused, StopReason, Verdict
from ..data.source import Change, SourceFile
from ..lean_env.verification.rewrite import Edit, rewrite
from .agent.deferred import rests_on_sorry
from .agent.task import ProverContext
from .config import ProverConfig
from .repair.lemma_cache import KnownProof, unknown
from .repair.repair_task import BrokenFile, BrokenTheorem, Repair, RepairConfig, Repairer, diagnose
from .session import Run
from .theorem_names import named


@dataclass(slots=True)
class FileRepairState:
    """One file: what is wrong with it, and what was repaired. written: as it is on disk now."""

    file: SourceFile
    diagnosis: BrokenFile
    theorems: tuple[BrokenTheorem, ...]
    written: SourceFile
    repairs: list[Repair] = field(default_factory=list)

    @property
    def accepted(self) -> list[Repair]:
        """The repairs that the verifier accepted."""
        return [repair for repair in self.repairs if repair.attempt.is_proved]

    @property
    def is_broken(self) -> bool:
        """Whether Lean finds any error in the file."""
        return bool(self.diagnosis.theorems or self.diagnosis.errors)

    @property
    def content(self) -> bytes:
        """The file with every accepted repair in place; all else stays, byte for byte."""
        changes: list[Change] = [
            (r.broken.start, r.broken.stop, r.value) for r in self.accepted if r.value is not None
        ]
        return self.file.changed(changes) if changes else self.file.raw


class FileRepair:
    """Repairs files within one run. known_proof: finds what earlier runs proved."""

    def __init__(
        self,
        run: Run,
        config: RepairConfig,
        prover: ProverConfig,
        known_proof: KnownProof = unknown,
    ) -> None:
        self._run = run
        context = ProverContext(run.pool, run.verifier, run.policy, run.recorder)
        self._repairer = Repairer(context, run.keeper, config, prover, known_proof)

    async def inspect(self, file: SourceFile) -> FileRepairState:
        """Look into a file. Raises UsageError when Lean cannot open it."""
        diagnosis = await diagnose(self._run.pool, file.path, file.text)
        return FileRepairState(file, diagnosis, diagnosis.theorems, file)

    async def repair(
        self,
        states: Sequence[FileRepairState],
        on_repair: Callable[[FileRepairState, Repair], None],
        on_interrupt: Callable[[], None] | None = None,
    ) -> None:
        """Repair all broken theorems, in order; `on_repair` is called with each at once.

        The first SIGINT ends the one at work, and what was found stays; a second one cancels.
        on_interrupt: is called before; None: no signal is taken.
        """
        work = self._repair(states, on_repair)
        await self._run.interruptible(work, on_interrupt, self._repairer.stop)

    async def _repair(
        self,
        states: Sequence[FileRepairState],
        on_repair: Callable[[FileRepairState, Repair], None],
    ) -> None:
        for state in states:
            waiting: list[Repair] = []
            for broken in state.theorems:
                repair = await self._repairer.repair(state.diagnosis, broken)
                if rests_on_sorry(repair.attempt.verdict) and repair.value is not None:
                    waiting.append(repair)
                    continue
                state.repairs.append(repair)
                on_repair(state, repair)
            for repair in await self._judge_dependent(state, waiting):
                state.repairs.append(repair)
                on_repair(state, repair)

    async def _judge_dependent(
        self, state: FileRepairState, waiting: Sequence[Repair]
    ) -> list[Repair]:
        """Judge all repairs of a file as one text, for some rest on others.

        Raises SoundnessAlarm when those accepted alone do not stand together.
        """
        done = [*state.accepted, *waiting]
        if len(done) < 2:
            return list(waiting)
        verdicts = await self._judge(state, done)
        judged = [_with_verdict(r, verdicts[_name(r)]) for r in waiting if _name(r) in verdicts]
        for repair in state.accepted:
            verdict = verdicts.get(_name(repair))
            if isinstance(verdict, Refused) and not rests_on_sorry(verdict):
                why = f"{verdict.reasons[0].kind.value}: {verdict.reasons[0].text}"
                raise SoundnessAlarm(f"{state.file.path}: the repairs do not fit together: {why}")
        return judged

    async def _judge(self, state: FileRepairState, repairs: Sequence[Repair]) -> dict[str, Verdict]:
        edits = []
        for repair in repairs:
            theorem, least = repair.broken.theorem, repair.broken.least.encode()
            edits.append(Edit(theorem.stop - len(least), theorem.stop, repair.value or ""))
        skeleton = state.diagnosis.skeleton
        whole = rewrite(skeleton, edits)
        return dict(await self._run.verifier.compare(skeleton, whole, name=state.file.path))


def choose(states: Sequence[FileRepairState], names: Sequence[str]) -> None:
    """Leave only the theorems of these names; all of them when no name is given.

    Raises UsageError, with near names, for a name that no broken theorem has.
    """
    if not names:
        return
    theorems = [broken.theorem for state in states for broken in state.theorems]
    wanted = named(theorems, names, "that is broken")
    for state in states:
        state.theorems = tuple(b for b in state.theorems if b.theorem in wanted)


def _name(repair: Repair) -> str:
    theorem = repair.broken.theorem
    return theorem.declaration or theorem.name


def _with_verdict(repair: Repair, verdict: Verdict) -> Repair:
    stop = StopReason.PROVED if isinstance(verdict, Accepted) else StopReason.REFUSED
    return replace(repair, attempt=replace(repair.attempt, verdict=verdict, stop=stop))


def shown(repair: Repair) -> Attempt:
    """The attempt as a reader of the broken file sees it: at the place of its proof there."""
    broken, attempt = repair.broken, repair.attempt
    theorem = replace(attempt.theorem, line=broken.line, column=broken.column)
    counterexamples = "; ".join(f"false: {hole.state.goals[0].target}" for hole in repair.false)
    detail = (counterexamples or attempt.detail) if not attempt.is_proved else ""
    return replace(attempt, theorem=theorem, detail=detail)


def to_json(repair: Repair) -> dict[str, object]:
    """What `repair --json` says beyond an attempt."""
    return {
        "type": "repair",
        "errors": [message.text for message in repair.broken.errors],
        "rounds": repair.rounds,
        "compilations": repair.compilations,
        "false": [hole.state.goals[0].target for hole in repair.false],
    }
