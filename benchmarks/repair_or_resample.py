"""Equal Lean calls: does mending a model's partially right proofs prove more than sampling again?

    python benchmarks/repair_or_resample.py [--calls 150] [--errors 0.5]

A scripted model knows the proofs of repair_proofs*.lean; each line of a sample that it writes goes
wrong with the same chance, by a name, a side, an order of arguments, or whole: short proofs often
come out right, long ones seldom do. Both ways get the same samples in the same order and the same
number of Lean calls for a theorem: a file elaborated or looked into, a text parsed, a tactic
tried, each part of a verdict. First row: the hammer alone, which searches the holes, with as many
calls and no model; it shows how hard the theorems are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.errors import UsageError
from lakatos.data.records import Attempt, ProofState, Step, Theorem
from lakatos.lean_env.pool import LeanPool, OpenedFile
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verified, Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.agent.task import ProverContext
from lakatos.prover.config import DraftConfig, ProverConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.policy.base import PolicyOutput, Proposal, Query
from lakatos.prover.repair.draft_generator import FixedDrafts
from lakatos.prover.repair.draft_task import DraftMethod
from repair_corpus import PROOFS, THEOREM, swapped_arguments, wrong_branch, wrong_name

RESULTS = Path(__file__).parent / "results" / "repair_or_resample.json"
SAMPLES = 200
SECONDS = 120.0
"""Net under a theorem; the limit meant is that of calls."""


class Counted:
    """A pool that counts its calls, and ends the work with UsageError when they are spent."""

    def __init__(self, pool: LeanPool, most: int) -> None:
        self._pool = pool
        self._most = most
        self.workers = pool.workers
        self.calls = 0

    def spend(self, calls: int = 1) -> None:
        """Count calls."""
        if self.calls >= self._most:
            raise UsageError("out of Lean calls")
        self.calls += calls

    async def open(self, path: str, source: str) -> OpenedFile:
        """One call."""
        self.spend()
        return await self._pool.open(path, source)

    async def request(self, op: str, *, wall_s: float, **fields: Any) -> Any:
        """One call."""
        self.spend()
        return await self._pool.request(op, wall_s=wall_s, **fields)

    async def apply(self, state: ProofState, tactics: Sequence[str], **limits: Any) -> list[Step]:
        """A call for each tactic."""
        self.spend(len(tactics))
        return await self._pool.apply(state, tactics)

    async def forget(self, theorem: Theorem) -> None:
        """No call."""
        await self._pool.forget(theorem)


class CountedVerifier:
    """A verifier whose verdicts are calls of a counted pool: the block, the original, the judge."""

    def __init__(self, verifier: Verifier, pool: Counted) -> None:
        self._verifier = verifier
        self._pool = pool

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> Verified:
        """Three calls, and one for the export."""
        self._pool.spend(4)
        return await self._verifier.verify(theorem, proof)


class Faulty:
    """The scripted model: samples of one known proof, each line wrong with a chance."""

    name = "faulty"

    def __init__(self, proof: str, chance: float, seed: str) -> None:
        draw = random.Random(seed)
        self._samples = [sample(draw, proof, chance) for _ in range(SAMPLES)]

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """All samples, in order."""
        proposals = (Proposal(t, 1 / (n + 1)) for n, t in enumerate(self._samples))
        return [PolicyOutput(tuple(proposals)) for _ in queries]


def sample(draw: random.Random, proof: str, chance: float) -> str:
    """The proof as a block at column 0, some of its lines broken."""
    lines = [line[2:] for line in proof.rstrip("\n").split("\n")]
    return "\n".join(broken(draw, line) if draw.random() < chance else line for line in lines)


def broken(draw: random.Random, line: str) -> str:
    """The line with one thing wrong: a side, an order, a name, or all of it."""
    mutations = [wrong_branch, swapped_arguments, wrong_name]
    for mutation in draw.sample(mutations, len(mutations)):
        if (changed := mutation(draw, line + "\n").rstrip("\n")) != line:
            return changed
    margin = len(line) - len(line.lstrip())
    return line[:margin] + draw.choice(["simp", "exact this", line[margin:] + " foo"])


def lines_of(found: re.Match[str]) -> int:
    """Lines of the known proof."""
    return found["proof"].count("\n")


async def one(
    tools: ProverContext, theorem: Theorem, proof: str, depth: int | None, options: Any
) -> Any:
    """Prove one theorem in one way; None: the hammer alone."""
    pool = Counted(tools.pool, options.calls)
    verifier: Any = CountedVerifier(tools.verifier, pool)
    counted: Any = pool
    config = ProverConfig(expansions=3 * SAMPLES, wall_s=SECONDS)
    if depth is None:
        prover: Any = Prover(counted, verifier, Hammer(), config)
    else:
        author = FixedDrafts(Faulty(proof, options.chance, f"{options.seed}:{theorem.name}"))
        drafts = DraftConfig("whole-proof", SAMPLES, 1, depth)
        context = ProverContext(counted, verifier, Hammer(), NoObserver(), config)
        prover = Prover.of(context, DraftMethod(author, NoObserver(), drafts))
    began = time.monotonic()
    attempt: Attempt = (await prover.prove([theorem]))[0]
    return attempt.is_proved, pool.calls, round(time.monotonic() - began, 2)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All theorems, all ways."""
    source = "\n".join(place.read_text("utf-8") for place in PROOFS)
    toolchain = find_toolchain("embedded", cache=record.cache())
    found = [each for each in THEOREM.finditer(source) if lines_of(each) >= options.lines]
    found = sorted(random.Random(options.seed).sample(found, min(options.theorems, len(found))),
                   key=lambda each: each.start())  # fmt: skip
    ways = {"resample": 0, "repair": options.depth}
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    async with (
        LeanPool(toolchain, workers=options.workers) as pool,
        Verifier(pool, toolchain) as verifier,
    ):
        tools = ProverContext(pool, verifier, Hammer(), NoObserver())
        for each in found:
            text = source[: each.start("proof")] + "  sorry\n"
            theorem = (await pool.open("t.lean", text)).theorems[-1]
            row: dict[str, Any] = {"theorem": each["name"], "lines": lines_of(each)}
            row["hammer alone"] = await one(tools, theorem, each["proof"], None, options)
            for chance in options.errors:
                options.chance = chance
                for way, depth in ways.items():
                    result = await one(tools, theorem, each["proof"], depth, options)
                    row[f"{way} {chance}"] = result
            rows.append(row)
            print(json.dumps(row, ensure_ascii=False))
            sys.stdout.flush()
            if time.monotonic() - began > options.minutes * 60:
                break
    names = [key for key in rows[0] if key not in ("theorem", "lines")]
    table = {
        name: {
            "proved": sum(row[name][0] for row in rows),
            "of": len(rows),
            "calls": sum(row[name][1] for row in rows),
            "wall_s": round(sum(row[name][2] for row in rows), 1),
        }
        for name in names
    }
    return {"table": table, "theorems": rows, "toolchain": f"embedded Lean {toolchain.lean}"}


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theorems", type=int, default=19, help="how many, drawn by the seed")
    parser.add_argument("--lines", type=int, default=6, help="least, of the known proofs")
    parser.add_argument("--calls", type=int, default=150, help="Lean calls for a theorem")
    parser.add_argument("--depth", type=int, default=1, help="--repair-depth of the repairs")
    parser.add_argument("--errors", type=float, nargs="+", default=[0.5], help="of a line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no theorem after these")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    about = {"command": record.command(), "commit": record.commit(), "seed": options.seed}
    about |= {"calls_a_theorem": options.calls, "repair_depth": options.depth}
    found = about | asyncio.run(measure(options))
    print(json.dumps(found["table"], indent=1))
    record.write(options.out, found)


if __name__ == "__main__":
    main()
