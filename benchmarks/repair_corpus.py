"""How many broken proofs does `repair` mend with no model, each within a time, each verified?

    python benchmarks/repair_corpus.py [--count 210] [--seconds 30] [--seed 0]

The proofs of repair_proofs*.lean are broken by seeded mutation, one at a time; what Lean takes
nevertheless is no case. In the same run the baseline, the same statements proved from nothing by
the hammer in the same time, and that the right file comes back unchanged. Failures count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.data.errors import UsageError
from lakatos.data.records import Accepted
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.agent.task import ProverContext
from lakatos.prover.config import ProverConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.repair.repair_task import RepairConfig, Repairer, diagnose

FOLDER = Path(__file__).parent
PROOFS = FOLDER / "repair_proofs.lean", FOLDER / "repair_proofs_of_types.lean"
RESULTS = FOLDER / "results" / "repair_corpus.json"
THEOREM = re.compile(r"^theorem (?P<name>\w+).*?:= by\n(?P<proof>(?:  [^\n]*\n)+)", re.M | re.S)


def _pick(draw: random.Random, text: str, pattern: str) -> re.Match[str] | None:
    found = list(re.finditer(pattern, text))
    return draw.choice(found) if found else None


def _replaced(text: str, found: re.Match[str], new: str) -> str:
    return text[: found.start()] + new + text[found.end() :]


def deleted_line(draw: random.Random, proof: str) -> str:
    """A line is lost."""
    lines = proof.splitlines(keepends=True)
    del lines[draw.randrange(len(lines))]
    return "".join(lines)


def wrong_name(draw: random.Random, proof: str) -> str:
    """The name of a lemma is misspelt: two letters change places, or one is lost."""
    found = _pick(draw, proof, r"\b(?:Nat|Int|List|Or|Classical)\.\w{4,}")
    if not found:
        return proof
    word = found.group()
    at = draw.randrange(len(word) - 4, len(word) - 1)
    changed = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return _replaced(proof, found, changed if changed != word else word[:-1])


def swapped_arguments(draw: random.Random, proof: str) -> str:
    """Two arguments change places."""
    found = _pick(draw, proof, r"(?<=[\w)] )(\w+|\([^()]*\)) (\w+|\([^()]*\))(?=[\s\])⟩,])")
    return _replaced(proof, found, f"{found[2]} {found[1]}") if found else proof


def truncated(draw: random.Random, proof: str) -> str:
    """The text ends too early."""
    return proof[: draw.randrange(len(proof) // 3, len(proof) - 1)].rstrip() + "\n"


def lean_3(draw: random.Random, proof: str) -> str:
    """Lean 3 around the block, commas behind its lines; `rw` without brackets."""
    lines = [re.sub(r"\brw \[([^,\]]+)\]", r"rw \1", line) for line in proof.splitlines()]
    ends = re.compile(r"(=>|\bwith|\bby|:=|\bcalc.*|^\s*_ .*|^\s*·.*)$")
    lines = [line if ends.search(line) else line + "," for line in lines]
    return "begin\n" + "\n".join(lines) + "\nend\n"


def wrong_branch(draw: random.Random, proof: str) -> str:
    """The other side is taken, or a rewriting goes the other way."""
    sides = {"left": "right", "right": "left", "inl": "inr", "inr": "inl", ".1": ".2", ".2": ".1"}
    found = _pick(draw, proof, r"\bleft\b|\bright\b|(?<=Or\.)in[lr]\b|(?<=\w)\.[12]\b|rw \[(?!←)")
    if not found:
        return proof
    return _replaced(proof, found, sides.get(found.group(), "rw [← "))


Mutation = Callable[[random.Random, str], str]
MUTATIONS: tuple[Mutation, ...] = (
    deleted_line,
    wrong_name,
    swapped_arguments,
    truncated,
    lean_3,
    wrong_branch,
)


@dataclass(frozen=True)
class Case:
    """One broken proof: its theorem, how it was broken, the file up to it and with it."""

    name: str
    mutation: str
    source: str
    start: int


def above(source: str, theorems: list[re.Match[str]], found: re.Match[str]) -> str:
    """The file above a theorem, without the theorems that it does not need."""
    wanted, parts, end = found.group(), [], found.start()
    for other in reversed(theorems[: theorems.index(found)]):
        parts.append(source[other.end() : end])
        if re.search(rf"\b{other['name']}\b", wanted):
            wanted += other.group()
            parts.append(other.group())
        end = other.start()
    return "".join(reversed([*parts, source[:end]]))


def candidates(source: str, seed: int) -> Iterator[Case]:
    """Broken proofs, by all mutations in turn over all theorems, again and again; none twice.

    A file ends with its broken theorem, whose own proof cannot be found further down, and holds
    above it what that needs. They go down the file, as a user would: Lean has read most of it.
    """
    draw = random.Random(seed)
    seen: set[str] = set()
    theorems = list(THEOREM.finditer(source))
    for _ in range(40):
        mixed = enumerate(draw.sample(theorems, len(theorems)))
        dealt = [(found, MUTATIONS[number % len(MUTATIONS)]) for number, found in mixed]
        for found, mutation in sorted(dealt, key=lambda each: each[0].start()):
            broken = mutation(draw, found["proof"])
            head = above(source, theorems, found) + source[found.start() : found.start("proof")]
            if broken.startswith("begin"):
                head = head.removesuffix(" by\n") + "\n"
            text = head + broken
            if broken != found["proof"] and text not in seen:
                seen.add(text)
                yield Case(found["name"], mutation.__name__, text, len(head.encode()))


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Break, repair, count."""
    source = "\n".join(place.read_text("utf-8") for place in PROOFS)
    toolchain = find_toolchain("embedded", cache=record.cache())
    share = options.count / len(MUTATIONS)
    made: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    async with (
        LeanPool(toolchain, workers=options.workers) as pool,
        Verifier(pool, toolchain) as verifier,
    ):
        tools = ProverContext(pool, verifier, Hammer(), NoObserver())
        right = await diagnose(pool, "right.lean", source)
        for case in candidates(source, options.seed):
            if made.get(case.mutation, 0) >= share:
                continue
            row = await one(tools, case, options.seconds)
            if row is None:
                continue
            made[case.mutation] = made.get(case.mutation, 0) + 1
            rows.append(row)
            word = "mended" if row["mended"] else row["stop"]
            print(f"{len(rows):4d} {word:12} {row['wall_s']:6.1f} s  {case.mutation} {case.name}")
            sys.stdout.flush()
            if len(rows) >= options.count or time.monotonic() - began > options.minutes * 60:
                break
        scratch = await baseline(tools, source, options.seconds) if options.scratch else None
    return {
        **summary(rows),
        "right_file_unchanged": not right.theorems and not right.errors,
        "baseline_from_nothing": scratch,
        "toolchain": f"{toolchain.name} Lean {toolchain.lean}",
        "cases": rows,
    }


