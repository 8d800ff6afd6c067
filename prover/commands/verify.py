"""What `lakatos verify` does: judges one file against another, and prints the verdicts."""

from __future__ import annotations

from ...data.errors import UsageError
from ...data.records import Accepted, Verdict
from ...data.source import SourceFile
from ...lean_env.verification.judge import CheckLimits
from ...lean_env.verification.second_opinion import SecondOpinion
from ...lean_env.verification.shared_worker import SharedWorker
from ...lean_env.verification.verifier import Verifier
from ...lean_env.worker_command import Toolchain
from . import console
from . import tables as terminal


async def verify(
    submission: SourceFile,
    original: SourceFile,
    toolchain: Toolchain,
    limits: CheckLimits,
    second: SecondOpinion,
    as_json: bool,
) -> int:
    """Judge whether a file proves the theorems of the original; print it; the exit code.

    second: exports what the verdicts rest on, and asks an external kernel; the axioms that it
    allows are allowed. Raises UsageError where the original has no theorem, or Lean cannot
    read it.
    """
    with console.waiting(f"starting Lean, checking {submission.path}"):
        verdicts = await _judge(submission, original, toolchain, limits, second)
    for name, verdict in verdicts:
        if as_json:
            from ...data.report import json_output

            console.print_json(json_output.verdict_object(name, verdict))
        else:
            text = terminal.verdict_text(name, verdict, second.kernel_name)
            console.standard_output().print(text, soft_wrap=True)
    for line in second.report_lines(verdicts):
        console.err.print(line, **console.LONG)
    if not verdicts:
        hint = "lakatos prove shows its errors, if it has any"
        raise UsageError(f"{original.path}: has no theorem to judge; {hint}")
    return 0 if all(isinstance(verdict, Accepted) for _, verdict in verdicts) else 1


async def _judge(
    submission: SourceFile,
    original: SourceFile,
    toolchain: Toolchain,
    limits: CheckLimits,
    second: SecondOpinion,
) -> list[tuple[str, Verdict]]:
    async with (
        second,
        SharedWorker(toolchain, limits.memory_mb) as worker,
        Verifier(
            worker,
            toolchain,
            allow_axioms=second.allow,
            limits=limits,
            start=worker.start_judge,
        ) as verifier,
    ):
        for line in await verifier.unknown_axioms([original.text]):
            console.print_error(line)
        return await verifier.compare(
            original.text,
            submission.text,
            name=submission.path,
            path=original.path,
            review=second,
        )
