"""Lean's own theorems as problems: how many can be posed, and how many the hammer proves.

    python benchmarks/core_problems.py pose [--workers 1]
    lakatos extract core --out DIR
    python benchmarks/core_problems.py prove --data DIR/jsonl/problems.jsonl [--time 10] [--fair]
    lakatos extract core --premises accessible --out DIR
    python benchmarks/core_problems.py prove --data DIR/jsonl/fair.jsonl --split valid,test \
        --sample 800 --json benchmarks/results/core_accessible.json
    python benchmarks/core_problems.py premises --data DIR/jsonl/fair.jsonl --sample 40

pose: every theorem of Init and Std where its module begins, read back as the same statement; its
baseline is what one of rfl, simp, omega and decide closes alone. prove: a random sample of those
that can be posed, each as the data state it, every proof judged by the verifier; the baseline is
the share of them that one tactic closes. --fair: of the sample only those that were fair at the
first measurement, 829 of 1000; since then lemmas of tactics below `Internal` count as internal too.
premises: a random sample of those with
theorems of their module above them, each with and without these; the baseline is without.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.evaluation import PREMISES, ResultClass
from lakatos.data.problems.accessible import ACCESSIBLE, STRICT
from lakatos.data.problems.library import LibrarySet, Row, count, is_fair
from lakatos.data.store.store import Store
from lakatos.lean_env.toolchains.find import Toolchain, find_toolchain
from lakatos.prover.dataset.library_problems import LibraryExtraction

RESULTS = Path(__file__).parent / "results"
WANTED_POSED = 30_000
MARK = PREMISES.partition("{}")[0]


async def pose(toolchain: Toolchain, workers: int) -> LibrarySet:
    """The library, posed; nothing is taken from earlier runs."""

    def told(done: int, total: int, name: str) -> None:
        if done % 25 == 0:
            print(f"{done} of {total} modules, {name}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as kept:
        return await LibraryExtraction(workers=workers).run(toolchain, Path(kept), told)


def sampled(options: argparse.Namespace) -> list[Row]:
    """A random sample of the problems that `lakatos extract core` wrote."""
    splits = options.split.split(",") if options.split else []
    with options.data.open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if not splits or row["split"] in splits]
    chosen = random.Random(options.seed).sample(rows, min(options.sample, len(rows)))
    return [row for row in chosen if not options.fair or was_fair(row)]


def was_fair(row: Row) -> bool:
    """Whether a row was a fair problem at the first measurement."""
    is_late = row["marks"] == ["internal"] and "Internal" in row["name"].split(".")
    return is_fair(row | {"marks": []} if is_late else row)


def prove(rows: list[Row], wall_s: float, workers: int, kept: Path | None = None) -> dict[str, Any]:
    """Give the hammer each problem once; what came of it. kept: a database that stays."""
    with tempfile.TemporaryDirectory() as folder:
        data, db = Path(folder) / "sample.jsonl", kept or Path(folder) / "l.db"
        data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        words = ["eval", "core", "--data", str(data), "--db", str(db), "--time", f"{wall_s:g}"]
        words += ["--resume"] if db.is_file() else []
        lakatos = [sys.executable, "-c", "import sys, lakatos.cli as c; sys.exit(c.main())"]
        subprocess.run([*lakatos, *words, "--workers", str(workers), "--quiet"], check=False)
        with Store.open(str(db)) as store:
            told = store.load_evaluation(1)
    proofs = {
        r.problem.name: r.attempts[-1] for r in told.results if r.outcome is ResultClass.SOLVED
    }
    solved = set(proofs)
    fair = [row for row in rows if is_fair(row)]
    return {
        "tried": len(told.results),
        "solved": len(solved),
        "after_several_expansions": sum(each.expansions > 1 for each in proofs.values()),
        "classes": {outcome.value: n for outcome, n in told.classes.items() if n},
        "fair": len(fair),
        "fair_solved": sum(row["name"] in solved for row in fair),
        "closed_at_once": sum(row["closed_by"] is not None for row in rows),
        "solved_names": sorted(solved),
        "wall_s": round(told.wall_s, 1),
    }


def with_and_without(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The hammer on the same problems with the theorems above them and without."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    known = [row for row in rows if row["premises"]]
    chosen = random.Random(options.seed).sample(known, min(options.sample, len(known)))
    bare = [row | {"header": row["header"].partition("\n" + MARK)[0]} for row in chosen]
    found = {STRICT: bare, ACCESSIBLE: chosen}
    told = {mode: prove(rows, options.time, options.workers) for mode, rows in found.items()}
    solved = {mode: set(each["solved_names"]) for mode, each in told.items()}
    return {
        "problems": len(rows),
        "with_premises": len(known),
        "names": [row["name"] for row in chosen],
        "premises": sorted(len(row["premises"]) for row in chosen),
        "gained": sorted(solved[ACCESSIBLE] - solved[STRICT]),
        "lost": sorted(solved[STRICT] - solved[ACCESSIBLE]),
        **told,
    }


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["pose", "prove", "premises"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", type=float, default=10.0)
    parser.add_argument("--split", help="only problems of these parts, such as valid,test")
    parser.add_argument("--fair", action="store_true")
    parser.add_argument("--db", type=Path, help="prove: kept there, and gone on with if broken off")
    parser.add_argument("--json", type=Path, help="where the result is kept")
    options = parser.parse_args()
    began = time.perf_counter()
    found = {"command": record.command(), "commit": record.commit()}
    if options.what == "pose":
        library = asyncio.run(
            pose(find_toolchain("embedded", cache=record.cache()), options.workers)
        )
        found |= {"wanted_posed": WANTED_POSED} | count(library, library.rows())
        found["wall_s"] = round(time.perf_counter() - began, 1)
    else:
        if options.data is None:
            parser.error("--data: jsonl/problems.jsonl of `lakatos extract core --out DIR`")
        rows = sampled(options)
        found |= {"lean": rows[0]["lean"], "seed": options.seed, "time_s": options.time}
        found |= {"data_sha256": hashlib.sha256(options.data.read_bytes()).hexdigest()}
        if options.what == "prove":
            found |= prove(rows, options.time, options.workers, options.db)
        else:
            found |= with_and_without(options.data, options)
    record.write(options.json or RESULTS / f"core_{options.what}.json", found)
    print(json.dumps({k: v for k, v in found.items() if k != "solved_names"}, indent=1))


if __name__ == "__main__":
    main()
