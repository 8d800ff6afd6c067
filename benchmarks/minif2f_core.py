"""miniF2F-core: how many of the 60 core theorems does the hammer prove, each verified?

    python benchmarks/minif2f_core.py minif2f_valid.jsonl [--seconds 60] [--theorem NAME ...]

In the same run the baseline: eight single tactics a theorem. Everything counted as proved, the
baseline too, has been accepted by the verifier.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.records import Accepted, Advanced, Attempt, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import Toolchain, find_toolchain
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer

HEADER = """set_option autoImplicit false
notation "ℕ" => Nat
notation "ℤ" => Int
notation "ℚ" => Rat
"""
BASELINE = (
    "omega",
    "simp_all",
    "grind",
    "decide",
    "simp_all <;> omega",
    "constructor <;> grind",
    "subst_vars <;> grind",
    "intros <;> omega",
)
RESULTS = Path(__file__).parent / "results" / "minif2f_core.json"


def core_file(problems: Path, names: Sequence[str] = ()) -> tuple[str, int]:
    """The core theorems as one Lean file, and how many they are."""
    lines = [json.loads(line) for line in problems.read_text("utf-8").splitlines() if line.strip()]
    core = [p for p in lines if p["core"] and (not names or p["name"] in names)]
    return HEADER + "\n\n".join(p["formal_statement"].strip() for p in core) + "\n", len(core)


async def baseline(pool: LeanPool, verifier: Verifier, theorem: Theorem) -> str | None:
    """The first of the eight tactics that proves the theorem, verified; None without one."""
    for tactic in BASELINE:
        step = (await pool.apply(theorem.state, [tactic]))[0]
        if step.outcome == Advanced(()):
            verified = await verifier.verify(theorem, tactic)
            if isinstance(verified.verdict, Accepted):
                return tactic
    return None


class Progress:
    """Prints one line for each finished attempt."""

    def start_attempt(self, theorem: Theorem) -> None:
        pass

    def expansions(self, theorem: Theorem, expansions: list[Any]) -> None:
        pass

    def finish_attempt(self, attempt: Attempt) -> None:
        mark = "proved" if attempt.is_proved else attempt.stop.value
        cost = f"{attempt.wall_s:6.1f} s  {attempt.expansions:4d} expansions"
        print(f"{mark:12} {cost}  {attempt.theorem.name}  {attempt.detail[:60]}", flush=True)


async def measure(toolchain: Toolchain, source: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run baseline and hammer over the whole file."""
    config = ProverConfig(wall_s=options.seconds, seed=options.seed)
    async with (
        LeanPool(toolchain, workers=options.workers) as pool,
        Verifier(pool, toolchain) as verifier,
    ):
        opened = await pool.open("minif2f_core.lean", source)
        start = time.monotonic()
        singles = {t.name: await baseline(pool, verifier, t) for t in opened.theorems}
        baseline_s = time.monotonic() - start
        prover = Prover(pool, verifier, Hammer(), config, Progress())
        start = time.monotonic()
        attempts = await prover.prove(opened.theorems)
        return {
            "baseline": {"proved": sum(t is not None for t in singles.values()), "by": singles},
            "baseline_wall_s": round(baseline_s, 1),
            "proved": sum(a.is_proved for a in attempts),
            "of": len(attempts),
            "wall_s": round(time.monotonic() - start, 1),
            "workers": pool.workers,
            "worker_restarts": pool.restarts,
            "theorems": [row(a) for a in attempts],
        }


def row(attempt: Attempt) -> dict[str, Any]:
    """One attempt as the table and the JSON show it."""
    return {
        "name": attempt.theorem.name,
        "stop": attempt.stop.value,
        "wall_s": round(attempt.wall_s, 2),
        "expansions": attempt.expansions,
        "steps": attempt.steps,
        "proof": attempt.proof,
    }


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", type=Path, help="minif2f_valid.jsonl")
    parser.add_argument("--seconds", type=float, default=60.0, help="wall time for each theorem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--theorem", action="append", default=[], help="only these")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    source, count = core_file(options.problems, options.theorem)
    toolchain = find_toolchain("embedded", cache=record.cache())
    found = asyncio.run(measure(toolchain, source, options))
    print(f"miniF2F-core: {found['proved']} of {count} proved and verified")
    print(f"baseline, eight single tactics: {found['baseline']['proved']} of {count}")
    found |= {
        "command": record.command(),
        "toolchain": f"{toolchain.name} Lean {toolchain.lean}",
        "seed": options.seed,
        "seconds_a_theorem": options.seconds,
        "commit": record.commit(),
        "problem_set_sha256": hashlib.sha256(options.problems.read_bytes()).hexdigest(),
    }
    out = options.out or (None if options.theorem else RESULTS)
    if out:
        record.write(out, found)


if __name__ == "__main__":
    main()
