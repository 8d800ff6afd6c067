"""What processes use, and whether they are still there. Linux only: read from /proc."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path


def tree_of(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(place.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def cpu_ms(pid: int) -> float:
    """Processor time of a process alone so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def mb_of(pids: Sequence[int]) -> float:
    """Resident memory, megabytes."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if found := re.search(r"VmRSS:\s+(\d+)", text):
            total += int(found[1])
    return round(total / 1024, 1)


def alive(pids: Sequence[int], within_s: float = 15.0) -> int:
    """How many of the processes are still there after so many seconds at most; they are ended."""
    stop = time.monotonic() + within_s
    left = list(pids)
    while left and time.monotonic() < stop:
        left = [pid for pid in left if _runs(pid)]
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
