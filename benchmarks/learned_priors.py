"""What learned priors and a memory are worth: the same held-out problems, the same Lean calls.

    lakatos extract core --out core
    python benchmarks/learned_priors.py core/jsonl/problems.jsonl --folder arms [--size 90]

A sample of the held-out parts (valid and test) without duplicates and marked ones, three fair
problems for each that one tactic closes, is given to each arm: the hammer in its own order (the
baseline), with the shipped priors, and with knn and its memory. Calls are tactics sent to Lean.
An arm that was broken off counts as far as it got, on the problems that both arms have. A problem
that one arm did not solve before its wall time was over says nothing of its calls: it is counted as
undecided, and left out; `arm-NAME-again.db` may hold another try of it with more time. Wanted: the
problems that both solve with 25 % fewer calls, and none lost.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.evaluation import ProblemResult
from lakatos.data.records import StopReason
from lakatos.data.store.store import Store

RESULTS = Path(__file__).parent / "results" / "learned_priors.json"
ARMS = {
    "hammer": ("--priors", "none"),
    "priors": ("--priors", "shipped"),
    "knn": ("--policy", "hammer+knn", "--priors", "none"),
}
Row = dict[str, Any]


def sample(path: Path, size: int, seed: int) -> list[Row]:
    """Held-out problems, of each four three that are fair."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    held = [r for r in rows if r["split"] != "train" and not r["duplicate_of"] and not r["marks"]]
    random.Random(seed).shuffle(held)
    fair = [row for row in held if not row["closed_by"]]
    easy = [row for row in held if row["closed_by"]]
    mixed: list[Row] = []
    while fair and len(mixed) < size:
        mixed += [*fair[:3], *easy[:1]]
        fair, easy = fair[3:], easy[1:]
    return mixed[:size]


def run(arm: str, options: argparse.Namespace, data: Path) -> None:
    """Run an arm, or go on with it."""
    db = options.folder / f"arm-{arm}.db"
    words = ["eval", f"mix-{arm}", "--data", str(data), "--db", str(db), "--quiet"]
    words += ["--steps", str(options.steps), "--time", str(options.time), "--workers", "1"]
    words += ["--minimise", "off", *ARMS[arm]]
    more = ["--resume"] if db.is_file() else []
    start = [sys.executable, "-c", "from lakatos.cli import main; raise SystemExit(main())"]
    subprocess.run([*start, *words, *more], check=False, stdout=subprocess.DEVNULL)


def results(folder: Path, arm: str) -> dict[str, ProblemResult]:
    """What came of each problem that was tried; the last try counts."""
    found: dict[str, ProblemResult] = {}
    for db in (folder / f"arm-{arm}.db", folder / f"arm-{arm}-again.db"):
        if db.is_file():
            with Store.open(str(db), read_only=True) as store:
                run = store.load_evaluation(store.evaluations()[-1].run_id)
            found |= {r.problem.name: r for r in run.results if r.attempts}
    return found


def is_undecided(result: ProblemResult) -> bool:
    """Whether the clock ended the search, and not the calls."""
    return not result.is_solved and result.attempts[-1].detail == StopReason.WALL_TIME.value


def calls(result: ProblemResult) -> int:
    """Tactics that were sent to Lean."""
    return sum(attempt.steps for attempt in result.attempts)


def compared(base: dict[str, ProblemResult], other: dict[str, ProblemResult]) -> Row:
    """Two arms on the problems of both."""
    common = [name for name in base if name in other]
    names = [n for n in common if not (is_undecided(base[n]) or is_undecided(other[n]))]
    one = {name for name in names if base[name].is_solved}
    two = {name for name in names if other[name].is_solved}
    both = one & two
    return {
        "problems": len(names),
        "undecided": len(common) - len(names),
        "solved": [len(one), len(two)],
        "lost": sorted(one - two),
        "gained": sorted(two - one),
        "solved_by_both": len(both),
        "calls_on_these": [sum(calls(of[n]) for n in both) for of in (base, other)],
        "calls_on_all": [sum(calls(of[n]) for n in names) for of in (base, other)],
    }


def main() -> None:
    """Run what is missing, compare, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--size", type=int, default=90)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--time", type=float, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--arms",
        nargs="+",
        choices=list(ARMS),
        default=list(ARMS),
        help="the first is the baseline",
    )
    parser.add_argument("--only-compare", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    rows = sample(options.problems, options.size, options.seed)
    fair = {row["name"] for row in rows if not row["closed_by"]}
    if not options.only_compare:
        data = options.folder / "sample.jsonl"
        data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        for arm in options.arms:
            run(arm, options, data)
    arms = {arm: results(options.folder, arm) for arm in options.arms}
    found: Row = {"command": record.command(), "commit": record.commit()}
    found |= {"steps": options.steps, "time_s": options.time, "seed": options.seed}
    for arm in options.arms[1:]:
        found[arm] = compared(arms[options.arms[0]], arms[arm])
        of_fair = [{n: r for n, r in arms[a].items() if n in fair} for a in (options.arms[0], arm)]
        found[f"{arm}, fair problems"] = compared(*of_fair)
    record.write(RESULTS, found)


if __name__ == "__main__":
    main()
