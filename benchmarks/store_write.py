"""Steps written per second and bytes per step: the store against one commit per step.

    python benchmarks/store_write.py [EXPANSIONS]

Both write the same made-up search (10 steps an expansion, 20 hypotheses a state) to a new
SQLite file, flushed to the operating system alike (WAL, synchronous NORMAL).
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from lakatos.data.records import (
    Advanced,
    Expansion,
    Goal,
    Hypothesis,
    Origin,
    ProofState,
    Rejected,
    Step,
    Theorem,
)
from lakatos.data.store.store import Store

STEPS = 10


def made_up(count: int) -> tuple[Theorem, list[Expansion]]:
    hypotheses = tuple(Hypothesis(f"h{n}", f"x{n} + y{n} ≤ z * {n}") for n in range(20))
    root = ProofState("root", (Goal("p", hypotheses),), root="f#0")
    theorem = Theorem("t", "theorem t : p := sorry", "t.lean", 17, 22, 1, 17, "term", root)
    expansions, state = [], root
    for n in range(count):
        goal = Goal(f"∃ k, k + {n} = {n * n}", hypotheses)
        after = ProofState(f"{n:032x}", (goal,), Origin(state, f"rw [h{n}]", 0), 90, "f#0")
        wrong = [
            Step(f"tactic {k}", 0.1, Rejected(f"tactic failed on\n{state.pretty}"), 1.0)
            for k in range(STEPS - 1)
        ]
        done = Step(f"rw [h{n}]", 0.5, Advanced((after,)), 1.0)
        expansions.append(Expansion(state, (done, *wrong), 0.5))
        state = after
    return theorem, expansions


def write_store(path: Path, theorem: Theorem, expansions: list[Expansion]) -> None:
    with Store.open(str(path)) as store:
        recorder = store.recorder(store.start_run("benchmark", {}, "none", 0))
        for expansion in expansions:
            recorder.expansions(theorem, [expansion])


def write_plainly(path: Path, theorem: Theorem, expansions: list[Expansion]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE steps (theorem, state, tactic, prior, ms, outcome)")
    for expansion in expansions:
        pretty = expansion.state.pretty
        for step in expansion.steps:
            if isinstance(step.outcome, Advanced):
                outcome = json.dumps([s.pretty for s in step.outcome.states])
            else:
                outcome = json.dumps(getattr(step.outcome, "message", None))
            row = (theorem.name, pretty, step.tactic, step.prior, step.elapsed_ms, outcome)
            connection.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", row)
            connection.commit()
    connection.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    theorem, expansions = made_up(count)
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("store", write_store), ("one commit per step", write_plainly)):
            path = Path(folder) / f"{write.__name__}.db"
            begun = time.perf_counter()
            write(path, theorem, expansions)
            wall_s = time.perf_counter() - begun
            steps, size = count * STEPS, path.stat().st_size
            print(f"{name:20} {steps / wall_s:9.0f} steps/s {size / steps:7.0f} bytes/step")


if __name__ == "__main__":
    main()
