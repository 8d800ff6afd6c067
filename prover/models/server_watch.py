"""What model servers do meanwhile: counted for a run, and told to the searches that wait for it.

The clock of a search stands still while a server fails to answer it, and a search to which the
model said nothing is the model's failure. Who waits is found by the context of the request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from ...data.model_usage import ModelUsage
from ...data.records import StopReason
from ...data.turns import COMPLETION, PROMPT, Turn
from .base import Generated, Prompt

Clock = Callable[[], float]
Say = Callable[[str], None]

SAID_EVERY_S = 60.0
"""Least time between two lines about failures of servers."""
LONG_S = 5.0
"""After an outage of that length it is said that it is over."""
SHOWN_CHARS = 120

_ENDS = {StopReason.DEAD_END, StopReason.WALL_TIME, StopReason.EXPANSIONS}
"""Ends of a search that may be the model's failure."""


class Waiting(Protocol):
    """Who waits for an answer of a model."""

    def asks(self) -> None:
        """A request begins."""
        ...

    def fails(self, took_s: float, why: str) -> None:
        """It failed after so many seconds, and is sent again."""
        ...

    def is_over(self) -> None:
        """The failing is over: it was answered, or given up."""
        ...

    def hears(self, answer: Generated, prompt: Prompt | None = None) -> None:
        """What the model wrote. prompt: what it was asked; None: kept elsewhere."""
        ...

    def server_answers(self) -> None:
        """The server answered somebody meanwhile."""
        ...


class SearchWatch:
    """What one search hears of its model.

    clock: of the search, in seconds. keeps: whether prompts and answers are kept.
    """

    def __init__(self, clock: Clock, keeps: bool = False) -> None:
        self._keeps = keeps
        self._prompts = 0
        self._unkept: list[Turn] = []
        self._clock = clock
        self._began_s = clock()
        self._down_s = 0.0
        self._since_s = 0.0
        self._failing = 0
        self._is_asked = self._is_server_well = False
        self._trouble = ""
        self._completions = self._texts = 0
        self._first = ""

    def time(self) -> float:
        """The clock, without the time in which a server failed to answer."""
        return (self._since_s if self._failing else self._clock()) - self._down_s

    def asks(self) -> None:
        """A request begins."""
        self._is_asked = True

    def fails(self, took_s: float, why: str) -> None:
        """It failed after so many seconds, which are not counted either."""
        self._trouble = why
        now = self._clock()
        self._failing += 1
        if self._failing == 1:
            self._since_s = max(self._began_s + self._down_s, now - took_s)

    def is_over(self) -> None:
        """One failing request is over."""
        self._failing -= 1
        if not self._failing:
            self._down_s += self._clock() - self._since_s

    def hears(self, answer: Generated, prompt: Prompt | None = None) -> None:
        """Count what the model wrote, and keep it where that is wanted."""
        if self._keeps and prompt:
            number, self._prompts = self._prompts, self._prompts + 1
            self._unkept.append(Turn(number, PROMPT, _as_text(prompt)))
            self._unkept += [
                Turn(number, COMPLETION, each.text, tokens=each.tokens)
                for each in answer.completions
            ]
        texts = [each.text.strip() for each in answer.completions]
        self._completions += len(texts)
        self._texts += sum(map(bool, texts))
        self._first = self._first or next(filter(None, texts), "")
        if answer.refused:
            self._trouble = answer.refused

    def server_answers(self) -> None:
        """Somebody was answered."""
        self._is_server_well = True

    def unkept(self) -> list[Turn]:
        """Prompts and completions since the last call."""
        turns, self._unkept = self._unkept, []
        return turns

    def failure(self, stop: StopReason) -> str:
        """Why the end of a search is the model's failure; empty when it is not."""
        if not self._is_asked or self._texts or stop not in _ENDS:
            return ""
        if self._completions:
            return f"{self._completions} of {self._completions} answers of the model were empty"
        if stop is StopReason.WALL_TIME:
            if self._is_server_well:
                return ""
            return self._trouble or "the model gave no answer in the time for the theorem"
        return self._trouble or "the model gave no answer"

    def nothing_taken(self, steps: int) -> str:
        """That Lean rejected all that the model wrote. steps: tactics that Lean tried."""
        if not self._texts:
            return ""
        first = " ".join(self._first.split())
        first = first if len(first) <= SHOWN_CHARS else first[: SHOWN_CHARS - 1] + "…"
        what = f"all {steps} tactics were rejected by Lean" if steps else "none holds a tactic"
        return f"{self._texts} answers of the model, {what}; the first: {first}"


def _as_text(prompt: Prompt) -> str:
    if not prompt.messages:
        return prompt.text
    return "\n\n".join(f"[{each.role}]\n{each.text}" for each in prompt.messages)


