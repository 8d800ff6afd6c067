"""`lakatos eval`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from typer import Context

from ..evaluation_options import AttemptOptions, ProblemOptions
from ..event_loop import run_async
from ..help_page import SOUNDNESS_ALARM, VerbHelp
from ..option_groups import from_files, left_out, with_defaults
from ..options import LeanOptions, RuntimeOptions
from ..proving_options import PolicyOptions, ProvingOptions

if TYPE_CHECKING:
    from ....lean_env.toolchains.find import Toolchain


HELP = VerbHelp(
    details="A run can be continued after any break, to the same results: lakatos eval --run "
    "N. See docs/evaluation.md.",
    examples=(
        (
            "Say what a run would do, and how long it may take",
            "lakatos eval minif2f --data miniF2F/ --split test --check",
        ),
        (
            "Run the set: 8 attempts at each theorem, at most 60 s for each",
            "lakatos eval minif2f --data miniF2F/ --split test -k 8",
        ),
        ("Continue run 38", "lakatos eval --run 38"),
        (
            "Try again the theorems for which the model failed",
            "lakatos eval --run 38 --retry model-failed",
        ),
    ),
    exit_codes={
        0: "every theorem is proved (with --check: the run can begin)",
        1: "at least one theorem is not proved",
        4: SOUNDNESS_ALARM,
    },
)


@dataclass(frozen=True)
class EvalOptions:
    """The options of `lakatos eval`."""

    problems: ProblemOptions
    attempts: AttemptOptions
    runtime: RuntimeOptions
    lean: LeanOptions
    policy: PolicyOptions
    proving: ProvingOptions


def run(context: Context, options: EvalOptions) -> int:
    """Try the theorems of a problem set; the exit code."""
    from ..evaluate import evaluate
    from ..evaluation_config import RunRecord, evaluation_config
    from ..evaluation_terms import StoredOptions, of_a_run
    from ..preflight import check_and_report
    from ..run_options import run_config

    environment = context.obj
    with environment.open_store(options.runtime.db) as store:
        if options.attempts.run is not None:
            stored = store.load_evaluation(options.attempts.run).config
            absent = left_out(context)
            options = with_defaults(options, from_files(context) & of_a_run(absent))
            options = StoredOptions(stored, absent).fill(options)
        config = run_config(options.runtime, options.policy, options.proving)

        def find_lean(data: Path | None) -> tuple[Toolchain, dict[str, str | None]]:
            found = environment.find_toolchain(options.lean, str(data) if data else None)
            return found, options.lean.words

        record = RunRecord(store, environment.command, options.runtime.db_option)
        evaluation = evaluation_config(
            options.problems, options.attempts, config, find_lean, record
        )
        work = check_and_report if options.attempts.check else evaluate
        return run_async(work(evaluation, record, environment.api_key, environment.cache))
