"""How a run over a problem set looks while it lasts: a live display, lines, JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...data.errors import SoundnessAlarm
from ...data.evaluation import Evaluation, ProblemResult, ResultClass
from ...data.report import json_output
from ...data.report.check import EvaluationCheck
from ...data.report.evaluation import duration
from ...data.report.progress import EvaluationProgress
from ...data.report.words import counted, outcome_word, problem_word
from . import console
from .console import LONG, err, print_error, print_interrupted, print_json, standard_output
from .streams import interrupted_code
from .tables import finding_text, one_line

_LINES = 16
"""Workers shown at once."""


@dataclass(slots=True)
class ConsoleReporter:
    """Prints results as they come. quiet: only the end; as_json: an object for each theorem."""

    quiet: bool = False
    as_json: bool = False
    interrupted: bool = False
    alarmed: bool = False

    def result(self, result: ProblemResult) -> None:
        """One theorem is over."""
        for attempt in result.attempts:
            if attempt.is_alarm:
                self.alarmed = True
                print_error(f"{result.problem.name}: {attempt.detail}")
        if self.as_json:
            print_json(json_output.theorem_object(result))
        elif not self.quiet:
            standard_output().print(result_text(result), soft_wrap=True)

    def note(self, text: str) -> None:
        """One line about the run."""
        if not self.quiet:
            err.print(text, **LONG)

    def warn(self, text: str) -> None:
        """One line that is printed even when quiet."""
        err.print(text, **LONG)

    def interrupt(self) -> None:
        """Note the first Ctrl-C."""
        self.interrupted = True
        print_interrupted()

    def summary(self, evaluation: Evaluation) -> int:
        """Print the summary of a run; the exit code."""
        if self.as_json:
            print_json(json_output.summary_object(evaluation))
        else:
            standard_output().print(summary_text(evaluation), soft_wrap=True)
        if self.alarmed:
            return SoundnessAlarm.exit_code
        if self.interrupted:
            return interrupted_code()
        return 0 if all(result.is_solved for result in evaluation.results) else 1

    def checked(self, check: EvaluationCheck) -> int:
        """Print what a run would do; the exit code."""
        if self.as_json:
            print_json(json_output.check_object(check))
        else:
            for subject, text, cure in check.lines():
                standard_output().print(finding_text(subject, text, cure), soft_wrap=True)
        return check.exit_code

    @contextmanager
    def display(self, progress: EvaluationProgress, restarts: Callable[[], int]) -> Iterator[None]:
        """Show the progress while the run lasts, if a person is watching."""
        if self.quiet:
            yield
            return
        with console.live(lambda: live(progress, restarts())):
            yield


def live(progress: EvaluationProgress, restarts: int) -> RenderableType:
    """One line of numbers, then what each worker does."""
    left = "" if progress.left_s is None else f" · {duration(progress.left_s)} to go"
    died = f" · workers restarted: {restarts}" if restarts else ""
    others = [f"{n} {outcome_word(o)}" for o, n in progress.classes.items() if n and o not in _HEAD]
    head = Text.assemble(
        (f"{progress.solved} solved", "bold green"),
        f" of {progress.over} · {progress.total - progress.over} left"
        f" · {progress.per_minute:.1f} theorems a minute{left}{died}",
    )
    if others:
        head.append("\n" + " · ".join(others), "dim")
    if (usage := progress.usage()).requests:
        head.append(f"\nmodel servers: {usage.text}", "dim")
    table = Table.grid(padding=(0, 2))
    for slot, worker in sorted(progress.workers.items())[:_LINES]:
        doing = f"attempt {worker.number}" if worker.number else "reading the statement"
        table.add_row(
            Text(str(slot + 1), style="dim", justify="right"),
            Text(worker.name, style="bold", no_wrap=True, overflow="ellipsis"),
            Text(doing),
            Text(counted(worker.expansions, "expansion"), justify="right"),
            Text(duration(progress.clock() - worker.since_s), justify="right"),
        )
    return Group(head, table)


_HEAD = (ResultClass.SOLVED, ResultClass.UNTRIED)


def result_text(result: ProblemResult) -> Text:
    """One theorem on a line, with the effort, or the reason why it is not solved."""
    wall_s = sum(attempt.wall_s for attempt in result.attempts)
    expansions = sum(attempt.expansions for attempt in result.attempts)
    solved = result.is_solved
    text = Text.assemble(
        ("✓ " if solved else "✗ ", "green" if solved else "red"),
        (result.problem.name, "bold"),
        f"  {problem_word(result)}",
    )
    if result.attempts:
        text.append(f", {wall_s:.1f} s, {counted(expansions, 'expansion')}")
    if len(result.attempts) > 1:
        text.append(f", {len(result.attempts)} attempts")
    if result.detail:
        text.append(f"\n    {one_line(result.detail)}", "yellow")
    return text


def summary_text(evaluation: Evaluation) -> Text:
    """The summary of a run: how many are solved, the classes of the others, the next command."""
    classes, total = evaluation.classes, len(evaluation.results)
    solved, tried = classes[ResultClass.SOLVED], evaluation.tried
    share = f"{100 * solved / tried:.1f} %" if tried else "-"
    of = f"{total}" if tried == total else f"{tried} tried"
    text = Text.assemble(
        (f"\n{evaluation.problem_set}: {solved} of {of} solved", "bold"),
        f" ({share}), {duration(evaluation.wall_s)}\n",
    )
    for outcome, count in classes.items():
        if count and outcome is not ResultClass.SOLVED:
            text.append(f"  {count:5d} {outcome_word(outcome)}\n")
    if evaluation.usage.requests:
        text.append(f"model servers: {evaluation.usage.text}\n")
    more = f"lakatos report {evaluation.run_id}"
    text.append(f"run {evaluation.run_id}; {more} tells more", "dim")
    return text
