"""What every measurement is kept with, its command and its commit, and where Lean is set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def command() -> str:
    """The command line of this run, without the folders of this machine."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def commit() -> str:
    """The commit measured, with `+` when the working tree differs; "unknown" outside git."""

    def git(*words: str) -> str:
        where = Path(__file__).parent
        return subprocess.run(
            ["git", *words], cwd=where, capture_output=True, text=True, check=True
        ).stdout.strip()

    rooms = ("../prover", "../search", "../lean_env", "../data")
    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--", *rooms) else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cache() -> Path | None:
    """The folder of LAKATOS_CACHE, where it is set, as `lakatos` takes it."""
    place = os.environ.get("LAKATOS_CACHE")
    return Path(place).expanduser() if place else None


def write(out: Path, found: dict[str, Any]) -> None:
    """Keep what was found as JSON."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
