"""`lakatos train`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from ..completion import one_of
from ..help_page import ADVANCED, BUDGET, COMMON, VerbHelp
from ..options import Db, LeanOptions

MODELS = ("tactics", "drafts", "critic", "preferences")
COUNTED = ("priors", "memory")
"""What is counted and remembered; the others are models of transformers."""
KINDS = (*MODELS, *COUNTED)

HELP = VerbHelp(
    details="Models are trained on what `lakatos extract` wrote. tactics: a language model, on the "
    "tactics of Lean files, and of the database (`lakatos extract store`) on the steps of proofs "
    "found. drafts: one that writes whole proofs, and mends those that failed. preferences: a "
    "model of tactics, on pairs of a tactic of a proof and one that failed at the same state. "
    "critic: what judges states (`--critic hf:MODEL`), by the steps still to go. A tenth of the "
    "theorems is held out. A trained model knows its prompt format, so `--policy hf:MODEL` just "
    "works. What was broken off goes on with the same command. It needs: pip install "
    "'lakatos[train]'. priors: in which order the hammer tries its tactics, from what was tried "
    "so far (`--priors FILE`). memory: the steps of proofs found so far, for the policy knn "
    "(`--memory FILE`). Both read the database, and need nothing else.",
    examples=(
        (
            "Learn the order of tactics from what is in the database",
            "lakatos train priors --out priors.json --html priors.html",
        ),
        (
            "Train on the proofs that were found here",
            "lakatos train tactics Qwen/Qwen3-0.6B --data dataset --out my-model",
        ),
        (
            "Have the model prefer what proves to what Lean rejected",
            "lakatos train preferences my-model --data dataset --out my-better-model",
        ),
        (
            "Train for ten minutes at most, all weights",
            "lakatos train tactics ./base --data found --out m --lora 0 --minutes 10",
        ),
    ),
)


@dataclass(frozen=True)
class TrainOptions:
    """The options of `lakatos train`."""

    what: Annotated[
        str,
        Argument(
            metavar="WHAT",
            help="What is trained: tactics, drafts, preferences or critic, a model; priors or "
            "memory, without one.",
            autocompletion=one_of(*KINDS),
        ),
    ]
    out: Annotated[
        Path,
        Option(
            metavar="PATH",
            rich_help_panel=COMMON,
            help="Folder of the trained model; the file of priors or of a memory.",
        ),
    ]
    base: Annotated[
        str | None,
        Argument(
            metavar="BASE",
            help="For models: the one to start from: a folder, FILE.gguf or a name.",
        ),
    ] = None
    data: Annotated[
        list[Path] | None,
        Option(
            metavar="PATH",
            rich_help_panel=COMMON,
            help="A dataset of `lakatos extract`, of `extract store` for preferences and critic; "
            "for priors and memory one of `extract store`, or a database file. Can be given "
            "several times. Default for them: the database.",
        ),
    ] = None
    run: Annotated[
        list[int] | None,
        Option(
            metavar="N",
            rich_help_panel=COMMON,
            help="For priors and memory: only of run N. Can be given several times. Example: "
            "--run 3",
        ),
    ] = None
    exclude: Annotated[
        list[Path] | None,
        Option(
            metavar="PATH",
            rich_help_panel=COMMON,
            help="For priors and memory: leave out each attempt that met a problem of this set. "
            "Can be given several times. Example: --exclude miniF2F/",
        ),
    ] = None
    html: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            rich_help_panel=COMMON,
            help="For priors: write a page that says how good they are.",
        ),
    ] = None
    epochs: Annotated[
        float,
        Option(metavar="N", rich_help_panel=BUDGET, help="How often each example is seen."),
    ] = 3.0
    minutes: Annotated[
        float | None,
        Option(metavar="N", rich_help_panel=BUDGET, help="Time at most. Default: no limit."),
    ] = None
    lora: Annotated[
        int,
        Option(
            metavar="RANK",
            rich_help_panel=ADVANCED,
            help="Rank of the LoRA matrices; 0 trains all weights.",
        ),
    ] = 16
    rate: Annotated[
        float | None,
        Option(
            metavar="X",
            rich_help_panel=ADVANCED,
            help="Learning rate. Default: 2e-4 with LoRA, 2e-5 for all weights; a quarter of "
            "that for preferences.",
        ),
    ] = None
    batch: Annotated[
        int,
        Option(metavar="N", rich_help_panel=ADVANCED, help="Examples of one step."),
    ] = 16
    tokens: Annotated[
        int,
        Option(metavar="N", rich_help_panel=ADVANCED, help="Tokens of the longest example."),
    ] = 1024
    beta: Annotated[
        float,
        Option(
            metavar="X",
            rich_help_panel=ADVANCED,
            help="For preferences: how strongly the model is held to BASE. BFS-Prover took 10.",
        ),
    ] = 0.1
    seed: Annotated[
        int, Option(metavar="N", rich_help_panel=ADVANCED, help="Seed of all draws.")
    ] = 0
    db: Db = None


def run(context: Context, options: TrainOptions) -> int:
    """Train; the exit code."""
    from ....data.errors import UsageError

    if options.what not in KINDS:
        raise UsageError(
            f"nothing called {options.what!r} is trained; there is: {', '.join(KINDS)}"
        )
    return _counted(context, options) if options.what in COUNTED else _model(options)


def _counted(context: Context, options: TrainOptions) -> int:
    from ....data.errors import UsageError
    from ..event_loop import run_async
    from ..train_learned import LearnedTraining, train_learned

    if options.base is not None:
        raise UsageError(f"{options.what} are trained from no model: leave out {options.base}")
    environment = context.obj
    training = LearnedTraining(
        what=options.what,
        out=options.out,
        data=tuple(options.data or ()),
        runs=tuple(options.run or ()),
        exclude=tuple(options.exclude or ()),
        html=options.html,
    )
    return run_async(
        train_learned(
            training,
            lambda: environment.open_store_to_read(options.db),
            lambda: environment.find_toolchain(LeanOptions()),
        )
    )


def _model(options: TrainOptions) -> int:
    from ....data.errors import UsageError
    from ...training.config import TrainingConfig
    from ..train import train

    if options.base is None or not options.data:
        raise UsageError(f"missing BASE or --data: lakatos train {options.what} BASE --data DIR")
    if options.exclude:
        raise UsageError("--exclude is for priors and memory: give it to lakatos extract")
    if options.run or options.html:
        raise UsageError(f"{'--run' if options.run else '--html'} is not for {options.what}")
    return train(
        TrainingConfig(
            base=options.base,
            data=tuple(options.data),
            out=options.out,
            kind=options.what,
            epochs=options.epochs,
            minutes=options.minutes,
            rate=options.rate,
            lora=options.lora,
            batch=options.batch,
            tokens=options.tokens,
            beta=options.beta,
            seed=options.seed,
        )
    )
