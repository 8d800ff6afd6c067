"""What rising limits of heartbeats bring: the same problems with one limit and with several.

    python benchmarks/tactic_limits.py SET [SET ...] [--sample 12] [--seconds 20]

SET: a file or folder as problem_sets.py reads it. Each theorem is tried in both ways, one right
after the other on the same workers, in turn which comes first; every proof is verified. One limit
of 40,000 thousand heartbeats and 10 s is how all tactics were tried before.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import problem_sets  # type: ignore[import-not-found]
import record  # type: ignore[import-not-found]
from lakatos.data.records import Attempt, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import HEARTBEATS, ProverConfig
from lakatos.prover.hammer.policy import Hammer

RESULTS = Path(__file__).parent / "results" / "tactic_limits.json"
WAYS = {"one limit": HEARTBEATS[-1:], "rising limits": HEARTBEATS}


class Bench:
    """Tries theorems in both ways."""

    def __init__(self, pool: LeanPool, verifier: Verifier, seconds: float) -> None:
        self._pool, self._verifier, self._seconds = pool, verifier, seconds
        self._turn = 0

    async def both(self, theorem: Theorem) -> dict[str, Any]:
        """One theorem, in both ways."""
        self._turn += 1
        ways = list(WAYS) if self._turn % 2 else list(WAYS)[::-1]
        row: dict[str, Any] = {"name": theorem.name}
        for way in ways:
            row[way] = cost(await self._prove(theorem, WAYS[way]))
        print(row["name"], *(f"{way}: {row[way]}" for way in WAYS), sep="\n    ", flush=True)
        return row

    async def _prove(self, theorem: Theorem, heartbeats: tuple[int, ...]) -> Attempt:
        config = ProverConfig(wall_s=self._seconds, heartbeats=heartbeats, minimise="off")
        return (await Prover(self._pool, self._verifier, Hammer(), config).prove([theorem]))[0]


def cost(attempt: Attempt) -> dict[str, Any]:
    """What came of an attempt."""
    return {
        "stop": attempt.stop.value,
        "expansions": attempt.expansions,
        "tactics": attempt.steps,
        "wall_s": round(attempt.wall_s, 2),
        "proof": attempt.proof,
    }


def summary(rows: list[dict[str, Any]], way: str) -> dict[str, Any]:
    """One way over a set. Tactics a second: where neither way found a proof."""
    own = [row[way] for row in rows]
    unsolved = [row[way] for row in rows if all(row[w]["stop"] != "proved" for w in WAYS)]
    both = [row[way] for row in rows if all(row[w]["stop"] == "proved" for w in WAYS)]
    return {
        "proved": sum(each["stop"] == "proved" for each in own),
        "of": len(own),
        "tactics_a_second_unsolved": rate(unsolved),
        "expansions_unsolved": sum(each["expansions"] for each in unsolved),
        "wall_s_of_those_both_prove": round(sum(each["wall_s"] for each in both), 1),
    }


def rate(rows: list[dict[str, Any]]) -> float | None:
    """Tactics a second over several attempts."""
    wall_s = sum(row["wall_s"] for row in rows)
    return round(sum(row["tactics"] for row in rows) / wall_s, 2) if wall_s else None


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All sets."""
    toolchain = find_toolchain("embedded")
    found: dict[str, Any] = {"lean": toolchain.lean, "sets": {}}
    async with (
        LeanPool(toolchain, workers=options.workers) as pool,
        Verifier(pool, toolchain) as verifier,
    ):
        bench = Bench(pool, verifier, options.seconds)
        for path in options.sets:
            rows = []
            for file in problem_sets.sample(path, options.sample, options.seed):
                opened = await pool.open(f"{file.name}.lean", file.source)
                for theorem in opened.theorems:
                    if file.has(theorem.declaration):
                        rows.append(await bench.both(theorem))
                pool.close_file(opened)
            found["sets"][path.name] = {
                "sha256": problem_sets.digest(path),
                **{way: summary(rows, way) for way in WAYS},
                "theorems": rows,
            }
            print(path.name, {way: summary(rows, way) for way in WAYS}, flush=True)
    return found


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--sample", type=int, default=12, help="theorems of each set")
    parser.add_argument("--seconds", type=float, default=20.0, help="wall time for each theorem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = {
        "command": record.command(),
        "commit": record.commit(),
        "seed": options.seed,
        "seconds_a_theorem": options.seconds,
        "limits": WAYS,
    }
    record.write(options.out, found | asyncio.run(measure(options)))


if __name__ == "__main__":
    main()
