"""How a run looks in a terminal: rich renderables made from records, and nothing else.

No I/O and no clock; cli.py prints what is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .loading import AttemptSummary
from .records import (
    Accepted,
    Attempt,
    Expansion,
    Message,
    ProofState,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
    Verdict,
)

WORDS = {
    StopReason.PROVED: "proved",
    StopReason.DISPROVED: "false",
    StopReason.DEAD_END: "nothing left to try",
    StopReason.EXPANSIONS: "out of expansions",
    StopReason.WALL_TIME: "out of time",
    StopReason.INTERRUPTED: "interrupted",
    StopReason.NOT_A_PROPOSITION: "data, not a proof",
    StopReason.REFUSED: "refused by the verifier",
    StopReason.FAULT: "Lean failed",
}
_LINE_CHARACTERS = 400


@dataclass(slots=True)
class Progress:
    """A run so far, told by the calls of a recorder.

    running: by theorem name, expansions and the state expanded last, the best that was open.
    """

    theorems: int = 0
    finished: int = 0
    proved: int = 0
    expanded: int = 0
    running: dict[str, tuple[int, ProofState]] = field(default_factory=dict)

    def start_attempt(self, theorem: Theorem) -> None:
        """One more theorem is at work."""
        self.running[theorem.name] = (0, theorem.state)

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Count expansions."""
        self.expanded += len(expansions)
        if expansions and theorem.name in self.running:
            count = self.running[theorem.name][0] + len(expansions)
            self.running[theorem.name] = (count, expansions[-1].state)

    def finish_attempt(self, attempt: Attempt) -> None:
        """One theorem less is at work."""
        self.running.pop(attempt.theorem.name, None)
        self.finished += 1
        self.proved += attempt.is_proved


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


def live(progress: Progress, per_second: float, workers: str) -> RenderableType:
    """The display of a run under way: one line of numbers, then the theorems at work.

    per_second: expansions; workers: a phrase such as `2 of 2 busy`.
    """
    head = Text.assemble(
        (f"{progress.proved} proved", "bold green"),
        f" · {progress.finished} of {progress.theorems} done"
        f" · {progress.expanded} expansions · {per_second:.0f}/s · workers: {workers}",
    )
    table = Table.grid(padding=(0, 2))
    for name, (expansions, state) in list(progress.running.items())[:8]:
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
        f"  {WORDS[attempt.stop]}, {attempt.wall_s:.1f} s, {attempt.expansions} expansions",
    )
    if proved and attempt.proof:
        text.append("\n" + _indented(attempt.proof, theorem.column), "cyan")
    elif reason := reason_line(attempt.verdict) or one_line(attempt.detail):
        text.append(f"\n    {reason}", "yellow")
    return text


def _indented(proof: str, column: int) -> str:
    """A proof four spaces in, whatever the depth at which it stands in its file."""
    first, *rest = proof.replace("\r\n", "\n").split("\n")
    lines = [first, *rest] if first.strip() else rest
    if first.strip():
        rest = [line[min(column, len(line) - len(line.lstrip())) :] for line in rest]
        lines = [first, *rest]
    else:
        depth = min((len(x) - len(x.lstrip()) for x in rest if x.strip()), default=0)
        lines = [line[depth:] for line in rest]
    return "\n".join("    " + line for line in lines)


def summary_table(attempts: Sequence[Attempt]) -> Table:
    """One row for each theorem of a run."""
    proved = sum(a.is_proved for a in attempts)
    table = Table(title=f"{proved} of {len(attempts)} proved", title_justify="left", box=None)
    table.add_column("theorem")
    table.add_column("result")
    for name in ("expansions", "steps", "seconds"):
        table.add_column(name, justify="right")
    for attempt in attempts:
        style = "green" if attempt.is_proved else "red"
        table.add_row(
            escape(attempt.theorem.name),
            Text(WORDS[attempt.stop], style=style),
            str(attempt.expansions),
            str(attempt.steps),
            f"{attempt.wall_s:.1f}",
        )
    return table


_ALARMING = {
    RefusalKind.STATEMENT_CHANGED,
    RefusalKind.KIND_CHANGED,
    RefusalKind.CONTEXT_CHANGED,
    RefusalKind.METAVARIABLES,
    RefusalKind.KERNEL,
    RefusalKind.UNSAFE,
}


def is_alarm(attempt: Attempt) -> bool:
    """Whether the search said PROVED and the verifier refused for what should never happen."""
    if attempt.stop is not StopReason.REFUSED or not isinstance(attempt.verdict, Refused):
        return False
    return any(reason.kind in _ALARMING for reason in attempt.verdict.reasons)


def verdict_text(name: str, verdict: Verdict) -> Text:
    """One verdict on a line: accepted with its axioms, or refused with all reasons."""
    if isinstance(verdict, Accepted):
        axioms = ", ".join(verdict.axioms) or "none"
        return Text.assemble(("✓ ", "green"), (name, "bold"), f"  accepted, axioms: {axioms}")
    reasons = reason_line(verdict)
    return Text.assemble(("✗ ", "red"), (name, "bold"), "  refused, ", (reasons, "yellow"))


def attempts_table(attempts: Sequence[AttemptSummary]) -> Table:
    """Stored attempts, as `lakatos show` lists them."""
    table = Table(box=None)
    for name in ("attempt", "run"):
        table.add_column(name, justify="right")
    for name in ("theorem", "result", "started"):
        table.add_column(name)
    for name in ("expansions", "seconds"):
        table.add_column(name, justify="right")
    for a in attempts:
        word = WORDS[a.stop] if a.stop else "no end (killed, or running)"
        table.add_row(
            str(a.id),
            str(a.run_id),
            Text(f"{a.path}:{a.line} {a.theorem}"),
            Text(word, style="green" if a.is_accepted else "red"),
            f"{a.started_at:%Y-%m-%d %H:%M}",
            str(a.expansions),
            f"{a.wall_s:.1f}",
        )
    return table


def to_json(attempt: Attempt) -> dict[str, object]:
    """One attempt as the object that `--json` prints."""
    theorem, verdict = attempt.theorem, attempt.verdict
    reasons = verdict.reasons if isinstance(verdict, Refused) else ()
    return {
        "file": theorem.path,
        "theorem": theorem.name,
        "line": theorem.line,
        "column": theorem.column,
        "proved": attempt.is_proved,
        "stop": attempt.stop.value,
        "proof": attempt.proof,
        "axioms": list(verdict.axioms) if isinstance(verdict, Accepted) else [],
        "reasons": [{"kind": r.kind.value, "text": r.text} for r in reasons],
        "expansions": attempt.expansions,
        "steps": attempt.steps,
        "wall_s": round(attempt.wall_s, 3),
        "detail": attempt.detail,
    }


def finding_text(subject: str, text: str, cure: str) -> Text:
    """One line of `lakatos doctor`; cure: how to mend it, empty when all is well."""
    mark = ("✗ ", "red") if cure else ("✓ ", "green")
    rest = (f"\n    to mend it: {cure}", "yellow") if cure else ""
    return Text.assemble(mark, (f"{subject}: ", "bold"), text, rest)
