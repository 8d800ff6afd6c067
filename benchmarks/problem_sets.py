"""Fixed sub-samples of problem files, for measurements of the hammer and its search.

A `.jsonl` of miniF2F (its core theorems), one of VERINA, or `.lean` files of exercises.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import minif2f_core  # type: ignore[import-not-found]


@dataclass(frozen=True)
class ProblemFile:
    """One Lean file. theorems: those of it that are to be proved; None: all."""

    name: str
    source: str
    theorems: tuple[str, ...] | None = None

    def has(self, declaration: str | None) -> bool:
        """Whether a declaration is one of them; namespaces of the file do not count."""
        if self.theorems is None:
            return True
        name = f".{declaration}"
        return any(name.endswith(f".{wanted}") for wanted in self.theorems)


def sample(path: Path, size: int, seed: int) -> list[ProblemFile]:
    """At most `size` theorems of a file or folder, drawn with a seed, in the order of the file."""
    if path.is_dir():
        return _exercises(sorted(path.glob("*.lean")), size, seed)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    if "lean_code" in rows[0]:
        files = [ProblemFile(r["name"], r["lean_code"], (r["theorem"],)) for r in rows]
    else:
        core = [r for r in rows if r["core"]]
        header = minif2f_core.HEADER
        files = [ProblemFile(r["name"], header + r["formal_statement"].strip()) for r in core]
    chosen = set(random.Random(seed).sample(range(len(files)), min(size, len(files))))
    return [file for i, file in enumerate(files) if i in chosen]


def _exercises(paths: Sequence[Path], size: int, seed: int) -> list[ProblemFile]:
    """Theorems of files that hold many; a name is the first word after `theorem`."""
    texts = {path: path.read_text("utf-8") for path in paths}
    names = [
        (path, line.split()[1])
        for path, text in texts.items()
        for line in text.splitlines()
        if line.startswith("theorem ")
    ]
    chosen = set(random.Random(seed).sample(names, min(size, len(names))))
    return [
        ProblemFile(
            path.stem, texts[path], tuple(n for p, n in names if (p, n) in chosen and p == path)
        )
        for path in paths
    ]


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the files of a folder one after the other."""
    files = sorted(path.glob("*.lean")) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
