"""Cuts a proof down to what Lean accepts: broken parts become `sorry`, what works stays.

Lean names the errors and where each can be cut (queries/errors.py); this file chooses which, and
how far a cut is widened when its hole cannot be filled. A text counts as another spelling of a
proof only when Lean's own parser reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...data.records import Theorem
from ...lean_env.opened_file import OpenedFile
from ...lean_env.queries.errors import BrokenCommand, Cut, ProofFault, look, stumbles
from ...lean_env.verification.judge import Asks
from ...lean_env.verification.rewrite import Edit, rewrite
from .edit_policy import FailedSteps
from .syntax_refiner import spellings

MOST_ROUNDS = 8
"""How often a proof is cut before all of it is replaced."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file in which one value, the proof of a declaration, is being repaired.

    before, value, after: the text of the file. command: byte where the declaration starts. least:
    the value that leaves nothing of the proof.
    """

    before: str = field(repr=False)
    value: str
    after: str = field(repr=False)
    command: int
    least: str = "sorry"

    @property
    def source(self) -> str:
        """The whole file."""
        return self.before + self.value + self.after

    @property
    def start(self) -> int:
        """Byte where the value starts."""
        return len(self.before.encode())

    @property
    def stop(self) -> int:
        """Byte behind the value."""
        return self.start + len(self.value.encode())

    def edited(self, edits: Sequence[Edit]) -> Draft:
        """The draft with edits made, all of them inside the value."""
        source = rewrite(self.source, edits)
        stop = len(source) - len(self.after)
        return replace(self, value=source[len(self.before) : stop])

    @property
    def emptied(self) -> Draft:
        """The draft with nothing left of the proof."""
        return replace(self, value=self.least)

    def text(self, start: int, stop: int) -> str:
        """The bytes [start, stop) of the file."""
        return self.source.encode()[start:stop].decode()

    def block(self, start: int, stop: int) -> str:
        """The same, as it would stand at the left margin."""
        before = self.source.encode()[:start].decode()
        margin = len(before) - before.rfind("\n") - 1
        return re.sub(rf"\n {{0,{margin}}}", "\n", self.text(start, stop))


@dataclass(slots=True)
class SorrifierLog:
    """What was seen while cutting: texts cut out, tactics around them, names that are near."""

    removed: list[str] = field(default_factory=list)
    tactics: list[str] = field(default_factory=list)
    near: dict[str, tuple[str, ...]] = field(default_factory=dict)
    compilations: int = 0

    @property
    def failed_steps(self) -> FailedSteps:
        """What a search may try again, what was cut out last first."""
        removed = tuple(dict.fromkeys(reversed(self.removed)))
        return FailedSteps(removed, tuple(dict.fromkeys(self.tactics)), tuple(self.near.items()))


class ParserClient(Asks, Protocol):
    """The part of a pool that cutting needs."""

    async def open(
        self, path: str, source: str, proposed: tuple[int, int] | None = None
    ) -> OpenedFile:
        """Elaborate a whole file; each hole becomes a theorem."""
        ...


class Sorrifier:
    """Cuts the drafts of one declaration. log: grows."""

    def __init__(self, pool: ParserClient, path: str) -> None:
        self._pool = pool
        self._path = path
        self._last: OpenedFile | None = None
        self.log = SorrifierLog()

    async def open(self, draft: Draft) -> OpenedFile:
        """The draft's file as Lean sees it; the same draft twice in a row is read once."""
        if self._last is None or self._last.source != draft.source:
            self.log.compilations += 1
            span = draft.start, draft.stop
            self._last = await self._pool.open(self._path, draft.source, span)
        return self._last

    async def cut_down(
        self, draft: Draft, known: BrokenCommand | None = None
    ) -> tuple[Draft, list[Theorem]]:
        """Cut until Lean has nothing to say against it but `sorry`; the draft and its holes.

        known: what Lean said of this very draft, where it has been asked.
        """
        readable = await self._respelled(draft)
        commands = [known] if known and readable == draft else []
        draft = readable
        seen = {draft.value}
        for _ in range(MOST_ROUNDS):
            if not commands:
                is_right, holes = await self._holes(draft)
                if is_right:
                    return draft, holes
                commands = await self._look(draft)
            faults = [fault for command in commands for fault in command.faults]
            self._note(draft, commands, faults)
            cut = draft.edited(await self._edits(draft, faults, len(commands) > 1))
            draft = draft.emptied if cut.value in seen else cut
            seen.add(draft.value)
            commands = []
        return draft.emptied, (await self._holes(draft.emptied))[1]

    async def _holes(self, draft: Draft) -> tuple[bool, list[Theorem]]:
        """Whether Lean takes the draft but for `sorry`s, and these."""
        opened = await self.open(draft)
        span = range(draft.command, draft.stop + 1)
        is_wrong = any(m.severity == "error" and m.start in span for m in opened.messages)
        return not is_wrong, [t for t in opened.theorems if draft.start <= t.start < draft.stop]

    async def widened(self, draft: Draft, at: dict[int, bool]) -> list[Edit]:
        """Wider cuts for the `sorry`s at these bytes; True: what stands there is false.

        Around a false one the next wider cut; else one about half way to the whole proof.
        """
        holes = [hole for command in await self._look(draft) for hole in command.holes]
        cuts: list[Cut] = []
        for hole in holes:
            if hole.start in at:
                wider = [cut for cut in hole.cuts if not _is_idle(draft, cut)]
                step = 0 if at[hole.start] else (len(wider) - 1) // 2
                cuts.append(wider[step] if wider else _everything(draft))
        self.log.removed += [_tactic(draft, cut) for cut in cuts]
        return [cut.edit for cut in outermost(cuts)]

    async def _look(self, draft: Draft) -> list[BrokenCommand]:
        self.log.compilations += 1
        span = range(draft.command, max(draft.stop, draft.command + 1))
        proposed = draft.start, draft.stop
        return [c for c in await look(self._pool, draft.source, proposed) if c.start in span]

    async def _respelled(self, draft: Draft) -> Draft:
        """The draft as it is if Lean can read it; else the first spelling that it can."""
        before = draft.source.encode()[: draft.command].decode()
        head = draft.before[len(before) :]
        texts = [draft.value, *spellings(draft.value)]
        failures = await stumbles(self._pool, before, [head + text for text in texts])
        readable = [text for text, failed in zip(texts, failures, strict=True) if failed is None]
        return replace(draft, value=readable[0]) if readable else draft

    async def _edits(self, draft: Draft, faults: Sequence[ProofFault], is_torn: bool) -> list[Edit]:
        stumbled = [fault for fault in faults if fault.is_parser]
        if stumbled or is_torn:
            found = await self._readable(draft, stumbled[0].cuts if stumbled else ())
            return [found.edit]
        return [cut.edit for cut in outermost([_smallest(draft, fault) for fault in faults])]

    async def _readable(self, draft: Draft, cuts: Sequence[Cut]) -> Cut:
        """The first cut after which Lean can read the declaration."""
        cuts = [cut for cut in cuts if cut.start >= draft.start]
        before = draft.source.encode()[: draft.command].decode()
        texts = []
        for cut in cuts:
            made = draft.edited([cut.edit])
            texts.append((made.before + made.value)[len(before) :])
        failures = await stumbles(self._pool, before, texts)
        found = [cut for cut, failed in zip(cuts, failures, strict=True) if failed is None]
        return found[0] if found else _everything(draft)

    def _note(
        self, draft: Draft, commands: Sequence[BrokenCommand], faults: list[ProofFault]
    ) -> None:
        log = self.log
        for fault in faults:
            if fault.near:
                word = draft.text(fault.message.start, fault.message.stop or fault.message.start)
                log.near[word] = fault.near
            if fault.cuts and (cut := fault.cuts[0]).start >= draft.start:
                log.removed.append(_tactic(draft, cut))
        if not log.tactics:
            spans = [span for command in commands for span in command.tactics]
            log.tactics += [
                draft.block(start, stop) for start, stop in spans if start >= draft.start
            ]