class WatchGroup:
    """Several who wait for one answer."""

    def __init__(self) -> None:
        self._members: list[Waiting] = []
        self._failing = 0
        self._is_asked = False

    def join(self, member: Waiting) -> None:
        """One more waits."""
        self._members.append(member)
        if self._is_asked:
            member.asks()
        for _ in range(self._failing):
            member.fails(0.0, "")

    def leave(self, member: Waiting) -> None:
        """One less waits."""
        self._members.remove(member)
        for _ in range(self._failing):
            member.is_over()

    def asks(self) -> None:
        """Tell all."""
        self._is_asked = True
        for member in self._members:
            member.asks()

    def fails(self, took_s: float, why: str) -> None:
        """Tell all."""
        self._failing += 1
        for member in self._members:
            member.fails(took_s, why)

    def is_over(self) -> None:
        """Tell all."""
        self._failing -= 1
        for member in self._members:
            member.is_over()

    def hears(self, answer: Generated, prompt: Prompt | None = None) -> None:
        """Tell all."""
        for member in self._members:
            member.hears(answer, prompt)

    def server_answers(self) -> None:
        """Tell all."""
        for member in self._members:
            member.server_answers()


waiting: ContextVar[Waiting | None] = ContextVar("waiting", default=None)
"""Who waits for the requests that are made in this context."""


def who_waits() -> Waiting:
    """Who waits here; nobody who minds, where nobody said so."""
    return waiting.get() or WatchGroup()


class ServerMonitor:
    """Counts what the model servers of a run do. say: is told of trouble, a line at a time."""

    def __init__(self, say: Say = lambda line: None, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._say = say
        self._done = ModelUsage()
        self._active: list[WatchedRequest] = []
        self._busy_since_s = 0.0
        self._down_since_s: float | None = None
        self._said_s: float | None = None
        self._is_length_said = False

    @property
    def usage(self) -> ModelUsage:
        """The counts by now."""
        now, more = self.clock(), ModelUsage()
        if self._active:
            more.busy_s = now - self._busy_since_s
        if self._down_since_s is not None:
            more.down_s = now - self._down_since_s
        return self._done + more

    @contextmanager
    def request(self) -> Iterator[WatchedRequest]:
        """One request, until it is answered or given up."""
        request = WatchedRequest(self, who_waits())
        if not self._active:
            self._busy_since_s = self.clock()
        self._active.append(request)
        try:
            yield request
        finally:
            request.end()
            self._active.remove(request)
            if not self._active:
                self._done.busy_s += self.clock() - self._busy_since_s

    def refused(self) -> None:
        """A server does not take a request as it is."""
        self._done.requests += 1

    def failed(self, why: str, hint: str) -> None:
        """A request failed. hint: what is done about it."""
        self._done.requests += 1
        self._done.errors += 1
        now = self.clock()
        if self._down_since_s is None:
            self._down_since_s = now
        if self._said_s is None or now - self._said_s >= SAID_EVERY_S:
            self._said_s = now
            self._say(f"server: {why}, {hint}")

    def too_long(self, why: str) -> None:
        """A prompt is too long for a model."""
        self._done.errors += 1
        if not self._is_length_said:
            self._is_length_said = True
            self._say(f"server: {why}")

    def answered(self, answer: Generated | None) -> None:
        """A server answered, with completions where it was asked for them."""
        self._done.requests += 1
        if self._down_since_s is not None:
            down_s, self._down_since_s = self.clock() - self._down_since_s, None
            self._done.down_s += down_s
            if down_s >= LONG_S:
                self._said_s = None
                self._say(f"server: answers again, after {down_s:.0f} s")
        for request in self._active:
            request.waiting.server_answers()
        if answer:
            texts = [each.text for each in answer.completions]
            self._done.completions += len(texts)
            self._done.empty += sum(not text.strip() for text in texts)
            self._done.tokens += sum(each.tokens for each in answer.completions)
            self._done.prompt_tokens += answer.prompt_tokens


class WatchedRequest:
    """One request of a monitor, sent until it is answered."""

    def __init__(self, monitor: ServerMonitor, waiting: Waiting) -> None:
        self.waiting = waiting
        self._monitor = monitor
        self._is_failing = False
        self._sent_s = 0.0
        waiting.asks()

    def send(self) -> None:
        """It is sent, or sent again."""
        self._sent_s = self._monitor.clock()

    def failed(self, why: str, hint: str) -> None:
        """This time it failed."""
        self._monitor.failed(why, hint)
        if not self._is_failing:
            self._is_failing = True
            self.waiting.fails(self._monitor.clock() - self._sent_s, why)

    def end(self) -> None:
        """It is answered, or given up."""
        if self._is_failing:
            self._is_failing = False
            self.waiting.is_over()


@dataclass(frozen=True, slots=True)
class Servers:
    """How model servers are reached. key: sent to them; monitor: counts what they do."""

    key: str | None = field(default=None, repr=False)
    monitor: ServerMonitor = field(default_factory=ServerMonitor)
