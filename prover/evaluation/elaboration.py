"""Whether Lean accepts the statements of a problem set, and if not, why.

It tells apart what Lean refuses from what the machine or the row is to blame for: a crash, a
time-out and a malformed row say nothing of the statement, so they leave no denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...data.errors import LeanTimeout, UsageError, WorkerDied
from ...data.evaluation import Problem, ResultClass
from ...data.problems.reader import BARE_HEADER
from ...data.records import Theorem
from ...lean_env.opened_file import OpenedFile
from ..concurrency import run_all


class FilePool(Protocol):
    """The part of a pool that a benchmark needs."""

    @property
    def workers(self) -> int:
        """How many Lean workers there are."""
        ...

    async def open(self, path: str, source: str) -> OpenedFile:
        """Elaborate a file. Raises UsageError, WorkerDied."""
        ...

    def close_file(self, opened: OpenedFile) -> None:
        """Keep nothing of it, nor of others by its path."""
        ...


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a problem cannot be attempted. is_refused: Lean was asked, and does not accept it."""

    outcome: ResultClass
    detail: str
    is_refused: bool = False


async def opened_theorem(
    pool: FilePool, problem: Problem
) -> tuple[OpenedFile | None, Theorem | Unfit]:
    """Elaborate a problem: its file, to be closed, and its theorem or why there is none."""
    if problem.flaw:
        return None, Unfit(ResultClass.NOT_ELABORATED, problem.flaw)
    try:
        opened = await pool.open(path_of(problem), problem.lean)
    except LeanTimeout as error:
        return None, Unfit(ResultClass.NOT_ELABORATED, str(error))
    except UsageError as error:
        return None, Unfit(ResultClass.NOT_ELABORATED, str(error), is_refused=True)
    except WorkerDied as error:
        return None, Unfit(ResultClass.CRASH, str(error))
    found = theorem_of(problem, opened)
    if isinstance(found, str):
        return opened, Unfit(ResultClass.NOT_ELABORATED, found, is_refused=True)
    return opened, found


def path_of(problem: Problem) -> str:
    """The path that its file goes by: no other problem's."""
    return f"{problem.path}/{problem.name}" if problem.path else problem.name


def theorem_of(problem: Problem, opened: OpenedFile) -> Theorem | str:
    """The theorem that the problem means, or why Lean does not have it."""
    ours = problem.header.count("\n") if problem.header.strip() == BARE_HEADER.strip() else 0
    for message in opened.messages:
        if message.severity == "error":
            return f"line {message.line - ours}: {message.text}"
    start = len(problem.header.encode())
    holes = [theorem for theorem in opened.theorems if theorem.start >= start]
    if problem.hole >= len(holes):
        return f"Lean finds {len(holes)} sorries in it, and sorry {problem.hole + 1} is meant"
    if not holes[problem.hole].is_prop:
        return "its sorry stands for data, not for a proof"
    return holes[problem.hole]


async def unfit(pool: FilePool, problem: Problem) -> Unfit | None:
    """Why a problem cannot be attempted; None when Lean accepts it."""
    opened, found = await opened_theorem(pool, problem)
    if opened:
        pool.close_file(opened)
    return found if isinstance(found, Unfit) else None


async def all_unfit(
    pool: FilePool, problems: Sequence[Problem], on_known: Callable[[int], None]
) -> list[Unfit | None]:
    """`unfit` of each problem, in order. on_known: is called with how many are known."""
    found: list[Unfit | None] = [None] * len(problems)
    waiting = iter(enumerate(problems))
    known = 0

    async def place() -> None:
        nonlocal known
        for number, problem in waiting:
            found[number] = await unfit(pool, problem)
            known += 1
            on_known(known)

    await run_all([place() for _ in range(pool.workers)])
    return found
