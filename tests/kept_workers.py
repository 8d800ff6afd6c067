"""Lean workers that outlive a test: a start costs more than most tests have to ask.

`KeptWorkers` lends one to a test through the process of relay.py, which the test's pool starts,
kills and ends as it would a worker. One that comes back with nothing left open is lent again:
it has read other files before, as any worker of a pool has. What breaks its worker on purpose,
puts something on Lean's disk, or measures the worker itself takes the fixture `own_toolchain`.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, fields, replace
from pathlib import Path

import psutil
from lakatos.lean_env.toolchains.embedded import EmbeddedToolchain
from lakatos.prover.commands.resources import Environment

RELAY = Path(__file__).parent / "relay.py"
IDLE = 4  # a command on two workers has two judges beside them
LOANS = 60
RSS_MB = 1500  # 1000 with all of Lean imported
IMPORT = re.compile(r"\bimport\s+(?:all\s+)?(?!(?:Init|Std|Lean)\b)[\w«]")


@dataclass
class Lean:
    """A worker. ready: its first line, once it was read; loans: how often it was lent."""

    words: list[str]
    process: subprocess.Popen
    ready: bytes = b""
    loans: int = 0

    @property
    def is_well(self):
        if self.process.poll() is not None or self.loans >= LOANS:
            return False
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.process.pid).memory_info().rss < RSS_MB * 1e6
        return False

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return self.process.wait()


class KeptWorkers:
    """Lends workers over a socket; `with` ends them all."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="kept-")
        self.place = str(Path(self._folder.name) / "s")
        self._idle: list[Lean] = []
        self._lock = threading.Lock()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.place)
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for lean in self._idle:
                lean.end()
            self._idle.clear()
        self._folder.cleanup()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                loan, _ = self._server.accept()
                threading.Thread(target=self._lend, args=(loan,), daemon=True).start()

    def _lend(self, loan):
        with loan, loan.makefile("rb") as asked:
            length = int(asked.readline() or 0)
            if not length:  # it was killed before it asked
                return
            lean = self._take(asked.read(length).decode().split("\0"))
            pipes = (lean.process.stdin, lean.process.stdout, lean.process.stderr)
            said = b""
            with contextlib.suppress(OSError):  # it was killed meanwhile
                socket.send_fds(loan, [b"ready " + lean.ready], [pipe.fileno() for pipe in pipes])
                said = loan.recv(4096)
            if said.startswith(b"kept "):
                lean.ready = said.removeprefix(b"kept ")
                self._shelve(lean)
            elif said == b"gone":
                with contextlib.suppress(OSError):
                    loan.sendall(str(lean.process.wait()).encode())
                lean.end()
            else:
                lean.end()

    def _take(self, words):
        with self._lock:
            found = next((lean for lean in reversed(self._idle) if lean.words == words), None)
            if found is not None:
                self._idle.remove(found)
        if found is None or not found.is_well:
            if found is not None:
                found.end()
            found = Lean(words, started(*words))
        found.loans += 1
        return found

    def _shelve(self, lean):
        with self._lock:
            self._idle.append(lean)
            over = self._idle[:-IDLE]
            del self._idle[:-IDLE]
        for each in over:
            each.end()


def started(folder, count, *words):
    """The process that a relay was asked to be: so many words of a command, then variables."""
    argv, variables = words[: int(count)], words[int(count) :]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv, cwd=folder, env=dict(each.split("=", 1) for each in variables),
        stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True,
    )  # fmt: skip


def kept(command, place):
    """A worker's command on kept workers. place: the keeper's socket.

    Its folder is no test's own: a worker is lent again for the same words in the same folder.
    """
    argv = (sys.executable, "-I", "-S", str(RELAY), place, *command.argv)
    return replace(command, argv=argv, cwd=command.cwd or RELAY.parent)


@dataclass(frozen=True)
class KeptToolchain(EmbeddedToolchain):
    """The embedded Lean on kept workers. place: the keeper's socket."""

    place: str = ""

    @classmethod
    def of(cls, toolchain, place):
        found = {field.name: getattr(toolchain, field.name) for field in fields(toolchain)}
        return cls(**found, place=place)

    def worker_command(self, *, memory_mb):
        command = super().worker_command(memory_mb=memory_mb)
        return command if self.modules else kept(command, self.place)


@dataclass(frozen=True)
class KeptEnvironment(Environment):
    """A command's environment that finds the embedded Lean on kept workers. place: as above."""

    place: str = ""

    def find_toolchain(self, lean, file=None):
        found = super().find_toolchain(lean, file)
        folder = Path.cwd() if file in (None, "-") else Path(file)
        folder = folder if folder.is_dir() else folder.parent
        if not isinstance(found, EmbeddedToolchain) or found.options or has_own_imports(folder):
            return found
        return KeptToolchain.of(replace(found, modules=None), self.place)


def has_own_imports(folder):
    """Whether a file there may import what is not Lean's: then the worker serves its project."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return any(IMPORT.search(path.read_text(encoding="utf-8", errors="replace")) for path in files)
