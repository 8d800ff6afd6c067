"""A Lean project to trace: theorems of many shapes, proved in many styles, drawn by a seed.

Their texts are in traced_project.txt, the head of a file first; {n} becomes a name, {k} a number.
No two files are equal. Needs core Lean only.
"""

from __future__ import annotations

import random
from pathlib import Path

HEAD, *THEOREMS = Path(__file__).with_suffix(".txt").read_text("utf-8").strip().split("\n---\n")


def file(number: int, theorems: int, seed: int = 0) -> str:
    """One file of so many theorems; `number` makes it unlike the others."""
    draw = random.Random(f"{seed}:{number}")
    chosen = draw.sample(THEOREMS, min(theorems, len(THEOREMS)))
    texts = [
        each.replace("{n}", f"t{at}").replace("{k}", str(draw.randint(3, 9)))
        for at, each in enumerate(chosen)
    ]
    head = HEAD.replace("{n}", str(number))
    return "\n\n".join([head, *texts, f"end P{number}"]) + "\n"
