"""The two consoles, one-line errors, and what a command on files prints."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.live import Live
from rich.status import Status

from ...data import source
from ...data.errors import (
    EnvironmentFault,
    LakatosError,
    SoundnessAlarm,
    UsageError,
    is_of_the_disk,
    unreachable,
)
from ...data.files import write_whole
from ...data.records import Attempt, Message
from ...data.source import SourceFile
from . import streams
from . import tables as terminal

_PADDING = re.compile(r"[ \t]+$", re.MULTILINE)


class Output(Console):
    """A console on a standard stream: no padding into a file; no reader, no more work.

    What is said on standard error is lost on a full disk, and the command goes on.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does; into a file without the blanks that fill the rows of tables."""
        try:
            self._print(*objects, **options)
        except OSError as error:
            if not self.stderr or not is_of_the_disk(error):
                raise
            streams.to_nowhere(self.file)

    def _print(self, *objects: Any, **options: Any) -> None:
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as shown:
            super().print(*objects, **options)
        text = _PADDING.sub("", shown.get())
        super().print(text, end="", soft_wrap=True, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Stop, as at Ctrl-C, also where a shell lets a job in the background ignore that."""
        streams.drop(self.file)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)


err = Output(stderr=True, highlight=False)
T = TypeVar("T")
FILE_COLUMNS = 160
UNFILLED = (
    "rests on a sorry that is not written there: it comes out of a macro, of admit or of a "
    "default value; write sorry in its place to have it proved"
)
LONG: dict[str, Any] = {"soft_wrap": True, "markup": False}


@dataclass(slots=True)
class FileJob:
    """What one `lakatos prove` or `repair` works on, and how far it is."""

    files: list[SourceFile]
    names: list[str]
    write: bool
    out: str | None
    as_json: bool
    interrupted: bool = False
    broken: bool = False
    has_begun: bool = False
    unfilled: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def human(self) -> Console:
        """Where words for a person go: away from JSON, and from a file on standard output."""
        return err if self.as_json or self.out == "-" else standard_output()

    def report(self, attempt: Attempt, more: dict[str, object] | None = None) -> None:
        """Print an attempt that ended; more: for its JSON."""
        if self.as_json:
            from ...data.report import json_output

            print_json(json_output.attempt_object(attempt) | (more or {}))
        if attempt.is_alarm:
            why = terminal.reason_line(attempt.verdict)
            print_error(f"SOUNDNESS ALARM: {attempt.theorem.name}: {why}")
        self.human.print(terminal.attempt_text(attempt), soft_wrap=True)

    def interrupt(self) -> None:
        """Note the first Ctrl-C."""
        self.interrupted = True
        print_interrupted()

    async def open_file(self, file: SourceFile, opening: Awaitable[T]) -> T | None:
        """Wait for a file to be opened; None where Lean cannot, which is printed."""
        doing = "opening" if self.has_begun else "starting Lean, opening"
        try:
            with waiting(f"{doing} {file.path}"):
                return await opening
        except UsageError as error:
            print_error(str(error))
            self.broken = True
            return None
        finally:
            self.has_begun = True

    def print_line(self, text: str) -> None:
        """One line for a person."""
        self.human.print(text, markup=False)

    def print_summary(self) -> None:
        """The table of all attempts, when there are several."""
        if len(self.attempts) > 1:
            self.human.print()
            self.human.print(terminal.summary_table(self.attempts))

    @contextmanager
    def display(
        self, progress: terminal.ProofProgress, workers: Callable[[], str]
    ) -> Iterator[None]:
        """Show the run while it lasts, if a person is watching. workers: what they do, in words."""

        def show() -> RenderableType:
            return terminal.live(progress, progress.per_second(time.monotonic()), workers())

        with live(show):
            yield

    def print_errors(self, path: str, messages: Iterable[Message]) -> None:
        """Print the errors of a file; the theorems without errors are tried all the same."""
        errors = [terminal.message_line(path, m) for m in messages if m.severity == "error"]
        self.broken |= bool(errors)
        for line in dict.fromkeys(errors):  # Lean says some twice
            err.print(line, style="red", **LONG)

    def print_unfilled(self, path: str, text: str, messages: Iterable[Message]) -> None:
        """Print declarations that use a `sorry` which does not stand in the text of the file."""
        raw = text.encode()
        for m in messages:
            self.unfilled = True
            name = raw[m.start : m.start if m.stop is None else m.stop].decode()
            line = f"{path}:{m.line}:{m.column + 1}: {name or 'this'} {UNFILLED}"
            err.print(line, style="red", **LONG)

    def write_proofs(self, file: SourceFile, content: bytes, proofs: int) -> None:
        """Write a file with its proofs into --out, or in place with --write."""
        if self.out == "-":
            sys.stdout.buffer.write(content)
        elif self.out:
            write_whole(Path(self.out), content)
        elif proofs:
            source.replace_source(file, content)
            self.print_line(f"{file.path}: proofs written: {proofs}")

    @property
    def exit_code(self) -> int:
        """The worst that happened."""
        if any(a.is_alarm for a in self.attempts):
            return SoundnessAlarm.exit_code
        if self.interrupted:
            return streams.interrupted_code()
        if self.broken:
            return UsageError.exit_code
        return 0 if all(a.is_proved for a in self.attempts) and not self.unfilled else 1


