"""Sessions of HTTP clients: a text that stays open, its proof states by number, until it is idle.

Knows nothing of HTTP. An id is a secret: whoever has it may use the session.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ...data.errors import UsageError
from ...data.records import Accepted, Advanced, ProofState, Rejected, Step, Verdict
from ...lean_env.opened_file import OpenedFile
from ..lean_parts import LeanParts
from ..theorem_names import select
from .fair_queue import FairQueue
from .snippets import SnippetChecker

ENDED_KEPT = 10_000
"""So many ids of sessions that are over are still known as such."""

TURN = 16
"""Tactics of a list that are tried before another client has its turn."""

Json = dict[str, Any]


class NotThere(UsageError):
    """A session, state or theorem that is not there. status: of HTTP, 404 or 410."""

    def __init__(self, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.status = status


class TooMany(UsageError):
    """A client has as many sessions, or a session as many states, as it may have."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What sessions may be.

    idle_s: seconds without a request after which one ends. sessions: of one client at once.
    states: of one session.
    """

    idle_s: float = 600.0
    sessions: int = 16
    states: int = 10_000


@dataclass(frozen=True, slots=True)
class TacticWords:
    """How to try tactics; see `SessionState.apply_all`. draft: whether they may have `sorry`s."""

    goal: int = 0
    timeout_s: float | None = None
    heartbeats: int | None = None
    draft: bool = False


@dataclass
class OpenSession:
    """A text that is open for a client."""

    client: str
    opened: OpenedFile
    stack: AsyncExitStack
    used: float
    states: list[ProofState] = field(default_factory=list)
    busy: int = 0

    def state(self, number: int) -> ProofState:
        """A state by its number. Raises NotThere."""
        if not 0 <= number < len(self.states):
            raise NotThere(f"no state {number}: the session has {len(self.states)}, from 0 on")
        return self.states[number]

    def keep(self, states: Sequence[ProofState], most: int) -> list[Json]:
        """Number states, and show them. Raises TooMany."""
        if len(self.states) + len(states) > most:
            raise TooMany(f"a session keeps {most:,} states at most: close it and open another")
        first = len(self.states)
        self.states.extend(states)
        return [state_json(first + n, state) for n, state in enumerate(states)]


class Sessions:
    """All sessions of a server. clock: seconds, from anywhere."""

    def __init__(
        self,
        lean: LeanParts,
        checker: SnippetChecker,
        queue: FairQueue,
        limits: SessionLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lean = lean
        self._checker = checker
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._open: dict[str, OpenSession] = {}
        self._opening: dict[str, int] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def open(self, client: str, code: str) -> Json:
        """Elaborate a text and keep it open. Raises TooMany, QueueFull, UsageError."""
        theirs = sum(each.client == client for each in self._open.values())
        if theirs + self._opening.get(client, 0) >= self._limits.sessions:
            most = self._limits.sessions
            raise TooMany(f"a client may have {most} sessions at once: close one")
        self._opening[client] = self._opening.get(client, 0) + 1
        stack = AsyncExitStack()
        try:
            async with self._queue.place(client):
                opened = await stack.enter_async_context(self._checker.opened(code))
            session = OpenSession(client, opened, stack, self._clock())
            shown = self._opened_json(session)
        except BaseException:
            await stack.aclose()
            raise
        finally:
            self._opening[client] -= 1
            if not self._opening[client]:
                del self._opening[client]
        name = secrets.token_urlsafe(16)
        self._open[name] = session
        return {"session": name, **shown}

    def _opened_json(self, session: OpenSession) -> Json:
        most = self._limits.states
        theorems = []
        for each in session.opened.theorems:
            states = session.keep((each.state, *each.others), most)
            place = {"name": each.name, "line": each.line, "column": each.column}
            theorems.append({**place, "states": states})
        messages = [message_json(each) for each in session.opened.messages]
        return {"messages": messages, "theorems": theorems}

    def show(self, name: str) -> Json:
        """What a session has. Raises NotThere."""
        session = self._get(name)
        names = [each.name for each in session.opened.theorems]
        return {"session": name, "theorems": names, "states": len(session.states)}

    async def apply(
        self, name: str, number: int, tactics: Sequence[str], words: TacticWords
    ) -> list[Json]:
        """Try tactics at a state, in order. Raises NotThere, TooMany, QueueFull, UsageError."""
        found: list[Json] = []
        async with self._using(name) as session:
            state = session.state(number)
            for start in range(0, len(tactics), TURN):
                async with self._queue.place(session.client):
                    steps = await self._lean.pool.apply(
                        state,
                        tactics[start : start + TURN],
                        goal=words.goal,
                        allow_sorry=words.draft,
                        timeout_s=words.timeout_s,
                        heartbeats=words.heartbeats,
                    )
                found += [self._step_json(session, step) for step in steps]
        return found

    async def check(self, name: str, theorem: str, proof: str) -> Json:
        """Judge a proof of a theorem of the text. Raises NotThere, QueueFull, UsageError."""
        async with self._using(name) as session:
            try:
                found = select([session.opened], [theorem])[0]
            except UsageError as error:
                raise NotThere(str(error)) from None
            async with self._queue.place(session.client):
                verdict = (await self._lean.verifier.verify(found, proof)).verdict
        return {"theorem": found.name, **verdict_json(verdict)}

    async def close(self, name: str, why: str = "it was closed") -> None:
        """End a session. Raises NotThere."""
        self._get(name)
        session = self._open.pop(name)
        self._ended[name] = why
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        await session.stack.aclose()

    async def close_idle(self) -> None:
        """End the sessions that nobody has used for too long."""
        latest = self._clock() - self._limits.idle_s
        idle = [n for n, each in self._open.items() if not each.busy and each.used <= latest]
        for name in idle:
            await self.close(name, f"it was idle for {self._limits.idle_s:g} s")

    async def watch(self) -> None:
        """End idle sessions for as long as the server runs."""
        while True:
            await asyncio.sleep(min(30.0, self._limits.idle_s / 4))
            await self.close_idle()

    def _get(self, name: str) -> OpenSession:
        if (session := self._open.get(name)) is not None:
            return session
        if (why := self._ended.get(name)) is not None:
            raise NotThere(f"the session is over: {why}", 410)
        raise NotThere("no such session")

    @asynccontextmanager
    async def _using(self, name: str) -> AsyncIterator[OpenSession]:
        session = self._get(name)
        session.busy += 1
        try:
            yield session
        finally:
            session.busy -= 1
            session.used = self._clock()

    def _step_json(self, session: OpenSession, step: Step) -> Json:
        outcome = step.outcome
        if isinstance(outcome, Advanced):
            answer: Json = {"ok": True, "states": session.keep(outcome.states, self._limits.states)}
            answer |= {"suggestion": outcome.suggestion} if outcome.suggestion else {}
        elif isinstance(outcome, Rejected):
            answer = {"ok": False, "error": outcome.message, "kind": outcome.kind.value}
        else:
            error = f"no answer within {outcome.wall_s:g} s"
            return {"ok": False, "error": error, "kind": "timeout"}
        if outcome.messages:
            answer["messages"] = [message_json(each) for each in outcome.messages]
        return answer


def state_json(number: int, state: ProofState) -> Json:
    """A state with its goals as Lean prints them."""
    return {"state": number, "goals": [goal.pretty for goal in state.goals]}


def message_json(message: Any) -> Json:
    """A message of Lean: severity, text, and where it begins."""
    place = {"line": message.line, "column": message.column}
    return {"severity": message.severity, "text": message.text, **place}


def verdict_json(verdict: Verdict) -> Json:
    """A verdict: its axioms, or the reasons against the proof."""
    if isinstance(verdict, Accepted):
        return {"accepted": True, "axioms": verdict.axioms}
    reasons = [{"kind": each.kind.value, "text": each.text} for each in verdict.reasons]
    return {"accepted": False, "reasons": reasons}
