"""`lakatos learn`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from ..event_loop import run_async
from ..help_page import COMMON, PROBLEMS, VerbHelp
from ..options import LeanOptions, RuntimeOptions
from ..proving_options import PolicyOptions, ProvingOptions

HELP = VerbHelp(
    details="Each round tries the train split, learns from all that was tried the order of the "
    "hammer's tactics and what knn remembers, with --train-model the policy's language model too, "
    "and measures itself on the held-out split. Nothing of that split, nor what nearly repeats "
    "it, is learned from. What was broken off goes on with the same command. See "
    "docs/training.md.",
    examples=(
        (
            "Three rounds over the theorems of Lean's library",
            "lakatos learn core --data fair.jsonl --policy hammer+knn --out learned",
        ),
        (
            "Prove in the order of tactics that was learned",
            "lakatos prove F.lean --priors learned/round-3/priors.json",
        ),
    ),
    exit_codes={0: "all rounds are over"},
)


@dataclass(frozen=True)
class LearnOptions:
    """The options of `lakatos learn`."""

    problem_set: Annotated[
        str, Argument(metavar="NAME", help="A name for the problem set, for the reports: core.")
    ]
    data: Annotated[
        Path,
        Option(
            metavar="PATH",
            rich_help_panel=COMMON,
            help="The problems, with splits: a folder of Lean files, or a JSON or JSON lines file.",
        ),
    ]
    out: Annotated[
        Path, Option(metavar="DIR", rich_help_panel=COMMON, help="Folder of what is learned.")
    ]
    runtime: RuntimeOptions
    lean: LeanOptions
    policy: PolicyOptions
    proving: ProvingOptions
    rounds: Annotated[int, Option(metavar="N", rich_help_panel=COMMON, help="How many rounds.")] = 3
    pass_at: Annotated[
        int,
        Option(
            "-k",
            "--pass-at",
            metavar="K",
            rich_help_panel=COMMON,
            help="Attempts at each theorem of the train split in a round; four times as many at "
            "one that was proved sometimes, none at one that was always proved.",
        ),
    ] = 2
    train_model: Annotated[
        float | None,
        Option(
            metavar="MINUTES",
            rich_help_panel=COMMON,
            help="In each round, train the hf: model of the policy on the proofs found so far, "
            "for so many minutes at most. Default: it is not trained. Example: --train-model 60",
        ),
    ] = None
    train: Annotated[
        str,
        Option("--train", metavar="NAME", rich_help_panel=PROBLEMS, help="The split to learn on."),
    ] = "train"
    held_out: Annotated[
        str,
        Option(metavar="NAME", rich_help_panel=PROBLEMS, help="The split to measure on."),
    ] = "test"
    part: Annotated[
        str | None,
        Option(
            "--slice",
            metavar="N|A:B",
            rich_help_panel=PROBLEMS,
            help="Only the first N problems of each split, or those from A up to before B.",
        ),
    ] = None


def run(context: Context, options: LearnOptions) -> int:
    """Learn; the exit code."""
    from ....data.problems.reader import read_problems
    from ....data.problems.selection import Selection
    from ..evaluation_config import RunRecord
    from ..learn import Learning, check_unused, learn
    from ..learn_model import ModelRounds
    from ..run_options import run_config

    environment = context.obj
    check_unused(options.out)  # before Lean is set up
    problems = read_problems(options.problem_set, options.data).problems
    sound = [each for each in problems if not each.flaw]
    train, held_out = (
        Selection(split=split, part=options.part)(sound)
        for split in (options.train, options.held_out)
    )
    config = run_config(options.runtime, options.policy, options.proving)
    model = None
    if options.train_model is not None:
        model = ModelRounds.of(config.policy, options.train_model)
    with environment.open_store(options.runtime.db) as store:
        toolchain = environment.find_toolchain(options.lean, str(options.data))
        learning = Learning(
            name=options.problem_set,
            train=train,
            held_out=held_out,
            config=config,
            toolchain=toolchain,
            out=options.out,
            rounds=options.rounds,
            attempts=options.pass_at,
            lean_words=options.lean.words,
            model=model,
        )
        record = RunRecord(store, environment.command, options.runtime.db_option)
        return run_async(learn(learning, record, environment.cache))
