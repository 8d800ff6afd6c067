"""Lean's own theorems as problems: how many can be posed, and how many the hammer proves.

    python benchmarks/core_problems.py pose [--workers 1]
    python benchmarks/core_problems.py prove --sample 1000 [--seed 0] [--time 10]

pose: every theorem of Init and Std where its module begins, read back as the same statement; its
baseline is what one of rfl, simp, omega and decide closes alone. prove: of a random sample of all
theorems, those that can be posed, each with the imports of its module only, every proof judged by
the verifier; the baseline is the share of them that one tactic closes. Duplicates are known only
within the sample.
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
from lakatos.data.library import LibrarySet, PosedModule, Row, count, is_fair
from lakatos.data.store import Store
from lakatos.lean_env.library import Library, Module
from lakatos.lean_env.toolchain import Toolchain, find_toolchain
from lakatos.prover.posing import Posing

RESULTS = Path(__file__).parent / "results"
WANTED_POSED = 30_000


async def pose(toolchain: Toolchain, workers: int) -> LibrarySet:
    """The library, posed."""

    def told(done: int, total: int, name: str) -> None:
        if done % 25 == 0:
            print(f"{done} of {total} modules, {name}", file=sys.stderr)

    return await Posing(workers=workers).run(toolchain, told=told)


async def scattered(toolchain: Toolchain, size: int, seed: int) -> LibrarySet:
    """A random sample of all theorems, posed."""
    library = Library(toolchain)
    try:
        modules = await library.modules()
        places = [(module, number) for module in modules for number in range(module.theorems)]
        chosen: dict[Module, list[int]] = {}
        for module, number in random.Random(seed).sample(places, min(size, len(places))):
            chosen.setdefault(module, []).append(number)
        posed = [
            PosedModule(module.name, module.imports, await library.pose(module, numbers))
            for module, numbers in chosen.items()
        ]
    finally:
        await library.close()
    return LibrarySet(posed, f"Lean {toolchain.lean} ({toolchain.name})", seed)


def prove(rows: list[Row], wall_s: float, workers: int) -> dict[str, Any]:
    """Give the hammer each problem once; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        data, db = Path(folder) / "sample.jsonl", Path(folder) / "l.db"
        data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        words = ["eval", "core", "--data", str(data), "--db", str(db), "--time", f"{wall_s:g}"]
        lakatos = [sys.executable, "-c", "import sys, lakatos.cli as c; sys.exit(c.main())"]
        subprocess.run([*lakatos, *words, "--workers", str(workers), "--quiet"], check=False)
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
    options = parser.parse_args()
    began = time.perf_counter()
    toolchain = find_toolchain("embedded")
    found = {"command": record.command(), "commit": record.commit()}
    if options.what == "pose":
        library = asyncio.run(pose(toolchain, options.workers))
        found |= {"wanted_posed": WANTED_POSED} | count(library, library.rows())
        found["wall_s_with_kept_answers"] = round(time.perf_counter() - began, 1)
    else:
        library = asyncio.run(scattered(toolchain, options.sample, options.seed))
        rows = library.rows()
        found |= {"sample": options.sample, "seed": options.seed, "time_s": options.time}
        found |= {"posed": len(rows), "left_out": options.sample - len(rows)}
        found |= prove(rows, options.time, options.workers)
    record.write(RESULTS / f"core_{options.what}.json", found)
    print(json.dumps({k: v for k, v in found.items() if k != "solved_names"}, indent=1))


if __name__ == "__main__":
    main()
