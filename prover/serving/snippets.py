"""Checks texts that clients send, many at once, and keeps nothing of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...data.errors import LeanTimeout, UsageError, WorkerDied
from ...data.records import Message, ProofState, RefusalKind, Refused, Verdict
from ...lean_env.opened_file import OpenedFile, digest_of
from ..lean_parts import LeanParts


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry`: its first and last position (line from 1, column in characters), its goals.

    theorem: its declaration, `#2` and so on for further holes of it.
    """

    start: tuple[int, int]
    stop: tuple[int, int]
    state: ProofState
    theorem: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What Lean says of a text, and what the judge holds against what Lean took.

    error: why there is no answer. elapsed_s: wall time, the wait for a worker included.
    """

    messages: tuple[Message, ...] = ()
    holes: tuple[Hole, ...] = ()
    error: str = ""
    elapsed_s: float = 0.0


class SnippetChecker:
    """Checks texts on one Lean. judge: whether what has no error goes to the judge as well."""

    def __init__(self, lean: LeanParts, *, judge: bool = True) -> None:
        self._lean = lean
        self._judge = judge
        self._open: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    async def check(self, code: str, timeout_s: float) -> Checked:
        """Elaborate a text, within so many seconds."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                checked = await self._check(code)
        except (TimeoutError, LeanTimeout):
            checked = Checked(error=f"Lean timed out in {timeout_s:g} seconds")
        except WorkerDied as death:  # it ended two workers
            checked = Checked(error=str(death))
        except UsageError as error:  # a header that Lean cannot read, a module that is not there
            message = Message("error", str(error), 1, 0, end_line=1, end_column=0)
            checked = Checked((message,))
        spent_s = time.monotonic() - began
        return Checked(checked.messages, checked.holes, checked.error, spent_s)

    async def verdicts(self, original: str, submission: str) -> list[tuple[str, Verdict]]:
        """Whether a text proves the theorems of another; see `Verifier.compare`."""
        return await self._lean.verifier.compare(original, submission)

    @asynccontextmanager
    async def opened(self, code: str, path: str = "text") -> AsyncIterator[OpenedFile]:
        """The text, elaborated; forgotten afterwards, when nobody else has it open.

        path: where it comes from. The file's path here says its version too: a file is forgotten
        with all others by its path, which should be those that were made from it.
        """
        digest = digest_of(code)
        name = self._names.setdefault(digest, f"{path}@{digest[:12]}")
        self._open[digest] += 1
        opened = None
        try:
            opened = await self._lean.pool.open(name, code)
            yield opened
        finally:
            self._open[digest] -= 1
            if not self._open[digest]:
                del self._open[digest], self._names[digest]
                if opened is not None:
                    self._lean.pool.close_file(opened)

    async def _check(self, code: str) -> Checked:
        async with self.opened(code) as opened:
            messages = opened.messages
        raw = code.encode()
        holes = [
            Hole((each.line, each.column), position(raw, each.stop), each.state, each.name)
            for each in opened.theorems
        ]
        if self._judge and not any(each.severity == "error" for each in messages):
            messages = (*messages, *await refusals(self._lean, opened))
        return Checked(messages, tuple(holes))


async def refusals(lean: LeanParts, opened: OpenedFile, since: int = 0) -> list[Message]:
    """What the judge holds against a text that Lean took: an error for each reason.

    since: only against what stands there from this byte on. A `sorry` is one where the text from
    there on has none that Lean speaks of: it is hidden, or in what the text rests on.
    """
    said = any(m.start >= since for m in opened.unfilled)
    says_sorry = said or any(each.start >= since for each in opened.theorems)
    found = []
    text = opened.source
    for name, verdict in await lean.verifier.judge_text(text, since):
        reasons = verdict.reasons if isinstance(verdict, Refused) else ()
        for reason in reasons:
            if reason.kind is not RefusalKind.SORRY or not says_sorry:
                said_of = f"{name} is refused: {reason.kind.value}: {reason.text}"
                found.append(Message("error", said_of, 1, 0, since, end_line=1, end_column=0))
    return found


def position(raw: bytes, at: int) -> tuple[int, int]:
    """Line from 1 and column in characters of a byte."""
    head = raw[:at].decode(errors="replace")
    return head.count("\n") + 1, len(head) - head.rfind("\n") - 1