def standard_output() -> Console:
    """Standard output: as wide as the terminal; a fixed width into a file.

    Where it is the same terminal as standard error, it is the same console too: only so does
    what is printed stand above a display that is on.
    """
    if streams.is_one_terminal():
        return err
    width = None if sys.stdout.isatty() else FILE_COLUMNS
    return Output(highlight=False, width=width)


def print_json(value: dict[str, Any]) -> None:
    """An object on a line of standard output."""
    is_ascii = not streams.is_unicode(sys.stdout.encoding)
    standard_output().out(json.dumps(value, ensure_ascii=is_ascii), highlight=False)


def is_watched() -> bool:
    """Whether a person is before a terminal that can move its cursor."""
    return err.is_terminal and not err.is_dumb_terminal


def live(show: Callable[[], RenderableType]) -> AbstractContextManager[object]:
    """Show what `show` gives, at the foot of the screen, while the block lasts."""
    if not is_watched():
        return nullcontext()
    one = streams.is_one_terminal()
    return Live(get_renderable=show, console=err, transient=True, redirect_stdout=one)


def waiting(doing: str) -> AbstractContextManager[object]:
    """Show what is waited for, while the block lasts."""
    return status(doing) if is_watched() else nullcontext()


def status(doing: str) -> Status:
    """A line that says what is done, to be shown as a context and updated."""
    return err.status(doing, spinner="dots" if streams.is_unicode(err.encoding) else "line")


def print_interrupted() -> None:
    """Print that a run stops, after the first Ctrl-C or when nobody reads the output."""
    if streams.is_reader_gone():
        err.print("nobody reads the output any more: stopping, and checking what was found")
    else:
        err.print("interrupted: checking what was found; press Ctrl-C again to quit at once")


def note(text: str) -> None:
    """One line about the run on standard error."""
    err.print(text, **LONG)


def print_error(text: str) -> None:
    """One line of our own on standard error."""
    err.print(f"lakatos: {text}", style="red", **LONG)


def explain(error: Exception) -> int:
    """Print an error as one line; the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    error = unreachable(error) or error
    if isinstance(error, LakatosError):
        print_error(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # typer's own: a wrong flag, a missing argument
        context = getattr(error, "ctx", None)
        verb = context.command_path if context else "lakatos"
        print_error(f"{_file_of(error, context)}{error.format_message()} ({verb} --help)")
        return UsageError.exit_code
    if isinstance(error, OSError) and is_of_the_disk(error):  # standard output into a full disk
        print_error(f"the output cannot be written ({error.strerror})")
        return EnvironmentFault.exit_code
    print_error(f"a bug: {type(error).__name__}: {error} (LAKATOS_DEBUG=1 shows where)")
    return EnvironmentFault.exit_code


def _file_of(error: Any, context: Any) -> str:
    """`lakatos.toml: ` where a value that is wrong comes from a file of defaults, else nothing."""
    name = getattr(getattr(error, "param", None), "name", None)
    source = context.get_parameter_source(name) if context and name else None
    is_from_file = source is not None and source.name == "DEFAULT_MAP"
    return f"{context.obj.defaults.path_of(name)}: " if is_from_file else ""
