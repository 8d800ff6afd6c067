"""What rising limits of heartbeats bring: the same problems by this code and by an earlier one.

    python benchmarks/tactic_limits.py SET [SET ...] --before DIR [--sample 12] [--seconds 20]

SET: a file or folder as problem_sets.py reads it. DIR: a checkout of the earlier commit. Both run
at the same time, one worker each, on the same theorems in the same order, so that what else the
machine does slows both; every proof is verified.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import problem_sets  # type: ignore[import-not-found]
import record  # type: ignore[import-not-found]
from lakatos.data.records import Attempt
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer

RESULTS = Path(__file__).parent / "results" / "tactic_limits.json"
WAYS = ("before", "now")


def cost(attempt: Attempt) -> dict[str, Any]:
    """What came of an attempt."""
    return {
        "name": attempt.theorem.name,
        "stop": attempt.stop.value,
        "expansions": attempt.expansions,
        "tactics": attempt.steps,
        "wall_s": round(attempt.wall_s, 2),
        "proof": attempt.proof,
    }


async def attempts(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Try every theorem of every set by the code that this process has."""
    toolchain = find_toolchain("embedded", cache=record.cache())
    config = ProverConfig(wall_s=options.seconds, minimise="off")
    found: dict[str, list[dict[str, Any]]] = {}
    async with (
        LeanPool(toolchain, workers=1) as pool,
        Verifier(pool, toolchain) as verifier,
    ):
        for path in options.sets:
            rows = found[path.name] = []
            for file in problem_sets.sample(path, options.sample, options.seed):
                opened = await pool.open(f"{file.name}.lean", file.source)
                for theorem in [t for t in opened.theorems if file.has(t.declaration)]:
                    prover = Prover(pool, verifier, Hammer(), config)
                    rows.append(cost((await prover.prove([theorem]))[0]))
                    print(options.child.parent.name, rows[-1], flush=True)
                pool.close_file(opened)
    return found


def start(way: str, package: Path, folder: Path) -> subprocess.Popen[bytes]:
    """This command in another process, which imports `lakatos` from a checkout."""
    place = folder / way
    place.mkdir()
    (place / "lakatos").symlink_to(package.resolve())
    environment = os.environ | {"PYTHONPATH": str(place)}
    command = [sys.executable, *sys.argv, "--child", str(place / "found.json")]
    return subprocess.Popen(command, env=environment)


def summary(rows: list[dict[str, Any]], hopeless: set[str], easy: set[str]) -> dict[str, Any]:
    """One way over a set. hopeless: proved in neither way; easy: proved in both."""
    unsolved = [row for row in rows if row["name"] in hopeless]
    wall_s = sum(row["wall_s"] for row in unsolved)
    tactics = sum(row["tactics"] for row in unsolved)
    return {
        "proved": sum(row["stop"] == "proved" for row in rows),
        "of": len(rows),
        "tactics_a_second_where_neither_proves": round(tactics / wall_s, 2) if wall_s else None,
        "expansions_where_neither_proves": sum(row["expansions"] for row in unsolved),
        "wall_s_where_both_prove": round(sum(r["wall_s"] for r in rows if r["name"] in easy), 1),
    }


def compared(found: dict[str, dict[str, list[dict[str, Any]]]], sets: list[Path]) -> dict[str, Any]:
    """Both ways, set by set."""
    told = {}
    for path in sets:
        rows = {way: found[way][path.name] for way in WAYS}
        proved = [{r["name"] for r in rows[way] if r["stop"] == "proved"} for way in WAYS]
        names = {row["name"] for row in rows["now"]}
        hopeless, easy = names - proved[0] - proved[1], proved[0] & proved[1]
        told[path.name] = {
            "sha256": problem_sets.digest(path),
            **{way: summary(rows[way], hopeless, easy) for way in WAYS},
            "gained": sorted(proved[1] - proved[0]),
            "lost": sorted(proved[0] - proved[1]),
            "theorems": rows,
        }
    return told


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, required=True, help="the earlier checkout")
    parser.add_argument("--sample", type=int, default=12, help="theorems of each set")
    parser.add_argument("--seconds", type=float, default=20.0, help="wall time for each theorem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        options.child.write_text(json.dumps(asyncio.run(attempts(options))))
        return
    with tempfile.TemporaryDirectory() as folder:
        packages = {"before": options.before, "now": Path(__file__).parents[1]}
        both = {way: start(way, package, Path(folder)) for way, package in packages.items()}
        codes = [process.wait() for process in both.values()]
        if any(codes):
            sys.exit("a run failed")
        found = {way: json.loads((Path(folder) / way / "found.json").read_text()) for way in WAYS}
    result = {
        "command": record.command(),
        "commit": record.commit(),
        "seed": options.seed,
        "seconds_a_theorem": options.seconds,
        "sets": compared(found, options.sets),
    }
    record.write(options.out, result)
    for name, told in result["sets"].items():
        print(name, json.dumps({key: told[key] for key in (*WAYS, "gained", "lost")}, indent=1))


if __name__ == "__main__":
    main()
