"""`lakatos help`: the help of a verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context


@dataclass(frozen=True)
class HelpOptions:
    """The options of `lakatos help`."""

    verb: Annotated[str | None, Argument(help="One of the verbs; none lists them.")] = None


def run(context: Context, options: HelpOptions) -> int:
    """Print the help of a verb, or the list of verbs; the exit code."""
    group = context.find_root().command
    words = [options.verb, "--help"] if options.verb else ["--help"]
    return int(group.main(words, prog_name="lakatos", standalone_mode=False) or 0)
