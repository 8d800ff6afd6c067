"""Which search proves most with equal Lean calls, and what does merging equal states save?

    python benchmarks/search_order.py minif2f_valid.jsonl [--steps 600] [--seed 0 1 2]

The hammer proposes; seeds above 0 shake its priors by up to a tenth, which breaks its ties anew.
Lean is asked the same question once for all searches, and each still pays for it in steps.
Counted as proved: accepted by the verifier, and found within the steps (an expansion under way
is finished, so a search may end a little above them). Baseline: best-first.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import mean
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.records import Advanced, Expansion, ProofState, Step, Theorem
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verified, Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.config import ProverConfig, SearchConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.policy.base import PolicyOutput, Proposal, Query
from lakatos.search.driver import RECIPES
from minif2f_core import core_file  # type: ignore[import-not-found]

RESULTS = Path(__file__).parent / "results" / "search_order.json"
KEYS = ("up to hypothesis names", "exact text", "no merging")


class Shaken:
    """The hammer with priors times 0.9 to 1.1, drawn for each state and tactic by the seed."""

    name = "hammer"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._hammer = Hammer()

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        answers = await self._hammer.propose(queries)
        if not self._seed:
            return answers
        return [
            PolicyOutput(tuple(self._shaken(q.state, p) for p in found.proposals))
            for q, found in zip(queries, answers, strict=True)
        ]

    def _shaken(self, state: ProofState, p: Proposal) -> Proposal:
        draw = random.Random(f"{self._seed}:{state.pretty}:{p.tactic}")
        return Proposal(p.tactic, min(1.0, p.prior * draw.uniform(0.9, 1.1)))


class Remembering:
    """A pool that asks Lean each question once; `merge` says which states count as equal."""

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool
        self._known: dict[tuple[Any, ...], Step] = {}
        self._lean: dict[int, tuple[ProofState, ProofState]] = {}
        self.merge = KEYS[0]
        self.workers = pool.workers

    async def apply(self, state: ProofState, tactics: Sequence[str], **limits: Any) -> list[Step]:
        own = self.original(state)
        way = own.root, tuple((o.tactic, o.index) for o in own.recipe)
        new = [t for t in tactics if (*way, t) not in self._known]
        for tactic, step in zip(new, await self._pool.apply(own, new) if new else [], strict=True):
            self._known[(*way, tactic)] = step
        return [self._rekeyed(self._known[(*way, t)]) for t in tactics]

    async def open(self, path: str, source: str) -> Any:
        return await self._pool.open(path, source)

    async def forget(self, theorem: Theorem) -> None:
        await self._pool.forget(theorem)

    def original(self, state: ProofState) -> ProofState:
        """The state as Lean made it, with Lean's key."""
        return self._lean[id(state)][1] if id(state) in self._lean else state

    def rekey(self, state: ProofState) -> ProofState:
        """The state under the key of the merging in force."""
        if self.merge == KEYS[0]:
            return state
        text = state.pretty
        if self.merge == KEYS[2]:
            text = "\0".join(f"{o.tactic}\0{o.index}" for o in state.recipe)
        mine = replace(state, key=hashlib.sha256(text.encode()).hexdigest())
        self._lean[id(mine)] = mine, state
        return mine

    def _rekeyed(self, step: Step) -> Step:
        if not isinstance(step.outcome, Advanced):
            return step
        return replace(step, outcome=Advanced(tuple(map(self.rekey, step.outcome.states))))


