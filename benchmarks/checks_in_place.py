"""What final checks cost in a file of many theorems and in a long file, and what `verify` costs.

    python benchmarks/checks_in_place.py many|long|verify [--size 400] [--runs 3]
        [--baseline COMMIT [--baseline-size 40]] [--json FILE]

many: `lakatos prove` on a file of so many one-line theorems. long: on a file of so many lines,
with definitions and proofs, and two theorems to prove at its end. verify: `lakatos verify` of one
theorem. Processor time counts all processes. Baseline: the same by an earlier commit of this
repository, in turn with it; a smaller file where that would take hours.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[1]
ONE = "theorem t (a b : Nat) : a + 17 + b = b + (a + 17) := by"
START = "import sys; from lakatos.cli import main; sys.exit(main())"
TIME_S = 20


def many(theorems: int) -> str:
    """One-line theorems."""
    numbers = range(theorems)
    lines = [f"theorem t{i} (a b : Nat) : a + {i} + b = b + (a + {i}) := by sorry" for i in numbers]
    return "\n".join(lines) + "\n"


def long(lines: int) -> str:
    """Definitions and lemmas with proofs, and two theorems without one at the end."""
    out = ["/-! Two theorems at the end are open. -/", ""]
    for i in range((lines - 8) // 16):
        out += [
            f"def f{i} (n : Nat) : Nat := n + {i}",
            "",
            f"theorem f{i}_eq (n : Nat) : f{i} n = n + {i} := rfl",
            "",
            f"/-- The function {i} keeps the order. -/",
            f"theorem f{i}_le (m n : Nat) (h : m ≤ n) : f{i} m ≤ f{i} n := by",
            f"  rw [f{i}_eq, f{i}_eq]",
            "  exact Nat.add_le_add_right h _",
            "",
            f"theorem f{i}_pos (n : Nat) (h : 0 < n) : 0 < f{i} n := by",
            f"  unfold f{i}",
            "  omega",
            "",
            f"@[simp] theorem f{i}_zero : f{i} 0 = {i} := by",
            f"  simp [f{i}]",
            "",
        ]
    out += ["theorem last_le (n : Nat) : n ≤ f0 n + f1 n := by", "  sorry", ""]
    out += ["theorem last_comm (m n : Nat) : f1 m + f2 n = f2 n + f1 m := by", "  sorry"]
    return "\n".join(out) + "\n"


def run(package: Path | None, words: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run the command line of the package in a folder: seconds, and the theorems proved."""
    env = {**os.environ, "LAKATOS_DB": str(folder / "attempts.db")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if package is not None:
        env["PYTHONPATH"] = str(package)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    argv = [sys.executable, "-c", START, *words]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    proved = len(re.findall(r"^✓", done.stdout, re.MULTILINE))
    return {"wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2), "proved": proved}


def work(what: str, size: int, folder: Path) -> list[str]:
    """Write the files; the words of the command."""
    if what == "verify":
        (folder / "o.lean").write_text(f"{ONE} sorry\n", "utf-8")
        (folder / "s.lean").write_text(f"{ONE} omega\n", "utf-8")
        return ["verify", "s.lean", "--original", "o.lean"]
    text = {"many": many, "long": long}[what](size)
    (folder / "F.lean").write_text(text, "utf-8")
    return ["prove", "F.lean", "--time", str(TIME_S)]


def checkout(commit: str, into: Path) -> Path:
    """A folder from which an earlier commit is imported."""
    package = into / "lakatos"
    package.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(package)], input=archive, check=True)
    return into


def measured(runs: Sequence[dict[str, Any]], size: int) -> dict[str, Any]:
    """All runs, and their medians."""
    medians = {key: statistics.median(r[key] for r in runs) for key in ("wall_s", "cpu_s")}
    return {"size": size, "proved": min(r["proved"] for r in runs), **medians, "runs": [*runs]}


def main() -> None:
    """Measure, print, and keep what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("many", "long", "verify"))
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--baseline")
    parser.add_argument("--baseline-size", type=int)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    sides: dict[str, list[dict[str, Any]]] = {"baseline": [], "now": []}
    sizes = {"baseline": given.baseline_size or given.size, "now": given.size}
    with tempfile.TemporaryDirectory() as place:
        packages: dict[str, Path | None] = {"now": None}
        if given.baseline:
            packages = {"baseline": checkout(given.baseline, Path(place) / "package"), "now": None}
        for package in packages.values():  # set up, and compiled, before anything is measured
            words = work("verify", 0, Path(place))
            run(package, words, Path(place))
        for number in range(given.runs):
            for side, package in packages.items():
                folder = Path(place) / f"{side}{number}"
                folder.mkdir()
                found = run(package, work(given.what, sizes[side], folder), folder)
                sides[side].append(found)
                print(side, sizes[side], found, flush=True)
    found = {
        "command": record.command(),
        "commit": record.commit(),
        "baseline_commit": given.baseline,
        "load": round(os.getloadavg()[0], 2),
        "sides": {side: measured(runs, sizes[side]) for side, runs in sides.items() if runs},
    }
    if given.json:
        record.write(given.json, found)


if __name__ == "__main__":
    main()
