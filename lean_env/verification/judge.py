"""The worker that judges: it runs the trusted original and nothing of a submission's.

Knows how to ask it and how to start it again; `verifier` knows what to ask.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, TypeVar

from ...data.errors import UsageError, WorkerDied
from ...data.records import (
    Accepted,
    Refusal,
    RefusalKind,
    Refused,
    Theorem,
    TimedOut,
    Verdict,
)
from ..protocol import Failure, Json, Result
from ..worker_command import Toolchain, WorkerCommand

_OPEN_FILES = 4
_IMPORT_SETS = 8
"""Sets of imports, which Lean never unloads, in one worker."""
CHECK_S = 60.0
CHECK_S_PER_BYTE = 0.03
"""Seconds that a check may take where none are given: 60, and 30 more for each 1,000 bytes."""
LEAST_CHECK_S = 10.0
"""Seconds that a proof found is given to be checked, however little of its budget is left."""

JUDGING = ("judge", "judge_at")

Answer = Result | Failure | TimedOut
T = TypeVar("T")


class Asks(Protocol):
    """What serves requests to Lean: a worker or a pool."""

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Answer:
        """Answer one request; raises WorkerDied."""


class FileAsks(Asks, Protocol):
    """What also answers about files that it has open."""

    async def request_at(
        self, theorem: Theorem, op: str, *, wall_s: float, **fields: Any
    ) -> Answer:
        """Answer one request about the file of a theorem.

        Raises UsageError where the file was never opened, WorkerDied.
        """


class OwnWorker(Asks, Protocol):
    """A worker that nobody else asks."""

    async def close(self) -> None:
        """End it."""


StartWorker = Callable[[WorkerCommand], Awaitable[OwnWorker]]


@dataclass(frozen=True)
class CheckLimits:
    """What one check of a proof or a file may cost. wall_s: None lets it grow with the file."""

    wall_s: float | None = None
    memory_mb: int = 2048

    def __post_init__(self) -> None:
        if self.wall_s is not None and not self.wall_s > 0:
            raise UsageError(f"check time must be above 0 seconds, not {self.wall_s:g}")

    def time_for(self, source: str, proofs: int) -> CheckTime:
        """For one check of a file with so many proofs in it: a time that is given, for each."""
        return CheckTime(self.time(source).limit_s * (1 if self.wall_s is None else proofs))

    def time(self, source: str, left_s: float = inf) -> CheckTime:
        """For a check of a file: within `left_s`, what is left of a budget, but LEAST_CHECK_S."""
        wall_s = self.wall_s
        if wall_s is None:
            wall_s = CHECK_S + CHECK_S_PER_BYTE * len(source.encode())
        return CheckTime(min(wall_s, max(left_s, LEAST_CHECK_S)))


class CheckTime:
    """Seconds that one check may take; what Lean answers takes its time from them."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.left_s = limit_s

    def take(self, spent_s: float) -> None:
        """Count seconds in Lean; a moment stays, so that Lean is always asked."""
        self.left_s = max(0.001, self.left_s - spent_s)


@dataclass(frozen=True)
class Original:
    """A trusted file, open in the judge's worker. errors: messages about what it has wrong;
    unread: those of them that the parser has, about text that is no command.
    """

    source: str
    file: int
    commands: tuple[Json, ...]
    holes: tuple[Json, ...]
    errors: tuple[Json, ...]
    unread: tuple[Json, ...] = ()

    @property
    def known(self) -> Counter[str]:
        """The keys of its errors, each as often as it is there."""
        return Counter(error_key(error["text"]) for error in self.errors)


@dataclass(frozen=True)
class PlacedText:
    """A text in the place of a command of an original, or of that one and all after it."""

    original: Original
    command: int
    text: str


@dataclass(frozen=True)
class Judged:
    """A verdict: the theorem as it is shown, the name the judge was asked for, in which answer."""

    shown: str
    target: str
    verdict: Verdict
    answer: int


async def ask(server: Asks, op: str, time: CheckTime, **fields: Any) -> Json | Refusal:
    """One request; what keeps it from being answered refuses the proof that caused it."""
    return await answered(server.request(op, wall_s=time.left_s, **fields), op, time, fields)


