"""How long an agent waits for its first verdict: from nothing running to the answer of `check`.

    python benchmarks/mcp_start.py [--runs 5] [--json OUT]

Baseline of the same run: `lakatos verify` of the same file against itself, start to end. Each is
told in seconds of wall time and of processor time, the Lean processes' included.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import record

LAKATOS = str(Path(sys.executable).parent / "lakatos")
FILE = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := ⟨h.2, h.1⟩\n"


def request(number, method, **params):
    line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(line) + "\n"


def processor_s(process):
    """What a process and those below it have used by now."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:4]) for each in family)


def by_mcp(folder):
    """Seconds to the handshake, to the verdict, and of the processor by then."""
    pipe, settings = subprocess.PIPE, {**os.environ, "LAKATOS_DB": str(folder / "a.db")}
    began = time.perf_counter()
    with subprocess.Popen(
        [LAKATOS, "serve", "--mcp", "--workers", "1"],
        env=settings, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", bufsize=1,
    ) as server:  # fmt: skip
        info = {"name": "benchmark", "version": "1"}
        start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        server.stdin.write(request(1, "initialize", **start))
        server.stdout.readline()
        shaken_s = time.perf_counter() - began
        server.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        server.stdin.write(request(2, "tools/call", name="check", arguments={"text": FILE}))
        answer = json.loads(server.stdout.readline())
        verdict_s = time.perf_counter() - began
        assert answer["result"]["structuredContent"]["ok"], answer
        return shaken_s, verdict_s, processor_s(psutil.Process(server.pid))


def by_verify(folder):
    """Seconds of wall time, and of the processor."""
    path = folder / "Swap.lean"
    path.write_text(FILE, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    words = [LAKATOS, "verify", path, "--original", path]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, used


def figures(names, rows):
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {n: {"median": statistics.median(c), "min": min(c), "max": max(c)} for n, c in columns}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        by_mcp(folder), by_verify(folder)  # files are in the system's cache now
        mcp, verify = [], []
        for _ in range(asked.runs):
            mcp.append(by_mcp(folder))
            verify.append(by_verify(folder))
    found = {
        "command": record.command(),
        "commit": record.commit(),
        "load": os.getloadavg()[0],
        "mcp": figures(("handshake_s", "verdict_s", "processor_s"), mcp),
        "verify": figures(("wall_s", "processor_s"), verify),
    }
    print(json.dumps(found, indent=1))
    if asked.json:
        record.write(asked.json, found)


if __name__ == "__main__":
    main()
