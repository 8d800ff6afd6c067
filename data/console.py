"""The two consoles, one-line errors, and what a job says while it lasts.

cli.py prints through it; it reads no environment and runs nothing.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.live import Live

from . import source, terminal
from .errors import EnvironmentFault, LakatosError, SoundnessAlarm, UsageError
from .records import Attempt, Message
from .source import SourceFile

err = Console(stderr=True, highlight=False)
T = TypeVar("T")
INTERRUPTED = 130
FILE_COLUMNS = 160
LONG: dict[str, Any] = {"soft_wrap": True, "markup": False}


@dataclass(slots=True)
class Job:
    """What one `lakatos prove` or `repair` was asked to do."""

    files: list[SourceFile]
    names: list[str]
    write: bool
    out: str | None
    as_json: bool
    interrupted: bool = False
    broken: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def human(self) -> Console:
        """Where words for a person go: away from JSON, and from a file on standard output."""
        return err if self.as_json or self.out == "-" else standard_output()

    def report(self, attempt: Attempt, more: dict[str, object] | None = None) -> None:
        """Print an attempt that ended; more: for its JSON."""
        if self.as_json:
            line = json.dumps(terminal.to_json(attempt) | (more or {}), ensure_ascii=False)
            standard_output().out(line, highlight=False)
        if terminal.is_alarm(attempt):
            why = terminal.reason_line(attempt.verdict)
            say(f"SOUNDNESS ALARM: {attempt.theorem.name}: {why}")
        self.human.print(terminal.attempt_text(attempt), soft_wrap=True)

    def interrupt(self) -> None:
        """Note the first Ctrl-C."""
        self.interrupted = True
        err.print("interrupted: checking what was found; press Ctrl-C again to quit at once")

    async def opened(self, file: SourceFile, opening: Awaitable[T]) -> T | None:
        """What opening a file gives; None when Lean cannot, and says so."""
        try:
            with err.status(f"opening {file.path}") if err.is_terminal else nullcontext():
                return await opening
        except UsageError as error:
            say(str(error))
            self.broken = True
            return None

    def tell(self, text: str) -> None:
        """One line for a person."""
        self.human.print(text, markup=False)

    def summarize(self) -> None:
        """The table of all attempts, when there are several."""
        if len(self.attempts) > 1:
            self.human.print()
            self.human.print(terminal.summary_table(self.attempts))

    @contextmanager
    def display(self, progress: terminal.Progress, workers: Callable[[], str]) -> Iterator[None]:
        """Show the run while it lasts, if a person is watching. workers: what they do, in words."""
        if not err.is_terminal:
            yield
            return

        def show() -> RenderableType:
            return terminal.live(progress, progress.per_second(time.monotonic()), workers())

        on_screen = sys.stdout.isatty()  # printed above the display; into a pipe as ever
        with Live(get_renderable=show, console=err, transient=True, redirect_stdout=on_screen):
            yield

    def tell_errors(self, path: str, messages: Iterable[Message]) -> None:
        """Tell of a file's errors, which do not keep the rest from being tried."""
        errors = [terminal.message_line(path, m) for m in messages if m.severity == "error"]
        self.broken |= bool(errors)
        for line in dict.fromkeys(errors):  # Lean says some twice
            err.print(line, style="red", **LONG)

    def deliver(self, file: SourceFile, content: bytes, proofs: int) -> None:
        """Write a file with its proofs where it was asked for."""
        if self.out == "-":
            sys.stdout.buffer.write(content)
        elif self.out:
            source.write_whole(Path(self.out), content)
        elif proofs:
            source.replace_source(file, content)
            self.tell(f"{file.path}: proofs written: {proofs}")

    @property
    def exit_code(self) -> int:
        """The worst that happened."""
        if any(terminal.is_alarm(a) for a in self.attempts):
            return SoundnessAlarm.exit_code
        if self.interrupted:
            return INTERRUPTED
        if self.broken:
            return UsageError.exit_code
        return 0 if all(a.is_proved for a in self.attempts) else 1


def standard_output() -> Console:
    """Standard output: as wide as the terminal; a fixed width into a file."""
    return terminal.Output(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


def say(text: str) -> None:
    """One line of our own on standard error."""
    err.print(f"lakatos: {text}", style="red", **LONG)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Within it, a warning of this package is one line; those of other packages are left out."""
    package = Path(__file__).parents[1]

    def show(message: Warning | str, category: type[Warning], filename: str, *_: Any) -> None:
        if Path(filename).is_relative_to(package):
            say(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def explain(error: Exception) -> int:
    """Tell of an error in one line; the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, LakatosError):
        say(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # typer's own: a wrong flag, a missing argument
        say(f"{error.format_message()} (lakatos --help)")
        return UsageError.exit_code
    say(f"a bug: {type(error).__name__}: {error} (LAKATOS_DEBUG=1 shows where)")
    return EnvironmentFault.exit_code
