"""`lakatos verify`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context, Option

from ..event_loop import run_async
from ..help_page import COMMON, VerbHelp
from ..options import Axioms, CheckTimeOption, Json, LeanOptions
from ..verb_options import SecondOpinionOptions

HELP = VerbHelp(
    details="FILE must state the theorems of the original, with the same definitions, and "
    "prove them without sorry and with allowed axioms only. See docs/soundness.md.",
    examples=(
        (
            "Check a file against the one that it should prove",
            "lakatos verify Proved.lean --original Open.lean",
        ),
        (
            "Check all theorems of a file, and ask a second kernel",
            "lakatos verify Proved.lean --kernel nanoda",
        ),
    ),
    exit_codes={0: "every theorem is accepted", 1: "at least one theorem is refused"},
)


@dataclass(frozen=True)
class VerifyOptions:
    """The options of `lakatos verify`."""

    file: Annotated[str, Argument(metavar="FILE", help="The file with the proofs.")]
    lean: LeanOptions
    opinion: SecondOpinionOptions
    original: Annotated[
        str | None,
        Option(
            metavar="FILE",
            rich_help_panel=COMMON,
            help="The file whose theorems are to be proved, with sorry for their proofs. "
            "Default: the theorems of FILE itself.",
        ),
    ] = None
    allow_axiom: Axioms = None
    check_time: CheckTimeOption = None
    as_json: Json = False


def run(context: Context, options: VerifyOptions) -> int:
    """Judge a file; the exit code."""
    from ....lean_env.verification.judge import CheckLimits
    from ....lean_env.verification.kernels import find_kernel
    from ....lean_env.verification.second_opinion import SecondOpinion, origin_of
    from ..resources import read_lean_file
    from ..verify import verify

    submission = read_lean_file(options.file)
    original = read_lean_file(options.original) if options.original else submission
    opinion = options.opinion
    kernel = find_kernel(opinion.kernel) if opinion.kernel else None
    # the project that is trusted is the original's
    toolchain = context.obj.find_toolchain(options.lean, original.path)
    files = [submission, original] if options.original else [submission]
    origin = origin_of(toolchain, [(file.path, file.raw) for file in files])
    second = SecondOpinion(origin, folder=opinion.export, kernel=kernel, wall_s=opinion.kernel_time)
    second.allow = (*second.allow, *(options.allow_axiom or ()))
    limits = CheckLimits(options.check_time)
    return run_async(verify(submission, original, toolchain, limits, second, options.as_json))
