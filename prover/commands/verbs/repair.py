"""`lakatos repair`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer import Context

from ..options import Depth, FileVerbOptions, PolicyOptions, Seconds

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..prove import FileCommand


@dataclass(frozen=True)
class RepairOptions(FileVerbOptions):
    """The options of `lakatos repair`."""

    policy: PolicyOptions
    seconds: Seconds = 60.0
    repair_depth: Depth = 3


def run(context: Context, options: RepairOptions) -> int:
    """Repair the broken proofs of the files; the exit code."""
    from ...repair.repairer import RepairConfig
    from ..prove import run_on_files
    from ..run_options import run_config

    repairing = RepairConfig(wall_s=options.seconds, depth=options.repair_depth)
    config = run_config(options.runtime, options.policy)

    def repair(command: FileCommand) -> Coroutine[Any, Any, None]:
        return command.repair(repairing)

    return run_on_files(context.obj, options, config, repair)
