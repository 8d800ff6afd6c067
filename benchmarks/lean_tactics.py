"""Lean through the pool: tactics a second, what the way costs, memory, whole files a minute.

    python benchmarks/lean_tactics.py [--applications 5000] [--files 40] [--json OUT]

The mixed script: ten statements, twenty-nine tactics each, about 70 % of them failing. As a search
asks: all tactics of a state in one call. One by one: every application awaited before the next,
which shows what the way costs. A round of it warms the worker up before anything counts.
Baselines of the same run: one worker for two, a fresh worker for each file for the warm one.
"""

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path

import psutil
from lakatos.data.records import Advanced
from lakatos.lean_env.pool import LeanPool, Limits
from lakatos.lean_env.toolchains import embedded

STATEMENTS = [
    "∀ a b : Nat, a + b = b + a",
    "∀ a b c : Nat, a * (b + c) = a * b + a * c",
    "∀ (p q : Prop), p ∧ q → q ∧ p",
    "∀ (p q r : Prop), p ∧ (q ∨ r) ↔ (p ∧ q) ∨ (p ∧ r)",
    "∀ (xs ys : List Nat), (xs ++ ys).length = ys.length + xs.length",
    "∀ x y : Int, 2 * x + 3 * y = 7 → x - y = 1 → x = 2",
    "∀ (f : Nat → Nat), (∀ x, f x = x) → f (f 2) = 2",
    "∀ n : Nat, n ≤ n * n + n",
    "∀ (a b : Int), (a + b) * (a + b) = a * a + 2 * a * b + b * b",
    "∀ (α : Type) (xs : List α), xs.reverse.reverse = xs",
]
TACTICS = [
    "intros",
    "intro a",
    "intros; omega",
    "intros; simp",
    "intros; simp_all",
    "intros; grind",
    "intro a b",
    "constructor",
    "intros; constructor",
    "intros; rfl",
    "intros; decide",
    "exact Nat.add_comm",
    "intros; exact Nat.add_comm _ _",
    "intros; rw [Nat.mul_add]",
    "intros; cases ‹_ ∧ _›",
    "intros; simp [Nat.add_comm]",
    "intros; ac_rfl",
    "intros; trivial",
    "intros; assumption",
    "foo bar",
    "intros; induction ‹Nat› <;> simp",
    "intros; apply Nat.le_refl",
    "intros; rename_i h; exact h",
    "intros; split",
    "intros; refine ⟨?_, ?_⟩",
    "intros; tauto",
    "intros; contradiction",
    "intros; unfold HAdd.hAdd",
    "intros; norm_cast",
]
SOURCE = "".join(f"theorem t{i} : {text} := by sorry\n" for i, text in enumerate(STATEMENTS))
SMALL = """theorem a{i} (x y : Nat) : x + y + {i} = y + x + {i} := by omega
"""
FILE = """theorem a{i} (x y : Nat) : x + y + {i} = y + x + {i} := by omega
theorem b{i} (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩
def double{i} (n : Nat) : Nat := n + n
theorem c{i} (n : Nat) : double{i} n = 2 * n := by unfold double{i}; omega
theorem d{i} (xs : List Nat) : (xs ++ []).length = xs.length := by simp
"""