class Judged:
    """A verifier that judges each proof of each theorem once."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._known: dict[tuple[str, str], Verified] = {}

    async def verify(self, theorem: Theorem, proof: str, left_s: float = inf) -> Verified:
        key = theorem.name, proof
        if key not in self._known:
            self._known[key] = await self._verifier.verify(theorem, proof)
        return self._known[key]


class Merged(NoObserver):
    """Counts states reached and expanded, all of them and those that differ by Lean's key."""

    def __init__(self, pool: Remembering) -> None:
        self._pool = pool
        self._seen: dict[str, set[str]] = {}
        self._expanded: dict[str, set[str]] = {}
        self.reached = self.distinct = self.expanded = self.repeated = 0

    def start_attempt(self, theorem: Theorem) -> None:
        self._seen[theorem.name] = {self._pool.original(theorem.state).key}
        self._expanded[theorem.name] = set()

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        seen, expanded = self._seen[theorem.name], self._expanded[theorem.name]
        for expansion in expansions:
            key = self._pool.original(expansion.state).key
            self.expanded += 1
            self.repeated += key in expanded
            expanded.add(key)
            for step in expansion.steps:
                states = step.outcome.states if isinstance(step.outcome, Advanced) else ()
                for state in states:
                    key = self._pool.original(state).key
                    self.reached += 1
                    self.distinct += key not in seen
                    seen.add(key)


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    pool: Remembering
    verifier: Judged
    theorems: Sequence[Theorem]
    options: argparse.Namespace

    async def run(
        self, search: str, seed: int, recorder: NoObserver | None = None
    ) -> dict[str, Any]:
        """One search over all theorems, as a row of the results."""
        config = ProverConfig(
            expansions=self.options.steps,
            steps=self.options.steps,
            wall_s=self.options.seconds,
            in_flight=1,
            first_round=self.options.steps,
            search=SearchConfig(search),
            seed=seed,
        )
        prover = Prover(self.pool, self.verifier, Shaken(seed), config, recorder)
        theorems = [replace(t, state=self.pool.rekey(t.state)) for t in self.theorems]
        began = time.monotonic()
        attempts = await prover.prove(theorems)
        row = {
            "search": search,
            "seed": seed,
            "proved": sum(a.is_proved and a.steps <= self.options.steps for a in attempts),
            "of": len(attempts),
            "expansions": sum(a.expansions for a in attempts),
            "steps": sum(a.steps for a in attempts),
            "steps_of_proved": {a.theorem.name: a.steps for a in attempts if a.is_proved},
            "wall_s": round(time.monotonic() - began, 1),
            "stops": {a.theorem.name: a.stop.value for a in attempts},
        }
        print(
            f"{search:13} seed {seed}: {row['proved']}/{row['of']} proved, {row['steps']} steps, "
            f"{row['expansions']} expansions, {row['wall_s']} s",
            flush=True,
        )
        return row

    async def merging(self) -> list[dict[str, Any]]:
        """Best-first with each way of merging: states merged, and expansions made twice."""
        rows = []
        for merge in KEYS:
            self.pool.merge = merge
            counts = Merged(self.pool)
            row = await self.run("best-first", 0, counts)
            rows.append(
                {
                    "merged_by": merge,
                    "proved": row["proved"],
                    "states_reached": counts.reached,
                    "states_distinct": counts.distinct,
                    "share_merged": round(1 - counts.distinct / max(1, counts.reached), 3),
                    "expansions": counts.expanded,
                    "expansions_repeated": counts.repeated,
                    "share_repeated": round(counts.repeated / max(1, counts.expanded), 3),
                    "steps": row["steps"],
                }
            )
        self.pool.merge = KEYS[0]
        return rows


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    source, _ = core_file(options.problems, options.theorem)
    toolchain = find_toolchain("embedded", cache=record.cache())
    async with (
        LeanPool(toolchain, workers=options.workers) as lean,
        Verifier(lean, toolchain) as verifier,
    ):
        opened = await lean.open("minif2f_core.lean", source)
        bench = Bench(Remembering(lean), Judged(verifier), opened.theorems, options)
        rows = [await bench.run(name, seed) for seed in options.seed for name in options.search]
        merging = await bench.merging()
    return {
        "toolchain": f"{toolchain.name} Lean {toolchain.lean}",
        "order": table(rows, options.search),
        "runs": rows,
        "merging": merging,
    }


def table(rows: Sequence[dict[str, Any]], searches: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each search, best first: more proved, then fewer steps over all theorems."""
    found = []
    for name in searches:
        mine = [row for row in rows if row["search"] == name]
        found.append(
            {
                "search": name,
                "proved_mean": round(mean(row["proved"] for row in mine), 2),
                "proved": [row["proved"] for row in mine],
                "steps_mean": round(mean(row["steps"] for row in mine)),
                "expansions_mean": round(mean(row["expansions"] for row in mine)),
            }
        )
    return sorted(found, key=lambda row: (-row["proved_mean"], row["steps_mean"]))


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", type=Path, help="minif2f_valid.jsonl")
    parser.add_argument("--steps", type=int, default=600, help="Lean calls for each theorem")
    parser.add_argument("--seconds", type=float, default=300.0, help="net under the steps")
    parser.add_argument("--seed", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--search", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--theorem", action="append", default=[], help="only these")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    found = asyncio.run(measure(options))
    print(f"\n{'search':14}{'proved':>8}  {'by seed':14}{'steps':>8}{'expansions':>12}")
    for row in found["order"]:
        seeds = " ".join(map(str, row["proved"]))
        counts = f"{row['steps_mean']:8}{row['expansions_mean']:12}"
        print(f"{row['search']:14}{row['proved_mean']:8}  {seeds:14}{counts}")
    for row in found["merging"]:
        print(
            f"merged by {row['merged_by']}: {row['share_merged']:.1%} of {row['states_reached']} "
            f"states known before, {row['share_repeated']:.1%} of {row['expansions']} expansions "
            "of a state expanded before"
        )
    found |= {
        "command": record.command(),
        "steps_a_theorem": options.steps,
        "seeds": options.seed,
        "commit": record.commit(),
        "problem_set_sha256": hashlib.sha256(options.problems.read_bytes()).hexdigest(),
    }
    out = options.out or (None if options.theorem else RESULTS)
    if out:
        record.write(out, found)


if __name__ == "__main__":
    main()
