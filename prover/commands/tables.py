"""How a run looks in a terminal: rich renderables made from records.

Prints nothing, but for the bars of the set-up of Lean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from ...data.records import (
    Accepted,
    Attempt,
    Expansion,
    Message,
    ProofState,
    StopReason,
    Theorem,
    Verdict,
)
from ...data.report.words import counted, result_word
from ...data.turns import Turn

NEGATION_COLUMN = 2
"""Where the proof of a negation stands in the file that poses it."""
_LINE_CHARACTERS = 240


@dataclass(slots=True)
class ProofProgress:
    """How far a run is, as an observer of attempts; calls `on_finish` when one ends.

    found: proofs that passed in their places, and whose file is still to be checked.
    running: by path and name, expansions and the state expanded last, the best that was open.
    """

    on_finish: Callable[[Attempt], None]
    theorems: int = 0
    finished: int = 0
    proved: int = 0
    found: int = 0
    expanded: int = 0
    running: dict[tuple[str, str], tuple[int, ProofState]] = field(default_factory=dict)
    marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=20))

    def per_second(self, now_s: float) -> float:
        """Expansions per second over the last calls of this; now_s: by any steady clock."""
        self.marks.append((now_s, self.expanded))
        (first_s, before), (last_s, after) = self.marks[0], self.marks[-1]
        return (after - before) / (last_s - first_s) if last_s > first_s else 0.0

    def start_attempt(self, theorem: Theorem) -> None:
        """Show one more theorem; a negation is not shown for itself."""
        if not theorem.negates:
            self.running[theorem.path, theorem.name] = (0, theorem.state)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Count expansions."""
        self.expanded += len(expansions)
        key = theorem.path, theorem.name
        if expansions and key in self.running:
            self.running[key] = (self.running[key][0] + len(expansions), expansions[-1].state)

    def turns(self, theorem: Theorem, turns: Sequence[Turn]) -> None:
        """Not shown."""

    def proof_found(self, attempt: Attempt) -> None:
        """Show one theorem less, and one more proof that is still to be checked."""
        self.running.pop((attempt.theorem.path, attempt.theorem.name), None)
        self.found += 1

    def finish_attempt(self, attempt: Attempt) -> None:
        """Show one theorem less, and report its attempt."""
        if attempt.theorem.negates:
            return
        self.running.pop((attempt.theorem.path, attempt.theorem.name), None)
        self.finished += 1
        self.proved += attempt.is_proved
        self.on_finish(attempt)


def one_line(text: str) -> str:
    """A text of Lean on one line, cut when very long."""
    line = " ".join(text.split())
    return line if len(line) <= _LINE_CHARACTERS else line[: _LINE_CHARACTERS - 1] + "…"


def message_line(path: str, message: Message) -> str:
    """`FILE:LINE:COLUMN: severity: text`, columns from 1 as editors count them."""
    place = f"{path}:{message.line}:{message.column + 1}"
    return f"{place}: {message.severity}: {one_line(message.text)}"


def reason_line(verdict: Verdict | None) -> str:
    """Why the verifier refused; empty when it did not."""
    if verdict is None or isinstance(verdict, Accepted):
        return ""
    return "; ".join(one_line(f"{r.kind.value}: {r.text}") for r in verdict.reasons)


def live(progress: ProofProgress, per_second: float, workers: str) -> RenderableType:
    """The display of a run under way: one line of numbers, then the theorems at work.

    per_second: expansions; workers: a phrase such as `2 of 2 busy`.
    """
    left = progress.found - progress.proved
    found = f" · {left} found, their file is still to be checked" if left > 0 else ""
    head = Text.assemble(
        (f"{progress.proved} proved", "bold green"),
        f"{found} · {progress.finished} of {progress.theorems} done"
        f" · {counted(progress.expanded, 'expansion')} · {per_second:.0f}/s · workers: {workers}",
    )
    table = Table.grid(padding=(0, 2))
    for (_, name), (expansions, state) in list(progress.running.items())[:8]:
        goal = state.goals[0].target if state.goals else ""
        more = f" (+{len(state.goals) - 1})" if len(state.goals) > 1 else ""
        table.add_row(
            Text(name, style="bold", no_wrap=True),
            Text(str(expansions), style="dim", justify="right"),
            Text(f"⊢ {one_line(goal)}{more}", style="cyan", no_wrap=True, overflow="ellipsis"),
        )
    return Group(head, table)


