"""The broken proofs of several files, mended one after the other, and the files they make.

Knows what is to be written, and writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...data.errors import SoundnessAlarm
from ...data.records import Accepted, Attempt, Refused, StopReason, Verdict
from ...data.source import Change, SourceFile
from ...lean_env.verification.rewrite import Edit, rewrite
from ..agent.deferred import rests_on_sorry
from ..agent.task import ProverContext
from ..config import ProverConfig
from ..repair.lemma_cache import KnownProof, unknown
from ..repair.repair_task import BrokenFile, BrokenTheorem, Repair, RepairConfig, Repairer, diagnose
from ..session import Run, named


@dataclass(slots=True)
class FileRepairState:
    """One file: what is wrong with it, and what has been mended. written: as it is on disk now."""

    file: SourceFile
    diagnosis: BrokenFile
    patients: tuple[BrokenTheorem, ...]
    written: SourceFile
    repairs: list[Repair] = field(default_factory=list)

    @property
    def mended(self) -> list[Repair]:
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
            (r.broken.start, r.broken.stop, r.value) for r in self.mended if r.value is not None
        ]
        return self.file.changed(changes) if changes else self.file.raw


class FileRepair:
    """Mends files within one run. known: what earlier runs proved."""

    def __init__(
        self, run: Run, config: RepairConfig, prover: ProverConfig, known: KnownProof = unknown
    ) -> None:
        self._run = run
        tools = ProverContext(run.pool, run.verifier, run.policy, run.recorder)
        self._repairer = Repairer(tools, run.keeper, config, prover, known)

    async def admit(self, file: SourceFile) -> FileRepairState:
        """Look into a file. Raises UsageError when Lean cannot open it."""
        diagnosis = await diagnose(self._run.pool, file.path, file.text)
        return FileRepairState(file, diagnosis, diagnosis.theorems, file)

    async def mend(
        self,
        wards: Sequence[FileRepairState],
        hear: Callable[[FileRepairState, Repair], None],
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        """Mend all patients, in order; `hear` is told of each at once.

        The first SIGINT ends the one at work, and what was found stays; a second one cancels.
        """
        work = self._mend(wards, hear)
        await self._run.interruptible(work, on_interrupt, self._repairer.stop)

    async def _mend(
        self, wards: Sequence[FileRepairState], hear: Callable[[FileRepairState, Repair], None]
    ) -> None:
        for ward in wards:
            waiting: list[Repair] = []
            for patient in ward.patients:
                repair = await self._repairer.repair(ward.diagnosis, patient)
                if rests_on_sorry(repair.attempt.verdict) and repair.value is not None:
                    waiting.append(repair)
                    continue
                ward.repairs.append(repair)
                hear(ward, repair)
            for repair in await self._together(ward, waiting):
                ward.repairs.append(repair)
                hear(ward, repair)

    async def _together(self, ward: FileRepairState, waiting: Sequence[Repair]) -> list[Repair]:
        """Judge all repairs of a file as one text: some stand on others.

        Raises SoundnessAlarm when those accepted alone do not stand together.
        """
        done = [*ward.mended, *waiting]
        if len(done) < 2:
            return list(waiting)
        verdicts = await self._judge(ward, done)
        settled = [_settled(r, verdicts[_name(r)]) for r in waiting if _name(r) in verdicts]
        for repair in ward.mended:
            verdict = verdicts.get(_name(repair))
            if isinstance(verdict, Refused) and not rests_on_sorry(verdict):
                why = f"{verdict.reasons[0].kind.value}: {verdict.reasons[0].text}"
                raise SoundnessAlarm(f"{ward.file.path}: the repairs do not fit together: {why}")
        return settled

    async def _judge(self, ward: FileRepairState, repairs: Sequence[Repair]) -> dict[str, Verdict]:
        edits = []
        for repair in repairs:
            theorem, least = repair.broken.theorem, repair.broken.least.encode()
            edits.append(Edit(theorem.stop - len(least), theorem.stop, repair.value or ""))
        skeleton = ward.diagnosis.skeleton
        whole = rewrite(skeleton, edits)
        return dict(await self._run.verifier.compare(skeleton, whole, name=ward.file.path))


def choose(wards: Sequence[FileRepairState], names: Sequence[str]) -> None:
    """Leave only the patients of these names; all when there are none.

    Raises UsageError, with near names, for a name that no broken theorem has.
    """
    if not names:
        return
    theorems = [patient.theorem for ward in wards for patient in ward.patients]
    wanted = named(theorems, names, "that is broken")
    for ward in wards:
        ward.patients = tuple(p for p in ward.patients if p.theorem in wanted)


def _name(repair: Repair) -> str:
    theorem = repair.broken.theorem
    return theorem.declaration or theorem.name


def _settled(repair: Repair, verdict: Verdict) -> Repair:
    stop = StopReason.PROVED if isinstance(verdict, Accepted) else StopReason.REFUSED
    return replace(repair, attempt=replace(repair.attempt, verdict=verdict, stop=stop))


def shown(repair: Repair) -> Attempt:
    """The attempt as a reader of the broken file sees it: at the place of its proof there."""
    patient, attempt = repair.broken, repair.attempt
    theorem = replace(attempt.theorem, line=patient.line, column=patient.column)
    open_ = "; ".join(f"false: {hole.state.goals[0].target}" for hole in repair.false)
    detail = (open_ or attempt.detail) if not attempt.is_proved else ""
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
