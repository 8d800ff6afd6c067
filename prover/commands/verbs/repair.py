"""`lakatos repair`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer import Context

from ..help_page import SOUNDNESS_ALARM, VerbHelp
from ..options import Depth, FileVerbOptions, Seconds
from ..proving_options import PolicyOptions

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..prove import FileCommand


HELP = VerbHelp(
    details="A proof is broken where Lean reports an error in it. Its steps that work stay; "
    "the others are searched anew. Statements are never changed.",
    examples=(
        (
            "Repair every broken proof of a file, and print the new proofs",
            "lakatos repair MyFile.lean",
        ),
        (
            "Write the repaired proofs into the file, at most 120 s for each",
            "lakatos repair MyFile.lean --write --time 120",
        ),
    ),
    exit_codes={
        0: "every broken proof is repaired",
        1: "at least one proof is still broken",
        4: SOUNDNESS_ALARM,
    },
)


@dataclass(frozen=True)
class RepairOptions(FileVerbOptions):
    """The options of `lakatos repair`."""

    policy: PolicyOptions
    seconds: Seconds = 60.0
    repair_depth: Depth = 3


def run(context: Context, options: RepairOptions) -> int:
    """Repair the broken proofs of the files; the exit code."""
    from ...repair.repair_task import RepairConfig
    from ..prove import run_on_files
    from ..run_options import run_config

    repairing = RepairConfig(wall_s=options.seconds, depth=options.repair_depth)
    config = run_config(options.runtime, options.policy)

    def repair(command: FileCommand) -> Coroutine[Any, Any, None]:
        return command.repair(repairing)

    return run_on_files(context.obj, options, config, repair)
