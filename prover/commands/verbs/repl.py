"""`lakatos repl`: its options, its help, and how it starts its work."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from typer import Context, Option

from ..help_page import ADVANCED, BUDGET, VerbHelp
from ..options import Axioms, CheckTimeOption, LeanOptions

HELP = VerbHelp(
    details="Reads the JSON requests of leanprover-community/repl from standard input, with an "
    "empty line behind each, and answers on standard output, so that programs written for it run "
    "where no Lean is installed. What Lean takes goes to the judge too, and what that refuses is "
    "an error. docs/repl.md lists the requests, and what differs.",
    examples=(
        ("Answer the requests of a file", "lakatos repl < requests.txt"),
        ("With the Lean and the imports of a project", "lakatos repl --project ~/mathlib4"),
    ),
)


@dataclass(frozen=True)
class ReplOptions:
    """The options of `lakatos repl`."""

    lean: LeanOptions
    command_time: Annotated[
        float,
        Option(
            metavar="SECONDS",
            min=0.001,
            rich_help_panel=BUDGET,
            help="Time for one command or file, its judge included.",
        ),
    ] = 300.0
    tactic_time: Annotated[
        float,
        Option(
            metavar="SECONDS",
            min=0.001,
            rich_help_panel=BUDGET,
            help="Time for one tactic.",
        ),
    ] = 60.0
    check_time: CheckTimeOption = None
    allow_axiom: Axioms = None
    judge: Annotated[
        bool,
        Option(
            "--judge/--no-judge",
            rich_help_panel=ADVANCED,
            help="Whether what Lean takes goes to the judge too. Without it, as with the "
            "original, a theorem may rest on anything.",
        ),
    ] = True


def run(context: Context, options: ReplOptions) -> int:
    """Answer requests until the input ends; the exit code."""
    import asyncio

    from ...lean_parts import LeanConfig, open_lean
    from ...serving.repl_loop import serve_stream, watch_reader
    from ...serving.repl_session import ReplLimits, ReplSession
    from .. import streams
    from ..event_loop import run_async

    axioms = tuple(options.allow_axiom or ())
    config = LeanConfig(workers=1, allow_axioms=axioms, check_s=options.check_time)
    limits = ReplLimits(options.command_time, options.tactic_time)
    toolchain = context.obj.find_toolchain(options.lean)

    def write(text: str) -> None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()

    async def serve() -> int:
        task = asyncio.current_task()
        assert task is not None

        def gone() -> None:
            streams.drop(sys.stdout)
            task.cancel()

        watch_reader(sys.stdout.fileno(), gone)
        async with open_lean(toolchain, config, context.obj.cache) as parts:
            session = ReplSession(parts, options.judge, limits)
            await serve_stream(session, sys.stdin.buffer, write)
        return 0

    return run_async(serve())
