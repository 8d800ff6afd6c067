"""How many theorems each of the hammer's named templates proves alone, on several sets.

    python benchmarks/templates.py SET [SET ...] [--sample 24]

SET: a file or folder as problem_sets.py reads it. A template counts where one of its tactics closes
the theorem at once, within 2,000 thousand heartbeats; the proof is not verified. First: those that
none of the other tactics of the hammer closes within the same limit.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import problem_sets  # type: ignore[import-not-found]
import record  # type: ignore[import-not-found]
from lakatos.data.records import Advanced, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.prover.hammer.file_context import Scope
from lakatos.prover.hammer.goal_text import GoalText
from lakatos.prover.hammer.policy import portfolio
from lakatos.prover.hammer.programs import TEMPLATES

RESULTS = Path(__file__).parent / "results" / "templates.json"
HEARTBEATS = 2_000
WALL_S = 30.0
OTHER = "the other tactics"


async def closes(pool: LeanPool, theorem: Theorem, tactics: list[str]) -> str | None:
    """The first of the tactics that closes the theorem."""
    for tactic in tactics:
        (step,) = await pool.apply(theorem.state, tactic, heartbeats=HEARTBEATS, timeout_s=WALL_S)
        if step.outcome == Advanced(()):
            return tactic
    return None


async def row(pool: LeanPool, theorem: Theorem) -> dict[str, Any]:
    """What each template does at one theorem."""
    shape = GoalText(theorem.state.goals[0])
    scope = Scope(theorem.context, shape.goal, theorem.source)
    own = {t.name: list(dict.fromkeys(t.texts(shape, scope))) for t in TEMPLATES}
    texts = {text for tactics in own.values() for text in tactics}
    rest = [p.tactic for p in portfolio(theorem, theorem.state.goals) if p.tactic not in texts]
    by = {name: await closes(pool, theorem, tactics) for name, tactics in own.items()}
    by[OTHER] = await closes(pool, theorem, rest)
    return {"name": theorem.name, "by": {name: tactic for name, tactic in by.items() if tactic}}


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """By template: theorems proved, and those of them that nothing else of the hammer proves."""
    proved = Counter(name for each in rows for name in each["by"])
    new = Counter(name for each in rows if OTHER not in each["by"] for name in each["by"])
    names = [*(t.name for t in TEMPLATES), OTHER]
    return {
        "of": len(rows),
        "proved": {name: proved[name] for name in names},
        "not_by_the_others": {t.name: new[t.name] for t in TEMPLATES},
        "new": sum(OTHER not in each["by"] and bool(each["by"]) for each in rows),
    }


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All sets."""
    toolchain = find_toolchain("embedded", cache=record.cache())
    found: dict[str, Any] = {"lean": toolchain.lean, "sets": {}}
    async with LeanPool(toolchain, workers=options.workers) as pool:
        for path in options.sets:
            rows = []
            for file in problem_sets.sample(path, options.sample, options.seed):
                opened = await pool.open(f"{file.name}.lean", file.source)
                for theorem in opened.theorems:
                    if file.has(theorem.declaration):
                        rows.append(await row(pool, theorem))
                        print(path.name, rows[-1], flush=True)
                pool.close_file(opened)
            told = {"sha256": problem_sets.digest(path), **counts(rows), "theorems": rows}
            found["sets"][path.name] = told
    return found


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--sample", type=int, default=24, help="theorems of each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = {
        "command": record.command(),
        "commit": record.commit(),
        "seed": options.seed,
        "heartbeats": HEARTBEATS,
    } | asyncio.run(measure(options))
    record.write(options.out, found)
    for name, told in found["sets"].items():
        print(name, {key: told[key] for key in ("of", "proved", "not_by_the_others", "new")})


if __name__ == "__main__":
    main()