async def one(tools: ProverContext, case: Case, seconds: float) -> dict[str, Any] | None:
    """Repair one case; None when Lean takes it as it is."""
    began = time.monotonic()
    try:
        diagnosis = await diagnose(tools.pool, "case.lean", case.source)
    except UsageError as error:
        row = {"theorem": case.name, "mutation": case.mutation, "mended": False}
        return row | {"stop": str(error), "wall_s": round(time.monotonic() - began, 2)}
    if not diagnosis.theorems and not diagnosis.errors:
        return None
    row: dict[str, Any] = {"theorem": case.name, "mutation": case.mutation, "mended": False}
    row |= {"broken": case.source.encode()[case.start :].decode(), "stop": "no proof found"}
    if diagnosis.theorems:
        repairer = Repairer(tools, NoObserver(), RepairConfig(seconds), ProverConfig())
        repair = await repairer.repair(diagnosis, diagnosis.theorems[0])
        row |= {
            "mended": isinstance(repair.attempt.verdict, Accepted) and not diagnosis.errors,
            "stop": repair.attempt.stop.value,
            "compilations": repair.compilations,
            "rounds": repair.rounds,
            "proof": repair.value,
            "lines_kept": kept(case.source.encode()[case.start :].decode(), repair.value),
        }
    wall_s = round(time.monotonic() - began, 2)
    return row | {"wall_s": wall_s, "mended": row["mended"] and wall_s <= seconds}


def kept(broken: str, proof: str | None) -> float | None:
    """Share of the lines of the broken proof that are in the mended one."""
    lines = [line.strip().rstrip(",") for line in broken.splitlines() if len(line.strip()) > 3]
    mended = {line.strip() for line in (proof or "").splitlines()}
    return round(sum(line in mended for line in lines) / max(1, len(lines)), 2) if proof else None


async def baseline(tools: ProverContext, source: str, seconds: float) -> dict[str, Any]:
    """The hammer on the same statements, with nothing of their proofs, each with what precedes."""
    proved: list[str] = []
    names: list[str] = []
    for found in THEOREM.finditer(source):
        opened = await tools.pool.open("scratch.lean", source[: found.start("proof")] + "  sorry\n")
        prover = Prover(tools.pool, tools.verifier, Hammer(), ProverConfig(wall_s=seconds))
        attempt = (await prover.prove(opened.theorems[-1:]))[0]
        names.append(found["name"])
        proved += [found["name"]] if attempt.is_proved else []
    return {"proved": len(proved), "of": len(names), "open": sorted(set(names) - set(proved))}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts, whole and by mutation."""
    mended = [row for row in rows if row["mended"]]
    by = {
        m.__name__: [
            sum(row["mended"] for row in rows if row["mutation"] == m.__name__),
            sum(row["mutation"] == m.__name__ for row in rows),
        ]
        for m in MUTATIONS
    }
    return {
        "mended": len(mended),
        "of": len(rows),
        "share": round(len(mended) / max(1, len(rows)), 3),
        "by_mutation": by,
        "compilations_median": statistics.median(row["compilations"] for row in mended),
        "compilations_most": max(row["compilations"] for row in mended),
        "lines_kept_mean": round(statistics.mean(row["lines_kept"] for row in mended), 2),
        "wall_s_median": statistics.median(row["wall_s"] for row in rows),
        "wall_s_most": max(row["wall_s"] for row in rows),
    }


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=210, help="broken proofs")
    parser.add_argument("--seconds", type=float, default=30.0, help="wall time for each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no case after these")
    parser.add_argument("--scratch", action="store_true", help="measure the baseline, too")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    about = {"commit": record.commit(), "seed": options.seed, "seconds_a_proof": options.seconds}
    about["command"] = record.command()
    found = about | asyncio.run(measure(options))
    told = {key: value for key, value in found.items() if key != "cases"}
    print(json.dumps(told, indent=1, ensure_ascii=False))
    record.write(options.out, found)


if __name__ == "__main__":
    main()
