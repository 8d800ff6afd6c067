"""How a run over a problem set stands: classes, rate, time to go, what each worker does.

It has no clock: who asks says what time it is, in seconds of any steady clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..evaluation import Problem, ProblemResult, ResultClass
from ..model_usage import ModelUsage

_LATELY = 64
"""Results that the rate is taken from."""


@dataclass(slots=True)
class Worker:
    """What one place at work does. number: of the attempt, 0 while the statement is elaborated."""

    name: str
    number: int
    since_s: float
    expansions: int = 0


@dataclass(slots=True)
class EvaluationProgress:
    """Told by the run as it goes. total: theorems; begun_s: when this session began.

    classes: of the theorems that are over, those of earlier sessions included.
    on_result: hears of each theorem when it is over. usage: what model servers did by now.
    """

    clock: Callable[[], float]
    on_result: Callable[[ProblemResult], None] = lambda result: None
    total: int = 0
    begun_s: float = 0.0
    classes: dict[ResultClass, int] = field(default_factory=lambda: dict.fromkeys(ResultClass, 0))
    workers: dict[int, Worker] = field(default_factory=dict)
    usage: Callable[[], ModelUsage] = ModelUsage
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=_LATELY))

    def begin(self, total: int, over: dict[ResultClass, int]) -> None:
        """The session begins. over: how many theorems of each class are over already."""
        self.total, self.begun_s = total, self.clock()
        self.classes |= over

    def start(self, slot: int, problem: Problem, number: int) -> None:
        """A worker takes up an attempt, or with number 0 a statement."""
        self.workers[slot] = Worker(problem.name, number, self.clock())

    def expanded(self, slot: int, count: int) -> None:
        """A worker expanded so many states."""
        if slot in self.workers:
            self.workers[slot].expansions += count

    def finish(self, slot: int, result: ProblemResult) -> None:
        """A theorem is over."""
        self.workers.pop(slot, None)
        self.classes[result.outcome] += 1
        self.ends.append(self.clock())
        self.on_result(result)

    @property
    def solved(self) -> int:
        """Theorems solved."""
        return self.classes[ResultClass.SOLVED]

    @property
    def over(self) -> int:
        """Theorems that are over."""
        return sum(self.classes.values()) - self.classes[ResultClass.UNTRIED]

    @property
    def per_minute(self) -> float:
        """Theorems that ended a minute, over the last ones; 0 before the first."""
        if not self.ends:
            return 0.0
        is_full = len(self.ends) == _LATELY
        count = len(self.ends) - is_full
        took_s = self.clock() - (self.ends[0] if is_full else self.begun_s)
        return 60 * count / took_s if took_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None before there is one."""
        rate = self.per_minute
        return 60 * (self.total - self.over) / rate if rate else None
