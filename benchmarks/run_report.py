"""Seconds to report a run of many trivially solved problems, and the bytes it takes in the store.

    python benchmarks/run_report.py [PROBLEMS] [--out FILE]

The run is made up and written through the store as an evaluation writes it. The baseline is the
sum of the texts themselves: statements, states, tactics and messages, each as often as it occurs.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import tempfile
import time
from pathlib import Path

import record
from lakatos.data.evaluation import AttemptResult, Problem, ResultClass, hash_of
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    ProofState,
    Rejected,
    Step,
    StopReason,
    Theorem,
)
from lakatos.data.report import evaluation as evaluation_report
from lakatos.data.report import evaluation_page
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store

SOURCES = ("amc", "aime", "imo", "mathd_algebra")
HEADER = "import Mathlib\n\nopen BigOperators Real Nat Topology Rat\n\n"
TACTICS = ("simp", "omega", "norm_num", "decide", "grind", "rfl", "exact?", "constructor")


def problem(n: int) -> Problem:
    statement = f"theorem p_{n} (x : Nat) (h : x = {n}) : x + {n} = {2 * n} := by\n  sorry\n"
    return Problem(f"p_{n}", SOURCES[n % 4], "valid", HEADER, statement, path=f"set.jsonl:{n + 1}")


def solve(store: Store, number: int, run: int) -> int:
    """Write `number` problems, each with one attempt of one expansion; bytes of their texts."""
    problems = [problem(n) for n in range(number)]
    ledger, recorder = store.ledger(run), store.recorder(run)
    ledger.begin(EvaluationTerms("made up", hash_of(problems), "", 1), problems)
    size = 0
    for n, each in enumerate(problems):
        start = each.lean.index("sorry")
        goal = Goal(f"x + {n} = {2 * n}")
        root = ProofState(f"{n:032x}", (goal,), root=each.name)
        place = (start, start + 5, 5, 2, "tactic")
        theorem = Theorem(each.name, each.lean, each.path, *place, root, each.name)
        no = Rejected(f"the tactic failed\n{root.pretty}")
        steps = [Step(tactic, 0.1, no, 1.0) for tactic in TACTICS[:-1]]
        steps.append(Step("simp [h]; omega", 0.1, Advanced(()), 2.0))
        recorder.start_attempt(theorem)
        recorder.expansions(theorem, [Expansion(root, tuple(steps), 0.5)])
        spent = 1, len(steps), 0.01
        proof = "simp [h]; omega"
        attempt = Attempt(theorem, StopReason.PROVED, proof, Accepted(), *spent)
        recorder.finish_attempt(attempt)
        summary = AttemptResult(
            n + 1, 1, ResultClass.SOLVED, 0.01, *spent[:2], 0, n / 100, 0, proof
        )
        ledger.add(n, summary)
        size += len(each.lean) + sum(len(s.tactic) + len(no.message) for s in steps)
    return size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("problems", type=int, nargs="?", default=10_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    gc.set_threshold(5_000, 20, 1_000)  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        with Store.open(str(path)) as store:
            begun = time.perf_counter()
            run = store.start_run("eval made up", {"policy": "none"}, "none", 0)
            texts = solve(store, asked.problems, run)
            store.finish_run(run)
            write_s = time.perf_counter() - begun
        steps = asked.problems * len(TACTICS)
        found = {"command": record.command(), "commit": record.commit()}
        found |= {"problems": asked.problems, "steps": steps, "write_s": round(write_s, 2)}
        found["load_average"] = round(os.getloadavg()[0], 1)
        found["store_bytes_a_step"] = round(path.stat().st_size / steps)
        found["text_bytes_a_step"] = round(texts / steps)
        with Store.open(str(path)) as store:
            begun, cpu = time.perf_counter(), time.process_time()
            told = store.load_evaluation(run)
            evaluation_report.report(told)
            found["tables_s"] = round(time.perf_counter() - begun, 2)
            page = evaluation_page.html_page(told, store.load_attempts)
            found["tables_and_page_s"] = round(time.perf_counter() - begun, 2)
            found["tables_and_page_cpu_s"] = round(time.process_time() - cpu, 2)
            found["page_mb"] = round(len(page.encode()) / 1e6, 1)
        found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for name, value in found.items():
        print(f"{name:20} {value}")
    if asked.out:
        record.write(asked.out, found)


if __name__ == "__main__":
    main()
