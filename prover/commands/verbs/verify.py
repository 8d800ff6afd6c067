"""`lakatos verify`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context, Option

from ..event_loop import run_async
from ..options import Axioms, CheckTimeOption, Json, LeanOptions
from ..verb_options import SecondOpinionOptions


@dataclass(frozen=True)
class VerifyOptions:
    """The options of `lakatos verify`."""

    file: Annotated[str, Argument(metavar="FILE", help="The file with proofs.")]
    lean: LeanOptions
    opinion: SecondOpinionOptions
    original: Annotated[
        str | None, Option("--original", metavar="FILE", help="The file with sorry.")
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
