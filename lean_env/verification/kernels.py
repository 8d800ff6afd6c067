"""External checkers of Lean's exports that the user has: finds them, tries them, asks them.

nanoda (github.com/ammkrn/nanoda_lib) is asked through a configuration file, leanchecker (of Lean
itself, since --from-export is there) by that flag, any other program as in lean-kernel-arena:
PROGRAM FILE, exit status 0 accepted, 1 refused, 2 declined. None is needed, none is fetched.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import EnvironmentFault, UsageError
from .export import FORMAT

PROGRAMS = {"nanoda": ("nanoda_bin", "nanoda"), "leanchecker": ("leanchecker",)}
"""Kernels by name, and what their programs are called."""

TRIAL_S = 60.0
OUTPUT_LINES = 40
OUTPUT_LINE_CHARACTERS = 400
SHOWN_LINES = 3


@dataclass(frozen=True)
class Kernel:
    """A checker. kind: nanoda, leanchecker or program; name: as messages call it."""

    name: str
    program: str
    kind: str


@dataclass(frozen=True)
class Ended:
    """How a program ended, and the last lines of what it wrote."""

    status: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The last of it that says something, on one line."""
        said = [line.strip() for line in self.lines if not line.startswith("note: ")]
        return " ".join([line for line in said if line][-SHOWN_LINES:]) or "no word"


def find_kernel(word: str, search_path: str | None = None) -> Kernel:
    """The kernel of a name or a path. search_path: instead of PATH.

    Raises UsageError when there is no such kernel or program, EnvironmentFault when a known one
    is not installed.
    """
    if word in PROGRAMS:
        for program in PROGRAMS[word]:
            if found := shutil.which(program, path=search_path):
                return Kernel(word, found, word)
        names = " or ".join(PROGRAMS[word])
        raise EnvironmentFault(f"{word}: no {names} on PATH; install it, or give --kernel its path")
    path = Path(word).expanduser()
    if path.is_file():
        if not os.access(path, os.X_OK):
            raise UsageError(f"--kernel {word}: this file cannot be run (chmod +x)")
        return _of_program(str(path.resolve()))
    if os.sep not in word and (found := shutil.which(word, path=search_path)):
        return _of_program(found)
    if path.exists() or os.sep in word:
        raise UsageError(f"--kernel {word}: no such program")
    near = difflib.get_close_matches(word, PROGRAMS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"no kernel {word!r}: it is nanoda, leanchecker or a program's path{hint}")


def _of_program(program: str) -> Kernel:
    name = Path(program).name
    known = (kind for kind, programs in PROGRAMS.items() if name in programs)
    return Kernel(name, program, next(known, "program"))


def found_kernels(search_path: str | None = None) -> list[Kernel]:
    """The known kernels on PATH. search_path: instead of it."""
    found: list[Kernel] = []
    for name in PROGRAMS:
        with suppress(EnvironmentFault):
            found.append(find_kernel(name, search_path))
    return found


async def check(
    kernel: Kernel, export: Path, permitted: Sequence[str], wall_s: float
) -> str | None:
    """Ask a kernel about an export: None when it accepts, else what it says against it.

    permitted: the axioms that may be in it. Raises EnvironmentFault when the kernel cannot be
    started, does not answer within wall_s seconds, declines, or ends in another way.
    """
    with tempfile.TemporaryDirectory(prefix="lakatos-") as place:
        argv = _command(kernel, export, permitted, Path(place))
        ended = await _run(kernel, argv, wall_s)
    match kernel.kind, ended.status:
        case "leanchecker", 0 if _says(ended, "accepts"):
            return None
        case "leanchecker", 1 if _says(ended, "rejects"):
            return ended.text
        case "nanoda" | "program", 0:
            return None
        case ("nanoda" | "program", 1) | ("nanoda", 101):  # 101: a Rust program that panicked
            return ended.text
        case "nanoda" | "program", 2:
            raise EnvironmentFault(f"{kernel.name} declines to check {export.name}: {ended.text}")
    how = f"exit status {ended.status}" if ended.status >= 0 else _signal_name(-ended.status)
    raise EnvironmentFault(f"{kernel.name} gave no answer on {export.name} ({how}): {ended.text}")


