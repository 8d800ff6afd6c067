"""Kills a run over a problem set at random moments, goes on with it, and compares the results.

    python benchmarks/eval_kills.py minif2f_valid.jsonl [--kills 20] [--name PATTERN ...]

Each trial begins a run, ends its whole process group with SIGKILL at a moment drawn evenly over
the time that an uninterrupted run takes, and lets `--resume` finish it. Baseline: the uninterrupted
run; of every theorem the class, and of every attempt number, class, seed, proof, expansions and
steps must be the same. The budget is in expansions, so no clock decides.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.evaluation import Evaluation, ResultClass
from lakatos.data.store.store import Store

RESULTS = Path(__file__).parent / "results" / "eval_kills.json"
NAMES = ("mathd_numbertheory_10[12]", "mathd_numbertheory_13[26]", "mathd_numbertheory_48")


def command(options: argparse.Namespace, *more: str) -> list[str]:
    """The command line of one session."""
    words = [sys.executable, "-c", "from lakatos.cli import main; raise SystemExit(main())"]
    words += ["eval", "minif2f", "--data", str(options.problems), "--core", "--quiet"]
    words += ["--expansions", "3", "--time", "3600", "--workers", str(options.workers)]
    names = options.name or NAMES
    return [*words, *(word for name in names for word in ("--name", name)), *more]


def loaded(place: Path) -> Evaluation | None:
    """The one run of a store; None when it was killed before it began."""
    with Store.open(str(place)) as store:
        rows = store.evaluations()
        return store.load_evaluation(rows[0].run_id) if rows else None


def counted(told: Evaluation) -> list[Any]:
    """What must not depend on breaks."""
    return [
        (
            result.problem.name,
            result.outcome.value,
            [
                (a.number, a.outcome.value, a.seed, a.proof, a.expansions, a.steps)
                for a in result.attempts
            ],
        )
        for result in told.results
    ]


def session(words: list[str], place: Path, kill_after_s: float | None = None) -> float:
    """Run one session to its end or until it is killed; the seconds it lasted."""
    environ = {**os.environ, "LAKATOS_DB": str(place)}
    began = time.monotonic()
    told = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=environ, start_new_session=True, **told) as process:
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return time.monotonic() - began


def keep(out: Path, whole: Evaluation, took_s: float, trials: list[Any]) -> None:
    """Write what is known by now."""
    found: dict[str, Any] = {"equal": sum(t["equal"] for t in trials), "kills": len(trials)}
    found |= {"uninterrupted_s": round(took_s, 1), "theorems": len(whole.results)}
    found |= {"classes": {o.value: n for o, n in whole.classes.items()}, "trials": trials}
    record.write(out, found | {"command": record.command(), "commit": record.commit()})


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        took_s = session(command(options), folder / "whole.db")
        whole = loaded(folder / "whole.db")
        assert whole is not None
        assert whole.is_finished
        print(f"uninterrupted: {took_s:.1f} s, {len(whole.results)} theorems", whole.classes)
        trials = []
        for number in range(options.kills):
            place = folder / f"{number}.db"
            moment_s = draw.uniform(0, took_s)
            session(command(options), place, moment_s)
            left = loaded(place)
            over = left.classes[ResultClass.UNTRIED] if left else len(whole.results)
            session(command(options, "--resume"), place)
            resumed = loaded(place)
            equal = bool(resumed and resumed.is_finished and counted(resumed) == counted(whole))
            trials.append({"moment_s": round(moment_s, 2), "untried": over, "equal": equal})
            print(f"kill {number + 1}: {trials[-1]}", flush=True)
            keep(options.json, whole, took_s, trials)
    print(f"equal results after {sum(t['equal'] for t in trials)} of {len(trials)} kills")


if __name__ == "__main__":
    main()
