"""`lakatos prove`: its options, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from typer import Context, Option

from ..options import FileVerbOptions, PolicyOptions, ProvingOptions

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..prove import FileCommand


@dataclass(frozen=True)
class ProveOptions(FileVerbOptions):
    """The options of `lakatos prove`."""

    policy: PolicyOptions
    proving: ProvingOptions
    resume: Annotated[bool, Option("--resume", help="Go on from what is stored.")] = False


def run(context: Context, options: ProveOptions) -> int:
    """Prove the theorems of the files; the exit code."""
    from ..prove import run_on_files
    from ..run_options import run_config

    config = run_config(options.runtime, options.policy, options.proving)

    def prove(command: FileCommand) -> Coroutine[Any, Any, None]:
        return command.prove(options.resume)

    return run_on_files(context.obj, options, config, prove)
