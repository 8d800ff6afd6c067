"""Files, theorems and proof states of a `lakatos.Session`.

Every method that asks Lean comes twice: `apply` blocks, `await ….aapply` does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..data.errors import UsageError
from ..data.records import (
    Advanced,
    Goal,
    Message,
    ProofState,
    ProofTree,
    Rejected,
    Step,
    Theorem,
    Verdict,
)
from ..lean_env.pool import OpenedFile
from ..lean_env.verification.script import script
from .lean_parts import LeanParts
from .loop_thread import LoopThread, awaitable, blocking
from .theorem_names import select

STATE_FORMAT = 1
"""Of `SessionState.dumps`."""


class LiveSession(Protocol):
    """The session that files, theorems and states belong to."""

    @property
    def loop(self) -> LoopThread:
        """Where its coroutines run. Raises UsageError when it is closed."""
        ...

    async def parts(self) -> LeanParts:
        """Its processes, started when first needed."""
        ...


class _OfSession:
    """What belongs to a session and runs in its loop."""

    session: LiveSession

    @property
    def loop(self) -> LoopThread:
        """The session's."""
        return self.session.loop


@dataclass(frozen=True)
class SessionFile(_OfSession):
    """A Lean file, elaborated. opened: what Lean said of it."""

    session: LiveSession = field(repr=False)
    opened: OpenedFile = field(repr=False)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Errors, warnings and infos, in file order."""
        return self.opened.messages

    @property
    def theorems(self) -> tuple[SessionTheorem, ...]:
        """One for each `sorry`, in file order."""
        return tuple(SessionTheorem(self.session, self, each) for each in self.opened.theorems)

    def theorem(self, name: str) -> SessionTheorem:
        """The first hole of that name. Raises UsageError, with near names, where there is none."""
        return SessionTheorem(self.session, self, select([self.opened], [name])[0])


@dataclass(frozen=True, repr=False)
class SessionTheorem(_OfSession):
    """One `sorry` of a file."""

    session: LiveSession = field(repr=False)
    file: SessionFile = field(repr=False)
    record: Theorem = field(repr=False)

    @property
    def name(self) -> str:
        """Its declaration, `#2` and so on for further holes of it."""
        return self.record.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def state(self) -> SessionState:
        """What is to be proved."""
        return self.states[0]

    @property
    def states(self) -> tuple[SessionState, ...]:
        """All of it, where Lean elaborates one `sorry` several times (`t <;> sorry`)."""
        found = (self.record.state, *self.record.others)
        return tuple(SessionState(self.session, self, each) for each in found)

    def text_of(self, tree: ProofTree) -> str:
        """A proof tree of a search as the text that takes the place of the `sorry`."""
        return script(tree)

    async def _check(self, proof: str) -> Verdict:
        """Judge a proof: a tactic block in the place of the `sorry`, or a term where one stands."""
        parts = await self.session.parts()
        return (await parts.verifier.verify(self.record, proof)).verdict

    check = blocking(_check)
    acheck = awaitable(_check)


@dataclass(frozen=True, repr=False)
class SessionState(_OfSession):
    """A proof state: a value that can be kept and used again in any order."""

    session: LiveSession = field(repr=False)
    theorem: SessionTheorem = field(repr=False)
    record: ProofState

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Hypotheses and target of each."""
        return self.record.goals

    @property
    def tactics(self) -> tuple[str, ...]:
        """Those that lead here from the theorem, first one first."""
        return tuple(origin.tactic for origin in self.record.recipe)

    def __str__(self) -> str:
        return self.record.pretty

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'⊢ {goal.target}' for goal in self.goals)}>"

    def dumps(self) -> str:
        """The state as JSON text: its file and the tactics that lead to it."""
        root = self.theorem.file.opened
        steps = [(o.tactic, o.index, o.hole is not None) for o in self.record.recipe]
        start = self.record.recipe[0].parent if steps else self.record
        return json.dumps(
            {
                "format": STATE_FORMAT,
                "path": root.path,
                "source": root.source,
                "theorem": root.theorems.index(self.theorem.record),
                "state": [each.record.root for each in self.theorem.states].index(start.root),
                "steps": steps,
            },
            ensure_ascii=False,
        )

    async def _apply_all(
        self,
        tactics: Sequence[str],
        *,
        goal: int = 0,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> list[TacticResult]:
        """Try each tactic at this state, in order: quicker than one by one.

        Args:
            tactics: what to try.
            goal: which goal they are for, from 0.
            timeout_s: seconds for each; None: 10.
            heartbeats: Lean's own limit for each, in thousands; None: 40,000.
        """
        parts = await self.session.parts()
        limits: Mapping[str, Any] = {"timeout_s": timeout_s, "heartbeats": heartbeats}
        steps = await parts.pool.apply(self.record, list(tactics), goal=goal, **limits)
        return [self._result(step) for step in steps]

    async def attempt(
        self,
        tactic: str,
        *,
        goal: int = 0,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
        draft: bool = False,
    ) -> TacticResult:
        """Try one tactic at this state; arguments as of `apply_all`.

        draft: it may have `sorry`s; each becomes a state in its own context.
        """
        parts = await self.session.parts()
        limits: Mapping[str, Any] = {"timeout_s": timeout_s, "heartbeats": heartbeats}
        (step,) = await parts.pool.apply(
            self.record, tactic, goal=goal, allow_sorry=draft, **limits
        )
        return self._result(step)

    async def _draft(
        self,
        text: str,
        *,
        goal: int = 0,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> TacticResult:
        """Try tactics with holes (`have h : q := sorry`); each `sorry` becomes a state.

        Arguments as of `apply_all`.
        """
        return await self.attempt(
            text, goal=goal, timeout_s=timeout_s, heartbeats=heartbeats, draft=True
        )

    def _result(self, step: Step) -> TacticResult:
        outcome = step.outcome
        if isinstance(outcome, Advanced):
            made = [SessionState(self.session, self.theorem, each) for each in outcome.states]
            return TacticResult(step, tuple(made), None, outcome.messages, outcome.suggestion)
        if isinstance(outcome, Rejected):
            return TacticResult(step, (), outcome.message, outcome.messages)
        return TacticResult(step, (), f"no answer within {outcome.wall_s:g} s")

    apply = blocking(attempt)
    aapply = awaitable(attempt)
    apply_all = blocking(_apply_all)
    aapply_all = awaitable(_apply_all)
    draft = blocking(_draft)
    adraft = awaitable(_draft)


@dataclass(frozen=True)
class TacticResult:
    """What came of a tactic.

    step: the record of it, for a search. states: those it leaves. error: why Lean did not take
    it. messages: what it said. suggestion: what a tactic that searches found and was replaced by.
    """

    step: Step = field(repr=False)
    states: tuple[SessionState, ...] = ()
    error: str | None = None
    messages: tuple[Message, ...] = field(default=(), repr=False)
    suggestion: str | None = None

    @property
    def ok(self) -> bool:
        """Whether Lean took it."""
        return self.error is None

    @property
    def closes(self) -> bool:
        """Whether it leaves no goal. A proof it is when `SessionTheorem.check` accepts it."""
        return self.ok and not self.states


@dataclass(frozen=True, slots=True)
class KeptState:
    """What `SessionState.dumps` wrote: a file, a root in it, and the steps from there."""

    path: str
    source: str
    theorem: int
    state: int
    steps: tuple[tuple[str, int, bool], ...]

    @classmethod
    def of(cls, text: str) -> KeptState:
        """Read it. Raises UsageError for any other text."""
        try:
            kept = json.loads(text)
            numbers = [int(kept[name]) for name in ("format", "theorem", "state")]
            steps = [(str(tactic), int(at), bool(draft)) for tactic, at, draft in kept["steps"]]
            path, source = str(kept["path"]), str(kept["source"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"no state of a session: {error}") from None
        if numbers[0] != STATE_FORMAT:
            raise UsageError(f"a state of format {numbers[0]}; this version reads {STATE_FORMAT}")
        return cls(path, source, numbers[1], numbers[2], tuple(steps))

    async def reach(self, file: SessionFile) -> SessionState:
        """The state, by its tactics. Raises UsageError where Lean does not take them again."""
        try:
            state = file.theorems[self.theorem].states[self.state]
            for tactic, index, draft in self.steps:
                state = (await state.attempt(tactic, draft=draft)).states[index]
        except IndexError:
            raise UsageError("Lean does not come to the state again by its tactics") from None
        return state