async def try_out(kernel: Kernel) -> None:
    """Have a kernel accept a right proof and refuse a wrong one.

    Raises EnvironmentFault when it does not.
    """
    what = f"{kernel.name} ({kernel.program}) does not check exports of format {FORMAT}"
    said = await _check_text(kernel, RIGHT)
    if said is not None:
        raise EnvironmentFault(f"{what}: it refuses a right proof: {said}")
    if await _check_text(kernel, WRONG) is None:
        raise EnvironmentFault(f"{what}: it accepts a wrong proof")


async def _check_text(kernel: Kernel, text: str) -> str | None:
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson", encoding="utf-8") as export:
        export.write(text)
        export.flush()
        return await check(kernel, Path(export.name), (), TRIAL_S)


def _command(kernel: Kernel, export: Path, permitted: Sequence[str], place: Path) -> list[str]:
    file = str(export.resolve())
    if kernel.kind == "leanchecker":
        return [kernel.program, "--from-export", file]
    if kernel.kind == "nanoda":
        config = {
            "export_file_path": file,
            "permitted_axioms": list(permitted),
            "unpermitted_axiom_hard_error": True,
            "nat_extension": True,
            "string_extension": True,
        }
        path = place / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return [kernel.program, str(path)]
    return [kernel.program, file]


def _says(ended: Ended, word: str) -> bool:
    return any(word in line for line in ended.lines)


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


async def _run(kernel: Kernel, argv: Sequence[str], wall_s: float) -> Ended:
    """Run a program in a process group of its own, to its end or its limit."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        text = f"{kernel.name} cannot be started ({kernel.program}): {error.strerror}"
        raise EnvironmentFault(text) from error
    assert process.stdout is not None
    lines: deque[str] = deque(maxlen=OUTPUT_LINES)
    listening = asyncio.create_task(_listen(process.stdout, lines))
    try:
        async with asyncio.timeout(wall_s):
            status = await process.wait()
    except TimeoutError:
        raise EnvironmentFault(f"{kernel.name} gave no answer within {wall_s:g} s") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.wait({listening}, timeout=1.0)
        listening.cancel()
    return Ended(status, tuple(lines))


async def _listen(stream: asyncio.StreamReader, lines: deque[str]) -> None:
    """Keep the last lines of a stream, each cut to a length."""
    rest = b""
    while data := await stream.read(2**16):
        *whole, rest = (rest[-OUTPUT_LINE_CHARACTERS:] + data).split(b"\n")
        lines.extend(
            line[:OUTPUT_LINE_CHARACTERS].decode(errors="replace") for line in whole[-OUTPUT_LINES:]
        )
    if rest:
        lines.append(rest[:OUTPUT_LINE_CHARACTERS].decode(errors="replace"))


def _lines(*objects: object) -> str:
    meta = {
        "exporter": {"name": "lakatos", "version": "trial"},
        "lean": {"githash": "", "version": "4.28.0"},
        "format": {"version": FORMAT},
    }
    return "".join(json.dumps(each) + "\n" for each in ({"meta": meta}, *objects))


def _binder(word: str, name: int, type_: int, body: int, index: int) -> object:
    fields = {"name": name, "type": type_, "body": body, "binderInfo": "default"}
    return {word: fields, "ie": index}


def _theorem(name: int, type_: int, value: int) -> object:
    fields = {"name": name, "levelParams": [], "type": type_, "value": value, "all": [name]}
    return {"thm": fields}


_NAMES = (
    {"str": {"pre": 0, "str": "p"}, "in": 1},
    {"str": {"pre": 0, "str": "h"}, "in": 2},
    {"str": {"pre": 0, "str": "trial"}, "in": 3},
    {"sort": 0, "ie": 0},
    {"bvar": 0, "ie": 1},
)

RIGHT = _lines(
    *_NAMES,
    {"bvar": 1, "ie": 2},
    _binder("forallE", 2, 1, 2, 3),
    _binder("forallE", 1, 0, 3, 4),
    _binder("lam", 2, 1, 1, 5),
    _binder("lam", 1, 0, 5, 6),
    _theorem(3, 4, 6),
)
"""theorem trial : ∀ (p : Prop), p → p := fun p h => h"""

WRONG = _lines(
    *_NAMES, _binder("forallE", 1, 0, 1, 2), _binder("lam", 1, 0, 1, 3), _theorem(3, 2, 3)
)
"""theorem trial : ∀ (p : Prop), p := fun p => p"""
