"""What extraction costs, whether its memory stays flat, whether steps can be taken again.

    python benchmarks/extract.py [--measure round_trip,cost,memory] [--proved DIR] [--rounds 4]
                                 [--files 1000] [--json FILE]

Cost: each of up to five files of a group is traced, and elaborated without information trees, in
turn, in one worker; the best of --rounds counts for each. Memory: --files files that differ, one
after the other in one worker. Round trip: `apply` of each tactic at the state before it, in the
worker, must give the goals after it, name for name; what does not is told by class. Files: a
project drawn from traced_project.txt (over 3,000 lines), repair_proofs*.lean, and --proved: the
examples with their proofs, made by `lakatos prove FILE --out DIR/FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import traced_project
from lakatos.data.records import TimedOut
from lakatos.data.traced import TracedStep
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.protocol import Failure, Json
from lakatos.lean_env.queries.trace import Traces, to_traced
from lakatos.lean_env.toolchains.find import find_toolchain
from record import cache, command, commit, write

HERE = Path(__file__).parent
PROJECT_FILES, PROJECT_THEOREMS = 13, 42
COST_FILES = 5
"""Of each group: what the clock is stopped for."""
SMALL_THEOREMS = 3
WALL_S = 300.0
NUMBERED = re.compile(r"\?[\w.]+|[✝¹²³⁴⁵⁶⁷⁸⁹⁰]+")

Files = dict[str, list[tuple[str, str]]]


def files_of(proved: Path | None) -> Files:
    """Of each group the files: name and text."""
    own = [(f"P{n}.lean", traced_project.file(n, PROJECT_THEOREMS)) for n in range(PROJECT_FILES)]
    groups = {"project": own, "repair_proofs": read(HERE, "repair_proofs*.lean")}
    return groups | ({"examples": read(proved, "*.lean")} if proved else {})


def read(folder: Path, pattern: str) -> list[tuple[str, str]]:
    return [(place.name, place.read_text("utf-8")) for place in sorted(folder.glob(pattern))]


async def result(pool: LeanPool, op: str, **fields: Any) -> tuple[Json, float]:
    """The answer and the seconds in Lean."""
    answer = await pool.request(op, wall_s=WALL_S, **fields)
    assert not isinstance(answer, Failure | TimedOut), answer
    return answer.value, answer.us / 1e6


async def cost(pool: LeanPool, files: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    """Seconds for all files, plain and traced: the best round of each file."""
    plain_s = traced_s = 0.0
    for name, text in files:
        plain, traced = [], []
        for number in range(rounds):
            source = f"-- {number}\n{text}"  # so that nothing is taken from the round before
            plain.append((await result(pool, "parse", before=source, texts=[]))[1])
            traced.append((await result(pool, "trace", name=name, source=source))[1])
        plain_s += min(plain)
        traced_s += min(traced)
    return {
        "lines": lines_of(files),
        "plain_s": round(plain_s, 2),
        "traced_s": round(traced_s, 2),
        "overhead": round(traced_s / plain_s - 1, 3),
    }


def lines_of(files: list[tuple[str, str]]) -> int:
    return sum(text.count("\n") for _, text in files)


async def memory(pool: LeanPool, count: int) -> dict[str, Any]:
    """Resident MB of the worker, as it goes, over files that differ."""
    seen = {}
    for number in range(count):
        text = traced_project.file(number, SMALL_THEOREMS, seed=1)
        await result(pool, "trace", name=f"{number}.lean", source=text)
        if number % (count // 10) == count // 10 - 1:
            (seat,) = pool._seats
            assert seat.worker is not None
            seen[number + 1] = round(seat.worker.rss_mb)
    return {"files": count, "worker_mb_after": seen, "workers_replaced": pool.restarts}


def goals_after(value: Json) -> list[Json]:
    """The goals of an answer to `apply`, in Lean's order."""
    placed = [
        (position, goal)
        for state in value["states"]
        for position, goal in zip(state["positions"], state["goals"], strict=True)
    ]
    return [goal for _, goal in sorted(placed, key=lambda each: each[0])]


def texts(goals: list[Any], plain: bool = False) -> list[str]:
    """Goals as text; plain: without numbers of metavariables and marks of inaccessible names."""
    told = [repr(goal) for goal in goals]
    return [NUMBERED.sub("_", each) for each in told] if plain else told


async def again(pool: LeanPool, step: TracedStep) -> str:
    """`same`, or what is not."""
    answer = await pool.request(
        "apply", wall_s=WALL_S, state=step.state, tactic=step.tactic, heartbeats=200_000
    )
    if isinstance(answer, Failure | TimedOut):
        return "no answer"
    if "rejected" in answer.value:
        return f"rejected: {answer.value['rejected']['kind']}"
    found = [
        (g["tag"], [(h["name"], h["type"], h.get("value")) for h in g["hypotheses"]], g["target"])
        for g in goals_after(answer.value)
    ]
    expected = [
        (g.goal.tag, [(h.name, h.type, h.value) for h in g.goal.hypotheses], g.goal.target)
        for g in step.after
    ]
    if texts(found) == texts(expected):
        return "same"
    if texts(found, plain=True) == texts(expected, plain=True):
        return "names of metavariables"
    return "number of goals" if len(found) != len(expected) else "other goals"


async def round_trip(pool: LeanPool, files: list[tuple[str, str]]) -> dict[str, Any]:
    """How many steps give the same goals when they are taken again."""
    classes: Counter[str] = Counter()
    odd: list[str] = []
    for name, text in files:
        wire = await Traces(pool, "").ask(name, text, keep=True)
        file = to_traced(name, text, "", wire)
        for step in steps_of(file.declarations):
            came = await again(pool, step)
            classes[came] += 1
            if came != "same":
                odd.append(f"{name}:{file.place(step.start)[0]} {came}: {step.tactic[:60]}")
        states = [step["state"] for each in wire["commands"] for step in each["steps"]]
        await result(pool, "release", states=states)
    same = classes["same"] / max(1, classes.total())
    lines = {"files": len(files), "lines": lines_of(files)}
    return lines | {
        "tactics": classes.total(),
        "same": round(same, 5),
        "classes": classes,
        "odd": odd,
    }


def steps_of(declarations: Any) -> Iterator[TracedStep]:
    """All steps but those that leave a `sorry`."""
    for declaration in declarations:
        for step in declaration.steps:
            if all(each.name != "sorryAx" for each in step.used):
                yield step


async def main(arguments: argparse.Namespace) -> None:
    groups = files_of(arguments.proved)
    made = {"command": command(), "commit": commit()}
    found: dict[str, Any] = {}
    if arguments.json and arguments.json.is_file():
        found = json.loads(arguments.json.read_text("utf-8"))
    for measure in arguments.measure.split(","):
        async with LeanPool(find_toolchain("embedded", cache=cache()), workers=1) as pool:
            if measure == "round_trip":
                told: Any = {name: await round_trip(pool, each) for name, each in groups.items()}
            elif measure == "cost":
                rounds = arguments.rounds
                told = {
                    name: await cost(pool, each[:COST_FILES], rounds)
                    for name, each in groups.items()
                }
            else:
                told = await memory(pool, arguments.files)
        print(measure, told)
        found[measure] = made | {"found": told}
    if arguments.json:
        write(arguments.json, found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", default="round_trip,cost,memory")
    parser.add_argument("--proved", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    asyncio.run(main(parser.parse_args()))
