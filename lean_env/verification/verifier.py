"""The gate: a proof counts only when it has passed here.

Covered: the proof text is one tactic block; the file compiles with it in place; every constant
it adds goes through the kernel again, in a process that ran no line of it, on the imports of the
original; the statement, and all it speaks of, is the original's; axioms are on the allow-list.
Not covered: theorems of the library are trusted as they come (the embedded Lean has neither their
proofs nor the axioms inside them), the kernel is Lean 4.28's (fixes of later versions are not in
it), and the original file is trusted, its meta code included. Check what is to be published
once more with a current native Lean.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf

from ...data.errors import UsageError
from ...data.records import Accepted, Refusal, RefusalKind, Refused, Theorem, Verdict
from ..closing import Closing
from ..protocol import Json, proposed_field
from ..worker import LeanWorker
from ..worker_command import Toolchain, free_mb
from .judge import (
    Asks,
    CheckLimits,
    CheckTime,
    FileAsks,
    Judge,
    Judged,
    Original,
    StartWorker,
    ask,
)
from .judge_pool import JudgePool
from .place import Fill, PlaceCheck
from .rewrite import (
    EXAMPLE_NAME,
    FORMS,
    Edit,
    Example,
    edit_of,
    examples,
    fill_others,
    made_span,
    name_all,
    rewrite,
)
from .script import splice
from .targets import (
    VerifiedTarget,
    misspelt,
    new_errors,
    shown,
    targets_of,
    unread_fault,
    with_errors,
)

STANDARD_AXIOMS = ("propext", "Quot.sound", "Classical.choice")

Review = Callable[[Judge, Sequence[Judged]], Awaitable[list[Judged]]]
"""What looks at verdicts once more while the judge still holds what they rest on."""


@dataclass(frozen=True)
class Verified:
    """A verdict, and the whole file with the proof in place (the original when refused)."""

    verdict: Verdict
    source: str


class Verifier(Closing):
    """Judges proofs. Use as an async context manager; its own workers start when first needed."""

    def __init__(
        self,
        pool: FileAsks,
        toolchain: Toolchain,
        *,
        allow_axioms: Sequence[str] = STANDARD_AXIOMS,
        limits: CheckLimits | None = None,
        start: StartWorker = LeanWorker.start,
        judges: int = 1,
    ) -> None:
        """judges: at most so many proofs are judged side by side, as far as memory allows."""
        self._pool = pool
        self._allow = tuple(allow_axioms)
        self._limits = limits or CheckLimits()
        need_mb = toolchain.worker_command(memory_mb=self._limits.memory_mb).need_mb
        self._judges = JudgePool(
            lambda: Judge(toolchain, self._limits, start), judges, lambda: free_mb() > need_mb
        )
        self._accepted: set[tuple[str, str]] = set()

    async def close(self) -> None:
        """End the judges' workers."""
        await self._judges.close()

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> Verified:
        """Judge a tactic block as the proof of one hole; the file's other holes stay open.

        left_s: what is left of a budget; the check stays within it (see `CheckLimits.time`).
        """
        time = self._limits.time(theorem.source, left_s)
        async with self._judges.one(theorem.source) as judge:
            reasons = await judge.block_reasons(theorem.source, theorem.start, proof, time)
            if reasons:
                return Verified(Refused(reasons), theorem.source)
            original = await judge.open(theorem.source, time)
            if isinstance(original, Refusal):
                return Verified(Refused((original,)), theorem.source)
            return await self._check(judge, time).in_place(original, theorem, proof)

    async def verify_in_place(self, theorem: Theorem, proof: str, left_s: float = inf) -> Verified:
        """Judge a tactic block as `verify` does, but nothing of the file below its command.

        It costs what the command costs, not the file; `verify_together` has the last word. The
        pool must have opened the file. Raises UsageError where it has not.
        """
        async with self._judges.one(theorem.source, is_short=True) as judge:
            original = await judge.open(theorem.source, self._limits.time(theorem.source))
            if isinstance(original, Refusal):
                return Verified(Refused((original,)), theorem.source)
            time = self._limits.time(theorem.source, left_s)
            reasons = await judge.block_reasons(theorem.source, theorem.start, proof, time)
            if reasons:
                return Verified(Refused(reasons), theorem.source)
            check = PlaceCheck(judge, self._pool, self._allow, time)
            return Verified(*await check.one(original, theorem, proof))

    async def verify_together(
        self, theorems: Sequence[Theorem], texts: Sequence[str]
    ) -> list[Verdict | None]:
        """Judge the file of some theorems with a text in the place of each one's `sorry`.

        What stands above the first of them is the original's own. One verdict each, in order.
        Nothing is accepted where one has errors; None: it is others that have.
        The pool must have opened the file. Raises UsageError where it has not.
        """
        source = theorems[0].source
        time = self._limits.time_for(source + "".join(texts), len(texts))
        async with self._judges.one(source, is_short=True) as judge:
            original = await judge.open(source, time)
            if isinstance(original, Refusal):
                return [Refused((original,))] * len(theorems)
            fills = [Fill(t, text) for t, text in zip(theorems, texts, strict=True)]
            check = PlaceCheck(judge, self._pool, self._allow, time)
            verdicts = await check.together(original, fills)
            if all(isinstance(verdict, Accepted) for verdict in verdicts):
                self._accepted.add((source, rewrite(source, (fill.edit for fill in fills))))
            return verdicts

    def has_accepted(self, original: str, submission: str) -> bool:
        """Whether `verify_together` accepted every proof of that very file."""
        return (original, submission) in self._accepted

    async def open_ahead(self, source: str) -> None:
        """Have a judge open a file of which proofs will come."""
        async with self._judges.one(source, is_short=True) as judge:
            await judge.open(source, self._limits.time(source))

    async def compare(
        self,
        original: str,
        submission: str,
        *,
        name: str = "submission",
        path: str = "original",
        review: Review | None = None,
    ) -> list[tuple[str, Verdict]]:
        """Does a file prove the theorems of the original, and nothing weaker?

        One verdict for each theorem, example and declaration with a hole of the original, in
        file order. An error in the submission counts against all of them. The same text twice:
        are the theorems of a trusted file proved? Then an error counts where it stands.
        name, path: of the submission and of the original, for messages. review: has the last
        word on the verdicts. Raises UsageError when Lean cannot read the original, or has not
        what it imports.
        """
        time = self._limits.time(submission)
        async with self._judges.one(original) as judge:
            check = self._check(judge, time)
            opened = await judge.open(original, time)
            if isinstance(opened, Refusal):
                if opened.kind is not RefusalKind.LIMIT:
                    raise UsageError(f"{path}: {opened.text}")
                return [(name, Refused((opened,)))]
            targets = targets_of(opened)
            if submission != original or not targets:
                unread_fault(path, opened)
            judged = await check.compare(opened, submission, name, list(targets))
            if isinstance(judged, Refusal):
                return [(t.shown, shown(Refused((judged,)), targets)) for t in targets.values()]
            if submission == original:
                judged = _with_own_errors(opened, judged, targets, name)
            number = judge.last_answer
            verdicts = [
                Judged(t.shown, target, shown(judged[target], targets), number)
                for target, t in targets.items()
            ]
            if review is not None:
                verdicts = await review(judge, verdicts)
            return [(each.shown, each.verdict) for each in verdicts]

    async def judge_text(self, text: str, since: int = 0) -> list[tuple[str, Verdict]]:
        """Does what a text states hold, be it written there or declared by code of the text?

        since: a byte; what stands above is not judged again. One verdict for each theorem, example
        and declaration with a hole from there on, in file order; then one for each theorem that
        only code declares. An error counts against what it stands in, or else against all; one
        above `since` against nothing. Raises UsageError when Lean has not what it imports.
        """
        time = self._limits.time(text)
        async with self._judges.one(text) as judge:
            opened = await judge.open(text, time)
            if isinstance(opened, Refusal):
                if opened.kind is not RefusalKind.LIMIT:
                    raise UsageError(opened.text)
                return [("the text", Refused((opened,)))]
            known = targets_of(opened)
            targets = {name: t for name, t in known.items() if t.start >= since}
            check = self._check(judge, time)
            judged = await check.all_theorems(text)
            missing = [name for name in targets if name not in judged]
            if missing:
                found = await check.compare(opened, text, "text", missing)
                if isinstance(found, Refusal):
                    found = {name: Refused((found,)) for name in missing}
                judged |= found
        judged = {name: _without_forged(verdict, opened) for name, verdict in judged.items()}
        own = _with_own_errors(opened, {n: judged[n] for n in targets}, targets, "text", since)
        verdicts = [(t.shown, shown(own[name], targets)) for name, t in targets.items()]
        return verdicts + [(n, verdict) for n, verdict in judged.items() if n not in known]

    async def unknown_axioms(self, sources: Sequence[str]) -> list[str]:
        """A line for each allowed axiom that none of the files declares, nor what they import.

        A file that cannot be opened says nothing of axioms.
        """
        lines = dict.fromkeys(name for name in self._allow if name not in STANDARD_AXIOMS)
        async with self._judges.one("") as judge:
            for source in sources if lines else ():
                opened = await judge.open(source, self._limits.time(source))
                if isinstance(opened, Refusal):
                    continue
                known = await judge.known(opened, self._allow)
                found = misspelt(list(lines), known, opened)
                lines = {name: lines[name] or line for name, line in found.items()}
                if not lines:
                    break
        return [line for line in lines.values() if line]

    def _check(self, judge: Judge, time: CheckTime) -> _Check:
        return _Check(judge, self._pool, self._allow, time)


