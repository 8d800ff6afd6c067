"""What evaluating costs beyond the searches: time, memory, bytes in the store, the report.

    python benchmarks/eval_overhead.py [--theorems 10000] [--lean 60] [--json FILE]

`scale`: so many theorems that a stand-in for Lean solves at once, through bench, prover and store;
nothing but the evaluation's own work is timed. `lean`: theorems that real Lean solves with its
first tactics. Baseline of `lean`: the same theorems opened and proved one after the other by the
prover alone, with no store and no accounting; baseline, evaluation, baseline, so that the pace of
the machine falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import psutil
import record  # type: ignore[import-not-found]
from lakatos.data.evaluation import Problem, ProblemResult, hash_of
from lakatos.data.problems.reader import CORE_HEADER
from lakatos.data.records import Accepted, Advanced, Goal, ProofState, Step, Theorem
from lakatos.data.report.evaluation import report
from lakatos.data.report.evaluation_page import html_page
from lakatos.data.report.progress import EvaluationProgress
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store
from lakatos.lean_env.opened_file import OpenedFile
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verified, Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.evaluation.runner import (
    AttemptPlan,
    EvaluationRunner,
    Listeners,
    RunnerContext,
    Task,
)
from lakatos.prover.hammer.policy import Hammer

RESULTS = Path(__file__).parent / "results" / "eval_overhead.json"
WANTED_SHARE = 0.03
WANTED_BYTES = 1_024
WANTED_REPORT_S = 5.0
PLACES = 2


def problem(number: int) -> Problem:
    """A theorem that the first tactics solve."""
    text = f"theorem t_{number} (n : ℕ) : n + {number} = {number} + n := by sorry\n"
    return Problem(f"t_{number}", "t", "valid", CORE_HEADER, text, path=f"set.jsonl:{number}")


class StandIn:
    """Pool and verifier in one: every file has one theorem, every first tactic proves it."""

    workers = PLACES

    async def open(self, path: str, source: str) -> OpenedFile:
        start = len(source.encode()) - len("sorry\n")
        name = source.rpartition("theorem ")[2].split()[0]
        goal = Goal(source.rpartition(" : ")[2].partition(" :=")[0])
        state = ProofState(f"{hash(source):032x}", (goal,), None, 0, f"{hash(source):064x}:0.0")
        place = (path, start, start + 5, 5, 40, "tactic", state, name)
        return OpenedFile(path, source, (), (), (Theorem(name, source, *place),))

    def close_file(self, opened: OpenedFile) -> None: ...

    async def forget(self, theorem: Theorem) -> None: ...

    async def apply(self, state: ProofState, tactics: Sequence[str], **limits: Any) -> list[Step]:
        return [Step(tactic, 1.0, Advanced(()), 1.0) for tactic in tactics]

    async def statement(self, opened: OpenedFile, text: str) -> ProofState:
        raise AssertionError("nothing is refuted here")

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> Verified:
        raw = theorem.source.encode()
        whole = raw[: theorem.start] + proof.strip().encode() + raw[theorem.stop :]
        return Verified(Accepted(), whole.decode())


class Memory:
    """Hears of results, and looks at this process's memory at the tenths of the run."""

    def __init__(self, total: int) -> None:
        self._every = max(1, total // 10)
        self._seen = 0
        self.mb: list[float] = []

    def __call__(self, result: ProblemResult) -> None:
        self._seen += 1
        if self._seen % self._every == 0:
            self.mb.append(round(psutil.Process().memory_info().rss / 1e6, 1))


@dataclass(frozen=True)
class Parts:
    """What attempts are made with."""

    pool: Any
    verifier: Any
    policy: Hammer

    def make(self, recorder: Any, config: ProverConfig) -> Prover:
        """A prover for one attempt."""
        return Prover(self.pool, self.verifier, self.policy, config, recorder)


async def evaluate(store: Store, parts: Parts, problems: Sequence[Problem], heard: Any) -> int:
    """Evaluate as `lakatos eval` does; the run's number."""
    plan = AttemptPlan(ProverConfig())
    run_id = store.start_run("eval", {}, "bench", 0)
    store.ledger(run_id).begin(EvaluationTerms("bench", hash_of(problems), "", 1), problems)
    board = EvaluationProgress(time.monotonic, heard)
    board.begin(len(problems), {})
    hearers = Listeners(store.ledger(run_id), lambda: store.recorder(run_id), board)
    runner, context = EvaluationRunner(plan, hearers), RunnerContext(parts.pool, parts.make)
    await runner.work([Task(n, p) for n, p in enumerate(problems)], context, PLACES)
    store.finish_run(run_id)
    return run_id


def scale(count: int, folder: Path) -> dict[str, Any]:
    """The evaluation's own cost for many theorems that cost nothing."""
    stand_in, problems = StandIn(), [problem(n) for n in range(count)]
    memory = Memory(count)
    place = folder / "scale.db"
    with Store.open(str(place)) as store:
        began = time.monotonic()
        parts = Parts(stand_in, stand_in, Hammer())
        run_id = asyncio.run(evaluate(store, parts, problems, memory))
        wall_s = time.monotonic() - began
    size = place.stat().st_size
    with Store.open(str(place)) as store:
        began = time.monotonic()
        told = store.load_evaluation(run_id)
        loaded_s = time.monotonic() - began
        steps = sum(a.steps for r in told.results for a in r.attempts)
        report(told)
        report_s = time.monotonic() - began
        page = html_page(told, store.load_attempts)
        page_s = time.monotonic() - began
    assert all(result.is_solved for result in told.results)
    return {
        "theorems": count,
        "wall_s": round(wall_s, 1),
        "ms_per_theorem": round(1e3 * wall_s / count, 2),
        "memory_mb_by_tenths": memory.mb,
        "steps": steps,
        "store_bytes": size,
        "bytes_per_step": round(size / steps),
        "load_s": round(loaded_s, 2),
        "report_s": round(report_s, 2),
        "page_s": round(page_s, 2),
        "page_bytes": len(page.encode()),
    }


async def alone(parts: Parts, problems: Sequence[Problem]) -> float:
    """Seconds to open and prove the theorems with the prover alone, so many at once."""
    waiting = iter(problems)

    async def place() -> None:
        for each in waiting:
            opened = await parts.pool.open(each.path, each.lean)
            prover = parts.make(None, ProverConfig())
            assert (await prover.prove(opened.theorems))[0].is_proved
            parts.pool.close_file(opened)

    began = time.monotonic()
    await asyncio.gather(*(place() for _ in range(PLACES)))
    return time.monotonic() - began


async def against_lean(count: int, folder: Path) -> dict[str, Any]:
    """Baseline, evaluation, baseline over theorems that real Lean solves at once."""
    toolchain = find_toolchain("embedded", cache=record.cache())
    batches = [[problem(n) for n in range(k * count, (k + 1) * count)] for k in range(4)]
    async with LeanPool(toolchain, workers=PLACES) as pool, Verifier(pool, toolchain) as verifier:
        parts = Parts(pool, verifier, Hammer())
        await alone(parts, batches[0][:8])
        before_s = await alone(parts, batches[1])
        with Store.open(str(folder / "lean.db")) as store:
            began = time.monotonic()
            run_id = await evaluate(store, parts, batches[2], lambda result: None)
            wall_s = time.monotonic() - began
            assert all(result.is_solved for result in store.load_evaluation(run_id).results)
        after_s = await alone(parts, batches[3])
    baseline_s = (before_s + after_s) / 2
    return {
        "theorems": count,
        "baseline_s": [round(before_s, 2), round(after_s, 2)],
        "evaluation_s": round(wall_s, 2),
        "difference_share": round(wall_s / baseline_s - 1, 4),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theorems", type=int, default=10_000)
    parser.add_argument("--lean", type=int, default=60)
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {"scale": scale(options.theorems, Path(folder))}
        if options.lean:
            found["lean"] = asyncio.run(against_lean(options.lean, Path(folder)))
            places_s = found["lean"]["evaluation_s"] * PLACES / options.lean
            share = found["scale"]["ms_per_theorem"] / 1e3 * PLACES / places_s
            found["lean"]["own_share"] = round(share, 4)
    for name, part in found.items():
        for key, value in part.items():
            print(f"{name:6} {key:22} {value}")
    wanted = {"share": WANTED_SHARE, "bytes_per_step": WANTED_BYTES, "report_s": WANTED_REPORT_S}
    more = {"command": record.command(), "commit": record.commit(), "wanted": wanted}
    more["load_average"] = [round(load, 1) for load in os.getloadavg()]
    record.write(options.json, found | more)


if __name__ == "__main__":
    main()
