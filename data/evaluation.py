"""What an evaluation is: problems, attempts at them, and the classes that these end in.

Every theorem of a run is in exactly one class, so the classes sum up to the number of theorems.
Kept and loaded by store/evaluations.py; problem sets are read by problems/reader.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Any

from .model_usage import ModelUsage


class ResultClass(StrEnum):
    """What came of a theorem, or of one attempt at it."""

    SOLVED = "solved"
    BUDGET = "budget"  # time, expansions, steps or tokens ran out
    DEAD_END = "dead end"  # nothing was left to try; disproved statements too
    CRASH = "crash"  # Lean ended, again and again
    MODEL_FAILED = "model failed"  # it did not answer, or with nothing: no try of the theorem
    NOT_ELABORATED = "does not elaborate"
    REFUSED = "refused"  # a proof was found and the verifier refuses it
    UNTRIED = "not tried yet"  # no attempt is over


@dataclass(frozen=True, slots=True)
class Problem:
    """One theorem to prove.

    source: where it comes from, by its name: amc, aime, imo, mathd_algebra, ...
    header: what stands above it, empty or ending in a line feed. statement: ends in a `sorry`.
    hole: which `sorry` of the statement is meant, from 0. path: its file, with `:LINE` for a row.
    flaw: why there is nothing to give to Lean; empty for a sound problem.
    is_core: what the set says of it, if it does: does it elaborate without Mathlib?
    """

    name: str
    source: str
    split: str
    header: str = field(repr=False)
    statement: str = field(repr=False)
    informal: str = field(default="", repr=False)
    path: str = ""
    hole: int = 0
    flaw: str = ""
    is_core: bool | None = None

    @property
    def lean(self) -> str:
        """The problem as a Lean file."""
        return self.header + self.statement

    @property
    def premises(self) -> tuple[str, ...]:
        """The axioms below the mark PREMISES of the header, which a proof may use."""
        mark = _MARK.search(self.header)
        return tuple(_AXIOM.findall(self.header, mark.end())) if mark else ()


PREMISES = "-- premises: theorems of {} that stand above, as axioms"
"""The line, for a module, above the axioms of a header that are true theorems of a library."""

_MARK = re.compile("^" + re.escape(PREMISES).replace(r"\{\}", r"\S+") + "$", re.MULTILINE)
_AXIOM = re.compile(
    r"^(?:@\[[^\n]*?\] )?(?:protected )?axiom ((?:«[^»\n]*»|[^\s«.]|\.(?!\{))+)", re.MULTILINE
)

ALARM = "soundness alarm: "
"""How the detail begins of an attempt whose refusal nothing ordinary explains."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One attempt at a problem. number: from 1. ended_s: when, in seconds of work on the run.

    attempt_id: its number in the store, where its proof graph is.
    """

    attempt_id: int
    number: int
    outcome: ResultClass
    wall_s: float
    expansions: int
    steps: int
    tokens: int
    ended_s: float
    seed: int
    proof: str | None
    detail: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether the search found a proof that is refused for what should never happen."""
        return self.detail.startswith(ALARM)


@dataclass(frozen=True, slots=True)
class ProblemResult:
    """What came of a problem; detail: why, where no attempt says it."""

    problem: Problem
    outcome: ResultClass
    attempts: tuple[AttemptResult, ...] = ()
    detail: str = ""

    @property
    def is_solved(self) -> bool:
        """Whether an attempt found a proof that the verifier accepted."""
        return self.outcome is ResultClass.SOLVED


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run over a problem set. wall_s: seconds of work on it, breaks between resumes left out.

    config: what the run was made of, as JSON values. k: attempts wanted for each theorem.
    usage: what its model servers did.
    """

    run_id: int
    command: str
    config: dict[str, Any] = field(repr=False)
    toolchain: str
    commit: str
    problem_set: str
    problem_hash: str
    seed: int
    k: int
    started_at: datetime
    wall_s: float
    is_finished: bool
    results: tuple[ProblemResult, ...] = field(repr=False)
    usage: ModelUsage = field(default_factory=ModelUsage)

    @property
    def classes(self) -> dict[ResultClass, int]:
        """How many theorems are in each class; all classes, in their order."""
        counts = dict.fromkeys(ResultClass, 0)
        for result in self.results:
            counts[result.outcome] += 1
        return counts

    @property
    def tried(self) -> int:
        """How many theorems were tried."""
        classes = self.classes
        return len(self.results) - sum(classes[outcome] for outcome in NOT_TRIED)

    @property
    def left_out(self) -> int:
        """How many problems were left out, since Lean refuses them."""
        return int(self.config.get("evaluation", {}).get("left_out") or 0)


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """One evaluation in a listing."""

    run_id: int
    problem_set: str
    problem_hash: str
    command: str
    config: dict[str, Any] = field(repr=False)
    toolchain: str
    seed: int
    k: int
    started_at: datetime
    is_finished: bool
    theorems: int
    solved: int


_WORST_FIRST = (
    ResultClass.REFUSED,
    ResultClass.CRASH,
    ResultClass.MODEL_FAILED,
    ResultClass.BUDGET,
    ResultClass.DEAD_END,
)
NOT_TRIED = (ResultClass.MODEL_FAILED, ResultClass.UNTRIED)
"""Classes that say nothing of a theorem: outside of rates of what was tried."""


def outcome_of(outcomes: Collection[ResultClass]) -> ResultClass:
    """The class of a theorem by those of its attempts: solved, or else what most needs a look."""
    if ResultClass.SOLVED in outcomes:
        return ResultClass.SOLVED
    return next((each for each in _WORST_FIRST if each in outcomes), ResultClass.UNTRIED)


def hash_of(problems: Sequence[Problem]) -> str:
    """What names a problem set: SHA-256, in hex, of names, places of holes and Lean texts."""
    digest = sha256()
    for problem in problems:
        for part in (problem.name, str(problem.hole), problem.lean, problem.flaw):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def seed_of(run_seed: int, name: str, number: int) -> int:
    """The seed of attempt `number` at the theorem of that name, in [0, 2**31)."""
    digest = blake2b(f"{run_seed}:{name}:{number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") & 0x7FFFFFFF
