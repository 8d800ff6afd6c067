"""`lakatos train`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from ..completion import one_of
from ..help_page import ADVANCED, BUDGET, COMMON, VerbHelp

KINDS = ("tactics",)

HELP = VerbHelp(
    details="The data are what `lakatos extract` wrote: the tactics of Lean files, or, of the "
    "database (`lakatos extract store`), the steps of the proofs found. A tenth of the theorems is "
    "held out. The trained model knows its prompt format, so `--policy hf:MODEL` just "
    "works. What was broken off goes on with the same command. It needs: pip install "
    "'lakatos[train]'.",
    examples=(
        (
            "Train on the proofs that were found here",
            "lakatos train tactics Qwen/Qwen3-0.6B --data dataset --out my-model",
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
            help="What the model is to write: tactics.",
            autocompletion=one_of(*KINDS),
        ),
    ]
    base: Annotated[
        str,
        Argument(metavar="BASE", help="The model to start from: a folder, FILE.gguf or a name."),
    ]
    data: Annotated[
        list[Path],
        Option(metavar="DIR", rich_help_panel=COMMON, help="A dataset of `lakatos extract`."),
    ]
    out: Annotated[
        Path,
        Option(metavar="DIR", rich_help_panel=COMMON, help="Folder of the trained model."),
    ]
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
            help="Learning rate. Default: 2e-4 with LoRA, 2e-5 for all weights.",
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
    seed: Annotated[
        int, Option(metavar="N", rich_help_panel=ADVANCED, help="Seed of all draws.")
    ] = 0


def run(context: Context, options: TrainOptions) -> int:
    """Train a model; the exit code."""
    from ....data.errors import UsageError
    from ...training.config import TrainingConfig
    from ..train import train

    if options.what not in KINDS:
        raise UsageError(f"no model of {options.what!r}; there is: {', '.join(KINDS)}")
    return train(
        TrainingConfig(
            base=options.base,
            data=tuple(options.data),
            out=options.out,
            epochs=options.epochs,
            minutes=options.minutes,
            rate=options.rate,
            lora=options.lora,
            batch=options.batch,
            tokens=options.tokens,
            seed=options.seed,
        )
    )
