"""Where the time of a long evaluation goes: Lean, Python, SQLite, waiting.

    lakatos extract core --out DIR
    python benchmarks/night.py --data DIR/jsonl/problems.jsonl [--problems 1000] [--seed 0]
        [--json FILE] [-- FLAGS OF lakatos eval]

Runs `lakatos eval` in this process on a random sample of the problems. Processor time of Lean is
that of the worker processes, of SQLite that of the thread which writes the store, of Python that of
this process's other threads, each read every half second. busy: their sum, of what the machine had
left beside other programs: that sum and what all cores idled.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from pathlib import Path

import psutil
import record
from lakatos.cli import main as lakatos

EVERY_S = 0.5


class Watch(threading.Thread):
    """Reads how much processor time each thread and each child process has used."""

    def __init__(self):
        super().__init__(daemon=True)
        self.spent = {}
        self._over = threading.Event()

    def run(self):
        me = psutil.Process()
        while not self._over.wait(EVERY_S):
            now = threading.enumerate()
            writers = {t.native_id for t in now if t.name.startswith("lakatos-store")}
            for each in me.threads():
                kind = "SQLite" if each.id in writers else "Python"
                self.spent[kind, each.id] = each.user_time + each.system_time
            for child in me.children(recursive=True):
                try:
                    used = child.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                self.spent["Lean", child.pid] = used.user + used.system

    def end(self):
        self._over.set()
        self.join()
        kinds = "Lean", "Python", "SQLite"
        return {k: sum(s for (kind, _), s in self.spent.items() if kind == k) for k in kinds}


def idle_s():
    """Seconds that the cores have had nothing to do."""
    times = psutil.cpu_times()
    return times.idle + getattr(times, "iowait", 0.0)


def sample(data, problems, seed, place):
    lines = data.read_text(encoding="utf-8").splitlines()
    chosen = random.Random(seed).sample(lines, min(problems, len(lines)))
    place.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return len(chosen)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("flags", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "sample.jsonl"
        count = sample(given.data, given.problems, given.seed, place)
        words = ["eval", "night", "--data", str(place), "--db", str(Path(folder) / "night.db")]
        watch = Watch()
        watch.start()
        began, idle_before = time.perf_counter(), idle_s()
        status = lakatos([*words, "-q", *given.flags])
        wall_s = time.perf_counter() - began
        idle = idle_s() - idle_before
        spent = watch.end()
    used = sum(spent.values())
    report = {
        "command": record.command(),
        "commit": record.commit(),
        "problems": count,
        "exit_status": status,
        "load": os.getloadavg()[0],
        "wall_s": round(wall_s, 1),
        "processor_s": {kind: round(each, 1) for kind, each in spent.items()},
        "share": {kind: round(each / (used + idle), 3) for kind, each in spent.items()},
        "waiting": round(idle / (used + idle), 3),
        "busy": round(used / (used + idle), 3),
    }
    print(report)
    if given.json:
        record.write(given.json, report)


if __name__ == "__main__":
    main()
