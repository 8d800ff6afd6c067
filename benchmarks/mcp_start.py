"""How long a client waits for its first verdict, from nothing running, by MCP and over HTTP.

    python benchmarks/mcp_start.py [--runs 5] [--json OUT]

mcp: to the answer of the tool `check`; http: to that of `/api/check`. In the same run, by which a
busy or slow machine shows: `lakatos verify` of the same file against itself, the import of the
packages that the two servers need, and the start of one Lean process alone. Seconds of wall time,
and of processor time of Python and of its Lean processes.
"""

import argparse
import asyncio
import http.client
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import record
from lakatos.lean_env.toolchains.find import find_toolchain
from lakatos.lean_env.worker import LeanWorker

LAKATOS = str(Path(sys.executable).parent / "lakatos")
FILE = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := ⟨h.2, h.1⟩\n"


def request(number, method, **params):
    line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(line) + "\n"


def processor_s(pid):
    """What a process has used by now, and what those below it have."""
    process = psutil.Process(pid)
    used = [sum(each.cpu_times()[:4]) for each in (process, *process.children(recursive=True))]
    return used[0], sum(used[1:])


def serving(folder, *words):
    """A server at its start."""
    return subprocess.Popen(
        [LAKATOS, "serve", "--workers", "1", *words],
        env={**os.environ, "LAKATOS_DB": str(folder / "a.db")},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1,
    )  # fmt: skip


def by_mcp(folder):
    """Seconds to the handshake, to the verdict, and of the processor by then."""
    began = time.perf_counter()
    with serving(folder, "--mcp") as server:
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
        return shaken_s, verdict_s, *processor_s(server.pid)


def by_http(folder):
    """Seconds until the server listens, to the verdict, and of the processor by then."""
    began = time.perf_counter()
    with serving(folder, "--http", "--port", "0") as server:
        address = re.search(r"http://(\S+?:\d+)", server.stdout.readline())[1]
        listens_s = time.perf_counter() - began
        connection = http.client.HTTPConnection(address, timeout=60)
        body = json.dumps({"snippets": [{"id": "a", "code": FILE}]})
        connection.request("POST", "/api/check", body, {"content-type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        verdict_s = time.perf_counter() - began
        assert answer["results"][0]["response"] == {"env": 0}, answer
        used = processor_s(server.pid)
        server.terminate()
        return listens_s, verdict_s, *used


def of_command(*words):
    """Seconds of wall time of a command, and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, used


def of_lean():
    """Seconds until one Lean process is there, and of the processor by then."""

    async def start():
        began = time.perf_counter()
        worker = await LeanWorker.start(toolchain.worker_command(memory_mb=2048))
        wall_s = time.perf_counter() - began
        used = processor_s(worker.pid)[0]
        await worker.close()
        return wall_s, used

    toolchain = find_toolchain("embedded", cache=record.cache())
    return asyncio.run(start())


def measures(folder):
    """Each by its name, and the names of its figures."""
    path = folder / "Swap.lean"
    path.write_text(FILE, encoding="utf-8")
    wall, python = ("wall_s", "processor_s"), ("python_s", "lean_s")
    verify = (LAKATOS, "verify", path, "--original", path)
    return {
        "mcp": (lambda: by_mcp(folder), ("handshake_s", "verdict_s", *python)),
        "http": (lambda: by_http(folder), ("listens_s", "verdict_s", *python)),
        "verify": (lambda: of_command(*verify), wall),
        "import mcp.server": (lambda: of_command(sys.executable, "-c", "import mcp.server"), wall),
        "import fastapi": (lambda: of_command(sys.executable, "-c", "import fastapi"), wall),
        "one Lean process": (of_lean, wall),
    }


def figures(names, rows):
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {
        name: {"median": round(statistics.median(c), 2), "min": min(c), "max": max(c)}
        for name, c in ((name, [round(each, 2) for each in column]) for name, column in columns)
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        wanted = measures(Path(place))
        for measure, _ in wanted.values():
            measure()  # files are in the system's cache now
        load = os.getloadavg()[0]
        rounds = [[measure() for measure, _ in wanted.values()] for _ in range(asked.runs)]
    found = {"command": record.command(), "commit": record.commit()}
    found["load"] = [round(each, 1) for each in (load, os.getloadavg()[0])]
    for (name, (_, names)), rows in zip(wanted.items(), zip(*rounds, strict=True), strict=True):
        found[name] = figures(names, rows)
    print(json.dumps(found, indent=1))
    if asked.json:
        record.write(asked.json, found)


if __name__ == "__main__":
    main()