def attempt_text(attempt: Attempt) -> Text:
    """One attempt for a reader: place, name, result; below it the proof or the reason."""
    theorem = attempt.theorem
    proved = attempt.is_proved
    text = Text.assemble(
        ("✓ " if proved else "✗ ", "green" if proved else "red"),
        (f"{theorem.path}:{theorem.line}:{theorem.column + 1} ", "dim"),
        (theorem.name, "bold"),
        f"  {result_word(attempt)}, {attempt.wall_s:.1f} s, "
        f"{counted(attempt.expansions, 'expansion')}",
    )
    if attempt.stop is StopReason.DISPROVED and attempt.detail:
        text.append(f"\n    {one_line(attempt.detail)}", "bold yellow")
    if proved and attempt.detail:
        text.append(f"\n    note: {one_line(attempt.detail)}", "yellow")
    if attempt.stop is StopReason.DISPROVED and attempt.proof:
        text.append(f"\n    {theorem.name} is false; the proof of its negation:", "yellow")
        text.append("\n" + _indented(attempt.proof, NEGATION_COLUMN), "cyan")
    elif proved and attempt.proof:
        text.append("\n" + _indented(attempt.proof, theorem.column), "cyan")
    elif reason := reason_line(attempt.verdict) or one_line(attempt.detail):
        text.append(f"\n    {reason}", "yellow")
    return text


def _indented(proof: str, column: int) -> str:
    """A proof four spaces in, whatever the depth at which it stands in its file."""
    first, *rest = proof.replace("\r\n", "\n").split("\n")
    lines = [first, *rest] if first.strip() else rest
    depth = min((len(x) - len(x.lstrip()) for x in rest if x.strip()), default=0)
    if first.strip():
        depth = column if depth >= column else max(0, depth - 2)
        lines = [first, *(line[depth:] for line in rest)]
    else:
        lines = [line[depth:] for line in rest]
    return "\n".join("    " + line for line in lines)


def summary_table(attempts: Sequence[Attempt]) -> Table:
    """One row for each theorem of a run."""
    proved = sum(a.is_proved for a in attempts)
    table = Table(title=f"{proved} of {len(attempts)} proved", title_justify="left", box=None)
    table.add_column("theorem", overflow="fold")
    table.add_column("result", no_wrap=True)
    for name in ("expansions", "steps", "seconds"):
        table.add_column(name, justify="right")
    for attempt in attempts:
        style = "green" if attempt.is_proved else "red"
        table.add_row(
            escape(attempt.theorem.name),
            Text(result_word(attempt), style=style),
            str(attempt.expansions),
            str(attempt.steps),
            f"{attempt.wall_s:.1f}",
        )
    return table


def verdict_text(name: str, verdict: Verdict, kernel: str = "") -> Text:
    """One verdict on a line: accepted with its axioms, or refused with all reasons.

    kernel: the external checker that accepts it too, if there is one.
    """
    if isinstance(verdict, Accepted):
        axioms = ", ".join(verdict.axioms) or "none"
        text = f"  accepted, axioms: {axioms}" + (f"; {kernel} accepts it too" if kernel else "")
        return Text.assemble(("✓ ", "green"), (name, "bold"), text)
    reasons = reason_line(verdict)
    return Text.assemble(("✗ ", "red"), (name, "bold"), "  refused, ", (reasons, "yellow"))


def finding_text(subject: str, text: str, cure: str) -> Text:
    """One line of `lakatos doctor`; cure: how to put it right; empty when all is well."""
    mark = ("✗ ", "red") if cure else ("✓ ", "green")
    rest = (f"\n    to mend it: {cure}", "yellow") if cure else ""
    return Text.assemble(mark, (f"{subject}: ", "bold"), text, rest)


class SetupBars(Bars):
    """A bar for each stage of the set-up of Lean."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[size]}"))
        super().__init__(*columns, console=console)
        self._stages: dict[str, TaskID] = {}

    def show(self, stage: str, done_bytes: int, total_bytes: int) -> None:
        """Note how far a stage is: a bar for a person, else a line when it begins."""
        line = self.update_stage(stage, done_bytes, total_bytes)
        if line and self.console.is_terminal and not self.console.is_dumb_terminal:
            self.start()
        elif line:
            self.console.print(line)

    def close(self) -> None:
        """Take the bars away, if there are any."""
        if self.live.is_started:
            self.stop()

    def update_stage(self, stage: str, done_bytes: int, total_bytes: int) -> str:
        """Note how far a stage is; the line to print when it is a new one, else nothing."""
        size = f" {total_bytes / 1e6:.1f} MB" if total_bytes > 100_000 else ""  # else a count
        line = ""
        if stage not in self._stages:
            line = f"setting up Lean: {stage}{size}"
            self._stages[stage] = self.add_task(f"setting up Lean: {stage}", size=size)
        self.update(self._stages[stage], completed=done_bytes, total=total_bytes, size=size)
        return line
