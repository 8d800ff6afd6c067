"""What the verbs share: their options, the two consoles, and a job with its report.

The sister of cli.py: it reads no environment and runs nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from .data import source, terminal
from .data.errors import EnvironmentFault, LakatosError, SoundnessAlarm, UsageError
from .data.records import Attempt, Message
from .data.source import SourceFile
from .prover.config import HELP
from .prover.run import Run, RunConfig

err = Console(stderr=True, highlight=False)
T = TypeVar("T")
INTERRUPTED = 130
FILE_COLUMNS = 160
LONG: dict[str, Any] = {"soft_wrap": True, "markup": False}

Option = typer.Option
Lean = Annotated[str, Option("--lean", metavar="auto|embedded|native", help="Which Lean to use.")]
Project = Annotated[Path | None, Option(metavar="DIR", help="Lake project, for native Lean.")]
Axioms = Annotated[list[str] | None, Option(metavar="NAME", help="An axiom allowed as well.")]


Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Lean files; - is stdin.")]
Names = Annotated[list[str] | None, Option(metavar="NAME", help="Only this one.")]
Write = Annotated[bool, Option("--write", help="Put the proofs into the files.")]
Out = Annotated[str | None, Option(metavar="FILE", help="Write the proved file there.")]
AsJson = Annotated[bool, Option("--json", help="One JSON object a theorem.")]
Seconds = Annotated[float, Option("--time", help="Seconds for one theorem.")]
Workers = Annotated[int | None, Option(min=1, help="Lean processes; default: cores.")]
Seed = Annotated[int, Option(help="Of every random draw.")]
PolicySpec = Annotated[str, Option(metavar="SPEC", help=HELP["policy"])]
Prompt = Annotated[str | None, Option(metavar="NAME|FILE", help=HELP["prompt"])]
Samples = Annotated[int, Option(help="Completions of a model for one state.")]
Temperature = Annotated[float, Option(help="At which they are drawn.")]
ModelOption = Annotated[list[str] | None, Option(metavar="K=V", help=HELP["model"])]
Critic = Annotated[str, Option(metavar="SPEC", help=HELP["critic"])]
Retriever = Annotated[str, Option(metavar="SPEC", help=HELP["retriever"])]
Premises = Annotated[int, Option(help="Most premises of a prompt.")]


@dataclass(slots=True)
class Job:
    """What one `lakatos prove` or `repair` was asked to do."""

    files: list[SourceFile]
    names: list[str]
    config: RunConfig
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
            self.human.print(f"{file.path}: proofs written: {proofs}", markup=False)

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


@contextmanager
def display(progress: terminal.Progress, run: Run) -> Iterator[None]:
    """Show the run while it lasts, if a person is watching."""
    if not err.is_terminal:
        yield
        return

    def show() -> RenderableType:
        died = f", {run.pool.restarts} restarted" if run.pool.restarts else ""
        workers = f"{run.pool.busy} of {run.pool.workers} busy{died}"
        return terminal.live(progress, progress.per_second(time.monotonic()), workers)

    on_screen = sys.stdout.isatty()  # printed above the display; into a pipe as ever
    with Live(get_renderable=show, console=err, transient=True, redirect_stdout=on_screen):
        yield


def standard_output() -> Console:
    """Standard output: as wide as the terminal; a fixed width into a file."""
    return terminal.Output(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


def say(text: str) -> None:
    """One line of our own on standard error."""
    err.print(f"lakatos: {text}", style="red", **LONG)


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
