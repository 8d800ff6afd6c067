"""What a dataset must not speak of: the problems it will be measured on, by Lean's keys."""

from __future__ import annotations

from collections.abc import Sequence

from ...data.dataset.dataset import NOTHING_EXCLUDED, Excluded
from ...data.errors import UsageError, WorkerDied
from ...data.problems.reader import CORE_HEADER, ProblemSet, with_header
from ...lean_env.pool import LeanPool
from ...lean_env.queries.trace import Traces, to_traced
from ...lean_env.toolchains.find import Toolchain
from .progress import OnProgress, silent


async def exclude_problems(
    sets: Sequence[ProblemSet], pool: LeanPool, is_bare: bool, on_progress: OnProgress = silent
) -> Excluded:
    """The keys of the problems' statements, and of the states that their proofs begin with.

    is_bare: problems of Mathlib are read as far as core Lean can. The name says how many problems
    Lean took; what it cannot state here nothing here can speak of.
    """
    statements: set[str] = set()
    states: set[str] = set()
    names = []
    for each in sets:
        sound = [problem for problem in each.problems if not problem.flaw]
        if is_bare:
            sound = list(with_header(sound, CORE_HEADER, only_foreign=True))
        taken = 0
        for done, problem in enumerate(sound):
            on_progress(done, len(sound), each.name)
            try:
                keys, roots = await _keys(pool, problem.path, problem.lean)
            except (UsageError, WorkerDied):
                continue
            taken += bool(roots)
            statements |= keys
            states |= roots
        names.append(f"{each.name} ({taken} of {len(sound)} problems could be stated)")
    return Excluded(", ".join(names), frozenset(statements), frozenset(states))


async def excluded_by(
    sets: Sequence[ProblemSet], toolchain: Toolchain, on_progress: OnProgress = silent
) -> Excluded:
    """`exclude_problems` by a pool of its own, if there is anything to exclude."""
    if not sets:
        return NOTHING_EXCLUDED
    async with LeanPool(toolchain, workers=1) as pool:
        return await exclude_problems(sets, pool, toolchain.name == "embedded", on_progress)


async def _keys(pool: LeanPool, path: str, text: str) -> tuple[set[str], set[str]]:
    """Of the statements and of the first states of the theorems with a hole."""
    traced = to_traced(path, text, "", await Traces(pool, "").ask(path, text))
    keys = {each.key for each in traced.declarations if each.kind == "theorem" and each.has_sorry}
    theorems = (await pool.open(path, text)).theorems
    return keys, {state.key for each in theorems for state in (each.state, *each.others)}