async def answered(
    asking: Awaitable[Answer], op: str, time: CheckTime, fields: Json
) -> Json | Refusal:
    """What a request for `op` gives, as `ask` says."""
    try:
        answer = await asking
    except WorkerDied as death:
        return Refusal(RefusalKind.LIMIT, f"Lean ended during the check ({op}): {death}")
    if isinstance(answer, TimedOut):
        time.take(answer.wall_s)
        text = f"the check took longer than its {time.limit_s:g} s (--check-time), at: {op}"
        return Refusal(RefusalKind.LIMIT, text)
    if isinstance(answer, Failure):
        kind = RefusalKind.KERNEL if op in JUDGING else RefusalKind.DOES_NOT_COMPILE
        text = f"{op}: {answer.text}"
        if answer.kind == "import_failed":
            text = f"{import_line(fields['source'], answer.text)}missing import: {answer.text}"
        return Refusal(kind, text)
    time.take(answer.us / 1e6)
    return answer.value


def import_line(source: str, text: str) -> str:
    """`line N: ` for the import of a source that an error text names first, else nothing."""
    imports: list[tuple[str, int]] = []
    for number, line in enumerate(source.split("\n"), 1):
        words = re.findall(r"[\w.]+", line)
        if "import" in words:
            imports += [(module, number) for module in words[words.index("import") + 1 :]]
    whole = [(_place_of(module, text), number) for module, number in imports]
    roots = [(_place_of(module.partition(".")[0], text), number) for module, number in imports]
    for places in (whole, roots):
        found = [(place, number) for place, number in places if place >= 0]
        if found:
            return f"line {min(found)[1]}: "
    return ""


def _place_of(module: str, text: str) -> int:
    found = re.search(rf"(?<![\w.]){re.escape(module)}(?!\w)", text)
    return found.start() if found else -1


