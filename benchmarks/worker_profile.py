"""What V8's kept code and its budgets are worth to an embedded worker; two workers to one.

    python benchmarks/worker_profile.py [--rounds 4] [--runs 3] [--json OUT]

Each way starts a worker and applies the mixed script of lean_tactics.py, 290 tactics a round, all
of a state in one request. Processor time is of the worker's process with its compiler threads, so
other work on the machine hardly counts. The ways, in turn within each run:

  ours        the machine code kept from a warm-up, each function with V8's whole budget
  early       the same with the budgets of the warm-up, which optimises after 1/260 of the work
  no code     V8 compiles all functions in each process
"""

import argparse
import asyncio
import dataclasses
import itertools
import json
import os
import statistics
import tempfile
from array import array
from pathlib import Path

import psutil
import record
from lakatos.lean_env.pool import LeanPool, Limits
from lakatos.lean_env.toolchains import embedded
from lean_tactics import SOURCE, STATEMENTS, TACTICS, rate_of

EARLY = 50_000
WAYS = "ours", "early", "no code"


def with_early_budgets(code, place):
    """The file of machine code with the budgets that a warm-up leaves: its last words."""
    content = code.read_bytes()
    whole = content[-4:]
    start = len(content)
    while content[start - 4 : start] == whole:
        start -= 4
    words = array("I", [EARLY]) * ((len(content) - start) // 4)
    place.write_bytes(content[:start] + words.tobytes())
    return place


def toolchains(folder):
    """The embedded Lean in each of WAYS."""
    ours = embedded.prepare()
    early = with_early_budgets(ours.code, folder / "early.bin")
    return {
        "ours": ours,
        "early": dataclasses.replace(ours, code=early),
        "no code": dataclasses.replace(ours, code=folder / "none.bin"),
    }


def used_s():
    """Processor seconds of all worker processes so far."""
    times = [child.cpu_times() for child in psutil.Process().children()]
    return sum(each.user + each.system for each in times)


async def profile(toolchain, rounds):
    """Processor seconds to ready and of each round; MB at the end."""
    async with LeanPool(toolchain, workers=1, limits=Limits()) as pool:
        opened = await pool.open("bench.lean", SOURCE)
        marks = [used_s()]
        for _ in range(rounds):
            for theorem in opened.theorems:
                await pool.apply(theorem.state, TACTICS)
            marks.append(used_s())
        memory = sum(child.memory_info().rss for child in psutil.Process().children())
    spent = [after - before for before, after in itertools.pairwise(marks)]
    return {"ready_s": marks[0], "rounds_s": spent, "memory_mb": memory / 1e6}


def medians(runs):
    """Of several profiles, number by number."""
    rounds = zip(*(each["rounds_s"] for each in runs), strict=True)
    return {
        "ready_s": round(statistics.median(each["ready_s"] for each in runs), 2),
        "rounds_s": [round(statistics.median(each), 2) for each in rounds],
        "memory_mb": round(statistics.median(each["memory_mb"] for each in runs)),
    }


async def measure(rounds, runs):
    found = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        ways = toolchains(Path(folder))
        for _ in range(runs):
            for way in WAYS:
                found[way].append(await profile(ways[way], rounds))
        applications = len(STATEMENTS) * len(TACTICS) * 2
        rates = [
            [await rate_of(ways["ours"], n, applications) for n in (1, 2)] for _ in range(runs)
        ]
    return {
        "ways": {way: medians(each) for way, each in found.items()},
        "two workers to one": round(statistics.median(two / one for one, two in rates), 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    report = {
        "command": record.command(),
        "commit": record.commit(),
        "load": os.getloadavg()[0],
        **asyncio.run(measure(given.rounds, given.runs)),
    }
    print(json.dumps(report, indent=1))
    if given.json:
        record.write(given.json, report)


if __name__ == "__main__":
    main()