def script(applications):
    """(statement, tactic) pairs, all tactics of a round before any comes again."""
    size = len(STATEMENTS)
    for number in range(applications):
        yield number % size, TACTICS[number // size % len(TACTICS)]


async def try_script(pool, states, applications, on_each=lambda number: None):
    """Apply the script one by one; returns seconds, advances, and milliseconds of each."""
    overheads_ms, walls_ms, advances = [], [], 0
    began = time.perf_counter()
    for number, (statement, tactic) in enumerate(script(applications)):
        before, lean_before = time.perf_counter(), pool.lean_us
        (step,) = await pool.apply(states[statement], [tactic])
        wall_ms = (time.perf_counter() - before) * 1e3
        walls_ms.append(wall_ms)
        overheads_ms.append(wall_ms - (pool.lean_us - lean_before) / 1e3)
        advances += isinstance(step.outcome, Advanced)
        on_each(number)
    return time.perf_counter() - began, advances, walls_ms, overheads_ms


async def try_states(pool, states, rounds):
    """The script as a search asks it; applications a second."""
    began = time.perf_counter()
    for _ in range(rounds):
        for state in states:
            await pool.apply(state, TACTICS)
    return rounds * len(states) * len(TACTICS) / (time.perf_counter() - began)


def worker_mb():
    """Resident memory of all worker processes, MB."""
    return sum(child.memory_info().rss for child in psutil.Process().children()) / 1e6


async def one_worker(toolchain, applications):
    """Rate, overhead and memory of one worker over a long script."""
    curve = []

    def look(number):
        if number % 1000 == 0:
            curve.append(round(worker_mb()))

    round_size = len(STATEMENTS) * len(TACTICS)
    async with LeanPool(toolchain, workers=1, limits=Limits()) as pool:
        opened = await pool.open("bench.lean", SOURCE)
        states = [theorem.state for theorem in opened.theorems]
        cold_s, *_ = await try_script(pool, states, round_size)
        wall_s, advances, walls_ms, overheads_ms = await try_script(
            pool, states, applications, look
        )
        curve.append(round(worker_mb()))
        return {
            "first_round_per_s": round(round_size / cold_s),
            "applications": applications,
            "by_state_per_s": round(await try_states(pool, states, applications // round_size)),
            "one_by_one_per_s": round(applications / wall_s),
            "advanced": advances,
            "wall_ms_median": round(statistics.median(walls_ms), 3),
            "overhead_ms_median": round(statistics.median(overheads_ms), 3),
            "overhead_ms_p90": round(statistics.quantiles(overheads_ms, n=10)[-1], 3),
            "memory_mb_each_1000": curve,
            "restarts": pool.restarts,
        }


async def rate_of(toolchain, workers, applications):
    """Applications a second of so many workers, each with a script of its own."""
    async with LeanPool(toolchain, workers=workers, limits=Limits()) as pool:
        opened = await pool.open("bench.lean", SOURCE)
        states = [theorem.state for theorem in opened.theorems]
        size = len(STATEMENTS) * len(TACTICS) * 3
        await asyncio.gather(*(try_script(pool, states, size) for _ in range(workers)))
        began = time.perf_counter()
        await asyncio.gather(*(try_script(pool, states, applications) for _ in range(workers)))
        return workers * applications / (time.perf_counter() - began)


async def files_per_minute(toolchain, files, text):
    """Small whole files checked by one warm worker, and by a fresh worker for each."""

    async def check(pool, number):
        opened = await pool.open(f"f{number}.lean", text.format(i=number))
        errors = [message for message in opened.messages if message.severity == "error"]
        assert not errors, errors

    async with LeanPool(toolchain, workers=1, limits=Limits()) as pool:
        for number in range(files):
            await check(pool, number)
        began = time.perf_counter()
        for number in range(files, 2 * files):
            await check(pool, number)
        warm = files / (time.perf_counter() - began) * 60
    fresh_files = 5
    began = time.perf_counter()
    for number in range(fresh_files):
        async with LeanPool(toolchain, workers=1, limits=Limits()) as pool:
            await check(pool, number)
    fresh = fresh_files / (time.perf_counter() - began) * 60
    return {"warm": round(warm), "fresh_worker_each": round(fresh), "ratio": round(warm / fresh, 1)}


async def measure(toolchain, applications, files):
    single = await one_worker(toolchain, applications)
    quarter = applications // 4
    one, two = [await rate_of(toolchain, workers, quarter) for workers in (1, 2)]
    return {
        "one worker": single,
        "parallel": {
            "one_per_s": round(one),
            "two_per_s": round(two),
            "ratio": round(two / one, 2),
        },
        "files of one theorem per minute": await files_per_minute(toolchain, files, SMALL),
        "files of five declarations per minute": await files_per_minute(toolchain, files, FILE),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=5000)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = asyncio.run(measure(embedded.prepare(), options.applications, options.files))
    for title, numbers in results.items():
        print(title)
        for name, value in numbers.items():
            print(f"  {name:22} {value}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