class Judge:
    """One worker of its own, started when first asked and again when it was lost."""

    def __init__(self, toolchain: Toolchain, limits: CheckLimits, start: StartWorker) -> None:
        self._command = toolchain.worker_command(memory_mb=limits.memory_mb)
        self._limits = limits
        self._start = start
        self._turn = asyncio.Lock()
        self._worker: OwnWorker | None = None
        self._opened: OrderedDict[str, Original] = OrderedDict()
        self._import_sets: set[tuple[str, ...]] = set()
        self._deaths = 0
        self.last_answer = 0
        """The number of the last verdicts, by which their theorems can be exported."""

    async def close(self) -> None:
        """End the worker."""
        async with self._turn:
            await self._lose()

    def has_open(self, source: str) -> bool:
        """Whether that file need not be elaborated again."""
        return source in self._opened

    async def open(self, source: str, time: CheckTime) -> Original | Refusal:
        """Elaborate a trusted file, or find it open already."""
        return await self._twice(lambda: self._open(source, time))

    async def block_reasons(
        self, source: str, start: int, text: str, time: CheckTime
    ) -> tuple[Refusal, ...]:
        """What stands against a text as the tactic block for the hole at byte `start`."""

        async def reasons() -> tuple[Refusal, ...]:
            opened = await self._open(source, time)
            if isinstance(opened, Refusal):
                return (opened,)
            places = [hole["start"] for hole in opened.holes]
            if start not in places:
                return (Refusal(RefusalKind.MISSING, f"the file has no sorry at byte {start}"),)
            number = places.index(start)
            said = await self._ask("block", time, file=opened.file, hole=number, text=text)
            return (said,) if isinstance(said, Refusal) else _refusals(said["reasons"])

        return await self._twice(reasons)

    async def known(self, opened: Original, names: Sequence[str]) -> list[str]:
        """Those of the names that a constant of the original's imports has."""
        time = self._limits.time("")
        async with self._turn:
            said = await self._ask("signatures", time, file=opened.file, names=list(names))
        texts = [""] * len(names) if isinstance(said, Refusal) else said["texts"]
        return [name for name, text in zip(names, texts, strict=True) if text]

    async def judge(
        self,
        original: str,
        exported: Json,
        targets: Sequence[str] | None,
        allow: Sequence[str],
        time: CheckTime,
    ) -> dict[str, Verdict] | Refusal:
        """Replay exported constants, which are not trusted; hold them against the original's.

        targets: None: all theorems that the original's environment has, by name.
        Nor is a module of the project that only the submission imports: it is left out.
        """
        modules, imports = self._command.modules, list(exported["imports"])
        foreign = modules.foreign(original, imports) if modules else []
        fields = {
            "original": original,
            "constants": exported["constants"],
            "imports": [name for name in imports if name not in foreign],
            "targets": None if targets is None else list(targets),
            "allow": list(allow),
        }
        said = await self._twice(lambda: self._ask("judge", time, **fields))
        if isinstance(said, Refusal):
            return said
        self.last_answer = said.get("judged", 0)
        verdicts = [_without(foreign, _verdict(result)) for result in said["results"]]
        names = [result["name"] for result in said["results"]] if targets is None else targets
        return dict(zip(names, verdicts, strict=True))

    async def elaborate_at(self, place: PlacedText, time: CheckTime) -> Json | Refusal:
        """What a trusted text gives in its place, as `export_at` says."""
        return await self._twice(lambda: self._at("export_at", place, time))

    async def judge_at(
        self,
        place: PlacedText,
        exported: Json,
        targets: Sequence[str],
        allow: Sequence[str],
        time: CheckTime,
    ) -> dict[str, Verdict] | Refusal:
        """Replay exported constants on what this process made of the original above a place.

        place: with what the original has there; they are held against its constants.
        """
        constants, wanted = exported["constants"], {"targets": list(targets), "allow": list(allow)}
        said = await self._twice(
            lambda: self._at("judge_at", place, time, constants=constants, **wanted)
        )
        if isinstance(said, Refusal):
            return said
        return dict(zip(targets, map(_verdict, said["results"]), strict=True))

    async def _twice(self, job: Callable[[], Awaitable[T]]) -> T:
        """Do a job, and once more where Lean died: as a rule that was not the proof's doing."""
        async with self._turn:
            before = self._deaths
            done = await job()
            return done if self._deaths == before else await job()

    async def _at(
        self, op: str, place: PlacedText, time: CheckTime, **fields: Any
    ) -> Json | Refusal:
        opened = await self._open(place.original.source, time)
        if isinstance(opened, Refusal):
            return opened
        where = {"file": opened.file, "command": place.command, "text": place.text}
        return await self._ask(op, time, **where, **fields)

    async def export_page(self, judged: Judged, page: int) -> Json | Refusal:
        """A page of what a verdict rests on, until the next `judge`; `protocol` says what it is."""
        time = self._limits.time("")
        async with self._turn:
            return await self._ask(
                "ndjson", time, judged=judged.answer, theorem=judged.target, page=page
            )

    async def _open(self, source: str, time: CheckTime) -> Original | Refusal:
        if source in self._opened:
            self._opened.move_to_end(source)
            return self._opened[source]
        if len(self._import_sets) == _IMPORT_SETS:
            await self._lose()
        said = await self._ask("open", time, name="<original>", source=source, typed=False)
        if isinstance(said, Refusal):
            return said
        self._import_sets.add(tuple(said["imports"]))
        errors, unread = _errors(said["messages"]), _errors(said["parsed"])
        commands, holes = tuple(said["commands"]), tuple(said["holes"])
        opened = Original(source, said["file"], commands, holes, errors, unread)
        self._opened[source] = opened
        if len(self._opened) > _OPEN_FILES:
            _, oldest = self._opened.popitem(last=False)
            await self._ask("release", time, files=[oldest.file], states=_states(oldest))
        return opened

    async def _ask(self, op: str, time: CheckTime, **fields: Any) -> Json | Refusal:
        if self._worker is None:
            self._worker = await self._start(self._command)
        said = await answered(self._request(op, time, fields), op, time, fields)
        if isinstance(said, Refusal) and said.kind is RefusalKind.LIMIT:
            await self._lose()
        return said

    async def _request(self, op: str, time: CheckTime, fields: Json) -> Answer:
        assert self._worker is not None
        try:
            return await self._worker.request(op, wall_s=time.left_s, **fields)
        except WorkerDied:
            self._deaths += 1
            raise

    async def _lose(self) -> None:
        self._opened.clear()
        self._import_sets.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()


def error_key(text: str) -> str:
    """An error's text without what differs from run to run, such as numbers of metavariables."""
    return re.sub(r"[0-9⁰¹²³⁴-⁹]+", "0", text)


def _errors(messages: Sequence[Json]) -> tuple[Json, ...]:
    return tuple(m for m in messages if m["severity"] == "error")


def _states(opened: Original) -> list[int]:
    return [state["state"] for hole in opened.holes for state in hole["states"]]


def _refusals(reasons: Sequence[Json]) -> tuple[Refusal, ...]:
    return tuple(Refusal(RefusalKind(reason["kind"]), reason["text"]) for reason in reasons)


def _without(foreign: Sequence[str], verdict: Verdict) -> Verdict:
    """A verdict that says which modules were left out, if it is a refusal: they may be why."""
    if not foreign or isinstance(verdict, Accepted):
        return verdict
    text = (
        f"nothing of {', '.join(foreign)} counts: the submission imports it from the project, and "
        "the original does not"
    )
    return Refused((Refusal(RefusalKind.CONTEXT_CHANGED, text), *verdict.reasons))


def _verdict(result: Json) -> Verdict:
    reasons = _refusals(result["reasons"])
    return Refused(reasons) if reasons else Accepted(tuple(sorted(result["axioms"])))
