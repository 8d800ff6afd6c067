"""`lakatos prove`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from typer import Context, Option

from ..help_page import COMMON, SOUNDNESS_ALARM, VerbHelp
from ..options import FileVerbOptions
from ..proving_options import PolicyOptions, ProvingOptions

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..prove import FileCommand


HELP = VerbHelp(
    details="Each `sorry` is one theorem to prove. Lean checks every step of the search; a "
    "separate process then judges each proof. Everything is stored, also what failed: "
    "see `lakatos show`.",
    examples=(
        ("Prove every sorry of a file, and print the proofs", "lakatos prove MyFile.lean"),
        (
            "Write the proofs into the files of a folder; 120 s for each theorem",
            "lakatos prove src/ --write --time 120",
        ),
        (
            "Look for a disproof of one theorem too",
            "lakatos prove MyFile.lean --theorem my_lemma --refute 0.3",
        ),
        (
            "Ask a model on a server for tactics",
            "lakatos prove MyFile.lean --policy openai:qwen3@http://localhost:8000/v1",
        ),
    ),
    exit_codes={
        0: "every theorem is proved",
        1: "at least one theorem is not proved",
        4: SOUNDNESS_ALARM,
    },
)


@dataclass(frozen=True)
class ProveOptions(FileVerbOptions):
    """The options of `lakatos prove`."""

    policy: PolicyOptions
    proving: ProvingOptions
    resume: Annotated[
        bool,
        Option(
            "--resume",
            rich_help_panel=COMMON,
            help="Continue the longest earlier search for each theorem; what it tried is not "
            "tried again.",
        ),
    ] = False


def run(context: Context, options: ProveOptions) -> int:
    """Prove the theorems of the files; the exit code."""
    from ..prove import run_on_files
    from ..run_options import run_config

    config = run_config(options.runtime, options.policy, options.proving)

    def prove(command: FileCommand) -> Coroutine[Any, Any, None]:
        return command.prove(options.resume)

    return run_on_files(context.obj, options, config, prove)