def outermost(cuts: Sequence[Cut]) -> list[Cut]:
    """Of cuts that overlap or touch, the largest only; in order."""
    largest: list[Cut] = []
    for cut in sorted(cuts, key=lambda cut: cut.start - cut.stop):
        if all(cut.stop < other.start or other.stop < cut.start for other in largest):
            largest.append(cut)
    return sorted(largest, key=lambda cut: cut.start)


def _smallest(draft: Draft, fault: ProofFault) -> Cut:
    lacks_arms = "not been provided" in fault.message.text
    cuts = [
        cut
        for cut in fault.cuts
        if cut.start >= draft.start
        and not _is_idle(draft, cut)
        and (lacks_arms or cut.kind != "arms")
    ]
    return cuts[0] if cuts else _everything(draft)


def _tactic(draft: Draft, cut: Cut) -> str:
    """What is cut out, as a tactic to try again."""
    text = draft.block(cut.start, cut.stop)
    return f"exact {text}" if cut.kind == "term" else text


def _everything(draft: Draft) -> Cut:
    return Cut(draft.start, draft.stop, draft.least, "proof")


def _is_idle(draft: Draft, cut: Cut) -> bool:
    """Whether the cut would leave what is there: only a `sorry`."""
    return bool(cut.text.strip()) and set(draft.text(cut.start, cut.stop).split()) in (
        {"sorry"},
        {"·", "sorry"},
    )
