"""What `lakatos eval --check` finds: the statements, the model, and what a run would take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import EnvironmentFault
from .evaluation import duration

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What came of asking the model once. fault: why that is no answer to work with."""

    policy: str
    seconds: float = 0.0
    tokens: int = 0
    tactics: int = 0
    accepted: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationCheck:
    """What a run over a problem set would do. All figures are of what is left of it to do.

    unfit: name and reason of each problem that Lean does not accept. left_out: how many of them
    would be left out. goes_on: the number of the run that would; None: a new one. to_try: problems
    that would be counted. attempts: in all, at those that Lean accepts. seconds: of an attempt, at
    most. places: attempts at once. tokens_most: None where unknown, as is free_bytes, of the disk
    of the store.
    """

    name: str
    problems: int
    unfit: list[tuple[str, str]]
    left_out: int
    goes_on: int | None
    to_try: int
    attempts: int
    seconds: float
    places: int
    answer: ModelAnswer | None
    tokens_most: int | None
    disk_bytes: int
    free_bytes: int | None
    store: str

    @property
    def accepted(self) -> int:
        """Statements that Lean accepts."""
        return self.problems - len(self.unfit)

    @property
    def wall_s_most(self) -> float:
        """Seconds that the run takes at most; the time of elaborating and judging is extra."""
        return self.attempts * self.seconds / self.places

    @property
    def is_full(self) -> bool:
        """Whether the disk has too little room."""
        return self.free_bytes is not None and self.free_bytes < self.disk_bytes

    @property
    def exit_code(self) -> int:
        """3: the model or the disk must be mended; 1: Lean does not accept all; 0: go."""
        if self.is_full or (self.answer and self.answer.fault):
            return EnvironmentFault.exit_code
        return 1 if len(self.unfit) > self.left_out else 0

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Subject, what is found, and what to do about it; the last is empty when all is well."""
        rest = len(self.unfit) - self.left_out
        cure = f"mend them; as it is {rest} of them would count as not solved" if rest else ""
        yield "statements", self._statements(), cure
        if self.answer:
            yield self._model(self.answer)
        each = f"{self.attempts} attempts of {self.seconds:g} s, {self.places} at once"
        yield "time", f"at most {duration(self.wall_s_most)}: {each}; Lean's checks are extra", ""
        if self.answer and self.tokens_most is not None:
            yield "tokens", f"at most about {self.tokens_most:,}", ""
        yield self._disk()
        does = (
            "a new run would begin" if self.goes_on is None else f"run {self.goes_on} would go on"
        )
        yield "run", f"{does}: {self.name}, {self.to_try} problems to try", ""

    def _statements(self) -> str:
        without = f", {self.left_out} would be left out" if self.left_out else ""
        lines = [f"Lean accepts {self.accepted} of {self.problems}{without}"]
        lines += [f"{name}: {' '.join(why.split())[:200]}" for name, why in self.unfit[:_SHOWN]]
        more = len(self.unfit) - _SHOWN
        return "\n    ".join(lines + ([f"and {more} more"] if more > 0 else []))

    def _model(self, answer: ModelAnswer) -> tuple[str, str, str]:
        if answer.fault:
            return "model", answer.fault, "see to the model; --policy"
        said = f"{answer.tactics} suggestions, {answer.accepted} of them accepted by Lean"
        speed = f", {answer.tokens} tokens" if answer.tokens else ""
        return "model", f"{answer.policy}: {said}{speed}, {answer.seconds:.1f} s", ""

    def _disk(self) -> tuple[str, str, str]:
        needs = f"at most about {self.disk_bytes / 1e6:,.0f} MB in {self.store}"
        free = "" if self.free_bytes is None else f", {self.free_bytes / 1e6:,.0f} MB are free"
        return "disk", needs + free, "make room, or choose another --db" if self.is_full else ""
