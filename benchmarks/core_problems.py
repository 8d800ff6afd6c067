"""Lean's own theorems as problems: how many can be posed, and how many the hammer proves.

    python benchmarks/core_problems.py pose [--workers 1]
    python benchmarks/core_problems.py prove --sample 1000 [--seed 0] [--time 10] [--kept]

pose: every theorem of Init and Std where its module begins, read back as the same statement; its
baseline is what one of rfl, simp, omega and decide closes alone. prove: a random sample of those
posed, each file with the imports of its module only, every proof judged by the verifier; the
baseline is the share of the sample that one tactic closes. --kept: only the modules that are posed
already, of a run that has not come to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.evaluation import Outcome
from lakatos.data.library import LibrarySet, Row, count, is_fair
from lakatos.data.store import Store
from lakatos.lean_env.toolchain import Toolchain, find_toolchain
from lakatos.prover.posing import Posing

RESULTS = Path(__file__).parent / "results"
WANTED_POSED = 30_000


async def pose(toolchain: Toolchain, workers: int, kept: bool) -> LibrarySet:
    """The library, posed."""

    def told(done: int, total: int, name: str) -> None:
        if done % 25 == 0:
            print(f"{done} of {total} modules, {name}", file=sys.stderr)

    posing = Posing(workers=workers, only_kept=kept)
    return await posing.run(toolchain, told=told)


def prove(rows: list[Row], wall_s: float) -> dict[str, Any]:
    """Give the hammer each problem once; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        data, db = Path(folder) / "sample.jsonl", Path(folder) / "l.db"
        data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        words = ["eval", "core", "--data", str(data), "--db", str(db), "--time", f"{wall_s:g}"]
        lakatos = [sys.executable, "-c", "import sys, lakatos.cli as c; sys.exit(c.main())"]
        subprocess.run([*lakatos, *words, "--workers", "1", "--quiet"], check=False)
        with Store.open(str(db)) as store:
            told = store.load_evaluation(1)
    solved = {r.problem.name for r in told.results if r.outcome is Outcome.SOLVED}
    fair = [row for row in rows if is_fair(row)]
    return {
        "tried": len(told.results),
        "solved": len(solved),
        "classes": {outcome.value: n for outcome, n in told.classes.items() if n},
        "fair": len(fair),
        "fair_solved": sum(row["name"] in solved for row in fair),
        "closed_at_once": sum(row["closed_by"] is not None for row in rows),
        "without_duplicates_solved": sum(
            row["name"] in solved for row in rows if not row["duplicate_of"]
        ),
        "solved_names": sorted(solved),
        "wall_s": round(told.wall_s, 1),
    }


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["pose", "prove"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", type=float, default=10.0)
    parser.add_argument("--kept", action="store_true")
    options = parser.parse_args()
    began = time.perf_counter()
    toolchain = find_toolchain("embedded")
    library = asyncio.run(pose(toolchain, options.workers, options.kept))
    rows = library.rows()
    found = {"command": record.command(), "commit": record.commit(), "kept_only": options.kept}
    if options.what == "pose":
        found |= {"wanted_posed": WANTED_POSED} | count(library, rows)
        found["wall_s"] = round(time.perf_counter() - began, 1)
    else:
        size = min(options.sample, len(rows))
        chosen = random.Random(options.seed).sample(rows, size)
        found |= {"posed": len(rows), "sample": size, "seed": options.seed, "time_s": options.time}
        found |= prove(chosen, options.time)
    record.write(RESULTS / f"core_{options.what}.json", found)
    print(json.dumps({k: v for k, v in found.items() if k != "solved_names"}, indent=1))


if __name__ == "__main__":
    main()