@dataclass(frozen=True)
class _Check:
    """One check under way: by which judge, within which time."""

    judge: Judge
    pool: Asks
    allow: tuple[str, ...]
    time: CheckTime

    async def in_place(self, original: Original, theorem: Theorem, proof: str) -> Verified:
        """Compile the layouts of the file with the proof until one is taken; judge that one."""
        hole = next(hole for hole in original.holes if hole["start"] == theorem.start)
        edits, target, stand_in = await self._question(original, hole, proof)
        question = rewrite(theorem.source, edits)
        refused: list[tuple[Refusal, ...]] = []
        for candidate in splice(theorem.source, theorem, proof):
            mine = edit_of(theorem, candidate)
            given = rewrite(theorem.source, [*edits, mine])
            exported = await self._export(theorem.path, given, made_span(edits, mine))
            if isinstance(exported, Refusal):
                return Verified(Refused((exported,)), theorem.source)
            shift = sum(edit.text.count("\n") for edit in edits)
            errors = new_errors(exported["messages"], original.known, theorem.path, shift)
            if errors:
                refused.append(errors)
                continue
            allow = [*self.allow, stand_in]
            judged = await self.judge.judge(question, exported, [target], allow, self.time)
            verdict = Refused((judged,)) if isinstance(judged, Refusal) else judged[target]
            if isinstance(verdict, Refused):
                return Verified(verdict, theorem.source)
            axioms = tuple(axiom for axiom in verdict.axioms if axiom != stand_in)
            return Verified(Accepted(axioms), candidate)
        return Verified(Refused(min(refused, key=len)), theorem.source)

    async def _question(
        self, original: Original, hole: Json, proof: str
    ) -> tuple[list[Edit], str, str]:
        """How to ask the judge for one hole: edits, the target's name, the stand-in's name.

        The stand-in's name depends on the proof, so no proof can mention it.
        """
        digest = hashlib.sha256(f"{original.source}\0{proof}".encode()).hexdigest()[:16]
        stand_in = f"lakatos_hole_{digest}"
        command = original.commands[hole["command"]]
        edits: list[Edit] = []
        if hole["declaration"] is None:
            inside = range(command["start"], command["stop"])
            found = [e for e in examples(original.source) if e.keyword in inside]
            edits = name_all(found, await self._form(original, found))
        edits.extend(fill_others(original.holes, hole, command["start"], stand_in))
        return edits, hole["declaration"] or f"{EXAMPLE_NAME}1", stand_in

    async def _form(self, original: Original, found: Sequence[Example]) -> str:
        """The first way to name these examples that gives the original no new error."""
        for form in FORMS:
            named = rewrite(original.source, name_all(found, form))
            opened = await self.judge.open(named, self.time)
            if not isinstance(opened, Refusal) and not opened.known - original.known:
                return form
        return FORMS[-1]

    async def compare(
        self,
        original: Original,
        submission: str,
        name: str,
        targets: list[str],
    ) -> dict[str, Verdict] | Refusal:
        question, given = original.source, submission
        if found := examples(question):
            form = await self._form(original, found)
            question = rewrite(question, name_all(found, form))
            given = rewrite(given, name_all(examples(given), form))
        exported = await self._export(name, given)
        if isinstance(exported, Refusal):
            return exported
        judged = await self.judge.judge(question, exported, targets, self.allow, self.time)
        if isinstance(judged, Refusal):
            return judged
        errors = new_errors(exported["messages"], original.known, name, 0)
        return {target: with_errors(verdict, errors) for target, verdict in judged.items()}

    async def all_theorems(self, text: str) -> dict[str, Verdict]:
        """Verdicts on all theorems that a text leaves, by name, those that code declares too.

        None without a library above Init, where no code can.
        """
        exported = await self._export("text", text)
        if isinstance(exported, Refusal):
            return {"the text": Refused((exported,))}
        if set(exported["imports"]) <= {"Init"}:
            return {}
        judged = await self.judge.judge(text, exported, None, self.allow, self.time)
        return {"the text": Refused((judged,))} if isinstance(judged, Refusal) else judged

    async def _export(
        self, name: str, source: str, proposed: tuple[int, int] | None = None
    ) -> Json | Refusal:
        fields = {"name": name, "source": source, **proposed_field(proposed)}
        return await ask(self.pool, "export", self.time, **fields)


