"""What a project of many files costs on a machine without Lean: first, again, after an edit.

    python benchmarks/project_modules.py [--files 24] [--theorems 6] [--out FILE.json]
Writes a project in layers, each file importing two of the layer below, and one file with a hole
that imports the top. Times are wall seconds from the call to the theorem's first state.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import traced_project
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.toolchains.find import find_toolchain
from record import cache, command, commit, write

LAYER = 4
HOLE = "import Shop.M{top}\ntheorem last (n : Nat) : P0.double n = n + n := by\n  sorry\n"


def project(folder: Path, files: int, theorems: int, seed: str) -> None:
    """Write the project; another seed makes every module another one."""
    (folder / "Shop").mkdir(parents=True)
    (folder / "lakefile.toml").write_text('name = "shop"\n[[lean_lib]]\nname = "Shop"\n')
    draw = random.Random(0)
    for number in range(files):
        layer = number // LAYER
        below = range((layer - 1) * LAYER, layer * LAYER) if layer else range(0)
        chosen = draw.sample(below, 2) if layer else []
        if number == files - 1 and layer:
            chosen = list(below)
        imports = "".join(f"import Shop.M{each}\n" for each in chosen)
        text = traced_project.file(number, theorems)
        (folder / "Shop" / f"M{number}.lean").write_text(f"{imports}{text}-- {seed}\n")
    (folder / "Main.lean").write_text(HOLE.format(top=files - 1))


def opened(folder: Path) -> dict[str, Any]:
    """Open the file with the hole in a new worker; what that took."""
    compiled = 0

    def told(stage: str, done: int, total: int) -> None:
        nonlocal compiled
        compiled = max(compiled, done) if stage.startswith("modules") else compiled

    async def open_it() -> None:
        file = folder / "Main.lean"
        toolchain = find_toolchain("embedded", file=file, progress=told, cache=cache())
        async with LeanPool(toolchain, workers=1) as pool:
            (theorem,) = (await pool.open(str(file), file.read_text())).theorems
            assert theorem.state.goals

    began = time.monotonic()
    asyncio.run(open_it())
    return {"seconds": round(time.monotonic() - began, 1), "modules_compiled": compiled}


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--theorems", type=int, default=6)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "shop"
        project(folder, asked.files, asked.theorems, os.urandom(8).hex())
        found: dict[str, Any] = {"command": command(), "commit": commit(), "files": asked.files}
        found["theorems"] = asked.theorems * asked.files
        found["first"] = opened(folder)
        found["again"] = opened(folder)
        edits = {"edit_at_the_top": asked.files - 1, "edit_in_the_middle": asked.files // 2}
        for name, number in edits.items():
            module = folder / "Shop" / f"M{number}.lean"
            module.write_text(module.read_text() + "-- edited\n")
            found[name] = opened(folder)
    print(json.dumps(found, indent=1))
    if asked.out:
        write(asked.out, found)


if __name__ == "__main__":
    main()
