"""Observes model servers: counts requests for a run, and tells the searches that wait for them.

The clock of a search stands still while a server fails to answer it, and a search that got no text
from the model is the model's failure. Which search waits is found by the context of the request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

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


class RequestObserver:
    """Observes the requests to a model on which a search waits; by itself it does nothing."""

    def sent(self) -> None:
        """A request begins."""

    def failing(self, took_s: float, why: str) -> None:
        """It failed after so many seconds, and is sent again."""

    def over(self) -> None:
        """The failing is over: the request was answered, or given up."""

    def answered(self, answer: Generated, prompt: Prompt | None = None) -> None:
        """The model answered. prompt: what it was asked; None: recorded elsewhere."""

    def server_answered(self) -> None:
        """The server answered some other request."""


class SearchWatch(RequestObserver):
    """What one search got from its model.

    clock: of the search, in seconds. keeps: whether prompts and answers are recorded.
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
        self._has_requests = self._is_server_well = False
        self._trouble = ""
        self._completions = self._texts = 0
        self._first = ""

    def time(self) -> float:
        """The clock, without the time in which a server failed to answer."""
        return (self._since_s if self._failing else self._clock()) - self._down_s

    def sent(self) -> None:
        """A request begins."""
        self._has_requests = True

    def failing(self, took_s: float, why: str) -> None:
        """It failed after so many seconds, which the clock leaves out."""
        self._trouble = why
        now = self._clock()
        self._failing += 1
        if self._failing == 1:
            self._since_s = max(self._began_s + self._down_s, now - took_s)

    def over(self) -> None:
        """One failing request is over."""
        self._failing -= 1
        if not self._failing:
            self._down_s += self._clock() - self._since_s

    def answered(self, answer: Generated, prompt: Prompt | None = None) -> None:
        """Count what the model wrote, and record it where that is wanted."""
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

    def server_answered(self) -> None:
        """The server answers others."""
        self._is_server_well = True

    def unkept(self) -> list[Turn]:
        """Prompts and completions since the last call."""
        turns, self._unkept = self._unkept, []
        return turns

    def failure(self, stop: StopReason) -> str:
        """Why the end of a search is the model's failure; empty when it is not."""
        if not self._has_requests or self._texts or stop not in _ENDS:
            return ""
        if self._completions:
            return f"{self._completions} of {self._completions} answers of the model were empty"
        if stop is StopReason.WALL_TIME:
            if self._is_server_well:
                return ""
            return self._trouble or "the model gave no answer in the time for the theorem"
        return self._trouble or "the model gave no answer"

    def all_rejected(self, steps: int) -> str:
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


class WatchGroup(RequestObserver):
    """Several searches that wait for one answer."""

    def __init__(self) -> None:
        self._members: list[RequestObserver] = []
        self._failing = 0
        self._has_requests = False

    def join(self, member: RequestObserver) -> None:
        """One more waits."""
        self._members.append(member)
        if self._has_requests:
            member.sent()
        for _ in range(self._failing):
            member.failing(0.0, "")

    def leave(self, member: RequestObserver) -> None:
        """One less waits."""
        self._members.remove(member)
        for _ in range(self._failing):
            member.over()

    def sent(self) -> None:
        """Pass it on."""
        self._has_requests = True
        for member in self._members:
            member.sent()

    def failing(self, took_s: float, why: str) -> None:
        """Pass it on."""
        self._failing += 1
        for member in self._members:
            member.failing(took_s, why)

    def over(self) -> None:
        """Pass it on."""
        self._failing -= 1
        for member in self._members:
            member.over()

    def server_answered(self) -> None:
        """Pass it on."""
        for member in self._members:
            member.server_answered()


_observer: ContextVar[RequestObserver | None] = ContextVar("lakatos_observer", default=None)


def observe_requests(observer: RequestObserver) -> None:
    """Have the requests that are made in this context observed."""
    _observer.set(observer)


def request_observer() -> RequestObserver:
    """What observes the requests that are made in this context."""
    return _observer.get() or RequestObserver()


class ServerMonitor:
    """Counts what the model servers of a run do. say: prints a line about a failure."""

    def __init__(self, say: Say = lambda line: None, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._say = say
        self._done = ModelUsage()
        self._active: list[WatchedRequest] = []
        self._busy_since_s = 0.0
        self._down_since_s: float | None = None
        self._said_s: float | None = None
        self._has_said_length = False

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
        request = WatchedRequest(self, request_observer())
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
        """A server refused a request as it is."""
        self._done.requests += 1

    def failed(self, why: str, action: str) -> None:
        """A request failed. action: what is done about it."""
        self._done.requests += 1
        self._done.errors += 1
        now = self.clock()
        if self._down_since_s is None:
            self._down_since_s = now
        if self._said_s is None or now - self._said_s >= SAID_EVERY_S:
            self._said_s = now
            self._say(f"server: {why}, {action}")

    def too_long(self, why: str) -> None:
        """A prompt is too long for a model."""
        self._done.errors += 1
        if not self._has_said_length:
            self._has_said_length = True
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
            request.observer.server_answered()
        if answer:
            texts = [each.text for each in answer.completions]
            self._done.completions += len(texts)
            self._done.empty += sum(not text.strip() for text in texts)
            self._done.tokens += sum(each.tokens for each in answer.completions)
            self._done.prompt_tokens += answer.prompt_tokens


class WatchedRequest:
    """One request of a monitor, sent until it is answered."""

    def __init__(self, monitor: ServerMonitor, observer: RequestObserver) -> None:
        self.observer = observer
        self._monitor = monitor
        self._is_failing = False
        self._sent_s = 0.0
        observer.sent()

    def send(self) -> None:
        """It is sent, or sent again."""
        self._sent_s = self._monitor.clock()

    def failed(self, why: str, action: str) -> None:
        """This time it failed."""
        self._monitor.failed(why, action)
        if not self._is_failing:
            self._is_failing = True
            self.observer.failing(self._monitor.clock() - self._sent_s, why)

    def end(self) -> None:
        """It is answered, or given up."""
        if self._is_failing:
            self._is_failing = False
            self.observer.over()


@dataclass(frozen=True, slots=True)
class Servers:
    """How model servers are reached. key: sent to them; monitor: counts what they do."""

    key: str | None = field(default=None, repr=False)
    monitor: ServerMonitor = field(default_factory=ServerMonitor)