def _without_forged(verdict: Verdict, original: Original) -> Verdict:
    """The verdict, refused where it rests on an axiom of the text that is called as Lean's own."""
    own = [d["name"] for c in original.commands for d in c["declarations"] if d["kind"] == "axiom"]
    axioms = verdict.axioms if isinstance(verdict, Accepted) else ()
    forged = [name for name in axioms if name in STANDARD_AXIOMS and name in own]
    if not forged:
        return verdict
    why = f"it rests on the axiom {forged[0]}, which is the text's own, not Lean's"
    return Refused((Refusal(RefusalKind.AXIOM, why),))


def _with_own_errors(
    original: Original,
    judged: dict[str, Verdict],
    targets: dict[str, VerifiedTarget],
    name: str,
    since: int = 0,
) -> dict[str, Verdict]:
    """Hold each error from a byte on against the target it stands in, or else against all."""
    spans = [range(target.start, target.stop) for target in targets.values()]
    own = [e for e in original.errors if e["start"] >= since]
    loose = [e for e in own if not any(e["start"] in span for span in spans)]
    verdicts = {}
    for (target, verdict), span in zip(judged.items(), spans, strict=True):
        errors = loose + [e for e in own if e["start"] in span]
        verdicts[target] = with_errors(verdict, new_errors(errors, Counter(), name, 0))
    return verdicts
